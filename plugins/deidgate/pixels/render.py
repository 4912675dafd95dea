# SPDX-License-Identifier: Apache-2.0
"""8-bit pictures of a frame in which text of any value can be seen.

One window does not fit all: text at the highest value the bits can hold leaves the anatomy dark and is itself plain,
text in the middle of a narrow histogram is only seen when that histogram is stretched. So there are several pictures,
fewer when they would be alike.

Written text has one value, anatomy has many. A value that many more pixels have than have the values next to it stands
out of the histogram, and the pixels that have it, alone, show the text without anything around it, be that noise.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from deidgate.pixels.frames import Frame

Grey = NDArray[np.uint8]

NARROW = 0.25
"""A second picture is made when the middle 98 % of the values take less than this share of the range."""

NOISE = 30
"""Wildness from which a picture is noise, or of values that wrapped around."""

PLAIN = 0.15
"""A value that more than this share of the pixels has is ground."""

OUTSTANDING = 10.0
"""So many standard deviations are more pixels of a solid value than of any value near it."""

NEAR = 4
"""Values near a value: so many, of those that occur, on each side."""

SOLIDS = 4
"""Most values of one plane that are shown alone."""

FEWEST = 40
"""Fewest pixels of a solid value: a short word in a small font."""

_TABLE = 1 << 16
"""Pixels from which a look-up table pays."""

_SAMPLE = 1 << 18
"""Values that a percentile is taken of: enough to be stable, few enough to be quick."""


def grey_planes(frame: Frame, dataset: Dataset) -> tuple[NDArray[Any], ...]:
    """Planes of intensity: one for grey frames, luminance and the strongest channel for colour.

    Coloured text on black can be darker in luminance than speckle is; in the strongest channel it is bright.
    """
    values = frame.values
    if frame.photometric == "PALETTE COLOR":
        values = through_palette(values, dataset)
    elif values.shape[2] == 1:
        return (values[..., 0],)
    elif frame.photometric.startswith("YBR"):
        values = _rgb(values)
    luminance = (values.astype(np.float32) @ np.asarray((0.299, 0.587, 0.114), np.float32)).round()
    strongest, weakest = values.max(axis=2), values.min(axis=2)
    if np.array_equal(strongest, weakest):
        return (strongest,)
    return (luminance.astype(values.dtype), strongest, weakest)


def through_palette(values: NDArray[Any], dataset: Dataset) -> NDArray[Any]:
    """``(rows, columns, 3)`` colours of the indices in `values`; the indices themselves where the table is unreadable.

    Source: PS3.3 C.7.6.3.1.5 and C.7.6.3.1.6.
    """
    from pydicom.pixels.processing import apply_color_lut

    try:
        return apply_color_lut(values[..., 0], dataset)
    except (ValueError, AttributeError, KeyError, TypeError, IndexError, NotImplementedError):
        return np.repeat(values, 3, axis=2)


def pictures(plane: NDArray[Any]) -> tuple[Grey, ...]:
    """8-bit pictures of one ``(rows, columns)`` plane, the fullest first; none when the plane is constant."""
    if plane.dtype.kind == "f":
        plane = _finite(plane)
    low, high = float(plane.min()), float(plane.max())
    if not high > low:
        return ()
    found = [stretched(plane, low, high)]
    step = max(1, plane.size // _SAMPLE)
    inner_low, inner_high = (float(v) for v in np.percentile(plane.reshape(-1)[::step], (1, 99)))
    if inner_high > inner_low and (inner_high - inner_low) < NARROW * (high - low):
        found.append(stretched(plane, inner_low, inner_high))
    if wildness(found[0]) > NOISE:
        found.append(smoothed(found[0]))
    return tuple(found)


def solids(plane: NDArray[Any]) -> tuple[Grey, ...]:
    """One picture for each value that stands out of the histogram: its pixels are white and all others black."""
    if plane.dtype.kind not in "ui" or plane.dtype.itemsize > 2:
        return ()
    least = int(plane.min())
    counts = np.bincount((plane.astype(np.int32) - least).reshape(-1))
    return tuple(np.where(plane == least + value, 255, 0).astype(np.uint8) for value in outstanding(counts))


def outstanding(counts: NDArray[np.int64]) -> tuple[int, ...]:
    """The indices of `counts` that stand out from those near them, the most outstanding first; zeros are left out."""
    used = np.flatnonzero(counts)
    number = counts[used].astype(np.float64)
    padded = np.concatenate((np.zeros(NEAR), number, np.zeros(NEAR)))
    near = np.zeros(len(used))
    for shift in (*range(NEAR), *range(NEAR + 1, 2 * NEAR + 1)):
        np.maximum(near, padded[shift : shift + len(used)], out=near)
    score = (number - near) / np.sqrt(near + 1)
    chosen = (number >= FEWEST) & (number <= PLAIN * number.sum()) & (score >= OUTSTANDING)
    best = np.flatnonzero(chosen)[np.argsort(-score[chosen], kind="stable")][:SOLIDS]
    return tuple(int(value) for value in used[best])


def wildness(picture: Grey) -> float:
    """Mean difference of neighbours, of 255: how much strokes drown in what is around them."""
    rows = picture[:: max(1, picture.shape[0] // 256)].astype(np.int16)
    return float(np.abs(np.diff(rows, axis=1)).mean()) if rows.shape[1] > 1 else 0.0


def smoothed(picture: Grey) -> Grey:
    """`picture` without its finest noise."""
    import cv2

    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 1.2), np.uint8)


def _finite(plane: NDArray[Any]) -> NDArray[Any]:
    """`plane` with what is no number, or endless, as its least number."""
    numbers = np.isfinite(plane)
    return np.where(numbers, plane, plane[numbers].min() if numbers.any() else 0)


def stretched(plane: NDArray[Any], low: float, high: float) -> Grey:
    """`plane` with `low` as 0 and `high` as 255."""
    if plane.dtype.kind in "ui" and plane.dtype.itemsize <= 2 and plane.size > _TABLE:
        # A table of all values there can be is quicker than arithmetic on all pixels.
        least = np.iinfo(plane.dtype).min
        values = np.arange(least, np.iinfo(plane.dtype).max + 1)
        shown: Grey = _scaled(values, low, high)[plane.astype(np.int32) - least if least else plane]
        return shown
    return _scaled(plane, low, high)


def _scaled(values: NDArray[Any], low: float, high: float) -> Grey:
    scaled = (values.astype(np.float32) - np.float32(low)) * np.float32(255 / (high - low))
    shown: Grey = np.clip(scaled, 0, 255).astype(np.uint8)
    return shown


def _rgb(values: NDArray[Any]) -> NDArray[Any]:
    from pydicom.pixels.processing import convert_color_space

    if values.dtype != np.uint8:
        values = (values >> np.asarray(max(0, values.dtype.itemsize * 8 - 8), values.dtype)).astype(np.uint8)
    return convert_color_space(values, "YBR_FULL", "RGB")
