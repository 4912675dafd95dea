# SPDX-License-Identifier: Apache-2.0
"""Value Representations: families, dummies, and whether bytes can be a value of one.

The checks are about what could hide in a value, not about style: a Decimal String of 17 characters, or a Code
String in lower case, is tolerated as every reader tolerates it; letters in a number are not.

Source: PS3.5 Table 6.2-1.
"""

from __future__ import annotations

import re
from types import MappingProxyType

# Text in the character set of the dataset.
LOCAL_TEXT = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})
# Text in the default repertoire that people or devices write freely.
PLAIN_TEXT = frozenset({"AE", "CS", "UR"})
TEXT = LOCAL_TEXT | PLAIN_TEXT
DATES = frozenset({"DA", "DT", "TM"})
NUMBER_TEXT = frozenset({"DS", "IS"})
BINARY_NUMBERS = MappingProxyType({"AT": 4, "FD": 8, "FL": 4, "SL": 4, "SS": 2, "SV": 8, "UL": 4, "US": 2, "UV": 8})
BULK = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
KNOWN = TEXT | DATES | NUMBER_TEXT | BULK | frozenset(BINARY_NUMBERS) | {"AS", "SQ", "UI"}
# Written in the default repertoire only.
ASCII = PLAIN_TEXT | DATES | NUMBER_TEXT | {"AS", "UI"}

_FAMILIES = (TEXT, NUMBER_TEXT | frozenset(BINARY_NUMBERS), BULK - {"UN"})

_BULK_UNIT = MappingProxyType({"OD": 8, "OF": 4, "OL": 4, "OV": 8, "OW": 2})
_NUMBERS = re.compile(rb"[0-9+\-.eE \\\0]*")
_UIDS = re.compile(rb"[0-9.\\ \0]*")
_AGES = re.compile(rb"[0-9DWMY \\\0]*")
# Control characters beside TAB, LF, FF, CR and ESC; NUL occurs as padding at the end.
_CONTROL = re.compile(rb"[\x01-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]|\0(?!\0*\Z)")

_DUMMY_TEXT = MappingProxyType(
    {
        "AE": "REMOVED",
        "AS": "000Y",
        "CS": "REMOVED",
        "DA": "19000101",
        "DT": "19000101000000",
        "LO": "REMOVED",
        "LT": "REMOVED",
        "PN": "REMOVED",
        "SH": "REMOVED",
        "ST": "REMOVED",
        "TM": "000000",
        "UC": "REMOVED",
        "UR": "urn:removed",
        "UT": "REMOVED",
    }
)


def fits(declared: str, dictionary: str) -> bool:
    """True when an element of VR `declared` can stand for the dictionary's VR (which may be ``US or SS``).

    VRs of one family (texts, numbers, bulk data) stand for each other: the rules for them are the same, and
    dictionaries have changed within families.
    """
    return any(
        declared == vr or any(declared in family and vr in family for family in _FAMILIES)
        for vr in dictionary.split(" or ")
    )


def is_value(vr: str, data: bytes) -> bool:
    """True when the bytes can be a value of the VR, as far as that can be seen without its character set."""
    if vr in NUMBER_TEXT:
        return _NUMBERS.fullmatch(data) is not None
    if vr in BINARY_NUMBERS:
        return len(data) % BINARY_NUMBERS[vr] == 0
    if vr in _BULK_UNIT:
        return len(data) % _BULK_UNIT[vr] == 0
    if vr == "UI":
        return _UIDS.fullmatch(data) is not None
    if vr == "AS":
        return _AGES.fullmatch(data) is not None
    if vr in ASCII:
        return data.isascii() and _CONTROL.search(data) is None
    if vr in LOCAL_TEXT:
        return _CONTROL.search(data) is None
    return vr in KNOWN


def dummy(vr: str, count: int) -> str | bytes:
    r"""A valid value of the VR that says nothing: text with ``\`` between `count` values, or bytes."""
    if vr in BULK:
        return b"\0" * 8
    return "\\".join([_DUMMY_TEXT.get(vr, "0")] * max(1, count))
