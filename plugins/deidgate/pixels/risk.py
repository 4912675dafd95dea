# SPDX-License-Identifier: Apache-2.0
"""How likely it is that the pixels of an object carry identifying text, by its header alone."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pydicom import Dataset


class RiskLevel(StrEnum):
    """What the header says about burned-in text."""

    NONE = "none"
    """No pixels."""

    LOW = "low"
    """Cross-sectional and projection images as acquired: read samples, and what the cheap test suspects."""

    REVIEW = "review"
    """Derived, ultrasound and other kinds that carry text often: read every frame."""

    HIGH = "high"
    """Screen captures, scans, labels, declared annotation: read every frame, and doubt a clean result."""


@dataclass(frozen=True, slots=True)
class Risk:
    """A level with its reasons.

    Attributes
    ----------
    level : RiskLevel
    reasons : tuple of str
        Stable codes such as ``sop-class-secondary-capture``; never a value of the dataset.
    """

    level: RiskLevel
    reasons: tuple[str, ...]


def risk(dataset: Dataset) -> Risk:
    """The risk class of `dataset` by SOP Class, Modality, Image Type, Burned In Annotation and manufacturer."""
    raise NotImplementedError
