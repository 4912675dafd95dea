# SPDX-License-Identifier: Apache-2.0
"""A table that says for each file whose it is.

Which row is which file's must be certain, or the picture becomes another patient's: a file without a row, with several,
or with one that names several files is not converted, and each is told of.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydicom.uid import generate_uid

from deidgate.convert.subject import Subject
from deidgate.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table.

    Attributes
    ----------
    line : int
        Its number in the file, for whoever looks for it.
    file : str
        Name of the file that it is about, or its path below the folder.
    cells : dict of str to str
    """

    line: int
    file: str
    cells: dict[str, str]


@dataclass(frozen=True, slots=True)
class Matched:
    """Which row is which file's.

    Attributes
    ----------
    rows : tuple of (Path, Row)
        Files that may be converted, in their order.
    problems : tuple of (str, str)
        What fits nothing (a file, or a row by table and line) and its code.
    """

    rows: tuple[tuple[Path, Row], ...]
    problems: tuple[tuple[str, str], ...]


def read_rows(table: Path) -> list[Row]:
    """The rows of a CSV file with a column ``file``.

    Raises
    ------
    ConfigurationError
        ``table-without-column-file``, ``table-row-too-long``, ``csv-is-not-utf-8`` or ``csv-unreadable``.
    """
    found = []
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            lines = csv.DictReader(file)
            if "file" not in (lines.fieldnames or ()):
                raise ConfigurationError("table-without-column-file", str(table))
            for row in lines:
                if None in row:
                    # A comma that is not quoted moves all cells behind it.
                    raise ConfigurationError("table-row-too-long", f"{table} line {lines.line_num}")
                cells = {name: text or "" for name, text in row.items()}
                found.append(Row(lines.line_num, cells["file"].strip(), cells))
    except UnicodeDecodeError:
        raise ConfigurationError("csv-is-not-utf-8", str(table)) from None
    except csv.Error:
        raise ConfigurationError("csv-unreadable", str(table)) from None
    return found


def match(rows: Sequence[Row], files: Sequence[Path], source: Path) -> Matched:
    """Which of `rows` is which of `files`, which are `source` itself or lie below it.

    A row with a file's path below the folder goes before one with its name alone. Rows of a table about a folder may
    name other files where `source` is one file.
    """
    below = source.is_dir()
    by_name: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_name[row.file].append(row)
    chosen: dict[Path, list[Row]] = {}
    for path in files:
        place = path.relative_to(source).as_posix() if below else path.name
        chosen[path] = by_name.get(place) or by_name.get(path.name) or []
    files_of: dict[int, int] = defaultdict(int)
    for of_file in chosen.values():
        for row in of_file:
            files_of[row.line] += 1
    good: list[tuple[Path, Row]] = []
    problems: list[tuple[str, str]] = []
    for path, of_file in chosen.items():
        if not of_file:
            problems.append((str(path), "file-without-row"))
        elif len(of_file) > 1:
            problems.append((str(path), "file-with-several-rows"))
        elif files_of[of_file[0].line] > 1:
            problems.append((str(path), "row-of-several-files"))
        else:
            good.append((path, of_file[0]))
    if below:
        problems += [
            (f"line {row.line}: {row.file}".rstrip(": "), "row-without-file") for row in rows if not files_of[row.line]
        ]
    return Matched(tuple(good), tuple(problems))


def with_rows(rows: Iterable[tuple[Path, Row]], base: Subject) -> list[tuple[Path, Subject]]:
    """For each file its subject; files of one patient and study share their UIDs.

    Raises
    ------
    ConfigurationError
        As `Subject.from_row`.
    """
    studies: dict[tuple[str, ...], str] = {}
    found = []
    for path, row in rows:
        subject = Subject.from_row(row.cells, base)
        key = (subject.patient_id, subject.accession, subject.study_id, subject.study_date)
        if not row.cells.get("study_uid"):
            subject = replace(subject, study_uid=studies.setdefault(key, generate_uid(prefix=None)))
        found.append((path, subject))
    return found
