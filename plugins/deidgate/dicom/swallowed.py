# SPDX-License-Identifier: Apache-2.0
"""Elements inside of a value: a length that was declared too large makes the next elements a part of bulk data.

In texts and numbers they show as characters that cannot be there. In bulk data every byte can be there, so their
headers are looked for: a tag, and in Explicit VR the VR that the dictionary has for it, with a length that stays in
the value. By chance this is found once in some thousand megabytes.
"""

from __future__ import annotations

import re
import struct

from deidgate.dicom.dictionary import dictionary_vr

_SHORT = struct.Struct("<HHxxH")
_IMPLICIT = struct.Struct("<HHL")
# A header in Explicit VR Little Endian: groups of the standard that identify, VRs that hold text.
_EXPLICIT_HEADER = re.compile(rb"[\x08\x10\x12\x18\x20\x32\x38\x40]\x00..(?:PN|LO|SH|DA|DT|ST|LT|UI|AE)", re.DOTALL)
# Patient's Name, Patient ID, Birth Date, Referring Physician's Name, Accession Number, Institution in Implicit VR.
_IMPLICIT_HEADER = re.compile(
    rb"(?:\x10\x00[\x10\x20\x30]\x00|\x08\x00(?:\x90\x00|\x50\x00|\x80\x00))[\x02-\x40]\x00\x00\x00", re.DOTALL
)
_PRINTABLE = re.compile(rb"[\x20-\x7e\x80-\xff\x1b]+[\x00 ]?")


def holds_elements(value: bytes) -> bool:
    """True when the bytes hold what looks like elements of a dataset."""
    for match in _EXPLICIT_HEADER.finditer(value):
        group, element, length = _SHORT.unpack_from(value.ljust(match.start() + 8, b"\0"), match.start())
        named = dictionary_vr(group << 16 | element)
        if named.encode() == match[0][4:6] and _is_text(value, match.start() + 8, length):
            return True
    for match in _IMPLICIT_HEADER.finditer(value):
        _, _, length = _IMPLICIT.unpack_from(value, match.start())
        if _is_text(value, match.start() + 8, length):
            return True
    return False


def _is_text(value: bytes, start: int, length: int) -> bool:
    return 0 < length <= len(value) - start and _PRINTABLE.fullmatch(value, start, start + length) is not None
