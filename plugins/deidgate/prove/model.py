# SPDX-License-Identifier: Apache-2.0
"""What is planted, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from deidgate.dicom.box import Box


@dataclass(frozen=True, slots=True)
class Plant:
    """One identifier in one place of one made-up instance.

    Attributes
    ----------
    name : str
        Short name of the place, for example ``private-sequence``.
    where : str
        The place, for people.
    needle : str
        The text that must not be found in any result; made anew for each proof, so that it occurs nowhere else.
    boxes : tuple of Box
        Where the needle is drawn into the picture; empty for a plant in the header.
    """

    name: str
    where: str
    needle: str
    boxes: tuple[Box, ...] = ()


@dataclass(frozen=True, slots=True)
class Planted:
    """A plant and the file that holds it.

    Attributes
    ----------
    plant : Plant
    file : str
        Name of the file in the proof's folder.
    orthanc_id : str
        Name of the instance at ingest.
    """

    plant: Plant
    file: str
    orthanc_id: str


class Verdict(StrEnum):
    """What became of a plant."""

    GONE = "gone"
    HELD = "held"
    REJECTED = "rejected"
    FOUND = "found"
    LOST = "lost"

    @property
    def is_good(self) -> bool:
        """True when nothing left that should not, and nothing is missing."""
        return self in (Verdict.GONE, Verdict.HELD, Verdict.REJECTED)


@dataclass(frozen=True, slots=True)
class Finding:
    """The judgement of one plant.

    Attributes
    ----------
    plant : Plant
    verdict : Verdict
    detail : str
        Reason code of a hold, or the paths at which the needle was found.
    """

    plant: Plant
    verdict: Verdict
    detail: str = ""
