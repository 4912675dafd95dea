# SPDX-License-Identifier: Apache-2.0
"""The report of a run as CSV and as a workbook.

Text of originals is data here: a cell that begins like a formula is written so that no spreadsheet runs it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import xlsxwriter

from deidgate.files.atomic import whole_file
from deidgate.files.journal import Line
from deidgate.words.lookup import meaning

COLUMNS = (
    "source",
    "patient index",
    "image number",
    "size",
    "destination",
    "result size",
    "masked rectangles",
    "status",
    "code",
    "where",
    "reason",
    "what to do",
)
IDENTITY_COLUMNS = ("patient index", "image number", "patient name", "patient id", "source", "destination")
WORKBOOK_ROWS = 1_048_575
"""Data rows that one sheet can hold; more go to further sheets."""

_CELL_CHARACTERS = 32_767
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def inert(text: str) -> str:
    """`text` such that a spreadsheet that opens the CSV shows it and does not evaluate it."""
    return "'" + text if text.startswith(_FORMULA_STARTS) else text


def row_of(line: Line) -> tuple[str | int, ...]:
    """The cells of `COLUMNS` for one file."""
    said = meaning(line.code, line.place) if line.code else None
    return (
        line.source,
        line.patient or "",
        line.image or "",
        line.size,
        line.destination,
        line.result_size or "",
        len(line.boxes) or "",
        line.status,
        line.code,
        line.place,
        said.what if said else "",
        said.to_do if said else "",
    )


def identity_row_of(line: Line) -> tuple[str | int, ...]:
    """The cells of `IDENTITY_COLUMNS` for one file."""
    return (line.patient or "", line.image or "", line.name, line.patient_id, line.source, line.destination)


def write_csv(
    path: Path,
    columns: tuple[str, ...],
    rows: Iterable[tuple[str | int, ...]],
) -> None:
    """Write `rows` to the CSV file `path` (UTF-8 with mark, mode 0600), replacing an earlier report."""
    with whole_file(path, mode=0o600, replace=True) as stream:
        text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="", write_through=True)
        writer = csv.writer(text)
        writer.writerow(columns)
        for row in rows:
            writer.writerow([inert(cell) if isinstance(cell, str) else cell for cell in row])
        text.flush()
        text.detach()


def write_workbook(path: Path, columns: tuple[str, ...], rows: Iterable[tuple[str | int, ...]]) -> None:
    """Write `rows` to the workbook `path` (mode 0600), replacing an earlier report; texts stay texts."""
    with whole_file(path, mode=0o600, replace=True) as stream:
        book = xlsxwriter.Workbook(
            stream,
            # constant_memory: a row is on the disk before the next one is made.
            {
                "constant_memory": True,
                "strings_to_formulas": False,
                "strings_to_urls": False,
                "strings_to_numbers": False,
            },
        )
        bold = book.add_format({"bold": True})
        sheet, number = None, 0
        for row in rows:
            if sheet is None or number == WORKBOOK_ROWS:
                sheet, number = _new_sheet(book, columns, bold), 0
            number += 1
            for column, cell in enumerate(row):
                if cell == "":
                    continue
                if isinstance(cell, str):
                    sheet.write_string(number, column, cell[:_CELL_CHARACTERS])
                else:
                    sheet.write_number(number, column, cell)
        if sheet is None:
            _new_sheet(book, columns, bold)
        book.close()


def write_reports(lines: Callable[[], Iterable[Line]], folder: Path, identities: bool) -> list[Path]:
    """Write ``report.csv`` and ``report.xlsx`` to `folder`, with `identities` ``identities.csv`` too.

    Parameters
    ----------
    lines : callable
        Gives all lines anew at each call.
    """
    written = [folder / "report.csv", folder / "report.xlsx"]
    write_csv(written[0], COLUMNS, (row_of(line) for line in lines()))
    write_workbook(written[1], COLUMNS, (row_of(line) for line in lines()))
    if identities:
        written.append(folder / "identities.csv")
        with_name = (line for line in lines() if line.name or line.patient_id)
        write_csv(written[2], IDENTITY_COLUMNS, (identity_row_of(line) for line in with_name))
    return written


def _new_sheet(book: Any, columns: tuple[str, ...], style: Any) -> Any:
    sheet = book.add_worksheet()
    sheet.freeze_panes(1, 0)
    for column, title in enumerate(columns):
        sheet.write_string(0, column, title, style)
    return sheet
