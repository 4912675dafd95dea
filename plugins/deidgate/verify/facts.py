# SPDX-License-Identifier: Apache-2.0
"""What PS3.15 Table E.1-1 lets remain of an attribute under claimed codes.

Only the facts of the table are shared with the planner, none of its reasoning: this module says what a result may
look like, not what to do.
"""

from __future__ import annotations

import json
import re
from enum import Flag, StrEnum, auto
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, NamedTuple

from pydicom.datadict import dictionary_description, keyword_for_tag

BASIC = "113100"
CLEAN_PIXELS = "113101"
CLEAN_GRAPHICS = "113103"
CLEAN_STRUCTURED_CONTENT = "113104"
CLEAN_DESCRIPTORS = "113105"
RETAIN_FULL_DATES = "113106"
RETAIN_MODIFIED_DATES = "113107"
RETAIN_PATIENT_CHARACTERISTICS = "113108"
RETAIN_DEVICE = "113109"
RETAIN_UIDS = "113110"
RETAIN_SAFE_PRIVATE = "113111"
RETAIN_INSTITUTION = "113112"

# Columns of Table E.1-1 and the codes of CID 7050 that stand over them.
_COLUMNS = {
    RETAIN_SAFE_PRIVATE: "rtnSafePrivOpt",
    RETAIN_UIDS: "rtnUIDsOpt",
    RETAIN_DEVICE: "rtnDevIdOpt",
    RETAIN_INSTITUTION: "rtnInstIdOpt",
    RETAIN_PATIENT_CHARACTERISTICS: "rtnPatCharsOpt",
    RETAIN_FULL_DATES: "rtnLongFullDatesOpt",
    RETAIN_MODIFIED_DATES: "rtnLongModifDatesOpt",
    CLEAN_DESCRIPTORS: "cleanDescOpt",
    CLEAN_STRUCTURED_CONTENT: "cleanStructContOpt",
    CLEAN_GRAPHICS: "cleanGraphOpt",
}

# Dates that belong to a list of codes, not to a patient: a cleaned one may well be the same.
VERSIONS_OF_CODES = frozenset({0x00080106, 0x00080107, 0x0040DB06, 0x0040DB07})


# Radiation Machine Name is a Treatment Machine Name, Contact Display Name and Contact URI are a Person's Telecom
# Information; File Access URI and Filename in Container name where a file is kept, as Display URI does. Table E.1-1 has
# only the second of each.
_SAYS_THE_SAME = {
    0x30020020: 0x300A00B2,
    0x0074100C: 0x00401104,
    0x0074100A: 0x00401104,
    0x00080409: 0x0040E012,
    0x0008040B: 0x0040E012,
}

_UID = re.compile(r"(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*))+")
_MAX_UID = 64
_DEFINITION = re.compile(r"SOP Class|Transfer Syntax|Coding Scheme UID|Context UID|Mapping Resource")


class Left(Flag):
    """What may be left of an attribute that the original has. Absence is judged by Type, not here."""

    NOTHING = 0
    EMPTY = auto()
    CHANGED = auto()
    SAME = auto()


class Identity(StrEnum):
    """What kind of identity an attribute carries, so that its value is looked for everywhere else."""

    NONE = ""
    PERSON = "person"
    IDENTIFIER = "identifier"
    DEVICE = "device"


class Row(NamedTuple):
    """One row of Table E.1-1."""

    name: str
    basic: str
    options: tuple[tuple[str, str], ...]
    """Code of CID 7050 and action, for every option column that is not blank."""
    identity: Identity

    def left(self, codes: frozenset[str]) -> Left:
        """What may be left when `codes` are claimed.

        The table gives no precedence among options, so what any claimed option permits is permitted.
        """
        allowed = _BASIC_LEFT.get(self.basic, Left.NOTHING)
        if any(code in codes for code, _ in self.options):
            # K permits less than the same value, and C may find nothing to clean.
            allowed |= Left.EMPTY | Left.CHANGED | Left.SAME
        return allowed

    def only_by_shift(self, codes: frozenset[str]) -> bool:
        """True when the only claimed option that keeps something is the one that modifies dates."""
        return {code for code, _ in self.options if code in codes} == {RETAIN_MODIFIED_DATES}


_BASIC_LEFT = {
    "X": Left.NOTHING,
    "Z": Left.EMPTY | Left.CHANGED,
    "D": Left.CHANGED,
    "U": Left.CHANGED,
    "X/Z": Left.EMPTY | Left.CHANGED,
    "X/D": Left.CHANGED,
    "Z/D": Left.EMPTY | Left.CHANGED,
    "X/Z/D": Left.EMPTY | Left.CHANGED,
    "X/Z/U*": Left.EMPTY | Left.CHANGED,
}

_IDENTITY_WORDS = re.compile(
    r"\b(IDs?|Identif\w+|Accession|Number|Address|Telephone|Telecom|Phone|Institution(al)?|Organization|Station|AE"
    r"|Location|Residence|Physicians?|Operators?|Performers?|Recipients?|Insurance|Department|Issuer|Locator|Owner"
    r"|Coordinating|Site|Sponsor|Ethics|Machine|Originator|Observer|Author|Person|Creator|Interpreter|Approver|Names?)\b"
)


def _identity(row: dict[str, Any], tag: int) -> Identity:
    # Attributes that the Clean Descriptors Option cleans are prose: their words are not identifiers by themselves.
    if row["cleanDescOpt"] or not _IDENTITY_WORDS.search(row["name"].replace("'s", "").replace("s' ", " ")):
        return Identity.NONE
    if row["rtnDevIdOpt"] or "AE" in row["name"].split():
        return Identity.DEVICE
    if tag >> 16 == 0x0010:
        return Identity.PERSON
    return Identity.IDENTIFIER


@cache
def rows() -> dict[int, Row]:
    """Rows of Table E.1-1 by tag; the repeating groups are under group 5000 and 6000, private attributes under 1."""
    table = json.loads(files("deidgate.standard").joinpath("table_e_1_1.json").read_text("utf-8"))["rows"]
    found: dict[int, Row] = {}
    for row in table:
        tag = _tag(row["tag"])
        options = tuple((code, row[column]) for code, column in _COLUMNS.items() if row[column])
        found[tag] = Row(row["name"], row["basicProfile"], options, _identity(row, tag))
    return found


PRIVATE_ROW = 0x00010000
CURVE_ROW = 0x50000000


def _tag(text: str) -> int:
    if "odd" in text:
        return PRIVATE_ROW
    group, element = text.strip("()").split(",")
    if "x" in element.lower():
        return CURVE_ROW
    return int(group.lower().replace("xx", "00"), 16) << 16 | int(element, 16)


@lru_cache(maxsize=1 << 14)
def row_of(tag: int) -> Row | None:
    """The row that names `tag`, also in repeating groups; None for private and unnamed attributes."""
    group = tag >> 16
    if group & 1:
        return None
    found = rows().get(_SAYS_THE_SAME.get(tag, tag))
    if found is not None:
        return found
    if 0x5000 <= group <= 0x50FF:
        return rows()[CURVE_ROW]
    if 0x6000 <= group <= 0x60FF:
        return rows().get(0x60000000 | tag & 0xFFFF)
    return None


def name_of(tag: int) -> str:
    """What findings call an attribute: its keyword, or its tag."""
    return keyword_for_tag(tag) or f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


@cache
def safe_private() -> dict[tuple[str, int, int], str]:
    """VR of each safe private attribute by (private creator in upper case, group, element without block)."""
    table = json.loads(files("deidgate.standard").joinpath("table_e_3_10_1.json").read_text("utf-8"))["rows"]
    found: dict[tuple[str, int, int], str] = {}
    for element, creator, vr, *_ in table:
        group, number = element.strip("()").split(",")
        found[creator.strip().upper(), int(group, 16), int(number.lower().replace("xx", ""), 16)] = vr
    return found


@lru_cache(maxsize=1 << 12)
def names_definition(tag: int) -> bool:
    """True for attributes whose UID names a definition (a SOP Class, a coding scheme) and no instance of anything."""
    try:
        return bool(_DEFINITION.search(dictionary_description(tag)))
    except KeyError:
        return False


def is_uid(text: str) -> bool:
    """True when `text` has the form of a UID. Source: PS3.5 9.1."""
    return len(text) <= _MAX_UID and _UID.fullmatch(text) is not None
