# SPDX-License-Identifier: Apache-2.0
"""Overlay planes taken away and added.

Source: PS3.3 C.9.2 (Overlay Plane Module).
"""

from __future__ import annotations

import copy

import numpy as np
from pydicom import Dataset

from deidgate.convert.overlay_bits import GROUPS, bit_of, check_native, is_unused
from deidgate.convert.secondary_capture import LARGEST_PIXELS, pages_of
from deidgate.errors import ConfigurationError
from deidgate.pixels.description import describe
from deidgate.pixels.mask import strip_embedded_overlay_bits


def without_overlays(dataset: Dataset, group: int | None = None) -> Dataset:
    """A new dataset without the overlay planes of `group`, or without any; those in unused bits of the pixels too.

    Raises
    ------
    ConfigurationError
        ``overlay-absent``: there is no plane of that group; ``overlay-in-compressed-pixels``.
    """
    groups = [group] if group is not None else list(GROUPS)
    # Another group is no overlay: 0010 would be the patient.
    planes = set(groups) & set(GROUPS)
    tags = [tag for tag in dataset.keys() if tag.group in planes]  # noqa: SIM118 - a Dataset iterates elements
    if group is not None and not tags:
        raise ConfigurationError("overlay-absent", f"{group:04X}")
    result = copy.deepcopy(dataset)
    bits = [bit_of(dataset, one) for one in groups]
    if "PixelData" in result and tags:
        about = describe(dataset)
        check_native(dataset, about, groups)
        if group is None:
            result = strip_embedded_overlay_bits(result)
        elif bits[0] is not None and is_unused(about, bits[0]):
            result = strip_embedded_overlay_bits(result, bits[0])
    for tag in tags:
        del result[tag]
    return result


def with_overlay(dataset: Dataset, picture: bytes, label: str = "") -> Dataset:
    """A new dataset with a graphics plane in the first free group: what is brighter than half in `picture`.

    Raises
    ------
    ConfigurationError
        ``overlay-size``: the picture is not as large as the image; ``overlay-groups-full``.
    CannotDeidentify
        The picture cannot be read.
    """
    page = next(iter(pages_of(picture)))
    values = page.astype(np.float64)
    grey = values.mean(axis=2) if values.ndim == 3 else values
    rows, columns = int(dataset.Rows), int(dataset.Columns)
    if grey.shape != (rows, columns) or grey.size > LARGEST_PIXELS:
        raise ConfigurationError("overlay-size", f"{rows} rows, {columns} columns")
    used = {tag.group for tag in dataset.keys()}  # noqa: SIM118 - a Dataset iterates elements
    group = next((number for number in GROUPS if number not in used), None)
    if group is None:
        raise ConfigurationError("overlay-groups-full")
    limit = 127.5 if page.dtype == np.uint8 else 32767.5
    packed = np.packbits((grey > limit).ravel(), bitorder="little").tobytes()
    result = copy.deepcopy(dataset)
    result.add_new((group, 0x0010), "US", rows)
    result.add_new((group, 0x0011), "US", columns)
    result.add_new((group, 0x0040), "CS", "G")
    result.add_new((group, 0x0050), "SS", [1, 1])
    result.add_new((group, 0x0100), "US", 1)
    result.add_new((group, 0x0102), "US", 0)
    if label:
        result.add_new((group, 0x1500), "LO", label)
    result.add_new((group, 0x3000), "OW", packed + b"\0" * (len(packed) % 2))
    return result
