# SPDX-License-Identifier: Apache-2.0
"""A run over whatever people have on their disks."""

import csv
import gzip
import io
import os
import shutil
import stat
import zipfile
from dataclasses import replace
from pathlib import Path

import pydicom
import pytest
from pydicom.data import get_testdata_files
from pydicom.fileset import FileSet
from tests.data.nobody import as_nobody, open_to_all
from tests.data.toolbox_archives import encrypted, tarred, zipped
from tests.data.toolbox_series import ct, encoded

from deidgate import Deidentifier
from deidgate.errors import ConfigurationError
from deidgate.files import staging
from deidgate.files.archive import TarWriter, ZipWriter
from deidgate.files.direct import DirectWriter
from deidgate.files.limits import Limits


def image(patient=1, instance=1, series=1) -> bytes:
    return encoded(ct(patient, 1, series, instance, rows=8))


def made_by_us(dataset) -> bool:
    """It went through the engine: it says by what method, and the patient is another."""
    return any("Deidgate basic" in value for value in dataset.DeidentificationMethod) and dataset.PatientID.startswith(
        "P-"
    )


@pytest.fixture
def incoming(tmp_path) -> Path:
    folder = tmp_path / "incoming"
    folder.mkdir()
    return folder


@pytest.fixture
def deidentifier(tmp_path):
    with Deidentifier("basic", mapping=tmp_path / "private" / "mapping.db") as one:
        yield one


def report(tmp_path, name="out") -> dict[str, dict[str, str]]:
    """The report's lines by the last part of the source."""
    with (tmp_path / f"{name}.deidgate" / "report.csv").open(newline="", encoding="utf-8-sig") as file:
        return {row["source"].removeprefix("'").rpartition("incoming/")[2]: row for row in csv.DictReader(file)}


def results(tmp_path, name="out") -> list[str]:
    folder = tmp_path / name
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def run(deidentifier, tmp_path, *, name="out", **options):
    return deidentifier.run([tmp_path / "incoming"], tmp_path / name, **{"jobs": 0, **options})


# -- any mix --------------------------------------------------------------------------------


def test_any_mix_in_one_folder_is_done_and_told_of(deidentifier, incoming, tmp_path):
    (incoming / "noextension").write_bytes(image(1, 1))
    (incoming / "CT").mkdir()
    (incoming / "CT" / "IM1.dcm").write_bytes(image(1, 2))
    (incoming / "study.zip").write_bytes(
        zipped([("SE1/IM1.dcm", image(1, 3)), ("inner.zip", zipped([("IM2", image(1, 4))]))])
    )
    (incoming / "study.tar.gz").write_bytes(tarred([("IM3", image(1, 5))], "w:gz"))
    (incoming / "readme.txt").write_text("hello")
    (incoming / "empty.dcm").write_bytes(b"")
    (incoming / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0 not much of a picture")
    summary = run(deidentifier, tmp_path)
    lines = report(tmp_path)
    assert summary.counts == {"archive": 3, "done": 5, "skipped": 3}
    assert summary.complete
    assert lines["readme.txt"]["code"] == "not-dicom" and lines["readme.txt"]["what to do"]
    assert lines["empty.dcm"]["code"] == "empty-file"
    assert lines["photo.jpg"]["code"] == "not-dicom-picture"
    assert lines["study.zip!/inner.zip!/IM2"]["status"] == "done"
    with zipfile.ZipFile(tmp_path / "out" / lines["study.zip"]["destination"]) as archive:
        assert sorted(archive.namelist()) == ["SE1/IM1.dcm", "inner.zip"]
        inner = zipfile.ZipFile(io.BytesIO(archive.read("inner.zip")))
        assert made_by_us(pydicom.dcmread(io.BytesIO(inner.read("IM2"))))


def test_originals_are_not_touched(deidentifier, incoming, tmp_path):
    (incoming / "IM1.dcm").write_bytes(image())
    (incoming / "a.zip").write_bytes(zipped([("IM2", image(1, 2))]))
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_ino) for path in incoming.iterdir()}
    run(deidentifier, tmp_path)
    assert {
        path: (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_ino) for path in incoming.iterdir()
    } == before


def test_no_identifier_is_in_any_name_of_a_result(deidentifier, incoming, tmp_path):
    needles = ("fernandez", "maria", "0000001", "20210304", "19570811", "acc00001", "1.2.826", "brendan", "471104711")
    for name in (
        "Fernandez_Maria/20210304/IM1.dcm",
        "MRN0000001/x",
        "ACC000011.dcm",
        "1.2.826.0.1.3680043.10.99999.1.1.1.5",
    ):
        path = incoming / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(image(1, len(name)))
    (incoming / "Fernandez.zip").write_bytes(zipped([("Maria/IM471104711.dcm", image(1, 77))]))
    for layout in ("mirror", "patient-index", "uid"):
        run(deidentifier, tmp_path, name=layout, layout=layout)
        names = "\n".join(results(tmp_path, layout)).lower()
        for archive in (tmp_path / layout).rglob("*.zip"):
            names += "\n".join(zipfile.ZipFile(archive).namelist()).lower()
        assert len(results(tmp_path, layout)) == 5
        assert [needle for needle in needles if needle in names] == []


def test_a_patient_id_of_the_form_of_a_counted_name_is_in_no_name_of_a_result(deidentifier, incoming, tmp_path):
    for number, patient_id in enumerate(("P07", "S01", "12-34", "sub-12", "MR12")):
        ds = ct(number, 1, 1, 1, rows=8)
        ds.PatientID = patient_id
        (incoming / patient_id).mkdir()
        (incoming / patient_id / "IM1").write_bytes(encoded(ds))
        (incoming / f"{patient_id}.zip").write_bytes(zipped([(f"{patient_id}/IM1", encoded(ds))]))
    run(deidentifier, tmp_path)
    names = "\n".join(results(tmp_path))
    for archive in (tmp_path / "out").glob("*.zip"):
        names += "\n" + "\n".join(zipfile.ZipFile(archive).namelist())
    assert names.count("/IM1") == 10
    assert [one for one in ("P07", "S01", "12-34", "sub-12", "MR12") if one in names] == []


def test_harmless_names_and_the_shape_of_the_tree_stay(deidentifier, incoming, tmp_path):
    for name in ("ST1/SE1/IM1.dcm", "ST1/SE2/IM1.dcm", "ST2/IM7"):
        path = incoming / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(image(1, len(str(path)), 1))
    run(deidentifier, tmp_path)
    assert results(tmp_path) == ["ST1/SE1/IM1.dcm", "ST1/SE2/IM1.dcm", "ST2/IM7"]


def test_several_folders_do_not_collide(deidentifier, tmp_path):
    for root in ("a/incoming", "b/incoming"):
        (tmp_path / root).mkdir(parents=True)
        (tmp_path / root / "IM1.dcm").write_bytes(image(1, len(root) + ord(root[0])))
    deidentifier.run([tmp_path / "a" / "incoming", tmp_path / "b" / "incoming"], tmp_path / "out", jobs=0)
    one, other = (Path(name) for name in results(tmp_path))
    assert one.parent != other.parent and one.name == other.name == "IM1.dcm"


def test_the_name_of_an_input_folder_is_not_told_and_is_the_same_beside_further_ones(deidentifier, incoming, tmp_path):
    for number, name in enumerate(("4711", "4712", "DOE", "CT")):
        (incoming / name).mkdir()
        (incoming / name / "IM1").write_bytes(image(number, 1))
    deidentifier.run([incoming / "4711", incoming / "DOE"], tmp_path / "out", jobs=0)
    before = results(tmp_path)
    deidentifier.run(sorted(incoming.iterdir()), tmp_path / "out", jobs=0)
    assert len(before) == 2 and len(results(tmp_path)) == 4 and set(before) < set(results(tmp_path))
    deidentifier.run(sorted(incoming.iterdir()), tmp_path / "again", jobs=0)
    assert results(tmp_path, "again") == results(tmp_path)
    folders = {Path(name).parent.name for name in results(tmp_path)}
    assert len(folders) == 4 and folders.isdisjoint({"4711", "4712", "DOE", "CT"})


@pytest.mark.parametrize("given", [["SE1/IM1.dcm", "."], [".", "SE1"], ["SE1", ".", "SE1/IM2.dcm"], [".", "."]])
@pytest.mark.parametrize("jobs", [0, 1])
def test_a_file_that_several_inputs_lead_to_is_done_once(deidentifier, incoming, tmp_path, given, jobs):
    (incoming / "SE1").mkdir()
    for number in (1, 2):
        (incoming / "SE1" / f"IM{number}.dcm").write_bytes(image(1, number))
    (incoming / "SE1" / "lost").symlink_to(tmp_path / "nowhere")
    for resumed in (0, 2):
        summary = deidentifier.run([incoming / path for path in given], tmp_path / "out", jobs=jobs)
        assert (summary.counts, summary.resumed) == ({"done": 2, "skipped": 1}, resumed)
    assert len(results(tmp_path)) == 2


def test_a_file_given_alone_gets_its_own_ending(deidentifier, incoming, tmp_path):
    (incoming / "IM1.dcm").write_bytes(image())
    (incoming / "doe.dcm").write_bytes(image(1, 2))
    deidentifier.run([incoming / "IM1.dcm", incoming / "doe.dcm"], tmp_path / "out", jobs=0)
    found = results(tmp_path)
    assert "IM1_deidentified.dcm" in found
    assert all(name.endswith("_deidentified.dcm") for name in found) and not any("doe" in name for name in found)


def test_files_of_one_name_out_of_any_number_of_folders_all_get_a_result(deidentifier, incoming, tmp_path):
    files = [incoming / f"day{number}" / "IM1.dcm" for number in range(1, 6)]
    for number, path in enumerate(files):
        path.parent.mkdir()
        path.write_bytes(image(1, number))
    for _ in range(2):
        assert deidentifier.run(files, tmp_path / "out", jobs=0).counts == {"done": 5}
        assert len(results(tmp_path)) == 5
    assert len({line["destination"] for line in report(tmp_path).values()}) == 5
    assert all(name.endswith("_deidentified.dcm") for name in results(tmp_path))
    for path in (tmp_path / "out").iterdir():
        path.write_text("somebody's")
    assert deidentifier.run(files, tmp_path / "out", jobs=0, state=tmp_path / "other").counts == {"done": 5}
    assert len(results(tmp_path)) == 10


def test_copies_can_lie_beside_their_originals(deidentifier, incoming, tmp_path):
    (incoming / "IM1.dcm").write_bytes(image())
    deidentifier.run([incoming / "IM1.dcm"], incoming, beside=True, jobs=0, state=tmp_path / "state")
    assert sorted(path.name for path in incoming.iterdir()) == ["IM1.dcm", "IM1_deidentified.dcm"]


def test_other_files_are_copied_only_if_asked_and_under_harmless_names(deidentifier, incoming, tmp_path):
    (incoming / "doe_report.txt").write_text("secret")
    run(deidentifier, tmp_path)
    assert results(tmp_path) == []
    summary = run(deidentifier, tmp_path, name="out2", copy_other=True)
    assert summary.counts == {"copied": 1}
    dry = run(deidentifier, tmp_path, name="dry", copy_other=True, dry_run=True)
    assert dry.counts == {"planned": 1} and report(tmp_path, "dry")["doe_report.txt"]["code"] == "copied-other"
    (name,) = results(tmp_path, "out2")
    assert "doe" not in name and (tmp_path / "out2" / name).read_text() == "secret"


def test_other_files_name_nobody_and_stay_beside_the_images_of_their_folder(deidentifier, incoming, tmp_path):
    for name in ("4711/readme.txt", "4711/hand.pdf", "SE1/4711.txt", "SE1/IM7.txt"):
        (incoming / name).parent.mkdir(exist_ok=True)
        (incoming / name).write_text(name)
    for folder in ("4711", "SE1"):
        ds = ct(1, 1, 1, len(folder), rows=8)
        ds.PatientID = "4711"
        (incoming / folder / "IM1.dcm").write_bytes(encoded(ds))
    (incoming / "4711.zip").write_bytes(zipped([("4711/hand.txt", b"other")]))
    assert run(deidentifier, tmp_path, copy_other=True).counts == {"archive": 1, "copied": 5, "done": 2}
    names = [Path(name) for name in results(tmp_path)]
    inside = zipfile.ZipFile(next((tmp_path / "out").glob("*.zip"))).namelist()
    assert not [
        str(name) for name in [*names, *inside] if any(word in str(name) for word in ("4711", "hand", "readme"))
    ]
    assert sorted(str(name.parent) for name in names).count("SE1") == 3
    assert len({name.parent for name in names}) == 3


# -- numbers --------------------------------------------------------------------------------


def test_patient_index_and_image_numbers_are_the_same_over_runs(deidentifier, incoming, tmp_path):
    for patient in (1, 2):
        for number in (1, 2):
            (incoming / f"IM{patient}{number}.dcm").write_bytes(image(patient, number))
    run(deidentifier, tmp_path, name="one", layout="patient-index")
    (incoming / "IM0.dcm").write_bytes(image(3, 1))
    (incoming / "IM13.dcm").write_bytes(image(1, 3))
    run(deidentifier, tmp_path, name="two", layout="patient-index")
    assert results(tmp_path, "one") == ["0001/000001.dcm", "0001/000002.dcm", "0002/000001.dcm", "0002/000002.dcm"]
    for name in results(tmp_path, "one"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert set(results(tmp_path, "two")) - set(results(tmp_path, "one")) == {"0001/000003.dcm", "0003/000001.dcm"}


def test_the_same_instance_twice_is_one_result_and_another_content_is_told_of(deidentifier, incoming, tmp_path):
    (incoming / "IM1.dcm").write_bytes(image(1, 1))
    (incoming / "IM2.dcm").write_bytes(image(1, 1))
    changed = ct(1, 1, 1, 1, rows=8)
    changed.SliceLocation = "7"
    (incoming / "IM3.dcm").write_bytes(encoded(changed))
    run(deidentifier, tmp_path, layout="uid")
    lines = report(tmp_path)
    assert len(results(tmp_path)) == 1
    assert lines["IM2.dcm"]["code"] == "duplicate"
    assert (lines["IM3.dcm"]["status"], lines["IM3.dcm"]["code"]) == ("held", "same-uid-different-content")


def test_identities_are_reported_only_if_asked(deidentifier, incoming, tmp_path):
    (incoming / "IM1.dcm").write_bytes(image())
    run(deidentifier, tmp_path)
    assert not (tmp_path / "out.deidgate" / "identities.csv").exists()
    run(deidentifier, tmp_path, name="two", identities=True)
    path = tmp_path / "two.deidgate" / "identities.csv"
    assert "Okafor^Chidi" in path.read_text(encoding="utf-8-sig")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "Okafor" not in (tmp_path / "two.deidgate" / "report.csv").read_text(encoding="utf-8-sig")


def test_a_dry_run_writes_no_result_and_leaves_the_mapping_table_alone(tmp_path, incoming):
    (incoming / "IM1.dcm").write_bytes(image())
    (incoming / "broken.dcm").write_bytes(image()[:700])
    with Deidentifier("basic", mapping=tmp_path / "private" / "mapping.db") as deidentifier:
        summary = run(deidentifier, tmp_path, dry_run=True)
    assert summary.counts == {"held": 1, "planned": 1}
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "private").exists()


# -- media ----------------------------------------------------------------------------------


@pytest.fixture
def disc(incoming) -> Path:
    base = Path(next(name for name in get_testdata_files() if name.endswith("dicomdirtests/DICOMDIR"))).parent
    shutil.copytree(base / "77654033", incoming / "disc" / "77654033")
    shutil.copytree(base / "98892003" / "MR1", incoming / "disc" / "98892003" / "MR1")
    shutil.copy(base / "DICOMDIR", incoming / "disc" / "DICOMDIR")
    return incoming / "disc"


def test_a_directory_of_a_medium_is_made_anew_and_lists_every_result(deidentifier, disc, tmp_path):
    summary = run(deidentifier, tmp_path)
    (directory,) = summary.media
    assert directory == tmp_path / "out" / "disc" / "DICOMDIR"
    read = FileSet(directory)
    assert len(read) == summary.counts["done"] == 10
    for instance in read:
        assert made_by_us(instance.load())
    assert b"Doe" not in directory.read_bytes() and b"77654033" not in directory.read_bytes()


def test_in_redact_mode_the_old_directory_leads_to_the_results(deidentifier, disc, tmp_path):
    run(deidentifier, tmp_path, dicomdir="redact")
    directory = next((tmp_path / "out").rglob("DICOMDIR"))
    content = directory.read_bytes()
    assert len(content) == (disc / "DICOMDIR").stat().st_size
    assert b"Doe" not in content and b"77654033" not in content
    listed = {
        "/".join(record.ReferencedFileID)
        for record in pydicom.dcmread(directory).DirectoryRecordSequence
        if "ReferencedFileID" in record
    }
    made = {str(path.relative_to(directory.parent)) for path in directory.parent.rglob("*") if path.is_file()} - {
        "DICOMDIR"
    }
    assert len(made) == 10 and made <= listed


def test_a_directory_that_was_overwritten_is_not_said_to_be_copied_as_it_is(deidentifier, disc, tmp_path):
    summary = run(deidentifier, tmp_path, dicomdir="redact", copy_other=True)
    line = report(tmp_path)["disc/DICOMDIR"]
    assert (line["status"], line["code"]) == ("redacted", "dicomdir-redacted") and "overwritten" in line["reason"]
    assert summary.counts["redacted"] == 1 and summary.complete
    run(deidentifier, tmp_path, name="dry", dicomdir="redact", dry_run=True)
    line = report(tmp_path, "dry")["disc/DICOMDIR"]
    assert (line["status"], line["code"]) == ("planned", "dicomdir-redacted")


def test_a_directory_is_said_to_be_made_anew_only_where_it_is(deidentifier, disc, incoming, tmp_path):
    (incoming / "disc.zip").write_bytes(zipped([("DICOMDIR", (disc / "DICOMDIR").read_bytes()), ("IM1", image())]))
    run(deidentifier, tmp_path)
    lines = report(tmp_path)
    assert lines["disc/DICOMDIR"]["code"] == "dicomdir" and lines["disc.zip!/DICOMDIR"]["code"] == "dicomdir-dropped"
    for name, options in {"drop": {"dicomdir": "drop"}, "uid": {"layout": "uid"}}.items():
        run(deidentifier, tmp_path, name=name, **options)
        assert report(tmp_path, name)["disc/DICOMDIR"]["code"] == "dicomdir-dropped"
        assert not list((tmp_path / name).rglob("DICOMDIR"))
    assert run(deidentifier, tmp_path, name="redact", dicomdir="redact", dry_run=True).counts["planned"] == 12


def test_a_directory_can_be_had_for_any_results(deidentifier, incoming, tmp_path):
    (incoming / "doe.dcm").write_bytes(image(1, 1))
    (incoming / "roe.dcm").write_bytes(image(2, 1))
    run(deidentifier, tmp_path, layout="patient-index", dicomdir="always")
    assert results(tmp_path) == ["DICOMDIR", "P0000001/I0000001", "P0000002/I0000001"]
    assert len(FileSet(tmp_path / "out" / "DICOMDIR")) == 2


def test_a_directory_of_somebody_else_is_not_replaced_and_that_is_told(deidentifier, incoming, tmp_path):
    (incoming / "doe.dcm").write_bytes(image(1, 1))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "DICOMDIR").write_text("somebody's")
    summary = run(deidentifier, tmp_path, dicomdir="always")
    assert (tmp_path / "out" / "DICOMDIR").read_text() == "somebody's"
    assert not summary.complete and summary.codes == {"dicomdir-of-another": 1} and summary.media == ()
    line = report(tmp_path)["doe.dcm"]
    assert (line["status"], line["code"]) == ("done", "dicomdir-of-another") and line["what to do"]
    (tmp_path / "out" / "DICOMDIR").unlink()
    (incoming / "roe.dcm").write_bytes(image(2, 1))
    for _ in range(2):
        summary = run(deidentifier, tmp_path, dicomdir="always")
        assert summary.complete and summary.codes == {} and len(FileSet(tmp_path / "out" / "DICOMDIR")) == 2
    assert {line["code"] for line in report(tmp_path).values()} == {""}


def test_a_result_that_no_directory_can_list_is_told_of(deidentifier, incoming, tmp_path):
    deep = incoming.joinpath(*"ABCDEFGH")
    deep.mkdir(parents=True)
    (deep / "IM1").write_bytes(image(1, 1))
    (incoming / "IM2").write_bytes(image(1, 2))
    summary = run(deidentifier, tmp_path, dicomdir="always")
    assert len(FileSet(tmp_path / "out" / "DICOMDIR")) == 1
    assert not summary.complete and (summary.unlisted, summary.codes) == (1, {"not-in-dicomdir": 1})
    lines = report(tmp_path)
    assert lines["A/B/C/D/E/F/G/H/IM1"]["code"] == "not-in-dicomdir" and lines["IM2"]["code"] == ""


def test_a_directory_cannot_name_files_by_uid(deidentifier, incoming, tmp_path):
    with pytest.raises(ConfigurationError, match="layout-needs-file-ids"):
        run(deidentifier, tmp_path, layout="uid", dicomdir="always")


# -- bad input ------------------------------------------------------------------------------


def test_one_bad_file_never_stops_the_rest(deidentifier, incoming, tmp_path):
    (incoming / "1broken.dcm").write_bytes(image()[:900])
    (incoming / "2nonsense.dcm").write_bytes(b"\0" * 128 + b"DICM" + os.urandom(3000))
    (incoming / "3random").write_bytes(os.urandom(5000))
    (incoming / "4good.dcm").write_bytes(image(1, 4))
    summary = run(deidentifier, tmp_path)
    assert summary.counts["done"] == 1 and summary.counts["held"] == 2 and not summary.complete
    lines = report(tmp_path)
    for name in ("1broken.dcm", "2nonsense.dcm"):
        assert lines[name]["code"] and lines[name]["reason"] and lines[name]["what to do"]


def test_a_blank_patient_id_is_held(deidentifier, incoming, tmp_path):
    ds = ct(rows=8)
    ds.PatientID = ""
    (incoming / "IM1.dcm").write_bytes(encoded(ds))
    run(deidentifier, tmp_path)
    assert report(tmp_path)["IM1.dcm"]["code"] == "patient-id-blank"


@pytest.mark.parametrize("jobs", [0, 1])
def test_another_person_under_a_known_patient_id_is_held_until_that_is_accepted(deidentifier, incoming, tmp_path, jobs):
    for number, name in ((1, "Doe^Jane"), (2, "Roe^Richard")):
        ds = ct(1, number, 1, 1, rows=8)
        ds.PatientName = name
        (incoming / f"IM{number}.dcm").write_bytes(encoded(ds))
    run(deidentifier, tmp_path, jobs=jobs)
    assert sorted(line["code"] for line in report(tmp_path).values()) == ["", "patient-id-collides"]
    assert "--accept patient-id-collides" in "".join(line["what to do"] for line in report(tmp_path).values())
    dry = deidentifier.run([incoming], tmp_path / "dry", dry_run=True, jobs=0)
    assert dry.codes == {"patient-id-collides": 1}, "a dry run foretells it"

    again = run(deidentifier, tmp_path, jobs=jobs, accept=["patient-id-collides"])
    assert again.complete and len(results(tmp_path)) == 2


def test_two_patients_in_one_study_are_told_of(deidentifier, incoming, tmp_path):
    for number in (1, 2):
        ds = ct(1, 1, 1, number, rows=8)
        ds.PatientID = f"ID{number}"
        (incoming / f"IM{number}.dcm").write_bytes(encoded(ds))
    run(deidentifier, tmp_path)
    assert sorted(line["code"] for line in report(tmp_path).values()) == ["", "study-has-two-patients"]


def test_password_protected_archives_are_told_of(deidentifier, incoming, tmp_path):
    (incoming / "a.zip").write_bytes(encrypted([("IM1", image())]))
    run(deidentifier, tmp_path)
    lines = report(tmp_path)
    assert lines["a.zip!/IM1"]["code"] == "password-protected"
    assert results(tmp_path) == []


def test_path_traversal_in_an_archive_writes_nothing_outside(deidentifier, incoming, tmp_path):
    (incoming / "a.zip").write_bytes(zipped([("../../evil.dcm", image()), ("good.dcm", image(1, 2))]))
    before = set(tmp_path.iterdir())
    run(deidentifier, tmp_path)
    lines = report(tmp_path)
    assert lines["a.zip!/../../evil.dcm"]["code"] == "path-traversal"
    assert {path.name for path in set(tmp_path.iterdir()) - before} == {"out", "out.deidgate", "private"}
    assert not list(tmp_path.rglob("evil*"))


def test_a_zip_bomb_is_refused_and_the_rest_goes_on(deidentifier, incoming, tmp_path):
    (incoming / "bomb.zip").write_bytes(zipped([("zeros", b"\0" * 30_000_000)]))
    (incoming / "good.dcm").write_bytes(image())
    summary = run(deidentifier, tmp_path, limits=Limits(ratio_from_bytes=1 << 20))
    assert report(tmp_path)["bomb.zip"]["code"] == "archive-too-large"
    assert summary.counts["done"] == 1


def test_archives_nested_beyond_the_limit_are_refused(deidentifier, incoming, tmp_path):
    content = image()
    for _ in range(5):
        content = zipped([("a.zip", content)])
    (incoming / "deep.zip").write_bytes(content)
    run(deidentifier, tmp_path)
    assert "archive-too-large" in {line["code"] for line in report(tmp_path).values()}


def test_a_damaged_member_never_stops_the_rest_of_its_archive(deidentifier, incoming, tmp_path, capfd):
    pressed = gzip.compress(image(1, 9))
    outer = [
        ("IM1.dcm", image(1, 1)),
        ("bad.gz", pressed[:12] + b"\xff" * 2000),
        ("bad.zip", zipped([("näme", image(1, 8))]).replace("näme".encode(), b"n\xff\xffme")),
        ("IM2.dcm", image(1, 2)),
    ]
    (incoming / "a.zip").write_bytes(zipped(outer))
    (incoming / "alone.dcm.gz").write_bytes(pressed[:12] + b"\xff" * 2000)
    run(deidentifier, tmp_path)
    codes = {name: (line["status"], line["code"]) for name, line in report(tmp_path).items()}
    assert codes == {
        "a.zip": ("held", "archive-incomplete"),
        "a.zip!/IM1.dcm": ("done", ""),
        "a.zip!/bad.gz": ("held", "damaged-archive"),
        "a.zip!/bad.zip": ("held", "damaged-archive"),
        "a.zip!/IM2.dcm": ("done", ""),
        "alone.dcm.gz": ("held", "damaged-archive"),
    }
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("full_at", [10, 66])
@pytest.mark.parametrize("pack", [zipped, lambda inside: tarred(inside, "w:gz")], ids=["zip", "tgz"])
def test_a_full_disk_in_the_middle_of_an_archive_stops_the_run_and_the_next_does_it_whole(
    deidentifier, incoming, tmp_path, monkeypatch, capfd, pack, full_at
):
    (incoming / "a.archive").write_bytes(pack([(f"IM{number}", image(1, number)) for number in range(1, 71)]))
    writer = ZipWriter if pack is zipped else TarWriter
    add, added = writer.add, []

    def on_a_full_disk(self, *arguments):
        added.append(1)
        if len(added) == full_at:
            raise OSError(28, "No space left on device")
        return add(self, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(writer, "add", on_a_full_disk)
        summary = run(deidentifier, tmp_path)
    assert (summary.stopped, summary.codes) == ("disk-full", {"disk-full": 1})
    assert results(tmp_path) == []
    summary = run(deidentifier, tmp_path)
    assert summary.counts == {"archive": 1, "done": 70} and summary.complete
    assert len(results(tmp_path)) == 1 and capfd.readouterr().err == ""


def test_a_disk_that_is_full_for_one_member_leaves_no_archive_without_it(deidentifier, incoming, tmp_path, monkeypatch):
    (incoming / "a.zip").write_bytes(zipped([(f"IM{number}", image(1, number)) for number in range(1, 4)]))
    write, written = staging.write_cached, []

    def on_a_full_disk(*order):
        written.append(order)
        if len(written) == 2:
            raise OSError(28, "No space left on device")
        write(*order)

    with monkeypatch.context() as patched:
        patched.setattr(staging, "write_cached", on_a_full_disk)
        summary = run(deidentifier, tmp_path)
    assert summary.stopped == "disk-full" and results(tmp_path) == []
    assert run(deidentifier, tmp_path).counts == {"archive": 1, "done": 3}


def name_of(source: int) -> str:
    """The name of an open file; empty if there is none."""
    return Path(f"/proc/self/fd/{source}").readlink().name if source >= 0 else ""


def test_a_file_that_is_written_to_while_it_is_read_is_told_of_and_done_by_the_next_run(
    deidentifier, incoming, tmp_path, monkeypatch
):
    for number in (1, 2, 3):
        (incoming / f"IM{number}.dcm").write_bytes(encoded(ct(1, 1, 1, number, rows=320)))
    another = encoded(ct(2, 1, 1, 9, rows=330))
    write = DirectWriter.write

    def meanwhile(self, path, head, source, start, count):
        # The third goes the short way: its header was read, its pixels are still to be.
        if name_of(source) == "IM3.dcm":
            (incoming / "IM3.dcm").write_bytes(another)
        return write(self, path, head, source, start, count)

    with monkeypatch.context() as patched:
        patched.setattr(DirectWriter, "write", meanwhile)
        assert run(deidentifier, tmp_path).counts == {"done": 2, "failed": 1}
    assert report(tmp_path)["IM3.dcm"]["code"] == "changed-while-read"
    assert results(tmp_path) == ["IM1.dcm", "IM2.dcm"]
    assert run(deidentifier, tmp_path).counts == {"done": 3}


def test_a_file_for_which_there_is_no_memory_is_told_of_and_the_rest_goes_on(
    deidentifier, incoming, tmp_path, monkeypatch
):
    for number in (1, 2, 3):
        (incoming / f"IM{number}.dcm").write_bytes(encoded(ct(1, 1, 1, number, rows=320)))
    write = DirectWriter.write

    def but_for_one(self, path, head, source, start, count):
        if name_of(source) == "IM2.dcm":
            raise MemoryError
        return write(self, path, head, source, start, count)

    monkeypatch.setattr(DirectWriter, "write", but_for_one)
    assert run(deidentifier, tmp_path).counts == {"done": 2, "failed": 1}
    assert report(tmp_path)["IM2.dcm"]["code"] == "out-of-memory"


def test_symlink_loops_end(deidentifier, incoming, tmp_path):
    (incoming / "IM1.dcm").write_bytes(image())
    (incoming / "again").symlink_to(incoming)
    summary = run(deidentifier, tmp_path)
    assert summary.counts == {"done": 1, "skipped": 1}
    assert report(tmp_path)["again"]["code"] == "symlink-loop"


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="root is needed to become somebody else")
def test_unreadable_files_are_told_of_and_the_rest_goes_on(deidentifier, incoming, tmp_path):
    (incoming / "closed.dcm").write_bytes(image())
    (incoming / "closed.dcm").chmod(0o600)
    (incoming / "open.dcm").write_bytes(image(1, 2))
    open_to_all(tmp_path)
    tmp_path.chmod(0o777)

    def attempt() -> dict[str, int]:
        with Deidentifier("basic", mapping=tmp_path / "nobodys" / "mapping.db") as one:
            return run(one, tmp_path).counts

    # What is imported late has to be there before rights are given up.
    run(deidentifier, tmp_path, name="first")
    assert as_nobody(attempt) == {"done": 1, "failed": 1}
    assert report(tmp_path)["closed.dcm"]["code"] == "unreadable-file"


def test_an_output_inside_the_input_is_refused_before_anything(deidentifier, incoming, tmp_path):
    (incoming / "IM1.dcm").write_bytes(image())
    with pytest.raises(ConfigurationError, match="output-inside-input"):
        deidentifier.run([incoming], incoming / "out", jobs=0)
    assert [path.name for path in incoming.iterdir()] == ["IM1.dcm"]


def test_a_full_disk_stops_the_run_leaves_no_half_file_and_the_next_run_goes_on(
    deidentifier, incoming, tmp_path, monkeypatch
):
    for number in range(1, 4):
        (incoming / f"IM{number}.dcm").write_bytes(image(1, number))

    def full(self):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(staging.Staging, "flush", full)
        summary = run(deidentifier, tmp_path)
    assert summary.stopped == "disk-full" and not summary.complete
    assert results(tmp_path) == []
    summary = run(deidentifier, tmp_path)
    assert summary.counts == {"done": 3} and summary.complete


@pytest.mark.parametrize("full_at", [1, 2])
def test_a_disk_too_full_for_journal_and_reports_stops_the_run_and_the_next_goes_on(
    deidentifier, incoming, tmp_path, monkeypatch, full_at
):
    from deidgate.files.journal import Journal

    for number in range(1, 101):
        (incoming / f"IM{number}.dcm").write_bytes(image(1, number))
    ask, asked = Journal.record, []

    def on_a_small_disk(self, results):
        asked.append(1)
        if len(asked) == full_at:
            pages = self._base.execute("PRAGMA page_count").fetchone()[0]
            self._base.execute(f"PRAGMA max_page_count={pages}")
        ask(self, [(key, [replace(line, place="x" * 5000) for line in lines]) for key, lines in results])

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Journal, "record", on_a_small_disk)
        patched.setattr("deidgate.batch.run.write_reports", full)
        summary = run(deidentifier, tmp_path)
    assert (summary.stopped, summary.reports, summary.complete) == ("disk-full", (), False)
    assert not (tmp_path / "out" / ".deidgate-partial").exists()
    summary = run(deidentifier, tmp_path)
    assert summary.counts == {"done": 100} and summary.complete
    assert len(results(tmp_path)) == 100


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="root is needed to mount a small disk")
def test_a_disk_that_is_really_full_loses_nothing(deidentifier, incoming, tmp_path):
    import subprocess

    disk = tmp_path / "disk"
    disk.mkdir()
    small = ["mount", "-t", "tmpfs", "-o", "size=72m", "tmpfs", str(disk)]
    if subprocess.run(small, check=False, capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        for number in range(1, 161):
            (incoming / f"IM{number}.dcm").write_bytes(encoded(ct(1, 1, 1, number, rows=512)))
        summary = deidentifier.run([incoming], disk / "out", jobs=0, state=tmp_path / "state")
        assert summary.stopped == "disk-full" and 64 <= summary.counts["done"] < 160
        whole = list((disk / "out").rglob("*.dcm"))
        assert len(whole) == summary.counts["done"]
        for path in whole:
            assert len(pydicom.dcmread(path).PixelData) == 512 * 512 * 2
        subprocess.run(["mount", "-o", "remount,size=300m", str(disk)], check=True)
        summary = deidentifier.run([incoming], disk / "out", jobs=0, state=tmp_path / "state")
        assert summary.counts == {"done": 160}
        assert summary.resumed == len(whole)
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_result_that_is_there_is_not_overwritten(deidentifier, incoming, tmp_path):
    (incoming / "IM1.dcm").write_bytes(image())
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "IM1.dcm").write_text("somebody's")
    run(deidentifier, tmp_path)
    assert (tmp_path / "out" / "IM1.dcm").read_text() == "somebody's"
    line = report(tmp_path)["IM1.dcm"]
    assert line["status"] == "done" and line["destination"] != "IM1.dcm"
    assert made_by_us(pydicom.dcmread(tmp_path / "out" / line["destination"]))
