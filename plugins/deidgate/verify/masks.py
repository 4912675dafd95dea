# SPDX-License-Identifier: Apache-2.0
"""What was blanked, read off an original and its result: for who checks a result without the journal of its run.

A result that claims Clean Pixel Data (113101) may differ from its original in rectangles of one value. All that differs
has to lie in such rectangles; then `deidgate.verify.gate` judges with them, in every frame. Anything else is no mask:
the gate then finds the difference.

A mask on a black background changes the letters alone, so that what differs falls apart into small rectangles. Changed
single pixels are none: the result has to have one value on an area that a mask could have.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deidgate.dicom.box import Box
from deidgate.verify.claims import claimed_codes
from deidgate.verify.compare import same_value
from deidgate.verify.facts import CLEAN_PIXELS
from deidgate.verify.frames import frames
from deidgate.verify.pixels import DECODER_ERRORS, is_constant, meaning
from deidgate.verify.view import View
from deidgate.verify.walk import PIXEL_DATA, UnreadableError, walk

_LEAST = 4
"""Rows and columns of the smallest area of one value that is taken for a mask, or a part of one."""

_MOST = 4096
"""Rectangles; what falls into more is noise."""

# Smallest and Largest Image Pixel Value. Source: PS3.3 C.7.6.3.
_EXTREMES = (0x00280106, 0x00280107)

_NOTHING = Box(0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Masked:
    """Satisfies `deidgate.verify.model.PixelsSeen`."""

    boxes: tuple[Box, ...]
    status: str = "masked"


def apparent(original: bytes, result: bytes) -> Masked | None:
    """Rectangles that were blanked on all frames, where that explains each pixel that differs; else None.

    Without a differing pixel, None too; but one empty rectangle where codestreams were made anew, or the smallest and
    largest value: what was blanked was black before.
    """
    try:
        before, after = View(walk(original)), View(walk(result))
    except UnreadableError:
        return None
    if CLEAN_PIXELS not in claimed_codes(after):
        return None
    one, other = before.get(PIXEL_DATA), after.get(PIXEL_DATA)
    if one is None or other is None:
        return None
    if same_value(before, one, after, other):
        return Masked((_NOTHING,)) if _has_other_extremes(before, after) else None
    try:
        differs, first = _differing(before, after)
    except DECODER_ERRORS:
        return None
    if differs is None or first is None:
        return None
    if not differs.any():
        return Masked((_NOTHING,)) if one.fragments is not None else None
    boxes = _rectangles(differs, first)
    return Masked(boxes) if boxes else None


def _has_other_extremes(before: View, after: View) -> bool:
    for tag in _EXTREMES:
        one, other = before.get(tag), after.get(tag)
        if one is not None and (other is None or not same_value(before, one, after, other)):
            return True
    return False


def _differing(before: View, after: View) -> tuple[NDArray[np.bool_] | None, NDArray[Any] | None]:
    """Where any frame differs, and the samples of the result's first frame; None for pictures of unlike shapes."""
    union: NDArray[np.bool_] | None = None
    first: NDArray[Any] | None = None
    for one, other in zip_longest(frames(before), frames(after)):
        if one is None or other is None:
            return None, None
        expected = meaning(one, other.photometric)
        if expected is None or expected.shape != other.values.shape:
            return None, None
        differs = (expected != other.values).any(axis=2)
        if union is None:
            union, first = differs, other.values.copy()
        elif union.shape != differs.shape:
            return None, None
        else:
            union |= differs
    return union, first


def _rectangles(differs: NDArray[np.bool_], values: NDArray[Any]) -> tuple[Box, ...]:
    """Rectangles of one value that hold all that differs; empty if there are none such."""
    if (differs & ~_in_areas(values)).any():
        return ()
    found: list[Box] = []
    waiting = [(0, differs.shape[0], 0, differs.shape[1])]
    while waiting:
        row_start, row_stop, column_start, column_stop = waiting.pop()
        part = differs[row_start:row_stop, column_start:column_stop]
        rows, columns = np.flatnonzero(part.any(axis=1)), np.flatnonzero(part.any(axis=0))
        if not rows.size:
            continue
        top, bottom = row_start + int(rows[0]), row_start + int(rows[-1]) + 1
        left, right = column_start + int(columns[0]), column_start + int(columns[-1]) + 1
        box = Box(top, bottom, left, right)
        if is_constant(values[top:bottom, left:right]):
            found.append(box)
        else:
            cut = _cut(differs[top:bottom, left:right])
            if cut is None:
                return ()
            axis, place = cut
            if axis == 0:
                waiting += [(top + place, bottom, left, right), (top, top + place, left, right)]
            else:
                waiting += [(top, bottom, left + place, right), (top, bottom, left, left + place)]
        if len(found) + len(waiting) > _MOST:
            return ()
    return tuple(sorted(found))


def _cut(part: NDArray[np.bool_]) -> tuple[int, int] | None:
    """Axis and place where `part` falls in two: in its widest gap, or where its outline has a step."""
    best: tuple[int, int, int] | None = None
    for axis in (0, 1):
        places = np.flatnonzero(part.any(axis=1 - axis))
        gaps = np.diff(places)
        if gaps.size and int(gaps.max()) > 1:
            at = int(gaps.argmax())
            if best is None or int(gaps[at]) > best[0]:
                best = int(gaps[at]), axis, int(places[at]) + 1
    if best is not None:
        return best[1], best[2]
    for axis in (0, 1):
        lines = part if axis == 0 else part.T
        ends = np.stack((lines.argmax(axis=1), lines[:, ::-1].argmax(axis=1)), axis=1)
        steps = np.flatnonzero((np.diff(ends, axis=0) != 0).any(axis=1))
        if steps.size:
            return axis, int(steps[0]) + 1
    return None


def _in_areas(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Where pixels of `values` (rows, columns, samples) lie in an area of one value that is large enough for a mask."""
    rows, columns = values.shape[:2]
    height, width = min(_LEAST, rows), min(_LEAST, columns)
    tall, wide = rows - height + 1, columns - width + 1
    corner = values[:tall, :wide]
    same = np.ones((tall, wide), bool)
    offsets = [(down, right) for down in range(height) for right in range(width)]
    for down, right in offsets:
        same &= (values[down : down + tall, right : right + wide] == corner).all(axis=2)
    covered = np.zeros((rows, columns), bool)
    for down, right in offsets:
        covered[down : down + tall, right : right + wide] |= same
    return covered
