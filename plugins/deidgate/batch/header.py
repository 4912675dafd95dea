# SPDX-License-Identifier: Apache-2.0
r"""What is the same and what differs between the headers of one series, in one pass over the bytes.

Images of a series differ in UIDs, positions, numbers and times; everything else is the same bytes. `scan` splits a
header into its *skeleton* (all bytes that must be equal) and its *slots* (values that may differ without influence on
any other element: see `deidgate.batch.template` for why). Lengths that follow from slots are left out of the skeleton.

Only Explicit VR Little Endian is split; other files take the long way.

Source: PS3.5 sections 7.1 and 7.5.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from types import MappingProxyType

_ELEMENT = struct.Struct("<HHHH")
_LENGTH = struct.Struct("<I")
_UNDEFINED = 0xFFFFFFFF
_PIXEL_GROUP = 0x7FE0
_DEEPEST = 16

_SHORT, _SHORT_SLOT, _LONG, _LONG_SLOT, _SEQUENCE = range(5)
_SLOTS = (_SHORT_SLOT, _LONG_SLOT)


def _number(vr: str) -> int:
    return int.from_bytes(vr.encode(), "little")


_KINDS = MappingProxyType(
    {_number(vr): _SHORT for vr in ("AE", "AS", "AT", "CS", "DA", "DT", "LO", "LT", "PN", "SH", "ST")}
    | {_number(vr): _SHORT_SLOT for vr in ("DS", "FD", "FL", "IS", "SL", "SS", "TM", "UI", "UL", "US")}
    | {_number(vr): _LONG for vr in ("UC", "UN", "UR", "UT")}
    | {_number(vr): _LONG_SLOT for vr in ("OB", "OD", "OF", "OL", "OV", "OW", "SV", "UV")}
    | {_number("SQ"): _SEQUENCE}
)
# Numbers that describe the pixels or the image's geometry decide what else is done: they belong to the skeleton, but
# for window, rescaling and extreme values.
_FREE_IN_0028 = frozenset({0x0106, 0x0107, 0x0108, 0x0109, 0x1050, 0x1051, 0x1052, 0x1053})
_FIXED = frozenset({(0x0008, 0x0016), (0x0008, 0x1150), (0x0008, 0x115A)})


@dataclass(frozen=True, slots=True)
class Scanned:
    """A header split.

    Attributes
    ----------
    skeleton : bytes
        Equal for headers that differ in slots only.
    slots : list of bytes
        Values, in order.
    stop : int
        Where the header ended: at the first element of group 7FE0, or at the end of the file.
    places : list of (int, int)
        Half-open range of each slot's value in the buffer.
    fields : list of int
        Bytes of each slot's length field, 2 or 4.
    lengths : list of (int, int, int)
        For each sequence and item of defined length: where its length field stands, and the range of slots that are
        inside it (half-open).
    """

    skeleton: bytes
    slots: list[bytes]
    stop: int
    places: list[tuple[int, int]]
    fields: list[int]
    lengths: list[tuple[int, int, int]]


def scan(buffer: bytes, position: int, *, whole: bool) -> Scanned | None:
    """The dataset that begins at `position`, split; None if it has to go the long way.

    Parameters
    ----------
    buffer : bytes
        The beginning of a file.
    whole : bool
        True if `buffer` is the whole file: only then may it end without pixels.
    """
    parts: list[bytes] = []
    places: list[tuple[int, int]] = []
    fields: list[int] = []
    lengths: list[tuple[int, int, int]] = []
    # Containers under way: end, index in `lengths` (-1: undefined length).
    open_ends: list[tuple[int, int]] = []
    end = len(buffer)
    last = position
    kinds, element_of = _KINDS, _ELEMENT.unpack_from
    try:
        while True:
            while open_ends and position == open_ends[-1][0]:
                _, index = open_ends.pop()
                where, first, _ = lengths[index]
                lengths[index] = (where, first, len(places))
                parts.append(buffer[last:position])
                parts.append(b"\xff)")
                last = position
            if position >= end:
                if position != end or not whole or open_ends:
                    return None
                break
            group, element, vr, length = element_of(buffer, position)
            if group == _PIXEL_GROUP and not open_ends:
                break
            if group == 0xFFFE:
                position, last = _delimiter(buffer, position, last, element, parts, places, lengths, open_ends)
                if position < 0:
                    return None
                continue
            kind = kinds.get(vr, -1)
            start = position + 8
            if kind >= _LONG:
                (length,) = _LENGTH.unpack_from(buffer, start)
                start += 4
                if kind == _SEQUENCE:
                    if len(open_ends) >= _DEEPEST:
                        return None
                    parts.append(buffer[last : position + 8])
                    if length == _UNDEFINED:
                        parts.append(b"\xff(u")
                        open_ends.append((-1, -1))
                    else:
                        parts.append(b"\xff(d")
                        open_ends.append((start + length, len(lengths)))
                        lengths.append((position + 8, len(places), 0))
                    position = last = start
                    continue
            elif kind < 0:
                return None
            stop = start + length
            if stop > end or (open_ends and open_ends[-1][0] >= 0 and stop > open_ends[-1][0]):
                return None
            if kind in _SLOTS and _may_differ(group, element):
                parts.append(buffer[last : position + 6])
                parts.append(b"\xff." if length else b"\xff0")
                places.append((start, stop))
                fields.append(2 if kind == _SHORT_SLOT else 4)
                last = stop
            position = stop
    except struct.error:
        return None
    parts.append(buffer[last:position])
    slots = [buffer[start:stop] for start, stop in places]
    return Scanned(b"".join(parts), slots, position, places, fields, lengths)


def _may_differ(group: int, element: int) -> bool:
    if group == 0x0028:
        return element in _FREE_IN_0028
    if group == 0x0018:
        return not 0x6000 <= element <= 0x60FF
    return not 0x5000 <= group <= 0x60FF and (group, element) not in _FIXED


def _delimiter(
    buffer: bytes,
    position: int,
    last: int,
    element: int,
    parts: list[bytes],
    places: list[tuple[int, int]],
    lengths: list[tuple[int, int, int]],
    open_ends: list[tuple[int, int]],
) -> tuple[int, int]:
    """Step over an item's begin or end, or a sequence's end; -1 if it cannot stand here."""
    (length,) = _LENGTH.unpack_from(buffer, position + 4)
    if not open_ends:
        return -1, last
    if element == 0xE000:
        parts.append(buffer[last : position + 4])
        if length == _UNDEFINED:
            parts.append(b"\xff[u")
            open_ends.append((-1, -1))
        else:
            parts.append(b"\xff[d")
            open_ends.append((position + 8 + length, len(lengths)))
            lengths.append((position + 4, len(places), 0))
        return position + 8, position + 8
    if element in (0xE00D, 0xE0DD) and open_ends[-1][0] == -1 and length == 0:
        open_ends.pop()
        return position + 8, last
    return -1, last
