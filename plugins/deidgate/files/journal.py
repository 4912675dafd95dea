# SPDX-License-Identifier: Apache-2.0
"""What a run has done, file by file, on the disk: for resuming after a kill, and for the report.

An SQLite file beside the output, mode 0600 in a folder of mode 0700: it knows where originals came from.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from deidgate.dicom.box import Box
from deidgate.errors import ConfigurationError

_STATE = ".deidgate"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS run (setting TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS file (
    key          BLOB NOT NULL,      -- of source, member, size and time of change
    member       INTEGER NOT NULL,   -- 0 for a file of its own; members of an archive are numbered
    source       TEXT NOT NULL,
    status       TEXT NOT NULL,
    code         TEXT NOT NULL,
    place        TEXT NOT NULL,      -- element path or error name, never a value
    destination  TEXT NOT NULL,
    size         INTEGER NOT NULL,
    result_size  INTEGER NOT NULL,
    patient      INTEGER NOT NULL,   -- patient index; 0 if unknown
    image        INTEGER NOT NULL,   -- image number of the patient; 0 if unknown
    name         TEXT NOT NULL,      -- original Patient's Name and ID: only with --report-identities
    patient_id   TEXT NOT NULL,
    medium       TEXT NOT NULL,      -- folder of the output whose DICOMDIR lists the result; empty if none does
    done         INTEGER NOT NULL,   -- 1: not to be done again
    masks        TEXT,               -- rectangles blanked, in JSON; empty if none; null where an older run wrote it
    PRIMARY KEY (key, member)
) WITHOUT ROWID;
"""
_COLUMNS = 16


def state_of(output: Path) -> Path:
    """The folder beside `output` that has its journal and its reports."""
    return output.parent / f"{output.name}{_STATE}"


@dataclass(frozen=True, slots=True)
class Line:
    """One file of a run and what became of it.

    Attributes
    ----------
    source : str
        Path of the original; of an archive's member ``archive.zip!/folder/name``.
    status : str
        ``done``, ``held``, ``skipped``, ``copied``, ``redacted`` (a DICOMDIR), ``archive``, ``failed`` or ``planned``
        (dry run).
    code : str
        Empty when done; else a key of `deidgate.words` or a code of the engine.
    place : str
        Element path or the name of an error; never a value.
    destination : str
        Path of the result below the output; empty if there is none.
    size, result_size : int
        Bytes.
    patient, image : int
        Patient index and image number; 0 if not known.
    name, patient_id : str
        Original identity, empty unless asked for.
    medium : str
        Folder of the output whose DICOMDIR lists the result, with a slash behind it; empty if none does.
    boxes : tuple of Box
        What was blanked in the picture, or would be.
    """

    source: str
    status: str
    code: str = ""
    place: str = ""
    destination: str = ""
    size: int = 0
    result_size: int = 0
    patient: int = 0
    image: int = 0
    name: str = ""
    patient_id: str = ""
    medium: str = ""
    boxes: tuple[Box, ...] = ()

    @property
    def is_final(self) -> bool:
        """Not to be tried again when the run is resumed: only failures are."""
        return self.status != "failed"


def key_of(path: Path, size: int, changed_ns: int) -> bytes:
    """What tells one version of an input file from another."""
    spelled = f"{size}\0{changed_ns}\0".encode() + os.fsencode(os.path.abspath(path))  # noqa: PTH100 - links count
    return hashlib.blake2b(spelled, digest_size=16).digest()


def readable(path: str) -> str:
    r"""`path` as journal and report spell it: bytes that are no UTF-8 are ``\udc80`` to ``\udcff``."""
    # File names need not be Unicode; SQLite and every reader of the report want it.
    return path.encode("utf-8", "backslashreplace").decode("utf-8")


class Journal:
    """The journal of one output.

    Parameters
    ----------
    path : Path
        The SQLite file; it is made if it is not there.
    settings : mapping of str to str
        What has to be the same when a run is resumed (policy hash, layout).

    Raises
    ------
    ConfigurationError
        ``resume-with-other-settings``: the output was begun with others, and a file was written down.
    """

    def __init__(self, path: Path, settings: dict[str, str]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        # One thread records while another asks what is done: each has a connection, so that neither waits.
        self._base = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._base.execute("PRAGMA journal_mode=WAL")
        self._base.execute("PRAGMA synchronous=FULL")
        self._base.executescript(_SCHEMA)
        if self.is_new:
            # A run that was refused, or ended before its first file, binds nobody.
            self._base.execute("DELETE FROM run")
        if not _has_masks(self._base):
            self._base.execute("ALTER TABLE file ADD COLUMN masks TEXT")
        before = dict(self._base.execute("SELECT setting, value FROM run"))
        for setting, value in settings.items():
            if before.get(setting, value) != value:
                raise ConfigurationError("resume-with-other-settings", setting)
        self._base.executemany("INSERT OR IGNORE INTO run VALUES (?, ?)", settings.items())
        self._seen = sqlite3.connect(path, isolation_level=None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._seen.close()
        self._base.close()

    @property
    def is_new(self) -> bool:
        """True if no file was written down yet."""
        return self._base.execute("SELECT 1 FROM file LIMIT 1").fetchone() is None

    def is_done(self, key: bytes) -> bool:
        """True if the file of that key needs no work any more."""
        row = self._seen.execute("SELECT done FROM file WHERE key = ? AND member = 0", (key,)).fetchone()
        return row is not None and bool(row[0])

    def destinations(self, key: bytes) -> list[str]:
        """Where results of the file of that key are: below the output, or as a whole path."""
        rows = self._seen.execute("SELECT destination FROM file WHERE key = ? ORDER BY member", (key,))
        own, *inner = (row[0] for row in rows)
        # Members of an archive of results lie inside it.
        return [own] if own else [destination for destination in inner if destination]

    def reopen(self, codes: Iterable[str]) -> None:
        """Let files that are held or skipped for one of these reasons be worked on again, archives as a whole."""
        self._base.executemany(
            "UPDATE file SET done = 0 WHERE member = 0 AND key IN"
            " (SELECT key FROM file WHERE status IN ('held', 'skipped') AND code = ?)",
            [(code,) for code in codes],
        )

    def record(self, results: Iterable[tuple[bytes, list[Line]]]) -> None:
        """Write down what became of files, in one transaction.

        The first line of each list is the file's own (or the archive's); further ones are its members.

        Raises
        ------
        OSError
            No space is left (ENOSPC): nothing of this was written down.
        """
        with _transaction(self._base):
            # What came twice counts as it came last: one line too many would undo the whole transaction.
            kept = list(dict(results).items())
            self._base.executemany("DELETE FROM file WHERE key = ?", [(key,) for key, _ in kept])
            self._base.executemany(
                f"INSERT INTO file VALUES ({','.join('?' * _COLUMNS)})",  # noqa: S608 - a constant
                (
                    (key, number, *_row(line), int(lines[0].is_final), _spelled(line.boxes))
                    for key, lines in kept
                    for number, line in enumerate(lines)
                ),
            )

    def lines(self) -> Iterator[Line]:
        """Everything written down, by source."""
        for row in self._base.execute(
            "SELECT source, status, code, place, destination, size, result_size, patient, image, name, patient_id,"
            " medium, masks FROM file ORDER BY source, member"
        ):
            yield Line(*(*row[:-1], _boxes(row[-1])))

    def media(self) -> list[str]:
        """Folders of the output that get a DICOMDIR."""
        found = self._base.execute("SELECT DISTINCT medium FROM file WHERE medium <> '' AND status = 'done'")
        return sorted(row[0] for row in found)

    def on_medium(self, medium: str) -> Iterator[str]:
        """Destinations of results on a medium, sorted."""
        query = "SELECT DISTINCT destination FROM file WHERE medium = ? AND status = 'done' ORDER BY destination"
        for row in self._base.execute(query, (medium,)):
            yield row[0]

    def tell_unlisted(self, medium: str, destinations: Iterable[str], code: str) -> None:
        """Let the results of a medium that its DICOMDIR does not list have `code`, and the others none of those codes.

        Raises
        ------
        OSError
            As `record`.
        """
        with _transaction(self._base):
            self._base.execute(
                "UPDATE file SET code = '' WHERE medium = ? AND code IN ('not-in-dicomdir', 'dicomdir-of-another')",
                (medium,),
            )
            self._base.executemany(
                "UPDATE file SET code = ? WHERE medium = ? AND destination = ? AND status = 'done' AND code = ''",
                ((code, medium, destination) for destination in destinations),
            )

    def forget_replaced(self) -> None:
        """Forget failures of files that were written anew since, and have become something else."""
        with _transaction(self._base):
            self._base.execute(
                "DELETE FROM file WHERE key IN (SELECT key FROM file WHERE member = 0 AND status = 'failed'"
                " AND source IN (SELECT source FROM file WHERE member = 0 AND status <> 'failed'))"
            )

    def counts(self) -> dict[str, int]:
        """How many files have each status."""
        return dict(self._base.execute("SELECT status, COUNT(*) FROM file GROUP BY status ORDER BY status"))


@dataclass(frozen=True, slots=True)
class Masks:
    """What a journal knows of blanked rectangles, by source and destination.

    Attributes
    ----------
    known : dict
        The rectangles of each masked picture.
    unknown : frozenset
        Results of older runs, which did not write it down.
    """

    known: dict[tuple[str, str], tuple[Box, ...]]
    unknown: frozenset[tuple[str, str]]


def masks_in(path: Path) -> Masks | None:
    """What the journal `path` knows of masks; None if there is no such journal. It is not changed."""
    if not path.is_file():
        return None
    known, unknown = {}, set()
    try:
        base = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        try:
            column = "masks" if _has_masks(base) else "NULL"
            query = f"SELECT source, destination, {column} AS m FROM file WHERE status = 'done' AND m IS NOT ''"  # noqa: S608
            for source, destination, masks in base.execute(query):
                if masks is None:
                    unknown.add((source, destination))
                else:
                    known[source, destination] = _boxes(masks)
        finally:
            base.close()
    except (sqlite3.Error, ValueError, TypeError):
        return None
    return Masks(known, frozenset(unknown))


def _has_masks(base: sqlite3.Connection) -> bool:
    return any(row[1] == "masks" for row in base.execute("PRAGMA table_info(file)"))


def _spelled(boxes: tuple[Box, ...]) -> str:
    numbers = [(box.row_start, box.row_stop, box.column_start, box.column_stop, box.frame) for box in boxes]
    return json.dumps(numbers, separators=(",", ":")) if numbers else ""


def _boxes(text: str | None) -> tuple[Box, ...]:
    return tuple(Box(*numbers) for numbers in json.loads(text)) if text else ()


@contextmanager
def _transaction(base: sqlite3.Connection) -> Iterator[None]:
    """All that is done in the block, or nothing of it.

    Raises
    ------
    OSError
        No space is left (ENOSPC).
    """
    try:
        base.execute("BEGIN IMMEDIATE")
        try:
            yield
            base.execute("COMMIT")
        except BaseException:
            # SQLite itself has rolled back after some errors.
            if base.in_transaction:
                base.execute("ROLLBACK")
            raise
    except sqlite3.OperationalError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF not in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
            raise
        # On a full disk SQLite says either, according to what it was about to grow.
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from None


def _row(line: Line) -> tuple[str | int, ...]:
    return (
        readable(line.source),
        line.status,
        line.code,
        line.place,
        line.destination,
        line.size,
        line.result_size,
        line.patient,
        line.image,
        line.name,
        line.patient_id,
        line.medium,
    )
