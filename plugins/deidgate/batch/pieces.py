# SPDX-License-Identifier: Apache-2.0
"""A verified header cut into what stays, the values that are filled in, and the lengths that follow from them.

Source: PS3.5 section 7.1 (lengths of elements), PS3.10 section 7.1 (length of the file meta information).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from deidgate.batch.header import Scanned
from deidgate.files.spans import Span, spans

META_INSTANCE = 0x00020003
"""Media Storage SOP Instance UID."""

_META_LENGTH = 0x00020000
_META_START = 132
_LONG_LENGTH = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "SV", "UV"})
_SHORT, _LONG = "<H", "<I"


class NotCutError(Exception):
    """What was to be filled in is not where it should be; the message says what, in words of this program."""


@dataclass(frozen=True, slots=True)
class Value:
    """A place for a value.

    Attributes
    ----------
    slot : int
        The original's slot that it comes from.
    part : int
        Which of the parts it is.
    is_uid : bool
        It is the pseudonym of that slot's UID, and not its bytes.
    first : int
        Bytes of the first result's value.
    """

    slot: int
    part: int
    is_uid: bool
    first: int


@dataclass(frozen=True, slots=True)
class Length:
    """A place for a length.

    Attributes
    ----------
    part : int
        Which of the parts it is.
    form : str
        Its bytes, as `struct` spells them.
    first : int
        Its number in the first result.
    inside : tuple of int
        Which of the values it counts.
    """

    part: int
    form: str
    first: int
    inside: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Pieces:
    """A header in pieces.

    Attributes
    ----------
    parts : tuple of bytes
        Of the first result, in order; those of `values` and `lengths` are to be replaced.
    values : tuple of Value
        The last is Media Storage SOP Instance UID.
    lengths : tuple of Length
    """

    parts: tuple[bytes, ...] = field(repr=False)
    values: tuple[Value, ...]
    lengths: tuple[Length, ...]


def cut(
    result: bytes,
    start: int,
    scanned: Scanned,
    slots: Sequence[Span],
    sources: Mapping[tuple[int, ...], tuple[int, bool]],
    sop: int,
) -> Pieces:
    """The header of `result` in pieces.

    Parameters
    ----------
    result : bytes
        The verified result, at least its header.
    start : int
        Where its dataset begins.
    scanned : Scanned
        Of that dataset.
    slots : sequence of Span
        What stands in its slots.
    sources : mapping
        By the paths of elements that are filled in: the original's slot, and whether it is a UID to be replaced.
    sop : int
        The original's slot of SOP Instance UID.

    Raises
    ------
    NotCutError
    NotSpannedError
        The file meta information cannot be read.
    """
    cutter = _Cutter(result)
    numbers: dict[int, int] = {}
    for slot, span in enumerate(slots):
        if span.path in sources:
            numbers[slot] = cutter.value(span, *sources[span.path])
            cutter.length_before(span, (numbers[slot],))
    if {slots[slot].path for slot in numbers} != set(sources):
        raise NotCutError("an element that was kept is not in the result")
    for where, first, stop in scanned.lengths:
        inside = tuple(number for slot, number in numbers.items() if first <= slot < stop)
        if inside:
            cutter.length(where, _LONG, inside)
    meta = {span.tag: span for span in spans(result, _META_START, start, explicit=True)}
    if not {_META_LENGTH, META_INSTANCE} <= meta.keys():
        raise NotCutError("file meta")
    named = cutter.value(meta[META_INSTANCE], sop, any(slot == sop and is_uid for slot, is_uid in sources.values()))
    cutter.length_before(meta[META_INSTANCE], (named,))
    cutter.length(meta[_META_LENGTH].start, _LONG, (named,))
    return cutter.pieces(scanned.stop)


@dataclass(frozen=True, slots=True)
class _Cut:
    """A stretch that is replaced: a value, or (with a form) a length."""

    start: int
    stop: int
    number: int = 0
    form: str = ""
    inside: tuple[int, ...] = ()


class _Cutter:
    """Collects what is to be cut out of a header."""

    def __init__(self, header: bytes) -> None:
        self._header = header
        self._cuts: list[_Cut] = []
        self._sources: list[tuple[int, bool]] = []

    def value(self, span: Span, slot: int, is_uid: bool) -> int:
        """Let the value of `span` be filled in; its number among the values."""
        number = len(self._sources)
        self._sources.append((slot, is_uid))
        self._cuts.append(_Cut(span.start, span.stop, number))
        return number

    def length_before(self, span: Span, inside: tuple[int, ...]) -> None:
        """Let the length of `span` follow from values."""
        form = _LONG if span.vr in _LONG_LENGTH else _SHORT
        self.length(span.start - struct.calcsize(form), form, inside)

    def length(self, start: int, form: str, inside: tuple[int, ...]) -> None:
        """Let the length that stands at `start` follow from values."""
        self._cuts.append(_Cut(start, start + struct.calcsize(form), form=form, inside=inside))

    def pieces(self, stop: int) -> Pieces:
        """The header up to `stop`, cut."""
        parts: list[bytes] = []
        values: dict[int, Value] = {}
        lengths: list[Length] = []
        position = 0
        for one in sorted(self._cuts, key=lambda one: (one.start, one.stop)):
            parts.append(self._header[position : one.start])
            old = self._header[one.start : one.stop]
            if one.form:
                (first,) = struct.unpack(one.form, old)
                lengths.append(Length(len(parts), one.form, first, one.inside))
            else:
                slot, is_uid = self._sources[one.number]
                values[one.number] = Value(slot, len(parts), is_uid, len(old))
            parts.append(old)
            position = one.stop
        parts.append(self._header[position:stop])
        return Pieces(tuple(parts), tuple(values[number] for number in range(len(values))), tuple(lengths))
