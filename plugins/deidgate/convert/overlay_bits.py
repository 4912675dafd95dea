# SPDX-License-Identifier: Apache-2.0
"""Overlay planes that have no data of their own and lie in bits of Pixel Data that the image does not use.

Retired in 2004, and still in archives.

Source: PS3.5 8.1.2; PS3.3 C.9.2 of 2004 (Overlay Bits Allocated, Overlay Bit Position).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from deidgate.errors import ConfigurationError
from deidgate.pixels.description import PixelDescription
from deidgate.pixels.frames import native_buffer

GROUPS = range(0x6000, 0x6020, 2)
"""The 16 groups that overlay planes may have."""


def bit_of(dataset: Dataset, group: int) -> int | None:
    """Number of the bit of Pixel Data that holds the plane of `group`; None if no bit does."""
    data = dataset.get((group, 0x3000))
    if data is not None and data.value:
        return None
    allocated, position = (_number(dataset, group, element) for element in (0x0100, 0x0102))
    return position if allocated > 1 or position > 0 else None


def check_native(dataset: Dataset, description: PixelDescription, groups: list[int]) -> None:
    """Nothing, if the bits of all planes of `groups` can be reached.

    Raises
    ------
    ConfigurationError
        ``overlay-in-compressed-pixels``: some are inside codestreams.
    """
    for group in groups:
        if description.compressed and bit_of(dataset, group) is not None:
            raise ConfigurationError("overlay-in-compressed-pixels", f"{group:04X}")


def is_unused(description: PixelDescription, bit: int) -> bool:
    """True if `bit` is none of the image's own."""
    return 0 <= bit < description.allocated and not description.shift <= bit <= description.high_bit


def plane_in(dataset: Dataset, description: PixelDescription, bit: int) -> NDArray[np.bool_]:
    """The plane in the unused `bit` of native pixels of one sample, ``(frames, rows, columns)`` bool."""
    d = description
    buffer = native_buffer(dataset, d)
    cells = np.frombuffer(buffer, dtype=d.cell, count=d.native_bytes // d.cell.itemsize)
    return ((cells >> bit) & 1).astype(bool).reshape(d.frames, d.rows, d.columns)


def _number(dataset: Dataset, group: int, element: int) -> int:
    found = dataset.get((group, element))
    return int(found.value) if found is not None and isinstance(found.value, int) else 0
