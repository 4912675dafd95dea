# SPDX-License-Identifier: Apache-2.0
"""Frames as pictures of 8 bits: modality and VOI transformations, palette colour, overlays.

Source: PS3.3 C.11.1 (Modality LUT), C.11.2 (VOI LUT), C.7.6.3.1.2 (photometric interpretations), C.7.9 (palette),
C.9.2 (overlay plane).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from deidgate.convert.overlay_bits import GROUPS, bit_of, check_native, is_unused, plane_in
from deidgate.pixels.description import PixelDescription, describe
from deidgate.pixels.frames import Frame, frames


@dataclass(frozen=True, slots=True)
class View:
    """How pictures are to look.

    Attributes
    ----------
    center, width : float or None
        Window in rescaled values; None takes the dataset's first window, or the range of the frame.
    overlays : bool
        Draw the overlay planes in white.
    """

    center: float | None = None
    width: float | None = None
    overlays: bool = False


@dataclass(frozen=True, slots=True)
class Overlay:
    """One overlay plane.

    Attributes
    ----------
    group : int
        0x6000 to 0x601E.
    row, column : int
        Where its first pixel lies in the image, from 0; may be negative.
    bits : ndarray
        ``(frames, rows, columns)`` bool.
    first_frame : int
        Index of the image frame that its first frame belongs to.
    """

    group: int
    row: int
    column: int
    bits: NDArray[np.bool_]
    first_frame: int


def pictures(dataset: Dataset, view: View, indices: list[int] | None = None) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Index and picture of the frames `indices` (None: all), ``(rows, columns)`` or ``(rows, columns, 3)`` uint8.

    Raises
    ------
    CannotDeidentify
        ``pixel-data-…``: there are no pixels, or they cannot be decoded.
    """
    description = describe(dataset)
    planes = overlays(dataset) if view.overlays else []
    for index, frame in frames(dataset, description, indices):
        picture = picture_of(frame, _of_frame(dataset, index), description, view)
        for plane in planes:
            picture = _drawn(picture, plane, index)
        yield index, picture


def picture_of(frame: Frame, dataset: Dataset, description: PixelDescription, view: View) -> NDArray[np.uint8]:
    """One frame as a picture, without overlays; `dataset` is what holds for this frame."""
    if frame.photometric == "PALETTE COLOR":
        return _from_palette(frame.values[..., 0], dataset)
    if frame.values.shape[2] == 3:
        return _colour(frame, description)
    values = _rescaled(frame.values[..., 0], dataset)
    if view.center is None and "VOILUTSequence" in dataset and dataset.VOILUTSequence and "WindowCenter" not in dataset:
        grey = _through_lut(values, dataset.VOILUTSequence[0])
    else:
        center, width = _window(values, dataset, view)
        grey = windowed(values, center, width, str(dataset.get("VOILUTFunction") or "LINEAR"))
    return np.uint8(255) - grey if frame.photometric == "MONOCHROME1" else grey


def windowed(values: NDArray[Any], center: float, width: float, function: str = "LINEAR") -> NDArray[np.uint8]:
    """`values` through a window, 0 to 255. Source: PS3.3 C.11.2.1.2."""
    x = values.astype(np.float64)
    if function == "SIGMOID":
        y = 1.0 / (1.0 + np.exp(-4.0 * (x - center) / max(width, 1e-9)))
    elif function == "LINEAR_EXACT":
        y = (x - center) / max(width, 1e-9) + 0.5
    elif width <= 1:
        y = (x > center - 0.5).astype(np.float64)
    else:
        y = (x - (center - 0.5)) / (width - 1.0) + 0.5
    result: NDArray[np.uint8] = np.rint(np.clip(y, 0.0, 1.0) * 255.0).astype(np.uint8)
    return result


def overlays(dataset: Dataset) -> list[Overlay]:
    """The overlay planes, those in unused bits of the pixels too.

    A plane whose data are shorter than its sizes claim is left out.

    Raises
    ------
    ConfigurationError
        ``overlay-in-compressed-pixels``.
    """
    found = []
    for group in GROUPS:
        bit = bit_of(dataset, group)
        if bit is not None and "PixelData" in dataset:
            about = describe(dataset)
            check_native(dataset, about, [group])
            if is_unused(about, bit) and about.samples == 1:
                found.append(Overlay(group, 0, 0, plane_in(dataset, about, bit), 0))
            continue
        data = dataset.get((group, 0x3000))
        rows, columns = (int((dataset.get((group, n)) or _zero).value or 0) for n in (0x0010, 0x0011))
        if data is None or not data.value or rows <= 0 or columns <= 0:
            continue
        count = int((dataset.get((group, 0x0015)) or _one).value or 1)
        bits = np.unpackbits(np.frombuffer(bytes(data.value), "u1"), bitorder="little")
        if bits.size < rows * columns * count:
            continue
        origin = (dataset.get((group, 0x0050)) or _origin).value or (1, 1)
        first = int((dataset.get((group, 0x0051)) or _one).value or 1)
        plane = bits[: rows * columns * count].reshape(count, rows, columns).astype(bool)
        found.append(Overlay(group, int(origin[0]) - 1, int(origin[1]) - 1, plane, first - 1))
    return found


@dataclass(frozen=True, slots=True)
class _Stand:
    """Stands in for an absent element."""

    value: Any


_zero, _one, _origin = _Stand(0), _Stand(1), _Stand((1, 1))


def _of_frame(dataset: Dataset, index: int) -> Dataset:
    """`dataset` with the transformations of frame `index` at its top level; itself if frames have none.

    Source: PS3.3 C.7.6.16.1.1 (an item for the frame comes before the shared one), C.7.6.16.2.9 (Pixel Value
    Transformation), C.7.6.16.2.10 (Frame VOI LUT).
    """
    frames_own = dataset.get("PerFrameFunctionalGroupsSequence") or ()
    groups = [*(dataset.get("SharedFunctionalGroupsSequence") or ())[:1], *frames_own[index : index + 1]]
    items = [
        item
        for group in groups
        for macro in ("PixelValueTransformationSequence", "FrameVOILUTSequence")
        for item in (group.get(macro) or ())[:1]
    ]
    if not items:
        return dataset
    result = Dataset()
    result.update({tag: dataset[tag] for tag in dataset.keys() if tag.group == 0x0028})  # noqa: SIM118 - a Dataset iterates elements
    for item in items:
        result.update(item)
    return result


def _rescaled(values: NDArray[Any], dataset: Dataset) -> NDArray[Any]:
    lut = dataset.get("ModalityLUTSequence")
    if lut:
        return _looked_up(values, lut[0])[0]
    slope, intercept = dataset.get("RescaleSlope"), dataset.get("RescaleIntercept")
    if slope in (None, "") and intercept in (None, ""):
        return values
    factor = 1.0 if slope in (None, "") else float(slope)
    offset = 0.0 if intercept in (None, "") else float(intercept)
    return values.astype(np.float64) * factor + offset


def _window(values: NDArray[Any], dataset: Dataset, view: View) -> tuple[float, float]:
    if view.center is not None and view.width is not None:
        return view.center, view.width
    center, width = _first(dataset.get("WindowCenter")), _first(dataset.get("WindowWidth"))
    if center is not None and width is not None and width > 0:
        return center, width
    padding = dataset.get("PixelPaddingValue")
    seen = values if padding is None else values[values != padding]
    low, high = (float(seen.min()), float(seen.max())) if seen.size else (0.0, 1.0)
    # The window whose ends are the lowest and the highest value.
    return (low + high + 1.0) / 2.0, max(high - low + 1.0, 1.0)


def _first(value: Any) -> float | None:
    if value is None or value == "":
        return None
    return float(value[0]) if hasattr(value, "__getitem__") and not isinstance(value, str) else float(value)


def _looked_up(values: NDArray[Any], item: Dataset) -> tuple[NDArray[Any], int]:
    """Values through the LUT of `item`, and its bits. Source: PS3.3 C.11.1.1.1."""
    entries, first, bits = (int(number) for number in item.LUTDescriptor)
    entries = entries or 65536
    first = first - 65536 if values.dtype.kind == "i" and first > 32767 else first
    data = item.LUTData
    if isinstance(data, bytes):
        table = np.frombuffer(data, "u1" if bits <= 8 and len(data) < 2 * entries else "<u2")[:entries]
    else:
        table = np.asarray(data, dtype=np.uint16)[:entries]
    return table[np.clip(values.astype(np.int64) - first, 0, len(table) - 1)], bits


def _through_lut(values: NDArray[Any], item: Dataset) -> NDArray[np.uint8]:
    looked_up, bits = _looked_up(values, item)
    return (looked_up.astype(np.float64) * 255.0 / ((1 << bits) - 1)).astype(np.uint8)


def _from_palette(values: NDArray[Any], dataset: Dataset) -> NDArray[np.uint8]:
    from pydicom.pixels.processing import apply_color_lut

    coloured = apply_color_lut(values, dataset)
    if coloured.dtype == np.uint8:
        return coloured[..., :3]
    bits = int(dataset.RedPaletteColorLookupTableDescriptor[2])
    return (coloured[..., :3] >> (bits - 8 if bits > 8 else 0)).astype(np.uint8)


def _colour(frame: Frame, description: PixelDescription) -> NDArray[np.uint8]:
    from pydicom.pixels.processing import convert_color_space

    values = frame.values
    if values.dtype != np.uint8:
        values = (values >> max(description.stored - 8, 0)).astype(np.uint8)
    if frame.photometric in ("YBR_FULL", "YBR_FULL_422"):
        values = convert_color_space(values, "YBR_FULL", "RGB")
    return np.ascontiguousarray(values)


def _drawn(picture: NDArray[np.uint8], plane: Overlay, frame: int) -> NDArray[np.uint8]:
    number = frame - plane.first_frame
    # One overlay frame belongs to every image frame. Source: PS3.3 C.9.2.1.
    bits = plane.bits[0] if len(plane.bits) == 1 else plane.bits[number] if 0 <= number < len(plane.bits) else None
    if bits is None:
        return picture
    rows, columns = picture.shape[:2]
    top, left = max(plane.row, 0), max(plane.column, 0)
    bottom, right = min(plane.row + bits.shape[0], rows), min(plane.column + bits.shape[1], columns)
    if top >= bottom or left >= right:
        return picture
    result = picture.copy()
    part = bits[top - plane.row : bottom - plane.row, left - plane.column : right - plane.column]
    result[top:bottom, left:right][part] = 255
    return result
