# SPDX-License-Identifier: Apache-2.0
"""A file between being made and being named, and what an error says in its line."""

from __future__ import annotations

import errno
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from deidgate.errors import ConfigurationError, DeidgateError, Unavailable
from deidgate.files.archive import TooMuchError
from deidgate.files.atomic import PARTIAL
from deidgate.files.journal import Line
from deidgate.files.source import SourceChangedError
from deidgate.log import where

if TYPE_CHECKING:
    from deidgate.batch.instance import Made

STOPPING = frozenset({"disk-full", "output-not-writable"})
"""Codes that end a run early: no further file would fare better."""


@dataclass(slots=True)
class Pending:
    """A file under way.

    Attributes
    ----------
    line : Line
        What is known so far.
    relative : tuple of str
        The original's path below its input, or in its archive.
    alone : bool
        The file itself was an input.
    medium : int
        See `deidgate.batch.job.Task`.
    root : str
        Folder of the output for this input.
    beside : Path or None
        The folder that the result goes to when results lie beside inputs.
    made : Made or None
        The result of a DICOM file.
    copied : str
        Path of the unfinished copy of another file.
    redacted : bool
        That copy is a DICOMDIR whose identifying values are overwritten.
    stored : bool
        Its archive did not compress it.
    """

    line: Line
    relative: tuple[str, ...]
    alone: bool = False
    medium: int = -1
    root: str = ""
    beside: Path | None = None
    made: Made | None = None
    copied: str = ""
    redacted: bool = False
    stored: bool = False

    @property
    def partial(self) -> str:
        """Path of what is unfinished; empty in a dry run."""
        return self.made.partial if self.made is not None else self.copied


def identity_of(line: Line, pending: Pending, number: int, identities: bool) -> Line:
    """`line` with patient index, image number and masks, and the original's name and ID if asked for."""
    made = pending.made
    if made is None:
        return line
    line = replace(line, patient=made.patient.index, image=number, boxes=made.boxes)
    return replace(line, name=made.name, patient_id=made.original_id) if identities else line


def told(line: Line, error: BaseException) -> Line:
    """`line` with what `error` says; nothing of its message that could be a value."""
    if isinstance(error, ConfigurationError):
        code = "pixels-need-extra" if error.code == "text-model-missing" else error.code
        return replace(line, status="failed", code=code, place=error.path)
    if isinstance(error, Unavailable):
        return replace(line, status="failed", code=error.code, place=error.path)
    if isinstance(error, DeidgateError):
        return replace(line, status="held", code=error.code, place=error.path)
    if isinstance(error, TooMuchError):
        return replace(line, status="held", code="archive-too-large")
    if isinstance(error, EOFError):
        return replace(line, status="held", code="damaged-archive")
    if isinstance(error, OSError):
        return replace(line, status="failed", code=_code_of(error))
    if isinstance(error, MemoryError):
        return replace(line, status="failed", code="out-of-memory")
    places = where(error.__traceback__)
    place = f"{type(error).__name__} {places[-1] if places else ''}"
    return replace(line, status="failed", code="internal-error", place=place.strip())


def _code_of(error: OSError) -> str:
    if isinstance(error, SourceChangedError):
        return "changed-while-read"
    if error.errno == errno.ENOMEM:
        return "out-of-memory"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "disk-full"
    if error.errno == errno.EROFS:
        return "output-not-writable"
    if error.errno in (errno.EACCES, errno.EPERM) and PARTIAL in str(error.filename or ""):
        return "output-not-writable"
    return "vanished" if error.errno == errno.ENOENT else "unreadable-file"
