# SPDX-License-Identifier: Apache-2.0
"""Where every Data Element of a file stands, without decoding any of it.

For what has to leave bytes in their places: the copy of pixel bytes, the redaction of a DICOMDIR. Reads Explicit VR
and Implicit VR Little Endian; raises `NotSpannedError` for everything else, and then pydicom is the way to go.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from pydicom.datadict import dictionary_VR

_LONG_VRS = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"))
_TEXT_VRS = frozenset(
    (b"AE", b"AS", b"CS", b"DA", b"DS", b"DT", b"IS", b"LO", b"LT", b"PN", b"SH", b"ST", b"TM", b"UI")
)
_SHORT_VRS = _TEXT_VRS | {b"AT", b"FL", b"FD", b"SL", b"SS", b"UL", b"US"}
_UNDEFINED = 0xFFFFFFFF
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_DEEPEST = 32
_UINT16 = struct.Struct("<H")
_UINT32 = struct.Struct("<I")
_TAG = struct.Struct("<HH")


class NotSpannedError(Exception):
    """The bytes are in no form that this module reads, or are damaged; the message is a constant."""


@dataclass(frozen=True, slots=True)
class Span:
    """One Data Element, or the item delimiters' payload of a sequence, in a buffer.

    Attributes
    ----------
    path : tuple of int
        Tags and item numbers from the outside in, the element's own tag last: ``(sequence, 0, tag)``.
    vr : str
        ``UN`` in Implicit VR when the dictionary does not know the tag.
    start, stop : int
        Half-open range of the value; for a sequence the range of all its items.
    """

    path: tuple[int, ...]
    vr: str
    start: int
    stop: int

    @property
    def tag(self) -> int:
        """The element's own tag."""
        return self.path[-1]


def meta_end(buffer: bytes) -> tuple[int, str]:
    """Where the dataset begins, and its Transfer Syntax UID.

    Raises
    ------
    NotSpannedError
        There is no preamble with file meta information in front.

    Source: PS3.10 section 7.1.
    """
    if buffer[128:132] != b"DICM":
        raise NotSpannedError("no-file-meta")
    position, syntax = 132, ""
    while position + 8 <= len(buffer) and buffer[position : position + 2] == b"\x02\x00":
        vr = buffer[position + 4 : position + 6]
        if vr in _LONG_VRS:
            start = position + 12
            (length,) = _UINT32.unpack_from(buffer, position + 8)
        elif vr in _SHORT_VRS:
            start = position + 8
            (length,) = _UINT16.unpack_from(buffer, position + 6)
        else:
            raise NotSpannedError("file-meta-damaged")
        if buffer[position + 2 : position + 4] == b"\x10\x00":
            syntax = buffer[start : start + length].rstrip(b"\0 ").decode("ascii", "replace")
        position = start + length
    if position > len(buffer):
        raise NotSpannedError("file-meta-damaged")
    return position, syntax


def spans(buffer: bytes, start: int, stop: int, explicit: bool) -> list[Span]:
    """Every element of the dataset in ``buffer[start:stop]``, depth first; sequences come before their content.

    Raises
    ------
    NotSpannedError
        Damaged, nested too deeply, or with an undefined length in Unknown VR.

    Source: PS3.5 sections 7.1 and 7.5.
    """
    found: list[Span] = []
    _dataset(buffer, start, stop, explicit, (), found)
    return found


def _dataset(
    buffer: bytes, position: int, stop: int, explicit: bool, prefix: tuple[int, ...], found: list[Span]
) -> int:
    """Read elements up to `stop`, or to an item delimiter; the position behind."""
    while position < stop:
        if position + 8 > stop:
            raise NotSpannedError("ends-in-an-element")
        group, element = _TAG.unpack_from(buffer, position)
        tag = group << 16 | element
        if tag == _ITEM_END:
            return position + 8
        vr, value, length = _header(buffer, position, tag, explicit)
        path = (*prefix, tag)
        if vr == "SQ":
            place = len(found)
            position = _items(buffer, value, length, stop, explicit, path, found)
            found.insert(place, Span(path, vr, value, position))
            continue
        if length == _UNDEFINED or value + length > stop:
            raise NotSpannedError("length-of-an-element")
        found.append(Span(path, vr, value, value + length))
        position = value + length
    return position


def _header(buffer: bytes, position: int, tag: int, explicit: bool) -> tuple[str, int, int]:
    if not explicit:
        (length,) = _UINT32.unpack_from(buffer, position + 4)
        return _dictionary_vr(tag, length), position + 8, length
    raw = buffer[position + 4 : position + 6]
    if raw in _SHORT_VRS:
        (length,) = _UINT16.unpack_from(buffer, position + 6)
        return raw.decode(), position + 8, length
    if raw not in _LONG_VRS or position + 12 > len(buffer):
        raise NotSpannedError("value-representation")
    (length,) = _UINT32.unpack_from(buffer, position + 8)
    return raw.decode(), position + 12, length


def _dictionary_vr(tag: int, length: int) -> str:
    try:
        return dictionary_VR(tag)[:2]
    except KeyError:
        return "SQ" if length == _UNDEFINED else "UN"


def _items(
    buffer: bytes, position: int, length: int, stop: int, explicit: bool, path: tuple[int, ...], found: list[Span]
) -> int:
    if len(path) > 2 * _DEEPEST:
        raise NotSpannedError("too-deep")
    end = stop if length == _UNDEFINED else position + length
    if end > stop:
        raise NotSpannedError("length-of-a-sequence")
    item = 0
    while position < end:
        if position + 8 > end:
            raise NotSpannedError("ends-in-an-item")
        group, element = _TAG.unpack_from(buffer, position)
        tag = group << 16 | element
        (size,) = _UINT32.unpack_from(buffer, position + 4)
        position += 8
        if tag == _SEQUENCE_END and length == _UNDEFINED:
            return position
        if tag != _ITEM:
            raise NotSpannedError("no-item")
        item_end = end if size == _UNDEFINED else position + size
        if item_end > end:
            raise NotSpannedError("length-of-an-item")
        position = _dataset(buffer, position, item_end, explicit, (*path, item), found)
        item += 1
    return position
