# SPDX-License-Identifier: Apache-2.0
"""Whether texts can be written in the character sets that a dataset declares.

pydicom writes ``?`` for what does not fit, and goes on.

Source: PS3.5 6.1 (character repertoires), PS3.3 C.12.1.1.2 (Specific Character Set).
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator

from pydicom import Dataset
from pydicom.charset import convert_encodings, decode_bytes, default_encoding, encode_string
from pydicom.dataelem import DataElement
from pydicom.multival import MultiValue
from pydicom.valuerep import PN_DELIMS, TEXT_VR_DELIMS

from deidgate.dicom.path import ElementPath

SPECIFIC_CHARACTER_SET = 0x00080005
TEXT_VRS = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})
"""VRs that Specific Character Set is about; all other text is ASCII."""
_ESCAPE = b"\x1b"
_TO_ASCII = b"(B"


def misfits(dataset: Dataset, only: frozenset[ElementPath] | None = None) -> Iterator[ElementPath]:
    """Paths of texts that are not the same when they are written and read back; of `only`, or of all."""
    yield from _misfits(dataset, "", (), only)


def _misfits(
    dataset: Dataset, inherited: object, above: tuple[tuple[int, int], ...], only: frozenset[ElementPath] | None
) -> Iterator[ElementPath]:
    charsets = dataset[SPECIFIC_CHARACTER_SET].value if SPECIFIC_CHARACTER_SET in dataset else inherited
    # What nobody asks about is not touched: an element that was looked at is written anew.
    tags = sorted(
        dataset.keys()
        if only is None
        else {
            path.parents[len(above)][0] if len(path.parents) > len(above) else path.tag
            for path in only
            if path.parents[: len(above)] == above
        }
    )
    for tag in tags:
        element = dataset.get(tag)
        if element is None:
            continue
        path = ElementPath(above, int(tag))
        if element.VR == "SQ":
            for number, item in enumerate(element.value or ()):
                yield from _misfits(item, charsets, (*above, (int(tag), number)), only)
        elif element.VR in TEXT_VRS and (only is None or path in only) and not _fits(element, charsets):
            yield path


def _fits(element: DataElement, charsets: object) -> bool:
    values = element.value if isinstance(element.value, MultiValue | list) else [element.value]
    texts = [str(value) for value in values if value is not None]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        encodings = convert_encodings(list(charsets) if isinstance(charsets, MultiValue) else str(charsets or ""))
        if encodings == [default_encoding]:
            return all(text.isascii() for text in texts)
        delimiters = PN_DELIMS if element.VR == "PN" else TEXT_VR_DELIMS
        if element.VR == "PN":
            # As it is written: every component begins in the first character set.
            texts = [part for text in texts for part in re.split("[=^]", text)]
        return all(
            text.isascii()
            or ("\N{REPLACEMENT CHARACTER}" not in text and _there_and_back(text, encodings, delimiters) == text)
            for text in texts
        )


def _there_and_back(text: str, encodings: list[str], delimiters: set[int]) -> str:
    written = encode_string(text, encodings)
    if encodings[0] != default_encoding:
        return decode_bytes(written, encodings, delimiters)
    # pydicom writes and reads Latin-1 where the default repertoire is declared, which is ASCII and nothing else: so
    # before any escape sequence, behind that to ASCII, and behind a delimiter. Source: PS3.5 6.1.2.1, 6.1.2.5.3.
    if any(part.startswith(_TO_ASCII) and not part.isascii() for part in written.split(_ESCAPE)):
        return ""
    return decode_bytes(written, ["ascii", *encodings[1:]], delimiters)
