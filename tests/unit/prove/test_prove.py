# SPDX-License-Identifier: Apache-2.0
"""The proof would notice: every plant is found where it was planted, and nowhere in a clean file."""

from io import BytesIO

import pytest
from pydicom import dcmread

from deidgate.prove import plant as planting
from deidgate.prove import report
from deidgate.prove.judge import End, holds, judge
from deidgate.prove.model import Verdict
from deidgate.prove.phantom import ct_slice


@pytest.fixture(scope="module")
def proof(tmp_path_factory):
    """The folder, what was planted, and the files by Orthanc ID."""
    folder = tmp_path_factory.mktemp("proof") / "made"
    planted = planting.write(folder)
    return folder, planted, {one.orthanc_id: (folder / planting.FILES / one.file).read_bytes() for one in planted}


def clean_file():
    stream = BytesIO()
    ct_slice("NOBODY", 1, 1, 64).save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def test_every_plant_is_found_in_a_gateway_that_changes_nothing(proof):
    _, planted, files = proof
    findings = judge(planted, {name: End("delivered") for name in files}, lambda one: files[one.orthanc_id], files)
    assert {one.plant.name for one in findings if one.verdict is not Verdict.FOUND} == set()
    assert not report.proved(findings)


def test_no_two_plants_are_of_one_patient(proof):
    _, planted, files = proof
    whose = [dcmread(BytesIO(files[one.orthanc_id])) for one in planted]
    assert len({one.PatientID for one in whose}) == len({one.StudyInstanceUID for one in whose}) == len(planted)


def test_a_plant_is_gone_when_its_result_is_clean(proof):
    _, planted, files = proof
    header = [one for one in planted if not one.plant.boxes]
    results = {one.orthanc_id: clean_file() for one in header}
    findings = judge(header, {}, lambda one: files[one.orthanc_id], results)
    assert {one.verdict for one in findings} == {Verdict.GONE}
    assert report.proved(findings)


def test_a_needle_in_the_result_of_another_instance_is_found(proof):
    _, planted, files = proof
    first, second = planted[:2]
    findings = judge([first], {}, lambda one: files[one.orthanc_id], {second.orthanc_id: files[first.orthanc_id]})
    assert findings[0].verdict is Verdict.FOUND


def test_a_needle_in_the_name_of_a_result_is_found(proof):
    _, planted, files = proof
    one = planted[0]
    findings = judge([one], {one.orthanc_id: End("held")}, lambda x: files[x.orthanc_id], {}, [one.file])
    assert findings[0].verdict is Verdict.FOUND


def test_what_the_ledger_does_not_know_is_lost_and_not_gone(proof):
    _, planted, files = proof
    findings = judge(planted, {}, lambda one: files[one.orthanc_id], {})
    assert {one.verdict for one in findings} == {Verdict.LOST}
    assert not report.proved(findings)


def test_held_and_rejected_plants_are_reported_with_their_code(proof):
    _, planted, files = proof
    ends = {planted[0].orthanc_id: End("held", "some-reason"), planted[1].orthanc_id: End("rejected", "by-rule")}
    findings = judge(planted[:2], ends, lambda one: files[one.orthanc_id], {})
    assert [(one.verdict, one.detail) for one in findings] == [
        (Verdict.HELD, "some-reason"),
        (Verdict.REJECTED, "by-rule"),
    ]


def test_masking_one_frame_does_not_hide_the_others(proof):
    from pydicom import dcmread

    _, planted, files = proof
    one = next(p for p in planted if p.plant.name == "burned-in-every-frame")
    ds = dcmread(BytesIO(files[one.orthanc_id]))
    pixels = ds.pixel_array.copy()
    box = one.plant.boxes[0]
    pixels[0, box.row_start : box.row_stop, box.column_start : box.column_stop] = 0
    ds.PixelData = pixels.tobytes()
    stream = BytesIO()
    ds.save_as(stream, enforce_file_format=True)
    finding = judge([one], {}, lambda x: files[x.orthanc_id], {one.orthanc_id: stream.getvalue()})[0]
    assert finding.verdict is Verdict.FOUND
    assert "pixels of frame 0" not in finding.detail
    assert "pixels of frame 4" in finding.detail


def test_a_proof_without_plants_proves_nothing():
    assert not report.proved([])


def test_needles_differ_from_proof_to_proof(proof, tmp_path):
    _, planted, _ = proof
    again = planting.write(tmp_path / "again")
    assert {p.plant.needle for p in planted}.isdisjoint(p.plant.needle for p in again)


def test_the_list_of_plants_survives_being_written(proof):
    folder, planted, _ = proof
    assert planting.read(folder) == planted


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be", "shift_jis", "iso2022_jp"])
def test_a_needle_is_found_in_other_encodings(encoding):
    assert holds("亜哀愛悪", "x亜哀愛悪y".encode(encoding))


def test_the_page_needs_nothing_from_elsewhere_and_escapes_what_it_shows(proof):
    _, planted, files = proof
    page = report.as_html(judge(planted, {}, lambda one: files[one.orthanc_id], {}), "policy <b>")
    assert "<b>" not in page
    assert "http" not in page
    assert "src=" not in page


def test_reports_do_not_repeat_the_needles(proof):
    _, planted, files = proof
    findings = judge(planted, {name: End("delivered") for name in files}, lambda one: files[one.orthanc_id], files)
    page, data = report.as_html(findings, ""), str(report.as_json(findings))
    assert not [one.plant.name for one in planted if one.plant.needle in page or one.plant.needle in data]
