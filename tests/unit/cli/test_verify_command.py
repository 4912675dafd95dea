# SPDX-License-Identifier: Apache-2.0
"""``deidgate verify``: every finished file is compared, or said to be missing; masking is told from damage."""

import io
import json
import os
import shutil
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import RLELossless
from tests.data.toolbox_archives import zipped
from tests.data.toolbox_series import ct, encoded
from tests.data.typed import deidgate

from deidgate.batch import instance
from deidgate.dicom.box import Box
from deidgate.pixels.clean import PixelOutcome, PixelStatus
from deidgate.plan.claims import finish_claims

pytestmark = pytest.mark.usefixtures("own_place")


@pytest.fixture
def incoming(own_place) -> Path:
    folder = own_place / "incoming"
    (folder / "SE2").mkdir(parents=True)
    for name in ("IM1.dcm", "IM2.dcm", "SE2/IM3.dcm"):
        (folder / name).write_bytes(image(int(name[-5])))
    return folder


def image(number: int, patient: int = 1) -> bytes:
    return encoded(ct(patient, 1, 1, number, rows=16))


def run(*arguments: object, code: int = 0) -> None:
    deidgate("run", "--policy", "basic", "--jobs", 0, *arguments, code=code)


# -- nothing is passed over -----------------------------------------------------------------


def test_a_result_that_was_taken_away_is_a_finding(incoming, own_place):
    run("incoming", "out")
    assert "3 pairs, 0 with findings" in deidgate("verify", "incoming", "out")
    (own_place / "out" / "IM1.dcm").unlink()
    said = deidgate("verify", "incoming", "out", code=3)
    assert f"{Path('out/IM1.dcm')}: result-missing" in said and "3 pairs, 1 with findings" in said


def test_an_original_that_was_taken_away_is_a_finding(incoming):
    run("incoming", "out")
    (incoming / "SE2" / "IM3.dcm").unlink()
    said = deidgate("verify", "--json", "incoming", "out", code=3)
    assert [json.loads(line)["code"] for line in said.splitlines()] == ["original-missing"]


def test_another_original_than_that_of_the_run_is_refused(incoming, own_place):
    run("incoming", "out")
    (own_place / "empty").mkdir()
    assert "no-pairs" in deidgate("verify", "empty", "out", code=1)
    (own_place / "empty" / "other.dcm").write_bytes(image(9))
    assert "no-pairs" in deidgate("verify", "empty", "out", code=1)


def test_only_what_lies_below_the_original_is_compared(incoming, own_place):
    (own_place / "second").mkdir()
    (own_place / "second" / "IM7.dcm").write_bytes(image(7, 2))
    run("incoming", "second", "out")
    assert "3 pairs, 0" in deidgate("verify", "incoming", "out")
    assert "1 pairs, 0" in deidgate("verify", "incoming/SE2", "out")
    assert "1 pairs, 0" in deidgate("verify", "second", "out")
    assert "4 pairs, 0" in deidgate("verify", ".", "out")


def test_results_are_compared_from_any_folder(incoming, own_place, monkeypatch):
    run("incoming", "out")
    (own_place / "elsewhere").mkdir()
    monkeypatch.chdir(own_place / "elsewhere")
    assert "3 pairs, 0" in deidgate("verify", "../incoming", "../out")


def test_originals_that_were_moved_as_a_whole_are_found(incoming, own_place):
    run("incoming", "out")
    shutil.move(incoming, own_place / "archive")
    assert "3 pairs, 0" in deidgate("verify", "archive", "out")
    (own_place / "archive" / "IM1.dcm").unlink()
    assert "original-missing" in deidgate("verify", "archive", "out", code=3)


def test_a_report_of_an_earlier_version_is_read_where_the_run_was_started(incoming, own_place):
    run("incoming", "out")
    report = own_place / "out.deidgate" / "report.csv"
    text = report.read_text(encoding="utf-8-sig").replace(f"{own_place}{os.sep}", "")
    report.write_text(text.replace("masked rectangles", "something"), encoding="utf-8-sig")
    (own_place / "out.deidgate" / "journal.sqlite").unlink()
    assert "3 pairs, 0" in deidgate("verify", "incoming", "out")


NO_UTF_8 = os.fsdecode(b"Wolk\xe4nstein.dcm")


def test_an_original_whose_name_is_no_utf_8_is_found(incoming, own_place):
    try:
        (incoming / "SE2" / "IM3.dcm").rename(incoming / NO_UTF_8)
    except OSError:
        pytest.skip("this file system has names in UTF-8 only")
    run("incoming", "out")
    assert "3 pairs, 0" in deidgate("verify", "incoming", "out")
    assert "1 pairs, 0" in deidgate("verify", f"incoming/{NO_UTF_8}", "out")
    shutil.move(incoming, own_place / os.fsdecode(b"arch\xefv"))
    assert "3 pairs, 0" in deidgate("verify", os.fsdecode(b"arch\xefv"), "out")


def test_a_member_whose_name_is_no_utf_8_is_found(incoming, own_place):
    with tarfile.open(incoming / "disc.tar", "w", format=tarfile.GNU_FORMAT) as tar:
        entry = tarfile.TarInfo(NO_UTF_8)
        entry.size = len(image(4))
        tar.addfile(entry, io.BytesIO(image(4)))
    run("incoming/disc.tar", "out")
    assert "1 pairs, 0" in deidgate("verify", "incoming/disc.tar", "out")


# -- archives -------------------------------------------------------------------------------


def tampered(archive: Path, name: str) -> None:
    """Let somebody write a name into one result in a zip."""
    with zipfile.ZipFile(archive) as read:
        content = {one: read.read(one) for one in read.namelist()}
    ds = pydicom.dcmread(io.BytesIO(content[name]))
    ds.PatientComments = "seen by Okafor"
    buffer = io.BytesIO()
    ds.save_as(buffer)
    content[name] = buffer.getvalue()
    archive.write_bytes(zipped(list(content.items())))


def test_results_in_archives_are_compared_too(own_place):
    inner = zipped([("IM4.dcm", image(4))])
    (own_place / "incoming").mkdir()
    (own_place / "incoming" / "scan.zip").write_bytes(
        zipped([("IM1.dcm", image(1)), ("SE2/IM2.dcm", image(2)), ("inner.zip", inner), ("notes.txt", b"x")])
    )
    with tarfile.open(own_place / "incoming" / "disc.tar.gz", "w:gz") as tar:
        entry = tarfile.TarInfo("IM3.dcm")
        entry.size = len(image(3))
        tar.addfile(entry, io.BytesIO(image(3)))
    run("incoming", "out")
    assert "4 pairs, 0 with findings" in deidgate("verify", "incoming", "out")
    made = next((own_place / "out").glob("*.zip"))
    tampered(made, "SE2/IM2.dcm")
    said = deidgate("verify", "incoming", "out", code=3)
    assert f"{made.relative_to(own_place)}!/SE2/IM2.dcm: " in said and "4 pairs, 1 with findings" in said
    made.unlink()
    assert deidgate("verify", "incoming", "out", code=3).count("result-missing") == 3
    (own_place / "incoming" / "scan.zip").unlink()
    assert deidgate("verify", "incoming", "out", code=3).count("original-missing") == 3


def test_an_archive_as_original_and_one_as_output_are_compared(own_place, incoming):
    (own_place / "scan.zip").write_bytes(zipped([("a/IM1.dcm", image(1)), ("a/IM2.dcm", image(2))]))
    run("scan.zip", "out")
    assert "2 pairs, 0" in deidgate("verify", "scan.zip", "out")
    run("--layout", "uid", "scan.zip", "free")
    assert "2 pairs, 0" in deidgate("verify", "scan.zip", "free")
    run("incoming", "out.zip")
    assert "3 pairs, 0" in deidgate("verify", "incoming", "out.zip")
    tampered(own_place / "out.zip", "IM1.dcm")
    assert "3 pairs, 1" in deidgate("verify", "incoming", "out.zip", code=3)
    run("--beside", "scan.zip")
    assert "2 pairs, 0" in deidgate("verify", "scan.zip", "scan_deidentified.zip")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_members_of_one_name_are_compared_each_with_its_own(own_place):
    (own_place / "scan.zip").write_bytes(zipped([("IM1.dcm", image(1)), ("IM1.dcm", image(2))]))
    run("scan.zip", "out")
    assert "2 pairs, 0" in deidgate("verify", "scan.zip", "out")


def test_a_damaged_archive_of_results_is_a_finding(own_place):
    (own_place / "scan.zip").write_bytes(zipped([("IM1.dcm", image(1))]))
    run("scan.zip", "out")
    next((own_place / "out").glob("*.zip")).write_bytes(b"PK\x03\x04" + b"x" * 500)
    assert "result-missing" in deidgate("verify", "scan.zip", "out", code=3)


# -- masks ----------------------------------------------------------------------------------

MASKED = (Box(2, 7, 3, 12), Box(5, 10, 8, 15))


@pytest.fixture
def masking(monkeypatch):
    """Every picture of a run is masked in two rectangles, as if text was found there."""
    outcome = PixelOutcome(PixelStatus.MASKED, MASKED, (0,), ("text-found",))
    monkeypatch.setattr(
        instance,
        "judge",
        lambda _original, plan, *_: (finish_claims(plan, pixels_checked=True), outcome),
    )
    # A policy that looks at pixels takes no short way.
    monkeypatch.setattr(instance.Instances, "_begin", lambda *_: (0, ""))


def damaged(path: Path, row: int, column: int, value: int = 77) -> None:
    ds = pydicom.dcmread(path)
    pixels = ds.pixel_array.copy()
    pixels[row, column] = value
    ds.PixelData = pixels.tobytes()
    ds.save_as(path)


def test_masking_is_no_finding_and_damage_beside_it_is_one(masking, incoming, own_place):
    run("incoming", "out")
    assert "3 pairs, 0 with findings, 3 masked" in deidgate("verify", "incoming", "out")
    assert "3 masked" in deidgate("verify", ".", "out")
    damaged(own_place / "out" / "IM1.dcm", 0, 0)
    damaged(own_place / "out" / "IM2.dcm", MASKED[0].row_start, MASKED[0].column_start)
    said = deidgate("verify", "incoming", "out", code=3)
    assert f"{Path('out/IM1.dcm')}: pixels-changed" in said and f"{Path('out/IM2.dcm')}: mask-not-constant" in said
    assert "3 pairs, 2 with findings, 1 masked" in said


def test_a_rectangle_that_the_run_did_not_blank_is_damage_where_its_journal_is_at_hand(incoming, own_place):
    run("incoming", "out")
    ds = pydicom.dcmread(own_place / "out" / "IM1.dcm")
    pixels = ds.pixel_array.copy()
    pixels[2:9, 2:9] = 0
    ds.PixelData = pixels.tobytes()
    ds.save_as(own_place / "out" / "IM1.dcm")
    assert "pixels-changed" in deidgate("verify", "incoming", "out", code=3)


def test_what_was_masked_beside_an_original_is_told_from_damage_with_and_without_the_journal(masking, own_place):
    (own_place / "IM0001.dcm").write_bytes(image(1))
    run("--beside", "IM0001.dcm")
    two = ("IM0001.dcm", "IM0001_deidentified.dcm")
    said = deidgate("verify", *two)
    assert "1 pairs, 0 with findings, 1 masked" in said and "as the result claims" not in said
    shutil.rmtree(own_place / "IM0001.dcm.deidgate")
    said = deidgate("verify", *two)
    assert "1 pairs, 0 with findings, 1 masked" in said and "as the result claims" in said
    told = json.loads(deidgate("verify", "--json", *two))
    assert (told["code"], told["finding"]) == ("masked", False)
    damaged(own_place / two[1], 0, 0)
    assert "pixels-changed" in deidgate("verify", *two, code=3)


def test_the_same_difference_without_the_claim_is_damage(masking, own_place):
    (own_place / "IM0001.dcm").write_bytes(image(1))
    run("--beside", "IM0001.dcm")
    shutil.rmtree(own_place / "IM0001.dcm.deidgate")
    ds = pydicom.dcmread("IM0001_deidentified.dcm")
    ds.DeidentificationMethodCodeSequence = [
        item for item in ds.DeidentificationMethodCodeSequence if item.CodeValue != "113101"
    ]
    ds.save_as("IM0001_deidentified.dcm")
    assert "pixels-changed" in deidgate("verify", "IM0001.dcm", "IM0001_deidentified.dcm", code=3)


def test_every_pixel_changed_is_no_mask(masking, own_place):
    (own_place / "IM0001.dcm").write_bytes(image(1))
    run("--beside", "IM0001.dcm")
    shutil.rmtree(own_place / "IM0001.dcm.deidgate")
    ds = pydicom.dcmread("IM0001_deidentified.dcm")
    ds.PixelData = np.random.default_rng(1).integers(0, 4000, ds.pixel_array.shape).astype(np.int16).tobytes()
    ds.save_as("IM0001_deidentified.dcm")
    assert "pixels-changed" in deidgate("verify", "IM0001.dcm", "IM0001_deidentified.dcm", code=3)


@pytest.mark.parametrize("syntax", [None, RLELossless])
@pytest.mark.parametrize("lettered", [True, False])
def test_a_mask_on_black_is_known_by_the_letters_that_are_gone(masking, own_place, syntax, lettered):
    ds = ct(1, 1, 1, 1, rows=16)
    pixels = np.zeros((16, 16), np.int16)
    pixels[12:, :] = np.arange(64).reshape(4, 16)
    if lettered:
        pixels[3:6, 4] = pixels[3, 4:7] = pixels[8, 10:13] = 900
    ds.PixelData = pixels.tobytes()
    if syntax is not None:
        ds.compress(syntax, generate_instance_uid=False)
    (own_place / "IM0001.dcm").write_bytes(encoded(ds))
    run("--beside", "IM0001.dcm")
    shutil.rmtree(own_place / "IM0001.dcm.deidgate")
    assert "1 pairs, 0 with findings" in deidgate("verify", "IM0001.dcm", "IM0001_deidentified.dcm")
