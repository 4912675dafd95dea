# SPDX-License-Identifier: Apache-2.0
"""What the last gate says: findings, each a code and a place, never a value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from deidgate.dicom.box import Box


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a result.

    Attributes
    ----------
    code : str
        A stable, lower-case name, for example ``name-left``; `deidgate.verify.codes` lists all of them.
    path : str
        Where: an element path, ``preamble``, ``file meta``, ``frame 3``; empty for the whole instance.
    detail : str
        What was compared, in words of the standard (``Type 1``, ``E.1-1 X``, ``PatientName``); never a value of an
        element.
    """

    code: str
    path: str = ""
    detail: str = ""

    def __str__(self) -> str:
        """One line for a log or a report."""
        place = f" at {self.path}" if self.path else ""
        return f"{self.code}{place}: {self.detail}" if self.detail else f"{self.code}{place}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Deliver or hold.

    Attributes
    ----------
    findings : tuple of Finding
        Empty when nothing is wrong; bounded (see `deidgate.verify.gate`), so a bad file cannot fill a log.
    """

    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """True when the result may be delivered."""
        return not self.findings

    @property
    def codes(self) -> tuple[str, ...]:
        """The distinct codes of the findings, sorted: the reasons of a hold."""
        return tuple(sorted({finding.code for finding in self.findings}))


class PixelsSeen(Protocol):
    """What the pixel step reports; `deidgate.pixels.clean.PixelOutcome` has this form."""

    @property
    def status(self) -> str:
        """``clean``, ``masked`` or ``uncertain``."""
        ...

    @property
    def boxes(self) -> Sequence[Box]:
        """What was blanked."""
        ...
