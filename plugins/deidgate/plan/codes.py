# SPDX-License-Identifier: Apache-2.0
"""Codes: what the parts of a coded concept are, beside its meaning, which is a text.

Rules

* A code of a public scheme, its designator and its mapping resource say what a thing is. They stay as they are, or go
  as a whole when they repeat what the instance reveals: half a code is the code of something else.
* The code and designator of a private scheme, a version and a context identifier lose what the instance reveals.
* What has not the form of a code is a text that somebody wrote where a code belongs, and is cleaned as one.

Source: PS3.3 8.1 to 8.4 and Table 8.8-1 (Code Sequence Macro), PS3.16 Table 8-1.
"""

from __future__ import annotations

import re
from enum import Enum, auto

from deidgate.standard.schemes import CODE_FORMS, MAPPING_RESOURCES, is_code_of

CODE_VALUE, DESIGNATOR, VERSION, MAPPING_RESOURCE = 0x00080100, 0x00080102, 0x00080103, 0x00080105
_LONG_CODE, _URN_CODE, _CONTEXT = 0x00080119, 0x00080120, 0x0008010F
_VALUES = frozenset({CODE_VALUE, _LONG_CODE})
PARTS_OF_CODES = _VALUES | {DESIGNATOR, VERSION, MAPPING_RESOURCE, _URN_CODE, _CONTEXT}
"""All parts that are text and no prose."""

# A number, with so few letters in a row that they are no word. Source: PS3.5 6.2 (SH), the length of a Code Value.
_LOCAL = re.compile(r"(?=[^0-9]*[0-9])(?!.*[A-Za-z]{5})[A-Za-z0-9._:/+*-]{1,16}", re.ASCII)
# Source: PS3.16 8.1: the designator of a private scheme begins with 99.
_PRIVATE_SCHEME = re.compile(r"99[A-Za-z0-9._-]{1,14}", re.ASCII)
_URN = re.compile(r"urn:oid:[0-9.]{1,64}|https?://(?:snomed\.info/id|loinc\.org/rdf)/[0-9-]{1,18}", re.ASCII)


class Part(Enum):
    """What one part of a code is."""

    PUBLIC = auto()
    LOCAL = auto()
    TEXT = auto()


def part_of_code(tag: int, text: str, designator: str) -> Part:
    """What `text` is as attribute `tag` of an item with this Coding Scheme Designator."""
    if tag == DESIGNATOR:
        return Part.PUBLIC if text in CODE_FORMS else _local(_PRIVATE_SCHEME, text)
    if tag == MAPPING_RESOURCE:
        return Part.PUBLIC if text in MAPPING_RESOURCES else Part.TEXT
    if tag == _URN_CODE:
        return Part.PUBLIC if _URN.fullmatch(text) else Part.TEXT
    if tag in _VALUES and is_code_of(designator, text):
        return Part.PUBLIC
    return _local(_LOCAL, text)


def _local(form: re.Pattern[str], text: str) -> Part:
    return Part.LOCAL if form.fullmatch(text) else Part.TEXT
