# SPDX-License-Identifier: Apache-2.0
"""A policy as a value: which profile, options and rules apply. Loaded by `deidgate.policy.load`."""

from __future__ import annotations

from collections.abc import Mapping
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
    """The date rules of a policy, one for each group of attributes.

    Attributes
    ----------
    birth : DateRule
        Overrules the Basic Profile, which speaks about the birth date but has no Option for it.
    study, other : DateRule
        Carried out where Option 113106 or 113107 speaks; without these options both are REMOVE.
    birth_attributes, study_attributes : frozenset of int
        Tags of the first two groups. All other attributes of VR DA, TM and DT are the third.
    """

    birth: DateRule
    study: DateRule
    other: DateRule
    birth_attributes: frozenset[int]
    study_attributes: frozenset[int]

    @property
    def shows_years_only(self) -> bool:
        """True when birth and study dates are cut to their years: then a birth year may not tell an age over 89.

        Source: 45 CFR 164.514(b)(2)(i)(C), all elements of dates (including year) indicative of such age.
        """
        return all(rule.action is DateAction.TRUNCATE and rule.to == "year" for rule in (self.birth, self.study))


class Word(StrEnum):
    """What a line of a policy may do with an element."""

    KEEP = "keep"
    REMOVE = "remove"
    EMPTY = "empty"
    DUMMY = "dummy"
    CLEAN = "clean"
    UID = "uid"
    PROFILE = "profile"
    """What Table E.1-1 and the options say: for an element in a sequence that another line speaks about."""


@dataclass(frozen=True, slots=True)
class ElementRule:
    """One line of ``[elements]``.

    Attributes
    ----------
    path : tuple of int
        Tags from the outermost sequence to the element; a single tag speaks about the element at every depth.
    word : Word
    value : str or None
        With DUMMY: the value to write, instead of a dummy of the VR.
    spelled : str
        As the policy file has it.
    """

    path: tuple[int, ...]
    word: Word
    value: str | None
    spelled: str


@dataclass(frozen=True, slots=True)
class PrivateRule:
    """A private attribute that the policy declares safe, beside Table E.3.10-1."""

    creator: str
    group: int
    element: int


class Doubt(StrEnum):
    """What happens with what cannot be judged."""

    HOLD = "hold"
    REMOVE = "remove"


class Fate(StrEnum):
    """What happens with instances of a SOP Class."""

    DEIDENTIFY = "de-identify"
    HOLD = "hold"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class Defaults:
    """What happens with elements that no other rule names.

    Attributes
    ----------
    standard : Word
        KEEP or REMOVE: elements of the standard that Table E.1-1 does not have.
    text : Word
        KEEP, CLEAN or REMOVE: those of them that hold text (LO, LT, SH, ST, UC, UR, UT, CS, AE).
    names : Word
        EMPTY or REMOVE: those of them that hold person names (PN).
    unknown : Doubt
        Elements whose tag is in no dictionary.
    malformed : Doubt
        Elements whose VR is not theirs or whose value cannot be read. Where the IOD wants a value, they are held.
    deep : Doubt
        Sequences in more than `depth` sequences.
    depth : int
    """

    standard: Word
    text: Word
    names: Word
    unknown: Doubt
    malformed: Doubt
    deep: Doubt
    depth: int


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
    elements : tuple of ElementRule
    private : tuple of PrivateRule
    well_known_uids : frozenset of int
        Attributes whose UIDs name a definition and no instance, and stay.
    defaults : Defaults
    keep_list : frozenset of int or None
        In keep-list mode: the only tags (beside those that the IOD requires) that are looked at any further.
    families, sop_classes : mapping of str to Fate
        Fate by family (see `deidgate.standard.families`) and by SOP Class UID, which goes before.
    text_style : str
        ``sensible`` or ``strict``.
    pseudonym : PseudonymStyle
        How patient pseudonyms look and how far dates move.
    encrypt_for : str
        PEM of the certificate for which originals are encrypted into the instance; empty: they are not.
    """

    name: str
    version: str
    title: str
    digest: str
    options: frozenset[Option]
    dates: DateRules
    elements: tuple[ElementRule, ...]
    private: tuple[PrivateRule, ...]
    well_known_uids: frozenset[int]
    defaults: Defaults
    keep_list: frozenset[int] | None
    families: Mapping[str, Fate]
    sop_classes: Mapping[str, Fate]
    text_style: str
    pseudonym: PseudonymStyle
    encrypt_for: str

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
