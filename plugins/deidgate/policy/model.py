# SPDX-License-Identifier: Apache-2.0
"""A policy as a value: which profile, options and rules apply. Loaded by `deidgate.policy.load`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from deidgate.pseudonym.draw import PseudonymStyle


class Option(StrEnum):
    """Options of PS3.15 Annex E; the value is the code of CID 7050, the name what policies write."""

    CLEAN_PIXEL_DATA = "113101"
    CLEAN_RECOGNIZABLE_VISUAL_FEATURES = "113102"
    CLEAN_GRAPHICS = "113103"
    CLEAN_STRUCTURED_CONTENT = "113104"
    CLEAN_DESCRIPTORS = "113105"
    RETAIN_FULL_DATES = "113106"
    RETAIN_MODIFIED_DATES = "113107"
    RETAIN_PATIENT_CHARACTERISTICS = "113108"
    RETAIN_DEVICE_IDENTITY = "113109"
    RETAIN_UIDS = "113110"
    RETAIN_SAFE_PRIVATE = "113111"
    RETAIN_INSTITUTION_IDENTITY = "113112"

    @property
    def word(self) -> str:
        """Spelling in policy files: ``clean-descriptors``."""
        return self.name.lower().replace("_", "-")


class DateAction(StrEnum):
    """What happens to the dates and times of one group."""

    KEEP = "keep"
    SHIFT = "shift"
    TRUNCATE = "truncate"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class DateRule:
    """What happens to the dates and times of one group of attributes.

    Attributes
    ----------
    action : DateAction
    to : str
        With TRUNCATE: ``month`` or ``year``, the finest part that stays.
    day : int
        With TRUNCATE: the day of the month that is written, 1 to 28.
    """

    action: DateAction
    to: str = "month"
    day: int = 15


@dataclass(frozen=True, slots=True)
class DateRules:
    """The date rules of a policy, one for each group."""

    birth: DateRule
    study: DateRule
    other: DateRule


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """What a policy file says, checked and complete.

    Attributes
    ----------
    name, version, title : str
    digest : str
        SHA-256 of the file, in hexadecimal. Two policies are equal when their digests are.
    options : frozenset of Option
    dates : DateRules
    pseudonym : PseudonymStyle
        How patient pseudonyms look and how far dates move.
    """

    name: str
    version: str
    title: str
    digest: str
    options: frozenset[Option]
    dates: DateRules
    pseudonym: PseudonymStyle

    @property
    def label(self) -> str:
        """Name, version and short hash: ``mammography 1 1a2b3c4d5e6f``."""
        return f"{self.name} {self.version} {self.digest[:12]}"

    @property
    def cleans_pixels(self) -> bool:
        """True when the Clean Pixel Data Option is on."""
        return Option.CLEAN_PIXEL_DATA in self.options

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Policy) and other.digest == self.digest

    def __hash__(self) -> int:
        return hash(self.digest)
