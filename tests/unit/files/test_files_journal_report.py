# SPDX-License-Identifier: Apache-2.0
"""What is written down about a run."""

import csv
import os
import sqlite3
import stat
from contextlib import closing

import openpyxl
import pytest

from deidgate.dicom.box import Box
from deidgate.errors import ConfigurationError
from deidgate.files.journal import Journal, Line, Masks, key_of, masks_in
from deidgate.files.report import COLUMNS, inert, row_of, write_reports
from deidgate.words.files import FILES
from deidgate.words.lookup import meaning

SETTINGS = {"policy": "digest", "layout": "mirror"}


def lines():
    return [
        Line(
            "/in/=1+1.dcm",
            "done",
            destination="a.dcm",
            size=10,
            result_size=9,
            patient=1,
            image=2,
            name="=HYPERLINK",
            patient_id="007",
        ),
        Line("/in/b", "held", "password-protected", size=5),
    ]


def test_finished_files_are_known_when_the_journal_is_opened_again(tmp_path):
    with Journal(tmp_path / "j" / "journal.sqlite", SETTINGS) as journal:
        journal.record([(b"1" * 16, [Line("/a", "done")]), (b"2" * 16, [Line("/b", "failed", "disk-full")])])
    with Journal(tmp_path / "j" / "journal.sqlite", SETTINGS) as journal:
        assert journal.is_done(b"1" * 16)
        assert not journal.is_done(b"2" * 16), "a failure is tried again"
        assert not journal.is_done(b"3" * 16)
        assert journal.counts() == {"done": 1, "failed": 1}


def test_going_on_with_another_policy_is_refused(tmp_path):
    with Journal(tmp_path / "journal.sqlite", SETTINGS) as journal:
        journal.record([(b"1" * 16, [Line("/a", "held", "pixels-uncertain")])])
    with pytest.raises(ConfigurationError, match="resume-with-other-settings at policy"):
        Journal(tmp_path / "journal.sqlite", {**SETTINGS, "policy": "other"})


def test_a_file_done_again_replaces_its_lines(tmp_path):
    with Journal(tmp_path / "journal.sqlite", SETTINGS) as journal:
        journal.record([(b"1" * 16, [Line("/z", "held"), Line("/z!/a", "done"), Line("/z!/b", "failed")])])
        journal.record([(b"1" * 16, [Line("/z", "archive"), Line("/z!/a", "done")])])
        assert [line.source for line in journal.lines()] == ["/z", "/z!/a"]


def test_a_file_that_comes_twice_at_once_has_the_lines_that_came_last(tmp_path):
    with Journal(tmp_path / "journal.sqlite", SETTINGS) as journal:
        journal.record([(b"1" * 16, [Line("/z", "archive"), Line("/z!/a", "done")]), (b"1" * 16, [Line("/z", "held")])])
        assert [line.status for line in journal.lines()] == ["held"]


def test_a_changed_file_is_another_file(tmp_path):
    assert key_of(tmp_path, 1, 2) != key_of(tmp_path, 1, 3)
    assert key_of(tmp_path, 1, 2) != key_of(tmp_path, 2, 2)


BOXES = (Box(0, 5, 1, 9), Box(2, 3, 4, 6, 1))


def test_what_was_masked_is_in_the_journal_and_how_much_in_the_report(tmp_path):
    masked, plain = Line("/a", "done", destination="a.dcm", boxes=BOXES), Line("/b", "done", destination="b.dcm")
    with Journal(tmp_path / "journal.sqlite", SETTINGS) as journal:
        journal.record([(b"1" * 16, [masked]), (b"2" * 16, [plain])])
        assert list(journal.lines()) == [masked, plain]
        write_reports(journal.lines, tmp_path, identities=True)
    assert masks_in(tmp_path / "journal.sqlite") == Masks({("/a", "a.dcm"): BOXES}, frozenset())
    with (tmp_path / "report.csv").open(newline="", encoding="utf-8-sig") as file:
        assert [row["masked rectangles"] for row in csv.DictReader(file)] == ["2", ""]
    sheet = openpyxl.load_workbook(tmp_path / "report.xlsx").active
    assert sheet.cell(2, COLUMNS.index("masked rectangles") + 1).value == 2


def test_a_journal_of_an_earlier_version_is_gone_on_with(tmp_path):
    path = tmp_path / "journal.sqlite"
    with Journal(path, SETTINGS) as journal:
        journal.record([(b"1" * 16, [Line("/a", "done", destination="a.dcm")])])
    with closing(sqlite3.connect(path)) as base:
        base.execute("ALTER TABLE file DROP COLUMN masks")
        base.commit()
    assert masks_in(path) == Masks({}, frozenset({("/a", "a.dcm")})), "nobody knows what was masked"
    with Journal(path, SETTINGS) as journal:
        assert journal.is_done(b"1" * 16)
        journal.record([(b"2" * 16, [Line("/b", "done", destination="b.dcm", boxes=BOXES)])])
        assert [line.boxes for line in journal.lines()] == [(), BOXES]
    assert masks_in(path) == Masks({("/b", "b.dcm"): BOXES}, frozenset({("/a", "a.dcm")}))


def test_what_is_no_journal_knows_of_no_masks(tmp_path):
    assert masks_in(tmp_path / "none.sqlite") is None
    (tmp_path / "other").write_text("x" * 5000)
    assert masks_in(tmp_path / "other") is None


def test_the_journal_is_for_its_owner(tmp_path):
    with Journal(tmp_path / "new" / "journal.sqlite", SETTINGS):
        assert stat.S_IMODE((tmp_path / "new" / "journal.sqlite").stat().st_mode) == 0o600
        assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700


def test_reports_name_no_patient_unless_asked(tmp_path):
    written = write_reports(lines, tmp_path, identities=False)
    assert {path.name for path in written} == {"report.csv", "report.xlsx"}
    assert b"HYPERLINK" not in (tmp_path / "report.csv").read_bytes()
    assert b"007" not in (tmp_path / "report.csv").read_bytes()


def test_identities_go_into_a_file_of_their_own_for_the_owner(tmp_path):
    write_reports(lines, tmp_path, identities=True)
    path = tmp_path / "identities.csv"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert [(row["patient name"], row["patient id"]) for row in rows] == [("'=HYPERLINK", "007")]
    assert b"HYPERLINK" not in (tmp_path / "report.csv").read_bytes()


def test_formulas_are_inert_in_both_forms(tmp_path):
    rows = [Line(text, "done") for text in ("=1+1", "+1", "-1", "@x", "\t=1", "＝1")]
    write_reports(lambda: rows, tmp_path, identities=False)
    with (tmp_path / "report.csv").open(newline="", encoding="utf-8-sig") as file:
        assert all(row["source"].startswith("'") for row in csv.DictReader(file))
    sheet = openpyxl.load_workbook(tmp_path / "report.xlsx").active
    assert [cell.value for cell in sheet[1]] == list(COLUMNS)
    for row in sheet.iter_rows(min_row=2):
        assert row[0].data_type == "s"


def test_a_report_says_what_to_do(tmp_path):
    write_reports(lines, tmp_path, identities=False)
    with (tmp_path / "report.csv").open(newline="", encoding="utf-8-sig") as file:
        held = [row for row in csv.DictReader(file) if row["status"] == "held"]
    assert held[0]["code"] == "password-protected"
    assert held[0]["reason"] and held[0]["what to do"]


@pytest.mark.parametrize("code", FILES)
def test_every_reason_has_a_sentence_and_an_advice(code):
    assert meaning(code).what and meaning(code).to_do


def test_plain_text_stays_as_it_is():
    assert inert("IM0001.dcm") == "IM0001.dcm"


def test_names_that_are_no_unicode_can_be_reported(tmp_path):
    with Journal(tmp_path / "journal.sqlite", SETTINGS) as journal:
        journal.record([(b"1" * 16, [Line(os.fsdecode(b"/in/caf\xe9"), "done")])])
        write_reports(journal.lines, tmp_path, identities=False)
    assert "caf\\udce9" in (tmp_path / "report.csv").read_text(encoding="utf-8-sig")


def test_a_picture_that_is_not_there_is_said_not_to_be_there():
    said = row_of(Line("/a", "held", "pixels-uncertain", "pixel-data-absent"))
    assert "has no picture" in str(said[COLUMNS.index("reason")])
    assert "text" in str(row_of(Line("/a", "held", "pixels-uncertain", "text-found"))[COLUMNS.index("reason")])
