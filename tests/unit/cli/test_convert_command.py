# SPDX-License-Identifier: Apache-2.0
"""``deidgate convert``: whose a picture becomes is certain, or the picture is not converted."""

import json
import shutil
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from tests.data.typed import deidgate


@pytest.fixture(autouse=True)
def scans(tmp_path, monkeypatch) -> Path:
    """A folder of three pictures in the folder where one works."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "scans"
    folder.mkdir()
    for name in ("a.png", "b.png", "c.png"):
        Image.fromarray(np.zeros((8, 8), np.uint8)).save(folder / name)
    return folder


def made(folder: str = "out") -> list[str]:
    return [pydicom.dcmread(path).PatientID for path in sorted(Path(folder).rglob("*.dcm"))]


def with_table(*lines: str, code: int, source: str = "scans") -> str:
    Path("t.csv").write_text("\n".join(["file,patient_id", *lines, ""]))
    return deidgate("convert", source, "out", "--table", "t.csv", code=code)


def test_a_file_without_a_row_is_told_of_and_not_converted():
    said = with_table("a.png,P1", "b.png,P2", code=3)
    assert "scans/c.png: file-without-row: " in said
    assert made() == ["P1", "P2"]


def test_a_file_with_two_rows_is_told_of_and_not_converted():
    said = with_table("a.png,P1", "b.png,P2", "c.png,P3", "a.png,P4", code=3)
    assert "scans/a.png: file-with-several-rows: " in said
    assert made() == ["P2", "P3"]


def test_a_row_for_a_file_that_is_not_there_is_told_of():
    said = with_table("a.png,P1", "b.png,P2", "c.png,P3", "d.png,P4", ",P5", code=3)
    assert "line 5: d.png: row-without-file: " in said and "line 6: row-without-file" in said
    assert made() == ["P1", "P2", "P3"]


def test_a_row_that_names_files_of_two_folders_is_neithers(scans):
    for name in ("one", "two"):
        (scans / name).mkdir()
        shutil.copy(scans / "a.png", scans / name)
    (scans / "a.png").unlink()
    said = with_table("a.png,P1", "b.png,P2", "c.png,P3", code=3)
    assert said.count("row-of-several-files: ") == 2
    assert made() == ["P2", "P3"]


def test_files_of_one_name_have_rows_by_their_paths(scans):
    for name in ("one", "two"):
        (scans / name).mkdir()
        shutil.copy(scans / "a.png", scans / name)
    with_table("a.png,P0", "one/a.png,P1", "two/a.png,P4", "b.png,P2", "c.png,P3", code=0)
    assert made() == ["P0", "P2", "P3", "P1", "P4"]


def test_a_table_with_a_row_for_each_file_converts_all_and_may_lie_beside_them(scans):
    (scans / "t.csv").write_text("file,patient_id\na.png,P1\nb.png,P2\nc.png,P3\n")
    deidgate("convert", "scans", "out", "--table", "scans/t.csv")
    assert made() == ["P1", "P2", "P3"]


def test_one_file_takes_its_row_from_the_table_of_its_folder():
    with_table("a.png,P1", "b.png,P2", "c.png,P3", code=0, source="scans/b.png")
    assert made() == ["P2"]


def test_a_row_whose_cells_are_out_of_place_is_refused_before_anything_is_written():
    assert "table-row-too-long at t.csv line 3" in with_table("a.png,P1", "b.png,DOE, J", code=1)
    assert not Path("out").exists()


def test_a_wrong_column_is_answered_with_where_the_columns_are_listed(scans):
    Path("t.csv").write_text("file,PatientID\na.png,P1\nb.png,P1\nc.png,P1\n")
    said = deidgate("convert", "scans", "out", "--table", "t.csv", code=1)
    assert "unknown-column at PatientID" in said and "deidgate convert --help" in said and "patient_id" in said


def test_what_is_converted_later_goes_beside_what_is_there():
    deidgate("convert", "scans/a.png", "out", "--patient-id", "P1")
    deidgate("convert", "scans/b.png", "out", "--patient-id", "P2")
    deidgate("convert", "scans", "out", "--patient-id", "P3")
    assert made() == ["P1", "P2", "P3", "P3", "P3"]
    assert [path.name for path in sorted(Path("out").iterdir())] == [f"{number:06d}.dcm" for number in range(1, 6)]
    assert [pydicom.dcmread(path).InstanceNumber for path in sorted(Path("out").iterdir())] == [1, 1, 1, 2, 3]


def test_when_nothing_was_converted_nothing_was_done():
    Path("notes.txt").write_text("x")
    said = deidgate("convert", "notes.txt", "out", code=1)
    assert "not-a-picture-volume-or-slide: nothing that can be turned into DICOM; give JPEG" in said
    assert not Path("out").exists()


def test_a_script_has_the_code_alone():
    Path("scans/notes.txt").write_text("x")
    said = [json.loads(line) for line in deidgate("convert", "scans", "out", "--json", code=3).splitlines()]
    assert [one["code"] for one in said] == ["", "", "", "not-a-picture-volume-or-slide"]
