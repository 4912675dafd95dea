# SPDX-License-Identifier: Apache-2.0
"""The frames of a file as the gate reads them: one at a time, the stored bits and nothing else.

Native pixels are read from their bytes. Compressed ones are decoded by pydicom, each codestream on its own: its way
over all of them at once cannot correct the sign of JPEG-LS. `deidgate.verify.pictures` counts the codestreams.

Source: PS3.5 8.1.1 (bits of a cell), 8.2 (compressed), Annex D (byte order); PS3.3 C.7.6.3.1.2 and C.7.6.3.1.3.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, dcmread
from pydicom.encaps import encapsulate
from pydicom.pixels.decoders.base import get_decoder

from deidgate.verify.pictures import (
    ALLOCATED,
    COLUMNS,
    EXTENDED_LENGTHS,
    EXTENDED_OFFSETS,
    FRAMES,
    HIGH,
    PHOTOMETRIC,
    PLANAR,
    ROWS,
    SAMPLES,
    STORED,
    number,
    streams,
)
from deidgate.verify.view import View
from deidgate.verify.walk import NATIVE, PIXEL_DATA

SUBSAMPLED = "YBR_FULL_422"


class Frame(NamedTuple):
    """One frame.

    Attributes
    ----------
    values : ndarray
        ``(rows, columns, samples)``; the stored bits as unsigned numbers, whatever their sign.
    photometric : str
        What the samples mean.
    """

    values: NDArray[Any]
    photometric: str


def frames(view: View) -> Iterator[Frame]:
    """Each frame of Pixel Data.

    Raises
    ------
    ValueError, RuntimeError and others
        What pydicom and numpy raise for data that are not what their header says.
    """
    stored, high, allocated = (_known(view, tag) for tag in (STORED, HIGH, ALLOCATED))
    native = view.parsed.transfer_syntax in NATIVE
    shift = high + 1 - stored if native else 0
    if not 0 < stored <= allocated or shift < 0 or stored + shift > allocated or _known(view, FRAMES) < 1:
        raise ValueError("bits or frames")
    for values, photometric in _native(view, allocated) if native else _decoded(view, stored):
        kind = values.dtype
        yield Frame((values >> np.array(shift, kind)) & np.array((1 << stored) - 1, kind), photometric)


def cells(view: View) -> Iterator[NDArray[Any]]:
    """Each frame with all bits of its cells, those that the image does not use too; raises like `frames`."""
    allocated = _known(view, ALLOCATED)
    for values, _ in _native(view, allocated) if view.parsed.transfer_syntax in NATIVE else _decoded(view, allocated):
        yield values


def photometric(view: View) -> str:
    """Photometric Interpretation in the header."""
    return view.text(PHOTOMETRIC)


def _known(view: View, tag: int) -> int:
    found = number(view, tag)
    if found is None:
        raise ValueError(f"{tag:08X}")
    return found


def _native(view: View, allocated: int) -> Iterator[Frame]:
    element = view.by_key[(), PIXEL_DATA]
    count, rows, columns, samples = (_known(view, tag) for tag in (FRAMES, ROWS, COLUMNS, SAMPLES))
    meaning = photometric(view)
    subsampled = meaning == SUBSAMPLED
    size = rows * columns * (2 if subsampled else samples)
    need = (size * count * allocated + 7) // 8
    if element.stop - element.start < need or any(view.parsed.data[element.start + need : element.stop]):
        raise ValueError("length")
    if allocated == 1:
        yield from _single_bits(view, element.start, count, (rows, columns, samples))
        return
    order = ">" if view.parsed.big_endian else "<"
    # Samples of a byte in words of the other byte order. Source: PS3.5 Annex D.
    swapped = allocated == 8 and view.parsed.big_endian and element.vr == "OW"
    wide = np.dtype(f"{order}u{2 if swapped else allocated // 8}")
    length = (element.stop - element.start) // wide.itemsize
    data = np.frombuffer(view.parsed.data, dtype=wide, count=length, offset=element.start)
    if swapped:
        data = data.astype("<u2").view("u1")
    for at in range(count):
        frame = data[at * size : (at + 1) * size]
        frame = frame.astype(frame.dtype.newbyteorder("="), copy=False)
        if subsampled:
            # Two pixels share their colour. Source: PS3.3 C.7.6.3.1.2.
            pairs = frame.reshape(rows, columns // 2, 4)
            values = np.empty((rows, columns, 3), frame.dtype)
            values[:, 0::2, 0], values[:, 1::2, 0] = pairs[..., 0], pairs[..., 1]
            values[..., 1:] = np.repeat(pairs[..., 2:], 2, axis=1)
            yield Frame(values, "YBR_FULL")
        elif samples > 1 and number(view, PLANAR):
            yield Frame(frame.reshape(samples, rows, columns).transpose(1, 2, 0), meaning)
        else:
            yield Frame(frame.reshape(rows, columns, samples), meaning)


def _single_bits(view: View, start: int, count: int, shape: tuple[int, int, int]) -> Iterator[Frame]:
    """Frames of single bits, each of which begins where the one before ended, also within a byte."""
    size = shape[0] * shape[1] * shape[2]
    for first in range(0, count * size, size):
        part = view.parsed.data[start + first // 8 : start + (first + size + 7) // 8]
        bits = np.unpackbits(np.frombuffer(part, "u1"), bitorder="little")[first % 8 : first % 8 + size]
        yield Frame(bits.reshape(shape), photometric(view))


def _decoded(view: View, stored: int) -> Iterator[Frame]:
    dataset = dcmread(BytesIO(view.parsed.file), stop_before_pixels=True)
    if "PlanarConfiguration" in dataset:
        # It says nothing about what decoders give out, which are pixels; those that give out planes say so themselves.
        dataset.PlanarConfiguration = 0
    dataset.BitsStored, dataset.NumberOfFrames = stored, 1
    for table in (EXTENDED_OFFSETS, EXTENDED_LENGTHS):
        dataset.pop(table, None)
    decoder = get_decoder(view.parsed.transfer_syntax)
    allocated = _known(view, ALLOCATED)
    # One by one, since a decoder that is asked for a frame of many looks for it among all fragments each time.
    for stream in streams(view, view.by_key[(), PIXEL_DATA]):
        dataset.PixelData = encapsulate([stream], has_bot=False)
        values, properties = decoder.as_array(dataset, index=0, raw=True)
        unsigned = values.astype(f"u{max(values.dtype.itemsize, allocated // 8)}")
        yield Frame(unsigned.reshape(_shape(dataset)), str(properties["photometric_interpretation"]))


def _shape(dataset: Dataset) -> tuple[int, int, int]:
    return dataset.Rows, dataset.Columns, dataset.SamplesPerPixel
