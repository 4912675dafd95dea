# SPDX-License-Identifier: Apache-2.0
"""The short way gives what the long way gives, or is not taken."""

import os
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.data import get_testdata_file, get_testdata_files
from tests.data.toolbox_series import ct, encoded

from deidgate.batch import policies
from deidgate.batch.guide import guide_along
from deidgate.batch.header import scan
from deidgate.batch.home import open_mapping, place
from deidgate.batch.identities import Identities
from deidgate.batch.instance import HEAD, Instances
from deidgate.errors import DeidgateError
from deidgate.files.atomic import Staging
from deidgate.files.spans import meta_end
from deidgate.policy.load import load_policy
from deidgate.worker.pixels import LazyPixels


@pytest.fixture
def store(tmp_path):
    with open_mapping(place(str(tmp_path / "mapping.db"), None, {})) as one:
        yield one


def instances(store, tmp_path, policy="basic", verify_every=1_000_000) -> Instances:
    loaded = load_policy(policy) if isinstance(policy, Path) else policies.load(policy)
    (tmp_path / "out").mkdir(exist_ok=True)
    return Instances(
        loaded,
        Identities(store.mapping, "p", "", loaded.pseudonym),
        LazyPixels(),
        Staging(tmp_path / "out"),
        verify_every,
    )


def result(one: Instances, content: bytes, tmp_path: Path) -> bytes:
    path = tmp_path / "original"
    path.write_bytes(content)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        made = one.make(descriptor, os.pread(descriptor, HEAD, 0), len(content))
    finally:
        os.close(descriptor)
    return Path(made.partial).read_bytes()


def outcome(one: Instances, content: bytes, tmp_path: Path) -> bytes | str:
    try:
        return result(one, content, tmp_path)
    except DeidgateError as error:
        return f"{error.code} {error.path}"


def header_only(tmp_path: Path, name: str) -> Path:
    """The shipped policy `name` without Clean Pixel Data, whose pictures would go the long way."""
    text = policies.shipped()[name].read_text(encoding="utf-8").replace('  "clean-pixel-data",\n', "")
    path = tmp_path / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", sorted(policies.shipped()))
def test_a_series_is_byte_for_byte_what_the_long_way_makes(name, store, tmp_path):
    policy = header_only(tmp_path, name)
    short, long_ = instances(store, tmp_path, policy), instances(store, tmp_path, policy)
    long_._short_ways = False
    for number in range(1, 40):
        content = encoded(ct(2, 1, 1, number, rows=8))
        assert outcome(short, content, tmp_path) == outcome(long_, content, tmp_path)
    assert long_.short == 0
    assert short.short >= 30


def test_uids_of_any_length_fit_into_what_was_learned(store, tmp_path):
    short, long_ = instances(store, tmp_path), instances(store, tmp_path)
    long_._short_ways = False
    for tail in ("1", "12", "123456789.123456789.123456789", "7" * 30):
        ds = ct(1, 1, 1, 1, rows=8)
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = f"1.2.826.0.1.3680043.10.{tail}"
        ds.ReferencedImageSequence[0].ReferencedSOPInstanceUID = f"1.2.826.0.1.3680043.11.{tail}"
        assert result(short, encoded(ds), tmp_path) == result(long_, encoded(ds), tmp_path)
    assert short.short == 3


CHANGES = {
    "PatientName": st.sampled_from(["Doe^J", "Fernandez^Maria", ""]),
    "PatientID": st.sampled_from(["A1", "MRN0000001"]),
    "SeriesDescription": st.sampled_from(["Thorax 1.0", "for Fernandez", "1.2.826.0.1.3680043.10.99999.1.1.1.1"]),
    "AcquisitionTime": st.sampled_from(["101010", "101010.5", "nonsense", "", "99"]),
    "AcquisitionDate": st.sampled_from(["20210304", "20210305", "x"]),
    "SliceLocation": st.sampled_from(["1.5", "-300", ""]),
    "SOPInstanceUID": st.sampled_from(["1.2.3.4", "1.2.826.0.1.3680043.10.99999.1.1.1.7", "1.2.840.10008.1.1"]),
    "FrameOfReferenceUID": st.sampled_from(["1.2.3.4", "1.2.840.10008.1.4.1.1"]),
    "Rows": st.sampled_from([8]),
    "ImageType": st.sampled_from([["ORIGINAL", "PRIMARY"], ["DERIVED", "SECONDARY"]]),
    "LargestImagePixelValue": st.sampled_from([1, 1000, -5]),
    "ProtocolName": st.sampled_from(["5.2 Thorax", ""]),
    "PatientWeight": st.sampled_from(["71", "71.5", ""]),
}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.fixed_dictionaries({}, optional=CHANGES), min_size=2, max_size=6))
def test_whatever_differs_between_two_instances_both_ways_agree(tmp_path_factory, changes):
    tmp_path = tmp_path_factory.mktemp("ways")
    policy = header_only(tmp_path, "full-dates")
    with open_mapping(place(str(tmp_path / "mapping.db"), None, {})) as store:
        short, long_ = instances(store, tmp_path, policy), instances(store, tmp_path, policy)
        long_._short_ways = False
        for number, change in enumerate(changes, 1):
            ds = ct(1, 1, 1, number, rows=8)
            for keyword, value in change.items():
                with pydicom.config.disable_value_validation():
                    setattr(ds, keyword, value)
            ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
            content = encoded(ds)
            assert outcome(short, content, tmp_path) == outcome(long_, content, tmp_path)


def test_files_of_other_kinds_are_not_taken_the_short_way_wrongly(store, tmp_path):
    short, long_ = instances(store, tmp_path), instances(store, tmp_path)
    long_._short_ways = False
    seen = 0
    for name in get_testdata_files("*.dcm"):
        content = Path(name).read_bytes()
        if len(content) < 150_000:
            assert outcome(short, content, tmp_path) == outcome(long_, content, tmp_path), name
            assert outcome(short, content, tmp_path) == outcome(long_, content, tmp_path), name
            seen += 1
    assert seen > 50


def test_compressed_pixels_never_go_the_short_way(store, tmp_path):
    # A comment beside the codestream of the second would pass a template that the first has made.
    one = instances(store, tmp_path)
    content = Path(get_testdata_file("MR_small_jp2klossless.dcm")).read_bytes()
    for _ in range(3):
        outcome(one, content, tmp_path)
    assert one.short == 0


def test_bytes_behind_the_pixels_do_not_leave(store, tmp_path):
    one = instances(store, tmp_path)
    result(one, encoded(ct(1, 1, 1, 1, rows=8)), tmp_path)
    ds = ct(1, 1, 1, 2, rows=8)
    ds.add_new(0xFFFCFFFC, "OB", b"Fernandez^Maria!")
    made = result(one, encoded(ds), tmp_path)
    assert one.short == 1
    assert b"Fernandez" not in made


def test_a_file_that_is_cut_off_in_its_pixels_is_held(store, tmp_path):
    one = instances(store, tmp_path)
    result(one, encoded(ct(1, 1, 1, 1, rows=8)), tmp_path)
    assert "length-beyond-end" in outcome(one, encoded(ct(1, 1, 1, 2, rows=8))[:-10], tmp_path)


def test_samples_go_through_the_whole_gate(store, tmp_path, monkeypatch):
    from deidgate.batch import instance

    calls = []
    real = instance.verify
    monkeypatch.setattr(instance, "verify", lambda *arguments: calls.append(1) or real(*arguments))
    one = instances(store, tmp_path, verify_every=4)
    for number in range(1, 10):
        result(one, encoded(ct(1, 1, 1, number, rows=8)), tmp_path)
    assert one.short == 8
    assert len(calls) == 1 + 2


def test_a_template_that_is_wrong_is_found_by_the_sample(store, tmp_path):
    one = instances(store, tmp_path, verify_every=2)
    result(one, encoded(ct(1, 1, 1, 1, rows=8)), tmp_path)
    (known,) = next(iter(one._known.values()))
    tampered = tuple(part.replace(b"MONOCHROME2", b"MONOCHROME3") for part in known.template.parts)
    assert tampered != known.template.parts
    object.__setattr__(known.template, "parts", tampered)
    # The check of the filled header is deceived too.
    object.__setattr__(known.template, "result_guide", SimpleNamespace(read=lambda *_: True))
    assert outcome(one, encoded(ct(1, 1, 1, 2, rows=8)), tmp_path) != ""
    assert outcome(one, encoded(ct(1, 1, 1, 3, rows=8)), tmp_path) == "fast-path-contradicts "
    assert not one._known


def test_a_filled_header_is_read_again_before_it_is_used(store, tmp_path):
    one = instances(store, tmp_path)
    result(one, encoded(ct(1, 1, 1, 1, rows=8)), tmp_path)
    (known,) = next(iter(one._known.values()))
    object.__setattr__(
        known.template, "parts", tuple(p.replace(b"MONOCHROME2", b"MONOCHROME3") for p in known.template.parts)
    )
    made = result(one, encoded(ct(1, 1, 1, 2, rows=8)), tmp_path)
    assert one.short == 0, "the skeleton differs, so the long way is taken"
    assert b"MONOCHROME2" in made


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_guide_accepts_exactly_the_headers_of_its_skeleton(data):
    first = encoded(ct(1, 1, 1, 1, rows=2))
    start, _ = meta_end(first)
    scanned = scan(first, start, whole=True)
    guide = guide_along(first, start, scanned, len(first))
    other = bytearray(encoded(ct(1, 1, 1, data.draw(st.integers(1, 500)), rows=2)))
    begin, _ = meta_end(bytes(other))
    for _ in range(data.draw(st.integers(0, 2))):
        other[data.draw(st.integers(begin, len(other) - 20))] = data.draw(st.integers(0, 255))
    seen, read = scan(bytes(other), begin, whole=True), guide.read(bytes(other), begin)
    if read is not None:
        assert seen is not None and seen.skeleton == scanned.skeleton
        assert (read.slots, read.stop) == (seen.slots, seen.stop)
    else:
        assert seen is None or seen.skeleton != scanned.skeleton


@given(st.binary(max_size=400))
def test_no_bytes_crash_the_scan(data):
    scan(data, 0, whole=True)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_scanned_header_is_all_there(data):
    content = bytearray(encoded(ct(rows=8)))
    start, _ = meta_end(bytes(content))
    for _ in range(data.draw(st.integers(0, 3))):
        content[data.draw(st.integers(start, len(content) - 200))] = data.draw(st.integers(0, 255))
    scanned = scan(bytes(content), start, whole=True)
    if scanned is not None:
        assert [bytes(content[a:b]) for a, b in scanned.places] == scanned.slots
        assert all(a <= b for a, b in scanned.places)
        try:
            pydicom.dcmread(BytesIO(bytes(content)), stop_before_pixels=True)
        except (ValueError, LookupError):
            # A character set of another name is no matter of structure: it is held when text is read.
            assert b"ISO_IR 100" not in content
