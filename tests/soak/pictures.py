# SPDX-License-Identifier: Apache-2.0
"""Pictures of mixed sizes, most of them small, none with text: from a few bytes to some megabytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

ULTRASOUND = "1.2.840.10008.5.1.4.1.1.6.1"
RADIOGRAPH = "1.2.840.10008.5.1.4.1.1.1.1"

Picture = Callable[[], Mapping[str, Any]]


def body(rows: int, columns: int) -> NDArray[np.float64]:
    """Something round with a soft edge and some noise, from 0 to 1."""
    down, across = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j]
    noise = np.random.default_rng(rows).random((rows, columns)) / 50
    seen: NDArray[np.float64] = np.clip(1.2 - np.hypot(down, across), 0, 0.98) + noise
    return seen


@cache
def tomogram(side: int) -> Mapping[str, Any]:
    """A slice of CT."""
    return {"Rows": side, "Columns": side, "PixelData": (body(side, side) * 2000).astype("<u2").tobytes()}


@cache
def radiograph() -> Mapping[str, Any]:
    """A projection, every one of which is read for text."""
    return {
        "sop_class": RADIOGRAPH,
        "Modality": "DX",
        "ImageType": ["ORIGINAL", "PRIMARY"],
        "Rows": 1280,
        "Columns": 1024,
        "PixelData": (body(1280, 1024) * 4000).astype("<u2").tobytes(),
    }


SIZES: tuple[Picture, ...] = (
    *(lambda: tomogram(2),) * 4,
    *(lambda: tomogram(256),) * 6,
    *(lambda: tomogram(512),) * 6,
)


def picture(number: int) -> Mapping[str, Any]:
    """What the instance with this number shows: a projection now and then, else tomograms."""
    return radiograph() if number % 150 == 0 else SIZES[number % len(SIZES)]()
