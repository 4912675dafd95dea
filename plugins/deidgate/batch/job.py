# SPDX-License-Identifier: Apache-2.0
"""What a run is asked to do, and what is handed to its workers: values that can be sent to another process."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from deidgate.batch.home import MappingPlace
from deidgate.files.journal import Line
from deidgate.files.limits import Limits


class Layout(StrEnum):
    """How results are laid out below the output."""

    MIRROR = "mirror"
    """As the input, with names made harmless; an archive stays an archive."""

    PATIENT_INDEX = "patient-index"
    """``0001/000001.dcm``: patient index and image number from the mapping table."""

    UID = "uid"
    """``<pseudonym>/<Study>/<Series>/<SOP Instance>.dcm``, all of the result."""


class Directory(StrEnum):
    """What becomes of a DICOMDIR."""

    REBUILD = "rebuild"
    """A new one for the results, where the input had one."""

    ALWAYS = "always"
    """A new one for all results, at the output's root; names become File IDs."""

    REDACT = "redact"
    """The old one with identifying values overwritten in their places."""

    DROP = "drop"
    """None."""


@dataclass(frozen=True, slots=True)
class Job:
    """One run.

    Attributes
    ----------
    output : Path
        Folder of results.
    policy : Path
        Policy file.
    mapping : MappingPlace
    project, site : str
        Whose keys and pseudonyms; the gateway's routes have the same two words.
    layout : Layout
    directory : Directory
    beside : bool
        Results go beside the inputs, as ``…_deidentified``.
    copy_other : bool
        Copy what is not DICOM as it is.
    dry_run : bool
        Decide and report; write nothing and change nothing in the mapping table.
    identities : bool
        Put original names and IDs into the journal.
    verify_every : int
        A filled header in so many goes through the whole gate too; 1 is each.
    limits : Limits
    roots : tuple of str
        For each input, from what the folder of the output is named that its results go to (its own path); empty for the
        output itself.
    mark_key : Path or None
        Sign results as the gateway does.
    accepted : frozenset of str
        Of `deidgate.words.instances.ACCEPTABLE`.
    """

    output: Path
    policy: Path
    mapping: MappingPlace
    project: str = "default"
    site: str = ""
    layout: Layout = Layout.MIRROR
    directory: Directory = Directory.REBUILD
    beside: bool = False
    copy_other: bool = False
    dry_run: bool = False
    identities: bool = False
    verify_every: int = 64
    limits: Limits = field(default_factory=Limits)
    roots: tuple[str, ...] = ("",)
    mark_key: Path | None = None
    accepted: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Task:
    """One input file.

    Attributes
    ----------
    key : bytes
        Of the journal.
    path : Path
    relative : tuple of str
        Its place below its input.
    root : int
        Index of the input.
    size : int
    alone : bool
        The file itself was the input.
    medium : int
        How many leading folders of `relative` lead to the DICOMDIR that it belongs to; -1 if to none.
    """

    key: bytes
    path: Path
    relative: tuple[str, ...]
    root: int
    size: int
    alone: bool = False
    medium: int = -1


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a task: its own line first, then those of an archive's members."""

    key: bytes
    lines: tuple[Line, ...]
