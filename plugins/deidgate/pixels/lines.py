# SPDX-License-Identifier: Apache-2.0
"""How boxes of text belong together: letters beside a line, pieces of a line, the rest of a wrapped line.

Where a piece of a line was missed because the ground is wild there, the pieces on both sides of it give it away. So the
gap is masked too.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations

from deidgate.dicom.box import Box

SAME_LINE = 2.0
"""Pieces of one line are at most so many line heights apart,"""

SAME_FONT = 6.0
"""or so many, when they are of the same height and stand on the same line exactly."""


def continues(box: Box, line: Box) -> bool:
    """True when `box` stands right before or after `line`, in the same line and about as thick."""
    turned = is_turned(line)
    one, other = _upright(box, turned), _upright(line, turned)
    return _same_line(one, other) and _column_gap(one, other) <= 0.8 * _height(other)


def bridges(boxes: Iterable[Box]) -> tuple[Box, ...]:
    """Boxes for the gaps within lines of `boxes`, and beside the short rest of a wrapped line."""
    found: set[Box] = set()
    for turned in (False, True):
        upright = [_upright(box, turned) for box in sorted(set(boxes)) if is_turned(box) == turned]
        for one, other in combinations(upright, 2):
            gap = _within_line(one, other) or _beside_rest(one, other)
            if gap is not None:
                found.add(_upright(gap, turned))
    return tuple(sorted(found))


def is_turned(box: Box) -> bool:
    """True for a line that runs from top to bottom."""
    return _height(box) > 1.3 * (box.column_stop - box.column_start)


def _within_line(one: Box, other: Box) -> Box | None:
    reach = (SAME_FONT if _same_font(one, other) else SAME_LINE) * min(_height(one), _height(other))
    if not _same_line(one, other) or not 0 < _column_gap(one, other) <= reach:
        return None
    left, right = sorted((one, other), key=lambda box: box.column_start)
    return Box(
        min(one.row_start, other.row_start), max(one.row_stop, other.row_stop), left.column_stop, right.column_start
    )


def _same_font(one: Box, other: Box) -> bool:
    """True when two boxes, whose margins may differ by some pixels, are of one height and on one line."""
    shorter, taller = sorted((_height(one), _height(other)))
    middles = abs((one.row_start + one.row_stop) - (other.row_start + other.row_stop))
    return taller <= 1.3 * shorter and middles <= 0.3 * shorter


def _beside_rest(one: Box, other: Box) -> Box | None:
    """The row of a short, indented line as wide as the line above: it is the rest of a wrapped field."""
    upper, lower = sorted((one, other), key=lambda box: box.row_start)
    height = min(_height(one), _height(other))
    if max(_height(one), _height(other)) > 1.4 * height:
        return None
    near = abs(lower.row_start - upper.row_stop) <= 0.5 * height and lower.row_start > upper.row_start + 0.3 * height
    indented = lower.column_start > upper.column_start + height and lower.column_stop <= upper.column_stop
    if (
        not near
        or not indented
        or 2 * (lower.column_stop - lower.column_start) > upper.column_stop - upper.column_start
    ):
        return None
    return Box(lower.row_start, lower.row_stop, upper.column_start, upper.column_stop)


def _same_line(one: Box, other: Box) -> bool:
    thick = _height(other)
    middles = abs((one.row_start + one.row_stop) - (other.row_start + other.row_stop))
    return 0.5 * thick <= _height(one) <= 2 * thick and middles <= 0.6 * thick


def _column_gap(one: Box, other: Box) -> int:
    """Columns between the boxes; negative when they overlap."""
    return max(one.column_start - other.column_stop, other.column_start - one.column_stop)


def _height(box: Box) -> int:
    return box.row_stop - box.row_start


def _upright(box: Box, turned: bool) -> Box:
    """`box` with rows and columns exchanged when `turned`."""
    return Box(box.column_start, box.column_stop, box.row_start, box.row_stop) if turned else box
