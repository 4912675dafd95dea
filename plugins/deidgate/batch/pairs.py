# SPDX-License-Identifier: Apache-2.0
"""Originals and results of an earlier run, brought together again from its report: for `deidgate verify`.

* Each finished file whose original lies below the ORIGINAL that is asked for gives a pair, members of archives too; one
  whose original or result is not there any more, or cannot be read in its archive, gives a pair that says so.
* Originals may have been moved as a whole: then they are looked for below ORIGINAL by the ends of their paths.
* Reports of earlier versions name originals from the folder that the run was started in; they are taken to be meant
  from the current one.
* A name that is no UTF-8 is compared as the report spells it, and the file is looked for under both.
"""

from __future__ import annotations

import csv
import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Self

from deidgate.dicom.box import Box
from deidgate.files.inside import Inside
from deidgate.files.journal import Masks, readable

_MEMBER = "!/"
_NO_UTF_8 = re.compile(r"\\u(dc[89a-f][0-9a-f])")
_OPEN = 8
"""Archives that are held open at a time: an archive of results, its original, and those around them."""


@dataclass(frozen=True, slots=True)
class Row:
    """A finished file or an archive of the report."""

    source: str
    destination: str
    status: str
    written: tuple[str, str]
    """Source and destination as they are written there."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A finished file.

    Attributes
    ----------
    shown : str
        Where the result is.
    original, result : bytes or None
        None if it is not there, or cannot be read.
    boxes : tuple of Box or None
        What was blanked; None if nobody wrote it down.
    """

    shown: str
    original: bytes | None
    result: bytes | None
    boxes: tuple[Box, ...] | None


def rows_of(report: Path) -> list[Row]:
    """All lines of a ``report.csv``, with whole paths for sources."""
    rows = []
    with report.open(newline="", encoding="utf-8-sig") as file:
        for line in csv.DictReader(file):
            source, destination = line["source"].removeprefix("'"), line["destination"].removeprefix("'")
            whole = os.path.abspath(source)  # noqa: PTH100 - links count, as in the journal's keys
            rows.append(Row(readable(whole), destination, line["status"], (source, destination)))
    return rows


class Pairs:
    """The pairs below `original`.

    Parameters
    ----------
    rows : sequence of Row
        Of the run's report.
    original, result : Path
        What the run had as input and as output: folders or archives.
    masks : Masks or None
        Of the run's journal.
    """

    def __init__(self, rows: Sequence[Row], original: Path, result: Path, masks: Masks | None) -> None:
        self._by_source = {row.source: row for row in rows}
        self._asked = os.path.abspath(original)  # noqa: PTH100 - as above
        self._output = result
        self._masks = masks
        self._open: dict[str, Inside | None] = {}
        self._below = self._chosen(rows)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def __len__(self) -> int:
        return sum(row.status == "done" for row in self._below)

    def __iter__(self) -> Iterator[Pair]:
        seen: Counter[str] = Counter()
        for row in self._below:
            # Members of one name are as many rows, in their order.
            number = seen[row.source]
            seen[row.source] += 1
            if row.status == "done":
                yield Pair(self._shown(row), self._original(row, number), self._result(row), self._boxes(row))

    def _chosen(self, rows: Sequence[Row]) -> list[Row]:
        """Rows below what is asked for; `self._moved` is then what their paths begin with, and what it is now."""
        self._moved = ("", "")
        below = [row for row in rows if _is_below(row.source, readable(self._asked))]
        if below:
            return below
        finished = [row for row in rows if row.status == "done"]
        tops = sorted({self._top(row.source) for row in finished})
        if not tops:
            return []
        try:
            common = os.path.commonpath(tops)
        except ValueError:
            return []
        asked = Path(self._asked)
        if asked.is_file():
            same = [top for top in tops if os.path.basename(top) == readable(asked.name)]  # noqa: PTH119 - a text
            if len(same) == 1:
                self._moved = (same[0], self._asked)
                return [row for row in rows if self._top(row.source) == same[0]]
            return []
        for above in (Path(common), *Path(common).parents):
            if any(_as_named(asked / os.path.relpath(top, above)).is_file() for top in tops):
                self._moved = (str(above), self._asked)
                return [row for row in rows if _is_below(row.source, str(above))]
        return []

    def _top(self, source: str) -> str:
        """The file that `source` is, or is a member of."""
        while (held := self._container(source)) is not None:
            source = held[0].source
        return source

    def _container(self, source: str) -> tuple[Row, str] | None:
        """The archive that `source` is a member of, and the name it has there."""
        stop = source.rfind(_MEMBER)
        while stop > 0:
            row = self._by_source.get(source[:stop])
            if row is not None:
                return row, source[stop + len(_MEMBER) :]
            stop = source.rfind(_MEMBER, 0, stop)
        return None

    def _boxes(self, row: Row) -> tuple[Box, ...] | None:
        if self._masks is None or row.written in self._masks.unknown:
            return None
        return self._masks.known.get(row.written, ())

    def _shown(self, row: Row) -> str:
        held = self._held_in(row)
        return f"{self._shown(held)}{_MEMBER}{row.destination}" if held else str(self._output / row.destination)

    def _held_in(self, row: Row) -> Row | None:
        """The row of the archive of results that `row`'s result lies in; None if it lies free."""
        held = self._container(row.source)
        return held[0] if held is not None and held[0].destination else None

    def _original(self, row: Row, number: int) -> bytes | None:
        held = self._container(row.source)
        if held is None:
            return _read(self._path(row))
        inside = self._inside_original(held[0])
        return inside.read(held[1], number) if inside is not None else None

    def _result(self, row: Row) -> bytes | None:
        held = self._held_in(row)
        if held is not None:
            inside = self._inside_result(held)
        elif self._output.is_dir() or Path(row.destination).is_absolute():
            return _read(self._output / row.destination)
        else:
            inside = self._kept_open("output", self._output)
        return inside.read(row.destination) if inside is not None else None

    def _path(self, row: Row) -> Path:
        before, now = self._moved
        return _as_named(Path(now) / os.path.relpath(row.source, before) if before else Path(row.source))

    def _inside_original(self, archive: Row) -> Inside | None:
        nested = self._container(archive.source) is not None
        return self._kept_open(
            f"original {archive.source}", self._original(archive, 0) if nested else self._path(archive)
        )

    def _inside_result(self, archive: Row) -> Inside | None:
        free = self._held_in(archive) is None and (self._output.is_dir() or Path(archive.destination).is_absolute())
        content = self._output / archive.destination if free else self._result(archive)
        return self._kept_open(f"result {archive.source}", content)

    def _kept_open(self, key: str, content: Path | bytes | None) -> Inside | None:
        if key not in self._open:
            if len(self._open) >= _OPEN:
                self._close()
            try:
                stream = content.open("rb") if isinstance(content, Path) else BytesIO(content or b"")
                self._open[key] = Inside(stream)
            except OSError:
                self._open[key] = None
        return self._open[key]

    def _close(self) -> None:
        for inside in self._open.values():
            if inside is not None:
                inside.close()
        self._open.clear()


def _as_named(path: Path) -> Path:
    """The file that the report spells as `path`."""
    if os.path.lexists(path):
        return path
    return Path(_NO_UTF_8.sub(lambda found: chr(int(found[1], 16)), str(path)))


def _is_below(source: str, asked: str) -> bool:
    return source == asked or source.startswith((f"{asked.rstrip(os.sep)}{os.sep}", f"{asked}{_MEMBER}"))


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None
