# SPDX-License-Identifier: Apache-2.0
"""The name of a result in each layout. No part of it comes from an identifier."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from deidgate.batch.job import Directory, Layout
from deidgate.files.names import name_of_nobody, name_of_same_length, safe_name, token

_FILE_ID = re.compile(r"[A-Z0-9_]{1,8}")
ADDED = "_deidentified"
"""To the name of a file that was given alone."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The new identity of a result, as far as names need it."""

    patient_id: str
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    patient_index: int
    image_number: int


@dataclass(frozen=True, slots=True)
class Namer:
    """Names results of one run.

    Parameters
    ----------
    layout : Layout
    directory : Directory
    key : bytes
        The project's key, for tokens.
    """

    layout: Layout
    directory: Directory
    key: bytes

    def place(
        self, relative: tuple[str, ...], identity: Identity | None, words: frozenset[str], *, alone: bool, medium: int
    ) -> tuple[str, ...]:
        """Components of the result's path below the output.

        Parameters
        ----------
        relative : tuple of str
            The original's path below its input.
        identity : Identity or None
            None for a file that is not DICOM and is copied.
        words : frozenset of str
            Identifying words of the instance (`deidgate.files.names.identifying_words`).
        alone : bool
            Add ``_deidentified`` to the name.
        medium : int
            See `deidgate.batch.job.Task`.
        """
        if identity is not None and self.layout is Layout.UID:
            uids = (identity.study_instance_uid, identity.series_instance_uid, f"{identity.sop_instance_uid}.dcm")
            return (identity.patient_id, *uids)
        on_medium = self.directory is Directory.ALWAYS
        if identity is not None and self.layout is Layout.PATIENT_INDEX:
            if on_medium:
                return f"P{identity.patient_index:07d}", f"I{identity.image_number:07d}"
            return f"{identity.patient_index:04d}", f"{identity.image_number:06d}.dcm"
        if self.directory is Directory.REDACT and medium >= 0:
            # As the overwritten DICOMDIR spells them, which knows no more than the names themselves.
            above = [name_of_nobody(component, self.key) for component in relative[:medium]]
            below = [name_of_same_length(component, self.key) for component in relative[medium:]]
            if identity is None:
                below[-1] = name_of_nobody(relative[-1], self.key)
            return (*above, *below)
        if identity is None:
            return tuple(name_of_nobody(component, self.key) for component in relative)
        names = [*_folders(relative[:-1], self.key, words), safe_name(relative[-1], self.key, words)]
        first = 0 if on_medium else medium
        if first >= 0:
            names[first:] = [file_id(name, self.key) for name in names[first:]]
        elif alone:
            names[-1] = deidentified(names[-1])
        return tuple(names)


@lru_cache(maxsize=1024)
def _folders(relative: tuple[str, ...], key: bytes, words: frozenset[str]) -> tuple[str, ...]:
    """The names of the folders that a file is in: of a series they are asked for with every image."""
    return tuple(safe_name(component, key, words) for component in relative)


def deidentified(name: str) -> str:
    """``IM0001.dcm`` as ``IM0001_deidentified.dcm``."""
    stem, dot, extension = name.partition(".")
    return f"{stem}{ADDED}{dot}{extension}"


def file_id(name: str, key: bytes) -> str:
    """`name` as a component of a File ID: at most eight of A to Z, 0 to 9 and _. Source: PS3.10 section 8.2."""
    bare = name.partition(".")[0].upper()
    return bare if _FILE_ID.fullmatch(bare) else token(name, key)
