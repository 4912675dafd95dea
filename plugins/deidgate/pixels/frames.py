# SPDX-License-Identifier: Apache-2.0
"""Decoded frames, one at a time, so that memory is bounded by a frame and not by the stack.

Values are *stored values*: overlay bits and other unused bits are taken off, signs are right, planes are last. No
look-up table or window is applied.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, JPEGExtended12Bit

from deidgate.errors import CannotDeidentify
from deidgate.pixels.codestream import declared, has_surplus
from deidgate.pixels.description import PIXEL_KEYWORDS, PixelDescription, native_length
from deidgate.pixels.fragments import frames_of

_VIDEO = tuple(f"1.2.840.10008.1.2.4.10{n}" for n in range(10))
"""MPEG-2, MPEG-4 and HEVC (PS3.5 A.4.5 to A.4.7 and their fragmentable forms): no decoder here."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One decoded frame.

    Attributes
    ----------
    values : ndarray
        ``(rows, columns, samples)`` stored values: uint8, uint16, uint32, int8, int16, int32, float32 or float64.
    photometric : str
        What the samples mean; RGB where the decoder has undone the colour transform of JPEG 2000.
    """

    values: NDArray[Any]
    photometric: str


class Decoder(Protocol):
    """Turns one codestream into one frame."""

    def __call__(self, codestream: bytes, description: PixelDescription) -> Frame:
        """The frame, or CannotDeidentify ``pixel-data-undecodable``."""
        ...


def decode(codestream: bytes, description: PixelDescription) -> Frame:
    """One frame of the compressed `codestream`, decoded in this process.

    Raises
    ------
    CannotDeidentify
        ``pixel-data-codestream``, ``pixel-data-description``, ``pixel-data-size``, ``pixel-data-excess``,
        ``pixel-data-undecodable``, ``pixel-data-syntax`` or ``pixel-data-video``.
    """
    d = description
    if str(d.transfer_syntax).startswith(_VIDEO):
        raise CannotDeidentify("pixel-data-video", d.keyword)
    if d.shift:
        # Which bits of a codestream's samples are the value, decoders and viewers take for granted: the lowest.
        raise CannotDeidentify("pixel-data-description", "HighBit")
    size = declared(codestream, d.transfer_syntax)
    if size is not None and (size.rows, size.columns, size.samples) != (d.rows, d.columns, d.samples):
        raise CannotDeidentify("pixel-data-size", d.keyword)
    if size is not None and size.precision > d.allocated:
        raise CannotDeidentify("pixel-data-size", d.keyword)
    if has_surplus(codestream, d.transfer_syntax, d.plane_bytes):
        raise CannotDeidentify("pixel-data-excess", d.keyword)
    if d.transfer_syntax == JPEGExtended12Bit and size is not None and size.precision > 8:
        values, photometric = _decode_12_bit(codestream, d), d.photometric
    else:
        values, photometric = _decode_with_pydicom(codestream, d)
    if values.size != d.rows * d.columns * d.samples:
        raise CannotDeidentify("pixel-data-size", d.keyword)
    return Frame(values.reshape(d.rows, d.columns, d.samples), photometric)


def frames(
    dataset: Dataset, description: PixelDescription, indices: Iterable[int] | None = None, decoder: Decoder = decode
) -> Iterator[tuple[int, Frame]]:
    """Index and frame for each of `indices` in rising order; None is all frames.

    Raises
    ------
    CannotDeidentify
        ``pixel-data-truncated``: shorter than it claims. ``pixel-data-frames``: not as many frames as it claims.
        And what `decode` raises.
    """
    wanted = range(description.frames) if indices is None else sorted(set(indices))
    if description.compressed:
        chosen = None if indices is None else set(wanted)
        for index, codestream in enumerate(codestreams(dataset, description)):
            if chosen is None or index in chosen:
                yield index, decoder(codestream, description)
        return
    buffer = native_buffer(dataset, description)
    for index in wanted:
        yield index, native_frame(buffer, description, index)


def codestreams(dataset: Dataset, description: PixelDescription) -> Iterator[bytes]:
    """Each frame's codestream, in order; no byte of any fragment is left out.

    Raises
    ------
    CannotDeidentify
        ``pixel-data-frames``: fewer or more frames than Number of Frames; ``pixel-data-encapsulation``: not readable;
        ``pixel-data-excess``: pictures that are no frame.
    """
    extended = None
    if "ExtendedOffsetTable" in dataset and "ExtendedOffsetTableLengths" in dataset:
        extended = (bytes(dataset.ExtendedOffsetTable), bytes(dataset.ExtendedOffsetTableLengths))
    value = dataset[description.keyword].value
    if not isinstance(value, bytes | bytearray | memoryview):
        raise CannotDeidentify("pixel-data-encapsulation", description.keyword)
    return frames_of(bytes(value), description.transfer_syntax, description.frames, extended)


def native_buffer(dataset: Dataset, description: PixelDescription) -> bytes | memoryview:
    """The bytes of native pixels, checked for length; of a dataset that was opened upon its file, a part of that file.

    Raises
    ------
    CannotDeidentify
        ``pixel-data-truncated``: shorter than the sizes claim. ``pixel-data-excess``: longer, and the rest is not zero,
        so it may be anything.
    """
    value = dataset[description.keyword].value
    if not isinstance(value, bytes | bytearray | memoryview):
        raise CannotDeidentify("pixel-data-truncated", description.keyword)
    need = description.native_bytes
    if len(value) < need:
        raise CannotDeidentify("pixel-data-truncated", description.keyword)
    if _has_excess(value, need):
        raise CannotDeidentify("pixel-data-excess", description.keyword)
    return value if isinstance(value, memoryview) else bytes(value)


def check_excess(dataset: Dataset) -> None:
    """Return only when nothing stands behind the native pixels of `dataset` but zeros; nothing is decoded.

    Compressed pixels, and those whose description has no size, are not looked at.

    Raises
    ------
    CannotDeidentify
        ``pixel-data-excess``
    """
    need = native_length(dataset)
    if need is None:
        return
    for keyword in PIXEL_KEYWORDS:
        # As it stands in the file: the parser has no say in how long it is.
        element = dataset.get_item(keyword)
        value = element.value if element is not None else None
        if isinstance(value, bytes | bytearray | memoryview) and _has_excess(value, need):
            raise CannotDeidentify("pixel-data-excess", keyword)


def _has_excess(value: bytes | bytearray | memoryview, need: int) -> bool:
    return len(value) > need + need % 2 and any(value[need:])


def native_frame(buffer: bytes | memoryview, description: PixelDescription, index: int) -> Frame:
    """Frame `index` of native pixels."""
    d = description
    if d.allocated == 1:
        return Frame(_unpacked(buffer, d, index), d.photometric)
    size = d.frame_bits // 8
    cells = np.frombuffer(buffer, dtype=d.cell, count=size // d.cell.itemsize, offset=_offset(d, index))
    if d.swapped_bytes:
        cells = _swapped(buffer, d, index)
    if d.photometric == "YBR_FULL_422":
        pairs = cells.reshape(d.rows, d.columns // 2, 4)
        values = np.empty((d.rows, d.columns, 3), dtype=cells.dtype)
        values[:, 0::2, 0], values[:, 1::2, 0] = pairs[..., 0], pairs[..., 1]
        values[:, :, 1] = np.repeat(pairs[..., 2], 2, axis=1)
        values[:, :, 2] = np.repeat(pairs[..., 3], 2, axis=1)
        return Frame(values, "YBR_FULL")
    if d.planar:
        values = cells.reshape(d.samples, d.rows, d.columns).transpose(1, 2, 0)
    else:
        values = cells.reshape(d.rows, d.columns, d.samples)
    return Frame(stored_values(values, d), d.photometric)


def stored_values(cells: NDArray[Any], description: PixelDescription) -> NDArray[Any]:
    """Stored values of native `cells`: shifted to bit 0, without unused bits, signed if they are.

    Source: PS3.5 8.1.1.
    """
    d = description
    if d.keyword != "PixelData":
        return cells.astype(cells.dtype.newbyteorder("="), copy=False)
    native = cells.astype(cells.dtype.newbyteorder("="), copy=False)
    if d.shift:
        native = native >> np.asarray(d.shift, native.dtype)
    unused = d.allocated - d.stored
    if not d.signed:
        return native & np.asarray((1 << d.stored) - 1, native.dtype) if unused else native
    signed = native.view(native.dtype.str.replace("u", "i"))
    if not unused:
        return signed
    extended: NDArray[Any] = (signed << np.asarray(unused, signed.dtype)) >> np.asarray(unused, signed.dtype)
    return extended


def _offset(description: PixelDescription, index: int) -> int:
    return index * (description.frame_bits // 8)


def _swapped(buffer: bytes | memoryview, description: PixelDescription, index: int) -> NDArray[Any]:
    """8-bit samples out of 16-bit words of the other byte order; a frame may begin in the middle of a word."""
    size = description.frame_bits // 8
    start = _offset(description, index)
    even, stop = start - start % 2, start + size + (start + size) % 2
    part = bytes(buffer[even:stop])
    words = np.frombuffer(part + b"\0" * (len(part) % 2), dtype=">u2").astype("<u2").view("u1")
    samples: NDArray[Any] = words[start - even : start - even + size]
    return samples


def _unpacked(buffer: bytes | memoryview, description: PixelDescription, index: int) -> NDArray[Any]:
    """Frame of single bits; a frame begins where the one before ended, also within a byte (PS3.5 8.1.1 and D.3)."""
    first = index * description.frame_bits
    last = first + description.frame_bits
    part = np.frombuffer(buffer, dtype="u1", count=(last + 7) // 8 - first // 8, offset=first // 8)
    bits = np.unpackbits(part, bitorder="little")[first % 8 : first % 8 + description.frame_bits]
    return bits.reshape(description.rows, description.columns, 1)


def _decode_with_pydicom(codestream: bytes, description: PixelDescription) -> tuple[NDArray[Any], str]:
    from pydicom.pixels.decoders.base import get_decoder

    d = description
    options: dict[str, Any] = {
        "rows": d.rows,
        "columns": d.columns,
        "samples_per_pixel": d.samples,
        "number_of_frames": 1,
        "bits_allocated": d.allocated,
        "bits_stored": d.stored,
        "photometric_interpretation": d.photometric,
        # Decoders give out pixels, whatever the header says; transcoders leave a 1 behind. Those that give out planes
        # (of RLE, and of JPEG-LS scan by scan) say so themselves. Source: PS3.5 8.2.1 to 8.2.4.
        "planar_configuration": 0,
        "pixel_representation": int(d.signed),
        "pixel_keyword": d.keyword,
    }
    try:
        decoder = get_decoder(d.transfer_syntax)
    except NotImplementedError:
        raise CannotDeidentify("pixel-data-syntax", d.keyword) from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            values, properties = decoder.as_array(
                encapsulate([codestream], has_bot=False), index=0, raw=True, **options
            )
    except (KeyboardInterrupt, SystemExit):
        raise
    # Decoders raise whatever their libraries tell them, those in Rust even what is no Exception: nothing is known but
    # that the frame cannot be judged.
    except BaseException as error:
        raise CannotDeidentify("pixel-data-undecodable", d.keyword) from error
    return values, str(properties["photometric_interpretation"])


def _decode_12_bit(codestream: bytes, description: PixelDescription) -> NDArray[Any]:
    """One frame of 12-bit JPEG Extended, which pydicom does not decode but GDCM does."""
    import gdcm

    d = description
    fragment = gdcm.Fragment()
    fragment.SetByteStringValue(codestream)
    sequence = gdcm.SequenceOfFragments.New()
    sequence.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(sequence.__ref__())
    image = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((d.columns, d.rows, 1))
    image.SetDataElement(element)
    kind = gdcm.PhotometricInterpretation.GetPIType(d.photometric)
    image.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(kind))
    image.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(str(UID(d.transfer_syntax)))))
    image.SetPixelFormat(gdcm.PixelFormat(d.samples, 16, 12, 11, int(d.signed)))
    text = image.GetBuffer()
    if d.allocated != 16 or text is None:
        raise CannotDeidentify("pixel-data-undecodable", d.keyword)
    buffer = text.encode("utf-8", "surrogateescape")
    if len(buffer) != d.rows * d.columns * d.samples * 2:
        raise CannotDeidentify("pixel-data-undecodable", d.keyword)
    return np.frombuffer(buffer, dtype="<i2" if d.signed else "<u2")
