# SPDX-License-Identifier: Apache-2.0
"""The short way gives what the long way gives, or is not taken."""

import struct
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import DataElement, Dataset
from pydicom.data import get_testdata_file, get_testdata_files
from tests.data.instances import code
from tests.data.policies import header_only
from tests.data.toolbox_series import ct, encoded

from deidgate.batch import policies
from deidgate.batch.guide import guide_along
from deidgate.batch.header import scan
from deidgate.batch.home import open_mapping, place
from deidgate.batch.identities import Identities
from deidgate.batch.instance import FIRST, HEAD, Instances
from deidgate.dicom.structure import layout
from deidgate.errors import DeidgateError
from deidgate.files.source import Source
from deidgate.files.spans import meta_end
from deidgate.files.staging import Staging
from deidgate.pixels.lazy import LazyPixels
from deidgate.policy.load import load_policy


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
    with path.open("rb") as stream:
        made = one.make(Source.of(stream.fileno()), content[: one.looked_at])
    one.staging.settle(made.partial)
    return Path(made.partial).read_bytes()


def outcome(one: Instances, content: bytes, tmp_path: Path) -> bytes | str:
    try:
        return result(one, content, tmp_path)
    except DeidgateError as error:
        return f"{error.code} {error.path}"


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


def ordinary_mr(number: int):
    """An image of an MR series: what differs from the next one is numbers, positions and times."""
    ds = ct(1, 1, 1, number, rows=64)
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = pydicom.uid.MRImageStorage
    ds.Modality = "MR"
    ds.EchoTime, ds.RepetitionTime, ds.FlipAngle = f"{2 + number % 3}.46", "3000.5", "90"
    ds.TriggerTime, ds.SAR, ds.dBdt = f"{number * 13.5:.1f}", f"0.{number:03d}", "0"
    ds.DiffusionBValue = float(50 * (number % 4))
    ds.DiffusionGradientOrientation = [0.5, 0.25, number / 7]
    ds.ImagePositionPatient = ["-118.75390625", f"{-112.5 + number * 3.3:.8f}", "45.0390625"]
    ds.WindowCenter, ds.WindowWidth = str(300 + number), str(700 + number * 2)
    return ds


@pytest.mark.parametrize("name", sorted(policies.shipped()))
@pytest.mark.parametrize("image", [lambda number: ct(2, 1, 1, number, rows=64), ordinary_mr], ids=["ct", "mr"])
def test_all_of_an_ordinary_series_but_the_first_goes_the_short_way(name, image, store, tmp_path):
    one = instances(store, tmp_path, header_only(tmp_path, name))
    for number in range(1, 31):
        result(one, encoded(image(number)), tmp_path)
    assert one.short == 29


def both_ways(store, tmp_path, contents, policy="basic"):
    """Outcome of the last of `contents` after its siblings, and alone."""
    short, long_ = instances(store, tmp_path, policy), instances(store, tmp_path, policy)
    long_._short_ways = False
    *siblings, last = contents
    for content in siblings:
        assert not isinstance(outcome(short, content, tmp_path), str)
    assert short.short == len(siblings) - 1, "the siblings go the short way"
    return outcome(short, last, tmp_path), outcome(long_, last, tmp_path)


def series(change=lambda ds, number: None, rows=8):
    """Three images; `change` makes one of them what it is."""
    for number in (1, 2, 3):
        ds = ct(1, 1, 1, number, rows=rows)
        ds.PatientID = "77665544"
        change(ds, number)
        yield encoded(ds)


ELEMENTS = b"\x10\0\x10\0PN\x10\0Wbadowski^Klio  \x10\0\x30\0DA\x08\x0019650321"


def test_a_number_that_is_the_patient_id_is_held_behind_its_siblings_too(store, tmp_path):
    def change(ds, number):
        ds.AcquisitionNumber = 77665544 if number == 3 else number

    assert both_ways(store, tmp_path, series(change)) == ("result-identifier-left (0020,0012) AcquisitionNumber",) * 2


def test_binary_numbers_that_spell_the_patient_id_are_held_behind_their_siblings_too(store, tmp_path):
    def change(ds, number):
        ds.add_new(0x00189087, "FD", 5.0 * number)
        ds["DiffusionBValue"]._value = 5.0 * number
        if number == 3:
            ds.DiffusionBValue = struct.unpack("<d", b"77665544")[0]

    short, long_ = both_ways(store, tmp_path, series(change))
    assert short == long_
    assert isinstance(short, str)


def test_bulk_data_that_holds_elements_is_removed_behind_its_siblings_too(store, tmp_path):
    def change(ds, number):
        ds.add_new(0x00660016, "OF", ELEMENTS if number == 3 else bytes(40))

    short, long_ = both_ways(store, tmp_path, series(change))
    assert short == long_
    assert b"Wbadowski" not in long_


def test_numbers_of_more_bytes_than_the_attribute_has_are_removed_behind_their_siblings_too(store, tmp_path):
    def change(ds, number):
        ds.add_new(0x00181271, "FD", 1.0 * number)
        if number == 3:
            ds[0x00181271] = DataElement(0x00181271, "FD", list(struct.unpack("<5d", ELEMENTS)))

    short, long_ = both_ways(store, tmp_path, series(change))
    assert short == long_
    assert b"Wbadowski" not in long_


def test_a_bulk_value_that_was_removed_for_what_it_held_says_nothing_about_the_next_one(store, tmp_path):
    def change(ds, number):
        ds.add_new(0x00660016, "OF", bytes(40) if number == 2 else ELEMENTS)

    first, second, _ = series(change)
    short, long_ = both_ways(store, tmp_path, [first, second])
    assert short == long_


def test_an_age_in_a_content_tree_goes_the_long_way(store, tmp_path):
    def content(age, number):
        ds = Dataset()
        ds.update({e.tag: e for e in ct(1, 1, 1, number) if e.tag.group < 0x28 and not e.tag.is_private})
        ds.file_meta = ct(1, 1, 1, number).file_meta
        ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = pydicom.uid.ComprehensiveSRStorage
        ds.Modality, ds.ValueType, ds.ContinuityOfContent = "SR", "CONTAINER", "SEPARATE"
        ds.CompletionFlag, ds.VerificationFlag = "COMPLETE", "UNVERIFIED"
        ds.ConceptNameCodeSequence = [code("18748-4", "LN", "Diagnostic imaging report")]
        item, measured = Dataset(), Dataset()
        measured.NumericValue = str(age)
        measured.MeasurementUnitsCodeSequence = [code("a", "UCUM", "year")]
        item.RelationshipType, item.ValueType = "HAS OBS CONTEXT", "NUM"
        item.ConceptNameCodeSequence = [code("121033", "DCM", "Subject Age")]
        item.MeasuredValueSequence = [measured]
        ds.ContentSequence = [item]
        return encoded(ds)

    contents = [content(45, 1), content(45, 2), content(95, 3)]
    short, long_ = both_ways(store, tmp_path, contents, header_only(tmp_path, "longitudinal"))
    assert short == long_
    assert not isinstance(long_, str)
    values = [pydicom.dcmread(BytesIO(one)).ContentSequence[0].MeasuredValueSequence for one in (short, long_)]
    assert "95" not in str(values)


def test_another_sender_is_looked_for_in_a_sibling_too(store, tmp_path):
    def change(ds, number):
        ds.SeriesDescription = "Thorax KLINIKWEST"
        if number == 3:
            ds.file_meta.SourceApplicationEntityTitle = "KLINIKWEST"

    short, long_ = both_ways(store, tmp_path, series(change), header_only(tmp_path, "longitudinal"))
    assert short == long_


@pytest.mark.parametrize(("tag", "vr"), [(0x7FE000FF, "OB"), (0x7FE00008, "OF"), (0x7FE30010, "LO")])
def test_an_element_beside_the_pixels_goes_the_long_way(tag, vr, store, tmp_path):
    def change(ds, number):
        if number == 3:
            ds.add_new(tag, vr, "Wbadowski^Klio!!" if vr == "LO" else b"Wbadowski^Klio!!")

    short, long_ = both_ways(store, tmp_path, series(change))
    assert short == long_


def test_a_name_in_a_picture_of_a_few_bytes_is_held_behind_its_siblings_too(store, tmp_path):
    def change(ds, number):
        if number == 3:
            ds.PixelData = b" 77665544 ".ljust(128, b"\0")

    short, long_ = both_ways(store, tmp_path, series(change))
    assert short == long_
    assert "identifier-left" in long_


@pytest.mark.parametrize("count", [8, 512, 1001])
@pytest.mark.parametrize(
    "name", ["MR_small.dcm", "MR_small_implicit.dcm", "MR_small_bigendian.dcm", "MR_small_RLE.dcm"]
)
def test_zeros_behind_the_dataset_are_dropped(name, count, store, tmp_path):
    one = instances(store, tmp_path)
    content = Path(get_testdata_file(name)).read_bytes()
    whole = content[: layout(content).end]
    expected = outcome(one, whole, tmp_path)
    assert isinstance(expected, bytes)
    assert outcome(one, whole + bytes(count), tmp_path) == expected
    assert isinstance(outcome(one, whole + bytes(count) + b"Doe^Jane", tmp_path), str)


def test_text_behind_the_pixels_is_held_behind_its_siblings_too(store, tmp_path):
    def change(ds, number):
        if number == 3:
            ds.PixelData += b"Wbadowski Klio  " * 8

    short, long_ = both_ways(store, tmp_path, series(change))
    assert short == long_ == "pixel-data-excess PixelData"


def test_pixels_of_the_same_length_that_are_described_as_fewer_are_held_behind_their_siblings_too(store, tmp_path):
    def change(ds, number):
        ds.PixelData = b"\1" * len(ds.PixelData)
        if number == 3:
            ds.Rows = 4

    short, long_ = both_ways(store, tmp_path, series(change))
    assert short == long_ == "pixel-data-excess PixelData"


def test_zeros_behind_the_pixels_of_the_first_leave_no_room_for_text_in_the_next(store, tmp_path):
    one = instances(store, tmp_path)
    tails = (bytes(128), b"Wbadowski Klio  " * 8)
    first, second = (
        outcome(one, next(series(lambda ds, _, t=t: ds.__setattr__("PixelData", ds.PixelData + t))), tmp_path)
        for t in tails
    )
    assert isinstance(first, bytes)
    assert second == "pixel-data-excess PixelData"


def test_an_overlay_in_the_bits_of_the_next_picture_is_held(store, tmp_path):
    def change(ds, number):
        ds.BitsStored, ds.HighBit = 12, 11
        ds.PixelRepresentation = 0
        ds.SmallestImagePixelValue, ds.LargestImagePixelValue = 0, 1000
        ds.add_new(0x60000100, "US", 16)
        ds.add_new(0x60000102, "US", 12)
        ds.PixelData = (b"\1\x10" if number == 3 else b"\1\0") * 64

    short, long_ = instances(store, tmp_path), instances(store, tmp_path)
    long_._short_ways = False
    for content in series(change):
        seen = outcome(short, content, tmp_path), outcome(long_, content, tmp_path)
        assert seen[0] == seen[1]


IDENTIFYING = [b"77665544", b"Wbadowski^Klio", b"1.2.826.0.1.3680043.10.99999.1.1.1.1", b"0", b"5", b" ", b"9" * 40]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data(), st.sampled_from(["basic", "longitudinal", "full-dates", "keep-list"]))
def test_whatever_stands_in_any_slot_both_ways_agree(tmp_path_factory, data, name):
    tmp_path = tmp_path_factory.mktemp("slots")

    def change(ds, number):
        ds.add_new(0x00660016, "OF", bytes(40))
        ds.add_new(0x00189089, "FD", [0.5, 0.25, number / 8])
        ds.add_new(0x00181271, "FD", 0.5)
        if number == 3:
            ds.PatientName = "Wbadowski^Klio"

    first, second, _ = series(change)
    start, _ = meta_end(second)
    edited = bytearray(second)
    places = scan(second, start, whole=True).places
    for _ in range(data.draw(st.integers(1, 3))):
        begin, stop = data.draw(st.sampled_from(places))
        value = data.draw(st.one_of(st.sampled_from([*IDENTIFYING, ELEMENTS]), st.binary(min_size=1, max_size=16)))
        edited[begin:stop] = (value * (stop - begin))[: stop - begin]
    policy = header_only(tmp_path, name)
    with open_mapping(place(str(tmp_path / "mapping.db"), None, {})) as store:
        short, long_ = instances(store, tmp_path, policy), instances(store, tmp_path, policy)
        long_._short_ways = False
        for content in (first, bytes(edited), second):
            assert outcome(short, content, tmp_path) == outcome(long_, content, tmp_path)


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


def tamper(pieces) -> None:
    """Let a template write what the plan did not say."""
    tampered = tuple(part.replace(b"MONOCHROME2", b"MONOCHROME3") for part in pieces.parts)
    assert tampered != pieces.parts
    object.__setattr__(pieces, "parts", tampered)


def test_a_template_that_is_wrong_is_found_by_the_sample(store, tmp_path):
    one = instances(store, tmp_path, verify_every=2)
    result(one, encoded(ct(1, 1, 1, 1, rows=8)), tmp_path)
    (known,) = next(iter(one._known.values()))
    tamper(known.template.pieces)
    # The check of the filled header is deceived too.
    object.__setattr__(known.template, "result_guide", SimpleNamespace(read=lambda *_, **__: True))
    assert outcome(one, encoded(ct(1, 1, 1, 2, rows=8)), tmp_path) != ""
    assert outcome(one, encoded(ct(1, 1, 1, 3, rows=8)), tmp_path) == "fast-path-contradicts "
    assert not one._known


def test_a_filled_header_is_read_again_before_it_is_used(store, tmp_path):
    one = instances(store, tmp_path)
    result(one, encoded(ct(1, 1, 1, 1, rows=8)), tmp_path)
    (known,) = next(iter(one._known.values()))
    tamper(known.template.pieces)
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
    seen, read = scan(bytes(other), begin, whole=True), guide.read(bytes(other), begin, whole=True)
    if read is not None:
        assert seen is not None and seen.skeleton == scanned.skeleton
        assert (read.slots, read.stop) == (seen.slots, seen.stop)
    else:
        assert seen is None or seen.skeleton != scanned.skeleton


def test_a_guide_along_a_file_without_pixels_takes_no_beginning_of_a_longer_file():
    dataset = ct(1, 1, 1, 1, rows=2)
    del dataset.PixelData
    first = encoded(dataset)
    start, _ = meta_end(first)
    guide = guide_along(first, start, scan(first, start, whole=True), len(first))
    assert guide.read(first, start, whole=True) is not None
    assert guide.read(first, start, whole=False) is None


@pytest.mark.parametrize("length", [FIRST - 2000, FIRST, FIRST + 2000, HEAD - 20_000])
def test_long_headers_go_the_short_way_too(length, store, tmp_path):
    one = instances(store, tmp_path)
    for number in (1, 2, 3):
        dataset = ct(1, 1, 1, number, rows=8)
        dataset.ROIContourSequence = [Dataset()]
        dataset.ROIContourSequence[0].ContourData = "1\\2\\3" + "\\4" * (length // 2)
        content = encoded(dataset)
        made = result(one, content, tmp_path)
        assert made == one.bytes_of(content)[0]
    assert one.short == 2


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
        except (ValueError, LookupError, TypeError):
            # Another character set, by its name or length, is no matter of structure: it is held when text is read.
            assert b"\x08\0\x05\0CS\x0a\0ISO_IR 100" not in content


@pytest.mark.parametrize("name", ["basic", "longitudinal"])
@pytest.mark.parametrize("own", [1, 2, 3])
@pytest.mark.parametrize("keyword", ["AcquisitionNumber", "WindowCenter"])
def test_a_number_that_is_a_date_goes_the_long_way_and_says_nothing_about_its_siblings(
    name, own, keyword, store, tmp_path
):
    def change(ds, number):
        setattr(ds, keyword, "19650321" if number == own else number)
        ds.PatientBirthDate = "19650321"

    first, second, third = series(change)
    policy = header_only(tmp_path, name)
    short, long_ = both_ways(
        store, tmp_path, {1: [first, third], 2: [first, second], 3: [first, second, third]}[own], policy
    )
    assert short == long_
    assert isinstance(long_, bytes)
    assert b"19650321" not in long_
