# SPDX-License-Identifier: Apache-2.0
"""Which fragments of encapsulated pixels are which frame, so that every fragment belongs to a frame that is judged.

A lenient reader takes the frames that the header and the offset tables name and passes over the rest; another reader
shows the rest. So nothing is passed over: fragments that are in no frame, a picture that begins within a frame, and
tables that name other places than fragments are refused.

Source: PS3.5 A.4 and Table A.4-1 (fragments, Basic Offset Table), A.4.2 (RLE: one fragment for each frame); PS3.3
C.7.6.3.1.8 (Extended Offset Table).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import pairwise

from pydicom.uid import UID

from deidgate.errors import CannotDeidentify
from deidgate.pixels.codestream import begins

_ITEM, _DELIMITER = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"
_HEAD = 8
"""Bytes of an item's tag and length."""

_KEYWORD = "PixelData"

Span = tuple[int, int]
"""Half-open range of one fragment's bytes in the value of Pixel Data."""

Extended = tuple[bytes, bytes]
"""Values of Extended Offset Table and Extended Offset Table Lengths."""


def frames_of(value: bytes, syntax: UID, count: int, extended: Extended | None = None) -> Iterator[bytes]:
    """The codestream of each of `count` frames in `value`, in order; together they are all bytes of all fragments.

    Raises
    ------
    CannotDeidentify
        ``pixel-data-encapsulation``: not readable, or a table names what is no fragment. ``pixel-data-frames``: another
        number of frames. ``pixel-data-excess``: fragments that are in no frame, or a second picture in a frame. All of
        them before the first frame.
    """
    table, spans = _items(value)
    starts = [start - spans[0][0] for start, _ in spans]  # both without their heads: offsets count from the first head
    tables = [_numbers(value[slice(*table)], 4)]
    if extended is not None:
        tables.append(_numbers(extended[0], 8))
        _check_lengths(_numbers(extended[1], 8), spans)
    named = [_firsts(offsets, starts, count) for offsets in tables if offsets]
    # An Extended Offset Table names every fragment, so that two tables that are both right are the same.
    firsts = named[0] if named else _guessed(value, syntax, spans, count)
    inner = set(range(len(spans))) - set(firsts)
    if any(begins(value[spans[at][0] : spans[at][0] + _HEAD], syntax) for at in inner):
        raise CannotDeidentify("pixel-data-excess", _KEYWORD)
    for first, after in pairwise((*firsts, len(spans))):
        yield b"".join(value[start:stop] for start, stop in spans[first:after])


def _items(value: bytes) -> tuple[Span, list[Span]]:
    """Where the Basic Offset Table lies, and where each fragment."""
    found: list[Span] = []
    at = 0
    while at < len(value):
        tag, length = value[at : at + 4], int.from_bytes(value[at + 4 : at + _HEAD], "little")
        if tag == _DELIMITER and at + _HEAD == len(value) and length == 0:
            break
        at += _HEAD
        if tag != _ITEM or at + length > len(value):
            raise CannotDeidentify("pixel-data-encapsulation", _KEYWORD)
        found.append((at, at + length))
        at += length
    if not found:
        raise CannotDeidentify("pixel-data-encapsulation", _KEYWORD)
    return found[0], found[1:]


def _numbers(table: bytes, width: int) -> tuple[int, ...]:
    if len(table) % width:
        raise CannotDeidentify("pixel-data-encapsulation", _KEYWORD)
    return struct.unpack(f"<{len(table) // width}{'I' if width == 4 else 'Q'}", table)


def _check_lengths(lengths: tuple[int, ...], spans: list[Span]) -> None:
    """Lengths of the Extended Offset Table are those of whole fragments, but for the byte that makes them even."""
    if len(lengths) != len(spans):
        raise CannotDeidentify("pixel-data-excess" if len(lengths) < len(spans) else "pixel-data-frames", _KEYWORD)
    if any(not 0 <= stop - start - length <= 1 for length, (start, stop) in zip(lengths, spans, strict=True)):
        raise CannotDeidentify("pixel-data-encapsulation", _KEYWORD)


def _firsts(offsets: tuple[int, ...], starts: list[int], count: int) -> list[int]:
    """The number of the first fragment of each frame, by a table."""
    if len(offsets) != count:
        raise CannotDeidentify("pixel-data-frames", _KEYWORD)
    numbers = {start: number for number, start in enumerate(starts)}
    if any(offset not in numbers for offset in offsets) or any(one >= other for one, other in pairwise(offsets)):
        raise CannotDeidentify("pixel-data-encapsulation", _KEYWORD)
    if offsets[0] != 0:
        raise CannotDeidentify("pixel-data-excess", _KEYWORD)
    return [numbers[offset] for offset in offsets]


def _guessed(value: bytes, syntax: UID, spans: list[Span], count: int) -> list[int]:
    """The same without a table: one frame has all fragments, as many frames one each, others begin with a picture."""
    if count == 1 and spans:
        return [0]
    if count == len(spans):
        return list(range(count))
    firsts = [at for at, (start, _) in enumerate(spans) if begins(value[start : start + _HEAD], syntax)]
    if len(firsts) != count or firsts[0] != 0:
        raise CannotDeidentify("pixel-data-frames", _KEYWORD)
    return firsts
