# SPDX-License-Identifier: Apache-2.0
"""The toolbox as its user types it."""

import csv
import io
import json
import os
import stat
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import numpy as np
import pydicom
import pytest
from click.testing import CliRunner
from PIL import Image
from pydicom.data import get_testdata_file
from tests.data.toolbox_archives import zipped
from tests.data.toolbox_series import ct, encoded
from tests.data.typed import deidgate

from deidgate.cli import main
from deidgate.cli.writing import write_dataset
from deidgate.errors import ConfigurationError
from deidgate.words.lookup import meaning

pytestmark = pytest.mark.usefixtures("own_place")
WHY = ("--why", "test")


@pytest.fixture
def scan(own_place) -> Path:
    path = own_place / "IM0001.dcm"
    path.write_bytes(encoded(ct(1, 1, 1, 1, rows=16)))
    return path


@pytest.fixture
def incoming(own_place) -> Path:
    folder = own_place / "incoming"
    folder.mkdir()
    for number in (1, 2, 3):
        (folder / f"IM{number}.dcm").write_bytes(encoded(ct(1, 1, 1, number, rows=16)))
    return folder


# -- run ------------------------------------------------------------------------------------


def test_run_makes_results_and_a_report_and_tells_how_many(incoming, own_place):
    said = deidgate("run", "--policy", "basic", "--jobs", 0, "incoming", "out")
    assert "3 files: 3 done" in said and "out.deidgate/report.csv" in said
    assert len(list((own_place / "out").glob("*.dcm"))) == 3


def test_run_says_with_its_exit_code_that_something_is_held(incoming):
    (incoming / "broken.dcm").write_bytes(encoded(ct(rows=16))[:800])
    said = deidgate("run", "--policy", "basic", "--jobs", 0, "incoming", "out", code=3)
    assert "1 × length-beyond-end" in said


def test_run_answers_a_script_in_json(incoming):
    (incoming / "notes.txt").write_text("x")
    words = ("run", "--policy", "basic", "--jobs", "0", "--json", "incoming", "out")
    said = json.loads(CliRunner().invoke(main, words).stdout)
    assert said["counts"] == {"done": 3, "skipped": 1} and said["complete"] is True


def test_run_into_a_zip(incoming, own_place):
    deidgate("run", "--policy", "basic", "--jobs", 0, "incoming", "out.zip")
    with zipfile.ZipFile("out.zip") as archive:
        assert sorted(archive.namelist()) == ["IM1.dcm", "IM2.dcm", "IM3.dcm"]
        assert pydicom.dcmread(io.BytesIO(archive.read("IM1.dcm"))).PatientID.startswith("P-")
    assert (own_place / "out.zip.deidgate" / "report.csv").exists()
    deidgate("run", "--policy", "basic", "--jobs", 0, "incoming", "out.zip", code=2)


def test_run_beside(scan, own_place):
    deidgate("run", "--policy", "basic", "--jobs", 0, "--beside", "IM0001.dcm")
    assert (own_place / "IM0001_deidentified.dcm").exists()
    assert scan.exists()


def test_run_refuses_an_output_inside_the_input(incoming):
    assert "output-inside-input" in deidgate(
        "run", "--policy", "basic", "--jobs", 0, "incoming", "incoming/out", code=1
    )


def test_run_names_the_shipped_policies_when_asked_for_another(incoming):
    said = deidgate("run", "--policy", "nonsense", "incoming", "out", code=1)
    assert "policy-unknown" in said and "basic" in said


def test_run_again_does_nothing_again(incoming):
    deidgate("run", "--policy", "basic", "--jobs", 0, "incoming", "out")
    assert "3 were finished before" in deidgate("run", "--policy", "basic", "--jobs", 0, "incoming", "out")


def test_run_prints_lines_where_there_is_no_terminal(incoming, own_place):
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from deidgate.cli import main; main()",
            "run",
            "--policy",
            "basic",
            "incoming",
            "out",
            "--jobs",
            "1",
        ],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(str(Path(p).resolve()) for p in sys.path if p)},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout + done.stderr


def test_no_identity_is_printed_or_logged(incoming, capfd):
    (incoming / "broken.dcm").write_bytes(encoded(ct(rows=16))[:800])
    said = deidgate("run", "--policy", "basic", "--jobs", 0, "incoming", "out", code=3)
    seen = said + "".join(capfd.readouterr())
    assert [needle for needle in ("Okafor", "MRN0000001", "19570811", "1.2.826") if needle in seen] == []


# -- look -----------------------------------------------------------------------------------


def test_show_lists_and_chooses(scan):
    assert "(0010,0010) PN PatientName = Okafor^Chidi" in deidgate("show", scan)
    assert "ACME_ACQU_01" in deidgate("show", "--private", scan)
    assert "PatientName" not in deidgate("show", "--group", "0008", scan)
    first = json.loads(deidgate("show", "--json", "--group", "0010", scan).splitlines()[0])
    assert first["name"] == "PatientName"
    assert "not-dicom" in deidgate("show", __file__, code=1)


def test_explain_says_what_and_why_and_shows_values_only_if_asked(scan):
    said = deidgate("explain", "--policy", "basic", scan)
    assert "PatientName" in said and "E.1-1" in said and "Okafor" not in said
    assert "Okafor" in deidgate("explain", "--policy", "basic", "--values", scan)
    assert len(deidgate("explain", "--policy", "basic", "--changed", scan)) < len(said)


@pytest.mark.parametrize("command", ["show", "explain"])
@pytest.mark.parametrize("meta", [True, False])
@pytest.mark.parametrize("depth", [70, 3000])
def test_a_file_that_is_nested_too_deep_is_refused_in_words(scan, command, meta, depth):
    head, pixels = scan.read_bytes()[:-524], scan.read_bytes()[-524:]
    assert pixels.startswith(b"\xe0\x7f\x10\0")
    begin = b"\0\x52\x30\x92SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff"
    end = b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
    content = head + begin * depth + end * depth + pixels
    if not meta:
        content = content[144 + int.from_bytes(content[140:144], "little") :]
    scan.write_bytes(content)
    said = deidgate(command, scan.name, code=1)
    assert f"sequence-too-deep at {scan.name}" in said
    assert "nested deeper" in said
    assert "internal-error" not in said


def test_explain_says_that_a_file_would_be_held(own_place):
    ds = ct(rows=8)
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = "1.2.3.4"
    (own_place / "x.dcm").write_bytes(encoded(ds))
    assert "held: sop-class-unknown" in deidgate("explain", "--policy", "basic", "x.dcm", code=3)


def test_verify_finds_nothing_in_results_and_finds_what_somebody_changed(incoming, own_place):
    deidgate("run", "--policy", "basic", "--jobs", 0, "incoming", "out")
    path = own_place / "out" / "IM1.dcm"
    ds = pydicom.dcmread(path)
    ds.PatientComments = "seen by Okafor"
    ds.save_as(path)
    said = deidgate("verify", "incoming", "out", code=3)
    assert "IM1.dcm" in said and "Okafor" not in said


# -- policy and mapping ---------------------------------------------------------------------


def test_policies_are_listed_checked_copied_and_compared(own_place, scan):
    assert "basic" in deidgate("policy", "list") and "mammography" in deidgate("policy", "list")
    assert "good" in deidgate("policy", "check", "basic", "longitudinal")
    deidgate("policy", "copy", "basic", "mine.toml")
    assert deidgate("policy", "diff", "basic", "mine.toml") == ""
    assert "StudyDate" in deidgate("policy", "diff", "basic", "full-dates", "--on", scan, code=3)
    (own_place / "bad.toml").write_text('name = "x"\n')
    deidgate("policy", "check", "bad.toml", code=1)


def test_the_mapping_table_is_exported_looked_up_purged_and_audited(incoming, own_place):
    deidgate("run", "--policy", "basic", "--jobs", 0, "incoming", "out")
    assert (own_place.parent / "data" / "deidgate" / "mapping.db").exists()
    deidgate("mapping", "export", "--uids", "uids.csv", "--patients", "patients.csv", "--why", "test")
    assert stat.S_IMODE((own_place / "uids.csv").stat().st_mode) == 0o600
    with (own_place / "patients.csv").open(newline="") as file:
        (patient,) = csv.DictReader(file)
    assert patient["id_old"] == "MRN0000001"
    with (own_place / "uids.csv").open(newline="") as file:
        pairs = {row["id_old"]: row["id_new"] for row in csv.DictReader(file)}
    made = pydicom.dcmread(own_place / "out" / "IM1.dcm")
    original = pydicom.dcmread(incoming / "IM1.dcm")
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
        assert pairs[original[keyword].value] == made[keyword].value
    assert made.PatientID == patient["id_new"]
    found = json.loads(deidgate("mapping", "look-up", patient["id_new"], "--why", "test", "--json"))
    assert found["patient_id"] == "MRN0000001"
    deidgate("mapping", "look-up", "nobody", "--why", "test", code=3)
    deidgate("mapping", "purge", patient["id_new"], "--why", "withdrawn", "--yes")
    assert "nothing was forgotten" in deidgate("mapping", "purge", "P-NOBODY", "--why", "withdrawn", "--yes", code=3)
    deidgate("mapping", "look-up", patient["id_new"], "--why", "test", code=3)
    trail = deidgate("audit", "list")
    assert all(action in trail for action in ("export-uids", "export-patients", "look-up", "purge-patient"))
    assert "MRN0000001" not in trail
    head = deidgate("audit", "head").strip()
    assert "unchanged" in deidgate("audit", "verify", "--noted", head)


def test_an_export_replaces_no_file_unless_told_and_asks_for_nothing_before(incoming, own_place):
    deidgate("run", "--policy", "basic", "--jobs", 0, "incoming", "out")
    (own_place / "mine.csv").write_text("mine")
    for files in (("--uids", "mine.csv"), ("--uids", "new.csv", "--patients", "mine.csv")):
        assert "destination-exists" in deidgate("mapping", "export", *files, *WHY, code=1)
    assert (own_place / "mine.csv").read_text() == "mine" and not (own_place / "new.csv").exists()
    assert "export" not in deidgate("audit", "list")
    deidgate("mapping", "export", "--patients", "mine.csv", "--replace", *WHY)
    assert (own_place / "mine.csv").read_text().startswith("id_old,id_new")
    assert stat.S_IMODE((own_place / "mine.csv").stat().st_mode) == 0o600


@pytest.mark.parametrize("why", [("--why", ""), ("--why", " "), ("--why", "test", "--by", " ")])
@pytest.mark.parametrize("words", [("export", "--uids", "u.csv"), ("import", "ids.csv", "--policy", "basic")])
def test_who_touches_the_mapping_table_says_nothing_blank_of_who_and_why(incoming, own_place, words, why):
    (own_place / "ids.csv").write_text("id_old,id_new\nMRN0000001,TRIAL-007\n")
    deidgate("run", "--policy", "basic", "--jobs", 0, "incoming", "out")
    trail = deidgate("audit", "list")
    deidgate("mapping", *words, *why, code=2)
    assert not (own_place / "u.csv").exists()
    assert deidgate("audit", "list") == trail


def test_a_program_that_exports_needs_no_reason_and_the_audit_trail_says_that_there_was_none(incoming, own_place):
    deidgate("run", "--policy", "basic", "--jobs", 0, "incoming", "out")
    deidgate("mapping", "export", "--uids", "u.csv", "--patients", "p.csv")
    assert (own_place / "u.csv").read_text().startswith("id_old,id_new")
    assert "not stated" in deidgate("audit", "list")


def test_two_exports_are_two_files(incoming, own_place):
    deidgate("run", "--policy", "basic", "--jobs", 0, "incoming", "out")
    deidgate("mapping", "export", "--uids", "a.csv", "--patients", "./a.csv", *WHY, code=2)
    assert not (own_place / "a.csv").exists()


def test_a_field_that_is_too_long_is_a_refusal(own_place):
    (own_place / "ids.csv").write_text("id_old,id_new\n" + "x" * 140_000 + ",y\n")
    assert "csv-unreadable" in deidgate("mapping", "import", "ids.csv", "--policy", "basic", *WHY, code=1)
    (own_place / "table.csv").write_text("file,patient_id\n" + "x" * 140_000 + ",y\n")
    (own_place / "pictures").mkdir()
    assert "csv-unreadable" in deidgate("convert", "pictures", "out", "--table", "table.csv", code=1)


def test_pre_assigned_pseudonyms_are_used(incoming, own_place):
    (own_place / "ids.csv").write_text("id_old,id_new\nMRN0000001,TRIAL-007\n")
    assert "1 new would be written" in deidgate("mapping", "import", "ids.csv", "--policy", "basic", *WHY, "--dry-run")
    assert not (own_place.parent / "data").exists()
    deidgate("mapping", "import", "ids.csv", "--policy", "basic", *WHY)
    deidgate("run", "--policy", "basic", "--jobs", 0, "incoming", "out")
    assert pydicom.dcmread(own_place / "out" / "IM1.dcm").PatientID == "TRIAL-007"
    (own_place / "clash.csv").write_text("id_old,id_new\nOTHER,TRIAL-007\n")
    assert "line 2" in deidgate("mapping", "import", "clash.csv", "--policy", "basic", *WHY, code=3)
    (own_place / "wrong.csv").write_text("a,b\n1,2\n")
    deidgate("mapping", "import", "wrong.csv", "--policy", "basic", *WHY, code=1)


def test_two_tables_give_two_pseudonyms_and_one_table_gives_one(incoming, own_place):
    for name, table in (("a", "one/m.db"), ("b", "one/m.db"), ("c", "two/m.db")):
        deidgate("run", "--policy", "basic", "--jobs", 0, "--mapping", table, "incoming", name)
    first, second, third = (pydicom.dcmread(own_place / name / "IM1.dcm") for name in "abc")
    assert (first.PatientID, first.SOPInstanceUID) == (second.PatientID, second.SOPInstanceUID)
    assert first.PatientID != third.PatientID and first.SOPInstanceUID != third.SOPInstanceUID


def test_a_table_without_its_keys_is_refused_and_not_given_new_ones(incoming, own_place):
    deidgate("run", "--policy", "basic", "--jobs", 0, "--mapping", "one/m.db", "incoming", "a")
    (own_place / "one" / "keys").rename(own_place / "elsewhere")
    assert "mapping-without-keys" in deidgate(
        "run", "--policy", "basic", "--jobs", 0, "--mapping", "one/m.db", "incoming", "b", code=1
    )
    assert not (own_place / "one" / "keys").exists()


def test_choices_in_the_terminal_become_a_policy(scan, own_place):
    listed = deidgate("select", scan, "mine.toml", "--policy", "basic", "--all", typed="q\n", code=1)
    numbers = {line.split()[2]: line.split()[0] for line in listed.splitlines() if line[:4].strip().isdigit()}
    typed = f"{numbers['KVP']} x\n{numbers['StudyTime']} k\n999 x\nw\n"
    deidgate("select", scan, "mine.toml", "--policy", "basic", "--all", typed=typed)
    assert "good" in deidgate("policy", "check", "mine.toml")
    said = {
        line.split()[2]: line.split()[0]
        for line in deidgate("explain", "--policy", "mine.toml", scan).splitlines()
        if line.split()[1].startswith("(")
    }
    assert (said["KVP"], said["StudyTime"]) in {("X", "K"), ("X", "C"), ("Z", "K"), ("Z", "C")}


def test_numbers_are_parted_by_spaces_as_well_as_by_commas(scan, own_place):
    listed = deidgate("select", scan, "mine.toml", "--policy", "basic", "--all", typed="q\n", code=1)
    names = {int(line.split()[0]): line.split()[2] for line in listed.splitlines() if line[:4].strip().isdigit()}
    deidgate("select", scan, "mine.toml", "--policy", "basic", "--all", typed="1 2 k\nw\n")
    elements = tomllib.loads((own_place / "mine.toml").read_text())["elements"]
    assert {names[1], names[2]} == set(elements)


@pytest.mark.parametrize(
    "table",
    [
        "[elements] # mine\nPatientAge = 'remove'\n",
        ' [ elements ]\n  "PatientAge" = "remove"  # so\n',
        '[elements]\n"(0010,1010)" = "remove"',
        "",
    ],
)
def test_a_choice_takes_the_place_of_the_line_that_the_policy_has(scan, own_place, table):
    shipped = Path(__file__).parents[3] / "orthanc-ingest" / "policies" / "basic.toml"
    (own_place / "base.toml").write_text(shipped.read_text() + table)
    listed = deidgate("select", scan, "mine.toml", "--policy", "base.toml", "--all", typed="q\n", code=1)
    number = next(line.split()[0] for line in listed.splitlines() if " PatientAge " in line)
    deidgate("select", scan, "mine.toml", "--policy", "base.toml", "--all", typed=f"{number} k\nw\n")
    assert tomllib.loads((own_place / "mine.toml").read_text())["elements"] == {"PatientAge": "keep"}
    assert "good" in deidgate("policy", "check", "mine.toml")


def test_a_policy_that_cannot_be_edited_is_refused_and_nothing_is_written(scan, own_place):
    shipped = Path(__file__).parents[3] / "orthanc-ingest" / "policies" / "basic.toml"
    (own_place / "base.toml").write_text("elements.PatientAge = 'remove'\n" + shipped.read_text())
    said = deidgate("select", scan, "mine.toml", "--policy", "base.toml", "--all", typed="1 k\nw\n", code=1)
    assert "policy-shape" in said and not (own_place / "mine.toml").exists()


# -- change ---------------------------------------------------------------------------------


def test_edit_warns_refuses_and_never_overwrites(scan, own_place):
    deidgate("edit", scan, "out.dcm", "--set", "PatientSex=M", "--delete", "PatientAddress")
    assert pydicom.dcmread("out.dcm").PatientSex == "M"
    assert "Type 1" in deidgate("edit", scan, "two.dcm", "--delete", "StudyInstanceUID")
    assert "breaks-the-iod" in deidgate("edit", scan, "three.dcm", "--delete", "StudyInstanceUID", "--strict", code=1)
    assert "destination-exists" in deidgate("edit", scan, "out.dcm", "--set", "PatientSex=F", code=1)
    assert pydicom.dcmread("out.dcm").PatientSex == "M"
    deidgate("edit", scan, "four.dcm", code=2)


def test_edit_warns_of_a_value_that_the_standard_does_not_list(scan):
    said = deidgate("edit", scan, "out.dcm", "--set", "PatientSex=MALE")
    assert "PatientSex" in said and "M, F, O" in said and "MALE" not in said
    assert "breaks-the-iod" in deidgate("edit", scan, "two.dcm", "--set", "PatientSex=MALE", "--strict", code=1)
    for value in ("F", "O", ""):
        assert "Enumerated" not in deidgate("edit", scan, f"out{value}x.dcm", "--set", f"PatientSex={value}")


@pytest.mark.parametrize(("part", "value"), [("_value", 70_000), ("_value", "many"), ("VR", "XX")])
def test_what_cannot_be_written_is_a_refusal_of_its_own(own_place, part, value):
    ds = ct(rows=16)
    setattr(ds["Rows"], part, value)
    with pytest.raises(ConfigurationError, match="dataset-not-writable"):
        write_dataset(ds, own_place / "out.dcm")
    assert not (own_place / "out.dcm").exists()


def test_pictures_are_exported_blanked_and_cropped(own_place):
    source = get_testdata_file("CT_small.dcm")
    deidgate("export", source, "a.png", "--window", 1000, 2000)
    assert Image.open("a.png").size == (128, 128)
    deidgate("blank", source, "b.dcm", "--box", 0, 0, 30, 128)
    made = pydicom.dcmread("b.dcm").pixel_array
    before = pydicom.dcmread(source).pixel_array
    assert len(np.unique(made[:30])) == 1 and np.array_equal(made[30:], before[30:])
    deidgate("crop", source, "c.dcm", "--box", 30, 20, 100, 120)
    assert np.array_equal(pydicom.dcmread("c.dcm").pixel_array, before[30:100, 20:120])
    assert pydicom.dcmread("c.dcm").SOPInstanceUID != pydicom.dcmread(source).SOPInstanceUID
    deidgate("blank", source, "d.dcm", "--box", 0, 0, 300, 128, code=1)
    deidgate("blank", source, "d.dcm", "--box", 30, 0, 30, 128, code=2)
    deidgate("export", source, "frames", "--frames", "2", code=2)


def test_a_crop_tells_of_what_it_leaves_out(own_place):
    ds = ct(rows=16)
    region = pydicom.Dataset()
    region.RegionLocationMinX0, region.RegionLocationMinY0 = 0, 0
    region.RegionLocationMaxX1, region.RegionLocationMaxY1 = 9, 9
    ds.SequenceOfUltrasoundRegions = [region]
    ds.ShutterShape = "RECTANGULAR"
    for group in (0x6000, 0x6002):
        ds.add_new((group, 0x0010), "US", 16)
        ds.add_new((group, 0x3000), "OW", bytes(32))
    (own_place / "in.dcm").write_bytes(encoded(ds))
    said = deidgate("crop", "in.dcm", "out.dcm", "--box", 2, 2, 8, 8)
    for name in ("SequenceOfUltrasoundRegions", "ShutterShape", "(6000,3000)", "(6002,3000)"):
        assert said.count(name) == 1
    assert said.count("left out") == 4
    assert "left out" not in deidgate("crop", "out.dcm", "again.dcm", "--box", 1, 1, 3, 3)


def test_all_frames_and_a_sheet(own_place):
    source = get_testdata_file("examples_ybr_color.dcm")
    deidgate("export", source, "frames", "--frames", "all", "--format", "jpeg")
    assert len(list((own_place / "frames").glob("*.jpg"))) == 30
    deidgate("export", source, "sheet.png", "--sheet", "--columns", 6)
    assert Image.open("sheet.png").width == 6 * 256
    deidgate("export", source, "one.png", "--sheet", "--frames", "1", "--columns", 6)
    assert Image.open("one.png").height < Image.open("sheet.png").height


@pytest.mark.parametrize("frames", ["²", "1-9999999999", "0", "31", "3-1", "1,", "-", "1-", "9" * 5000])
def test_frames_that_are_not_there_are_a_wrong_command_line(own_place, frames):
    deidgate("export", get_testdata_file("examples_ybr_color.dcm"), "frames", "--frames", frames, code=2)
    assert not (own_place / "frames").exists()


def test_overlays_are_taken_away(own_place):
    deidgate("overlay", get_testdata_file("examples_overlay.dcm"), "a.dcm", "--remove", "all")
    assert deidgate("show", "--group", "6000", "a.dcm") == ""


@pytest.mark.parametrize("group", ["0010", "6001", "6020", "7FE0", "-1", "six"])
def test_only_groups_of_overlays_are_taken_away(scan, group, own_place):
    deidgate("overlay", scan, "a.dcm", "--remove", group, code=2)
    assert not (own_place / "a.dcm").exists()


def test_what_is_blanked_is_in_no_icon_either(own_place):
    ds = ct(rows=16)
    icon = pydicom.Dataset()
    icon.Rows = icon.Columns = 4
    icon.BitsAllocated, icon.PixelData = 8, b"\x07" * 16
    ds.IconImageSequence = [icon]
    (own_place / "icon.dcm").write_bytes(encoded(ds))
    deidgate("blank", "icon.dcm", "out.dcm", "--box", 0, 0, 4, 4)
    assert "IconImageSequence" in pydicom.dcmread("icon.dcm") and "IconImageSequence" not in pydicom.dcmread("out.dcm")


def test_split_moves_and_says_what_stays(own_place):
    folder = own_place / "pictures"
    folder.mkdir()
    for name in ("P1_a.png", "P2_a.png", "plain.png"):
        (folder / name).write_text(name)
    assert "would be moved" in deidgate("split", "pictures", "--mask", ".png", "--dry-run", code=3)
    assert "2 moved, 1 stay" in deidgate("split", "pictures", "--mask", ".png", "--delimiter", "_", code=3)
    assert (folder / "P1" / "P1_a.png").exists() and (folder / "plain.png").exists()


def test_pictures_and_a_table_become_one_study_per_subject(own_place):
    folder = own_place / "pictures"
    folder.mkdir()
    for name in ("a.png", "b.png", "c.png"):
        Image.fromarray(np.zeros((8, 8), np.uint8)).save(folder / name)
    (folder / "notes.txt").write_text("x")
    (own_place / "table.csv").write_text("file,patient_id,sex\na.png,P1,F\nb.png,P1,F\nc.png,P2,M\n")
    said = deidgate("convert", "pictures", "out", "--table", "table.csv", "--study-date", "20240102", code=3)
    assert "notes.txt" in said
    made = [pydicom.dcmread(path) for path in sorted((own_place / "out").rglob("*.dcm"))]
    assert [(ds.PatientID, ds.PatientSex, ds.StudyDate) for ds in made] == [("P1", "F", "20240102")] * 2 + [
        ("P2", "M", "20240102")
    ]
    assert made[0].StudyInstanceUID == made[1].StudyInstanceUID != made[2].StudyInstanceUID


def test_a_medium_gets_a_directory_and_a_directory_is_overwritten(own_place):
    disc = own_place / "disc"
    disc.mkdir()
    (disc / "IM1").write_bytes(encoded(ct(rows=8)))
    assert "1 files listed" in deidgate("dicomdir", "rebuild", "disc")
    deidgate("dicomdir", "rebuild", "disc", code=1)
    deidgate("dicomdir", "redact", "disc/DICOMDIR", "new")
    assert b"Okafor" in (disc / "DICOMDIR").read_bytes() and b"Okafor" not in Path("new").read_bytes()
    assert {"PN", "PatientID"} <= set(deidgate("dicomdir", "redact", "--list").split())


def test_a_folder_of_which_nothing_can_be_listed_gets_no_directory_and_hears_why(incoming):
    said = deidgate("dicomdir", "rebuild", "incoming", code=1)
    assert "nothing-to-list" in said and "IM1.dcm is no part of a File ID" in said and "no extension" in said
    assert not (incoming / "DICOMDIR").exists()
    (incoming / "IM1.dcm").rename(incoming / "IM1")
    said = deidgate("dicomdir", "rebuild", "incoming", code=3)
    assert "1 files listed" in said and "IM2.dcm is no part of a File ID" in said


def test_a_folder_is_watched(incoming, own_place):
    for path in incoming.iterdir():
        os.utime(path, (1, 1))
    deidgate("serve", "incoming", "out", "--policy", "basic", "--jobs", 0, "--settle", 0, "--once")
    assert len(list((own_place / "out").glob("*.dcm"))) == 3


def test_a_missing_part_is_one_line_that_says_which(own_place, monkeypatch):
    from deidgate.convert import missing

    def without(name):
        raise ImportError(name)

    # The command's own module is imported before, as the first call does.
    deidgate("redact-pdf", "--help")
    monkeypatch.setattr(missing.importlib, "import_module", without)
    (own_place / "x.pdf").write_bytes(b"%PDF-1.4")
    said = deidgate("redact-pdf", "x.pdf", "y.pdf", code=1)
    assert "pip install '.[convert]'" in said and len(said.strip().splitlines()) == 1


def test_the_standard_is_shown_and_compared(own_place):
    assert "Patient's Name" in deidgate("standard", "show", "PatientName")
    deidgate("standard", "show", "Rows", code=1)
    (own_place / "other.json").write_text(
        json.dumps({"rows": [{"tag": "(0010,0010)", "name": "Patient's Name", "basicProfile": "X"}]})
    )
    said = deidgate("standard", "diff", "other.json", code=3)
    assert "(0010,0010) basicProfile: Z → X" in said


def test_archives_are_results_too(own_place):
    folder = own_place / "in"
    folder.mkdir()
    (folder / "a.zip").write_bytes(zipped([("IM1.dcm", encoded(ct(rows=8)))]))
    deidgate("run", "--policy", "basic", "--jobs", 0, "in", "out")
    assert zipfile.ZipFile(own_place / "out" / "a.zip").namelist() == ["IM1.dcm"]


def test_a_dataset_without_file_meta_is_explained_edited_and_verified_as_it_is_written(own_place):
    source = get_testdata_file("ExplVR_LitEndNoMeta.dcm")
    deidgate("edit", source, "edited.dcm", "--add", "PatientID=P1")
    edited = pydicom.dcmread("edited.dcm")
    assert edited.file_meta.TransferSyntaxUID.is_implicit_VR is False
    assert "PatientID" in deidgate("explain", "--policy", "basic", source)
    Path("bare").write_bytes(Path("edited.dcm").read_bytes()[132:])
    deidgate("run", "--policy", "basic", "--jobs", 0, "bare", "out")
    (result,) = Path("out").iterdir()
    assert "0 with findings" in deidgate("verify", "bare", result)


@pytest.mark.parametrize("out", ["out.tar", "out.dcm", "OUT.TGZ"])
def test_a_result_named_like_a_file_that_cannot_be_made_is_refused_and_makes_no_folder(scan, out):
    assert "--beside" in deidgate("run", scan, out, code=2)
    assert not Path(out).exists()


# -- no code alone --------------------------------------------------------------------------


@pytest.fixture
def photo(own_place) -> Path:
    path = own_place / "photo.png"
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(path)
    return path


@pytest.mark.parametrize(
    "words",
    [
        ("show", "photo.png"),
        ("explain", "photo.png"),
        ("edit", "photo.png", "out.dcm", "--new-uids"),
        ("blank", "photo.png", "out.dcm", "--box", 0, 0, 1, 1),
        ("export", "photo.png", "out.png"),
    ],
)
def test_who_gives_a_picture_for_an_instance_is_told_how_it_becomes_one(photo, words):
    said = deidgate(*words, code=1)
    assert "not-dicom-picture" in said and "deidgate convert" in said and "--copy-other" not in said


def test_advice_to_copy_what_is_not_dicom_names_the_command_that_does(own_place):
    (own_place / "notes.txt").write_text("x" * 400)
    assert "deidgate run --copy-other" in deidgate("show", "notes.txt", code=1)


def test_a_policy_that_is_no_toml_is_refused_in_words(incoming):
    Path("README.txt").write_text("# read me\nnot a policy\n")
    said = deidgate("run", "--policy", "./README.txt", "incoming", "out", code=1)
    assert "not-toml" in said and "the file is no TOML" in said and "deidgate policy copy" in said


def test_what_is_not_split_is_said_in_words(own_place):
    folder = own_place / "pictures"
    folder.mkdir()
    (folder / "plain.png").write_bytes(b"x")
    assert "stays, no-delimiter: its name has no delimiter" in deidgate("split", "pictures", code=3)


def test_what_is_not_sent_is_said_in_words(photo):
    said = deidgate("send", "localhost", 1, "photo.png", code=1)
    assert "photo.png: not-dicom: the file is no DICOM instance" in said and "0 of 1 file sent" in said


def test_a_host_that_nobody_knows_is_not_one_where_nobody_listens(scan):
    said = deidgate("echo", "no-such-host.invalid", 104, code=1)
    assert "host-unknown" in said and "no address is known" in said and "not-reached" not in said


def test_without_patient_id_the_report_says_how_to_give_one_and_that_works(own_place, scan):
    deidgate("edit", "IM0001.dcm", "blank.dcm", "--set", "PatientID=")
    said = deidgate("run", "--policy", "basic", "--jobs", 0, "blank.dcm", "out", code=3)
    assert "1 file: 1 held" in said
    assert "patient-id-blank" in said and "--add PatientID=" in said and "convert --patient-id" in said
    deidgate("edit", "blank.dcm", "new.dcm", "--add", "PatientID=P1")
    deidgate("run", "--policy", "basic", "--jobs", 0, "new.dcm", "out2")


@pytest.mark.parametrize("code", ["patient-id-blank", "identifier-missing", "vr-is-not-the-attributes"])
def test_who_has_no_sender_to_ask_is_told_what_to_type(code):
    assert "deidgate edit" in meaning(code).to_do


# -- what is typed wrong is said before anything is made --------------------------------------


def test_a_mistyped_input_leaves_nothing_behind(own_place):
    assert "input-missing" in deidgate("run", "--policy", "basic", "--jobs", 0, "nope", "out", code=1)
    assert list(own_place.iterdir()) == []


@pytest.mark.parametrize(
    "words",
    [
        ("picture.bmp",),
        ("sheet.tif", "--sheet"),
        ("frames.png", "--frames", "1-2"),
        ("picture.png", "--format", "jpeg"),
    ],
)
def test_a_picture_gets_no_name_of_another_kind_and_several_get_no_name_of_one(own_place, words):
    (own_place / "us.dcm").write_bytes(Path(get_testdata_file("examples_ybr_color.dcm")).read_bytes())
    deidgate("export", "us.dcm", *words, code=2)
    assert [path.name for path in own_place.iterdir()] == ["us.dcm"]


def test_a_folder_that_is_there_takes_pictures_whatever_its_name(own_place, scan):
    (own_place / "study.png").mkdir()
    deidgate("export", "IM0001.dcm", "study.png")
    assert (own_place / "study.png" / "0001.png").exists()


def test_a_new_mapping_table_is_told_of_once(incoming, own_place):
    place = own_place / "elsewhere" / "x.db"
    words = ("run", "--policy", "basic", "--jobs", 0, "--mapping", place, "incoming")
    assert "new mapping table" not in deidgate(*words, "dry", "--dry-run")
    assert f"new mapping table made at {place}" in deidgate(*words, "one")
    assert "new mapping table" not in deidgate(*words, "two")


def test_a_new_mapping_table_is_told_of_by_import_and_serve(incoming, own_place):
    Path("ids.csv").write_text("id_old,id_new\nMRN1,T-1\n")
    assert "new mapping table made at" in deidgate("mapping", "import", "ids.csv", "--mapping", "a/x.db", *WHY)
    words = ("serve", "incoming", "out", "--policy", "basic", "--jobs", 0, "--settle", 0, "--once")
    assert "new mapping table made at" in deidgate(*words, "--mapping", "b/x.db")


@pytest.mark.parametrize("date", ["foo", "2024", "20241301", "20240101-2024", "-", "20240201-20240101", "1-2-3"])
@pytest.mark.parametrize("words", [("query", "localhost", 1), ("pull", "localhost", 1, "in")])
def test_a_date_that_is_none_is_not_asked_for(words, date, own_place):
    assert "Usage:" in deidgate(*words, "--date", date, code=2)
    assert list(own_place.iterdir()) == []


@pytest.mark.parametrize("date", ["20240229", "20240101-20240131", "20240101-", "-20240131"])
def test_a_date_or_an_open_or_closed_range_is_asked_for(date):
    assert "not-reached" in deidgate("query", "localhost", 1, "--date", date, "--timeout", 2, code=1)


def test_a_purge_looks_before_it_asks(incoming):
    deidgate("run", "--policy", "basic", "--jobs", 0, "incoming", "out")
    said = deidgate("mapping", "purge", "P-NOBODY", "--why", "x", code=3)
    assert "nobody in project default" in said and "for ever?" not in said
    pseudonym = pydicom.dcmread("out/IM1.dcm").PatientID
    said = deidgate("mapping", "purge", pseudonym, "--why", "x", code=1, typed="n\n")
    assert "for ever?" in said
    assert "the patient and 5 UIDs forgotten" in deidgate("mapping", "purge", pseudonym, "--why", "x", typed="y\n")
