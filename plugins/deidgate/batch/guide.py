# SPDX-License-Identifier: Apache-2.0
"""A header read along one that is known: what has to be equal is compared, what may differ is picked out.

`deidgate.batch.header.scan` looks at every element; the headers of a series are so much alike that it is enough to
compare the stretches between their slots. A `Guide` accepts exactly the headers whose skeleton is that of the first,
and finds the same slots.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from deidgate.batch.header import Scanned

_LENGTH = struct.Struct("<I")

_SHORT, _LONG, _OPEN, _CLOSE = range(4)


@dataclass(frozen=True, slots=True)
class Read:
    """A header that was accepted.

    Attributes
    ----------
    slots : list of bytes
        Values, in order.
    stop : int
        Where the header ended.
    """

    slots: list[bytes]
    stop: int


@dataclass(frozen=True, slots=True)
class Guide:
    """See the module's text. Made by `guide_along`."""

    steps: tuple[tuple[bytes, int, int, bool], ...] = field(repr=False)
    """A stretch that has to be equal, its length, what follows it, and whether that slot has a value."""
    tail: bytes = field(repr=False)
    has_pixels: bool

    def read(self, buffer: bytes, position: int, *, whole: bool) -> Read | None:
        """The header that begins at `position`; None if it is another one.

        Parameters
        ----------
        whole : bool
            True if `buffer` is the whole file: only then may it end without pixels.
        """
        slots: list[bytes] = []
        ends: list[int] = []
        size = len(buffer)
        for stretch, length, kind, has_value in self.steps:
            stop = position + length
            if buffer[position:stop] != stretch:
                return None
            if kind == _SHORT:
                start = stop + 2
                if start > size:
                    return None
                position = start + (buffer[stop] | buffer[stop + 1] << 8)
            elif kind == _CLOSE:
                if ends.pop() != stop:
                    return None
                position = stop
                continue
            else:
                start = stop + 4
                if start > size:
                    return None
                position = start + _LENGTH.unpack_from(buffer, stop)[0]
                if kind == _OPEN:
                    ends.append(position)
                    position = start
                    continue
            if (position > start) is not has_value or position > size:
                return None
            slots.append(buffer[start:position])
        stop = position + len(self.tail)
        if buffer[position:stop] != self.tail:
            return None
        if self.has_pixels:
            if buffer[stop : stop + 2] != b"\xe0\x7f":
                return None
        elif stop != size or not whole:
            return None
        return Read(slots, stop)


def guide_along(buffer: bytes, start: int, scanned: Scanned, size: int) -> Guide:
    """A guide along the header that `scanned` describes in `buffer`.

    Parameters
    ----------
    start : int
        Where the dataset begins.
    size : int
        Bytes of the whole file (or of the header alone, if it is to end there).
    """
    # Events in the order of their places: a container opens before what is in it and closes behind it.
    events: list[tuple[int, int, int, int]] = []
    for (begin, stop), field_size in zip(scanned.places, scanned.fields, strict=True):
        events.append((begin - field_size, 2, stop, _LONG if field_size == 4 else _SHORT))
    for where, _, _ in scanned.lengths:
        (length,) = _LENGTH.unpack_from(buffer, where)
        events.append((where, 2, where + 4, _OPEN))
        # Inner containers close before outer ones at the same place, and before what follows there begins.
        events.append((where + 4 + length, 0, where + 4 + length, _CLOSE))
    steps = []
    position = start
    for where, _, behind, kind in sorted(events):
        stretch = buffer[position:where]
        has_value = kind in (_SHORT, _LONG) and behind > where + (4 if kind == _LONG else 2)
        steps.append((stretch, len(stretch), kind, has_value))
        position = behind
    return Guide(tuple(steps), buffer[position : scanned.stop], scanned.stop < size)
