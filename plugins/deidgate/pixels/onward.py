# SPDX-License-Identifier: Apache-2.0
"""Letters of the same ink before and behind a line of text that was found.

Where a line runs on over other ground, the network loses it in the middle of a word. What was found shows the value
that its letters have. Islands of that value, of the size of letters, in the same row and right beside it, are the rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deidgate.dicom.box import Box
from deidgate.pixels.lines import is_turned

SHARE = 0.06
"""Ink is at least this share of the box of a line: fonts that were measured have 0.1 and more."""

BLUR = 0.15
"""What is so near to the value of the ink, of the range of values in the box, is ink: edges of letters are smoothed."""

STEP = 1.2
"""The next letter begins at most so many heights of a line further on: a space, or a letter that touches something."""

LEAST, MOST = 0.4, 1.15
"""Heights of a letter, of the height of the line's ink."""

EQUAL = 0.015
"""At least this share of the box has the one value that is the ink's: in noise none has."""

CONTRAST = 0.2
"""Ink is so far from the ground, of the range of values in the box."""

LOWEST = 4
"""Rows of the smallest letters."""

KNOWN = 2
"""Letters that must be in the box already: they show that the value is ink's."""

WIDEST = 1.6
"""Widest island that counts, of the height of the line's ink: two letters that touch."""

MARGIN = 3
"""Pixels that are masked around a letter."""


def onward(plane: NDArray[Any], box: Box) -> Box | None:
    """`box` made longer by the letters beside its ends; None where nothing is.

    Parameters
    ----------
    plane : ndarray, ``(rows, columns)``
        Stored values; only integers have ink of one value.
    box : Box
        A line of text in it, upright or turned by a quarter.
    """
    if plane.dtype.kind not in "ui":
        return None
    if not is_turned(box):
        return _onward(plane, box)
    longer = _onward(plane.T, Box(box.column_start, box.column_stop, box.row_start, box.row_stop))
    if longer is None:
        return None
    return Box(longer.column_start, longer.column_stop, longer.row_start, longer.row_stop)


def _onward(plane: NDArray[Any], box: Box) -> Box | None:
    crop = plane[box.row_start : box.row_stop, box.column_start : box.column_stop]
    found = [longer for ink in _inks(crop) if (longer := _along(plane, box, ink)) is not None]
    if not found:
        return None
    return Box(
        min(one.row_start for one in found),
        max(one.row_stop for one in found),
        min(one.column_start for one in found),
        max(one.column_stop for one in found),
    )


def _along(plane: NDArray[Any], box: Box, ink: tuple[float, float]) -> Box | None:
    """`box` made longer by letters of the values `ink`."""
    import cv2

    crop = plane[box.row_start : box.row_stop, box.column_start : box.column_stop]
    rows = np.flatnonzero(_between(crop, ink).sum(axis=1) >= max(2, 0.01 * crop.shape[1]))
    if len(rows) < LOWEST:
        return None
    top, height = box.row_start + int(rows[0]), int(rows[-1] - rows[0]) + 1
    spare = max(2, height // 4)
    first, last = max(0, top - spare), min(plane.shape[0], top + height + spare)
    mask = _between(plane[first:last], ink).astype(np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    letters = [
        (int(left), int(left + wide))
        for left, above, wide, tall, _ in stats[1:].tolist()
        # What reaches over the row on either side is no letter of it.
        if above > 0
        and above + tall < last - first
        and LEAST * height <= tall <= MOST * height
        and wide <= WIDEST * height
    ]
    if sum(box.column_start <= left and right <= box.column_stop for left, right in letters) < KNOWN:
        return None
    start, stop, reach = box.column_start, box.column_stop, STEP * height
    for left, right in sorted(letters):
        if right > stop and left - stop <= reach:
            stop = right
    for left, right in sorted(letters, key=lambda span: -span[1]):
        if left < start and start - right <= reach:
            start = left
    if (start, stop) == (box.column_start, box.column_stop):
        return None
    return Box(
        min(box.row_start, max(0, top - MARGIN)),
        max(box.row_stop, min(plane.shape[0], top + height + MARGIN)),
        box.column_start if start == box.column_start else max(0, start - MARGIN),
        box.column_stop if stop == box.column_stop else min(plane.shape[1], stop + MARGIN),
    )


def _between(values: NDArray[Any], span: tuple[float, float]) -> NDArray[np.bool_]:
    return np.asarray((values >= span[0]) & (values <= span[1]))


def _inks(crop: NDArray[Any]) -> Iterator[tuple[float, float]]:
    """Values that the letters in `crop` may have: those about the two most frequent ones away from the ground."""
    values, counts = np.unique(crop, return_counts=True)
    ring = np.concatenate((crop[0], crop[-1], crop[:, 0], crop[:, -1]))
    ground = float(np.median(ring))
    spread = float(values[-1]) - float(values[0])
    away = np.abs(values.astype(np.float64) - ground) >= CONTRAST * spread
    for _ in range(2):
        if not away.any():
            return
        best = int(np.argmax(np.where(away, counts, 0)))
        if counts[best] < EQUAL * crop.size:
            return
        ink = float(values[best])
        span = ink - BLUR * spread, ink + BLUR * spread
        if SHARE <= float(_between(crop, span).mean()) <= 1 - SHARE:
            yield span
        away &= ~_between(values, span)
