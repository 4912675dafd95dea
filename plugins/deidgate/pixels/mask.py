# SPDX-License-Identifier: Apache-2.0
"""A new dataset in which boxes of pixels are blanked, in every frame and every plane.

* Native pixels are edited in a copy of their bytes; nothing is decoded, so every other byte is the same.
* Compressed pixels are decoded frame by frame. They are encoded again in their own Transfer Syntax where that is
  lossless and can be written (RLE, JPEG-LS, JPEG 2000 lossless), and then frames without a box keep their codestream.
  Otherwise the result is Explicit VR Little Endian, with the samples that the decoder gave.
* Once lossy, always lossy: Lossy Image Compression and its ratio and method stay, and are written where the Transfer
  Syntax says more than the header did (PS3.3 C.7.6.1.1.5).
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEG2000TransferSyntaxes,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from deidgate.dicom.box import Box
from deidgate.errors import CannotDeidentify
from deidgate.pixels.codestream import has_surplus, is_lossless, may_code_more_than, without_comments
from deidgate.pixels.description import PixelDescription, describe, pixel_keyword
from deidgate.pixels.frames import Decoder, Frame, codestreams, decode, native_buffer, native_frame, stored_values

_ENCODABLE = {RLELossless: "pylibjpeg", JPEGLSLossless: "pyjpegls", JPEG2000Lossless: "pylibjpeg"}
"""Lossless syntaxes that can be written here, and by which of pydicom's plugins; all IODs that allow them compressed on
the way in allow them on. GDCM is not among them: it ends the process when an RLE plane has an odd number of bytes."""

_LOSSY = {
    str(JPEGBaseline8Bit): "ISO_10918_1",
    str(JPEGExtended12Bit): "ISO_10918_1",
    str(JPEGLSNearLossless): "ISO_14495_1",
}
"""Transfer Syntaxes that are always lossy, and their Lossy Image Compression Method (PS3.3 C.7.6.1.1.5.1)."""

_PIECE = 1 << 20
"""Cells that are looked at at once."""

_LARGEST_ELEMENT = 0xFFFFFFFE
"""Length of the largest native element, and of offsets in a Basic Offset Table (PS3.5 7.1.1 and A.4)."""

_EXTREMES = ("SmallestImagePixelValue", "LargestImagePixelValue")


def mask(dataset: Dataset, boxes: Iterable[Box], decoder: Decoder = decode) -> Dataset:
    """A new dataset with `boxes` blanked; `dataset` is not changed.

    Native pixels outside the boxes are the same bytes. Compressed ones are decoded and encoded again without loss;
    pixels outside the boxes have the values that the decoder gave. Without boxes, a copy is returned.

    Raises
    ------
    CannotDeidentify
        ``pixel-data-…``: the pixels cannot be decoded, are shorter than they claim, or cannot be written.
    """
    wanted = tuple(boxes)
    if not wanted:
        return copied(dataset)
    description = describe(dataset)
    wanted = tuple(box for box in (_inside(box, description) for box in wanted) if box is not None)
    if description.compressed:
        return _mask_compressed(dataset, description, wanted, decoder)
    return _mask_native(dataset, description, wanted)


def strip_embedded_overlay_bits(dataset: Dataset, bit: int | None = None, decoder: Decoder = decode) -> Dataset:
    """A new dataset whose unused bits of Pixel Data are what unused bits should be; `dataset` itself if they are.

    Overlays could once be kept in the bits of Pixel Data that the image does not use (retired, PS3.5 8.1.2), and so can
    anything else. Unused bits become zero, or the sign where values are signed. Lossless codestreams may have them too:
    they are encoded again without, where they have.

    Parameters
    ----------
    bit : int or None
        Only this one; it must be unused. Of codestreams all go.

    Raises
    ------
    CannotDeidentify
        ``pixel-data-…``: the pixels cannot be read, or cannot be written without those bits.
    """
    if pixel_keyword(dataset) != "PixelData":
        return dataset
    d = describe(dataset)
    if d.stored == d.allocated:
        return dataset
    if d.compressed:
        return _strip_compressed(dataset, d, decoder)
    buffer = native_buffer(dataset, d)
    cells = np.frombuffer(buffer, dtype=d.cell, count=d.native_bytes // d.cell.itemsize)
    edited: NDArray[Any] | None = None
    # In pieces: the arithmetic takes eight bytes a cell.
    for start in range(0, cells.size, _PIECE):
        piece = cells[start : start + _PIECE]
        kept = _as_cells(stored_values(piece, d), d)
        if bit is not None:
            one = np.asarray(1 << bit, d.cell)
            kept = (piece & ~one) | (kept & one)
        if not np.array_equal(kept, piece):
            edited = cells.copy() if edited is None else edited
            edited[start : start + _PIECE] = kept
    if edited is None:
        return dataset
    result = copied(dataset)
    _write(result, d.keyword, b"".join((edited.data, buffer[d.native_bytes :])))
    return result


def _strip_compressed(dataset: Dataset, d: PixelDescription, decoder: Decoder) -> Dataset:
    """`dataset` without unused bits in its codestreams; the other codestreams stay."""
    before = list(codestreams(dataset, d))
    whole = replace(d, stored=d.allocated, high_bit=d.allocated - 1)
    after = []
    for codestream in before:
        if not may_code_more_than(d.stored, codestream, d.transfer_syntax):
            after.append(codestream)
            continue
        if d.shift:
            raise CannotDeidentify("pixel-data-description", "HighBit")
        coded = decoder(codestream, whole)
        cells = coded.values.astype(f"u{coded.values.dtype.itemsize}", copy=False)
        kept = stored_values(cells, d)
        # Where values are signed, encoders write the sign into the unused bits, or nothing into any of them.
        if np.array_equal(kept, coded.values) or not (cells >> np.asarray(d.stored, cells.dtype)).any():
            after.append(codestream)
        elif not is_lossless(d.transfer_syntax):
            # A lossy decoder may give out a value beyond the last one for what was never coded.
            raise CannotDeidentify("pixel-data-excess", d.keyword)
        elif not _is_encodable(d):
            return _mask_to_native(dataset, d, (), decoder)
        else:
            after.append(_encode(Frame(kept, coded.photometric), d))
    if after == before:
        return dataset
    result = copied(dataset)
    _put_codestreams(result, after)
    return result


def strip_codestream_comments(dataset: Dataset) -> Dataset:
    """A new dataset whose codestreams carry no comments; `dataset` itself if they carry none.

    Encoders write their name, and acquisition software whatever it likes, into comment and application segments.

    Raises
    ------
    CannotDeidentify
        ``pixel-data-…``: the pixels cannot be read, or something stands behind a picture.
    """
    if pixel_keyword(dataset) != "PixelData":
        return dataset
    d = describe(dataset)
    if not d.compressed:
        return dataset
    before = list(codestreams(dataset, d))
    if any(has_surplus(part, d.transfer_syntax, d.plane_bytes) for part in before):
        raise CannotDeidentify("pixel-data-excess", d.keyword)
    after = [without_comments(part, d.transfer_syntax) for part in before]
    if after == before:
        return dataset
    result = copied(dataset)
    _put_codestreams(result, after)
    return result


def _darkest(frame: Frame, dataset: Dataset, description: PixelDescription) -> tuple[int | float, ...]:
    """The stored values of a masked pixel of `frame`, one for each sample: what is displayed darkest.

    The lowest value in a grey frame (the highest with MONOCHROME1), so that the range of values, and with it a
    viewer's window, stays.
    """
    if frame.photometric == "PALETTE COLOR":
        return (_darkest_entry(dataset, frame.values),)
    if frame.photometric == "RGB":
        return (0, 0, 0)
    if frame.photometric.startswith("YBR"):
        return (0, 1 << (description.stored - 1), 1 << (description.stored - 1))
    finite = frame.values[np.isfinite(frame.values)] if frame.values.dtype.kind == "f" else frame.values
    if not finite.size:
        return (0,)
    return (finite.max().item() if frame.photometric == "MONOCHROME1" else finite.min().item(),)


def _darkest_entry(dataset: Dataset, indices: NDArray[Any]) -> int:
    """The index, among those that the frame uses, whose colour is darkest."""
    from deidgate.pixels.render import through_palette

    used = np.unique(indices)
    colours = through_palette(used.reshape(-1, 1, 1), dataset).reshape(len(used), -1)
    return int(used[int(colours.astype(np.float64).sum(axis=1).argmin())])


def _inside(box: Box, description: PixelDescription) -> Box | None:
    """`box` clipped to the frame; None when nothing is left."""
    if box.frame is not None and not 0 <= box.frame < description.frames:
        return None
    clipped = Box(
        max(0, box.row_start),
        min(description.rows, box.row_stop),
        max(0, box.column_start),
        min(description.columns, box.column_stop),
        box.frame,
    )
    return clipped if clipped.row_start < clipped.row_stop and clipped.column_start < clipped.column_stop else None


def _of_frame(boxes: tuple[Box, ...], index: int) -> list[Box]:
    return [box for box in boxes if box.frame is None or box.frame == index]


def _mask_native(dataset: Dataset, d: PixelDescription, boxes: tuple[Box, ...]) -> Dataset:
    original = native_buffer(dataset, d)
    edited = bytearray(original)
    for index in range(d.frames):
        here = _of_frame(boxes, index)
        if here:
            _edit_frame(edited, d, index, here, _darkest(native_frame(original, d, index), dataset, d))
    result, masked = copied(dataset), bytes(edited)
    del edited
    _write(result, d.keyword, masked)
    _true_extremes(result, (native_frame(masked, d, index) for index in range(d.frames)))
    return result


def _edit_frame(
    edited: bytearray, d: PixelDescription, index: int, boxes: list[Box], value: tuple[int | float, ...]
) -> None:
    """Blank `boxes` of one native frame in place."""
    if d.allocated == 1:
        _edit_bits(edited, d, index, boxes, int(value[0]))
        return
    size = d.frame_bits // 8
    start = index * size
    if d.swapped_bytes:
        _edit_swapped(edited, d, start, size, boxes, value)
        return
    cells = np.frombuffer(edited, dtype=d.cell, count=size // d.cell.itemsize, offset=start)
    _blank(cells, d, boxes, value)


def _edit_swapped(
    edited: bytearray, d: PixelDescription, start: int, size: int, boxes: list[Box], value: tuple[int | float, ...]
) -> None:
    even, stop = start - start % 2, start + size + (start + size) % 2
    words = np.frombuffer(bytes(edited[even:stop]).ljust(stop - even, b"\0"), dtype="u1").reshape(-1, 2)[:, ::-1].copy()
    flat = words.reshape(-1)
    _blank(flat[start - even : start - even + size], d, boxes, value)
    edited[even:stop] = words[:, ::-1].tobytes()[: min(stop, len(edited)) - even]


def _blank(cells: NDArray[Any], d: PixelDescription, boxes: list[Box], value: tuple[int | float, ...]) -> None:
    """Blank `boxes` in the flat `cells` of one frame, whatever the order of its samples."""
    filled = _as_cells(np.asarray(value, dtype=np.int64 if d.keyword == "PixelData" else np.float64), d)
    if d.photometric == "YBR_FULL_422":  # two pixels share their colour: a box grows to whole pairs
        pairs = cells.reshape(d.rows, d.columns // 2, 4)
        for box in boxes:
            rows, columns = slice(box.row_start, box.row_stop), slice(box.column_start // 2, (box.column_stop + 1) // 2)
            pairs[rows, columns] = filled[[0, 0, 1, 2]]
        return
    if d.planar:
        planes = cells.reshape(d.samples, d.rows, d.columns)
        for box in boxes:
            planes[:, box.row_start : box.row_stop, box.column_start : box.column_stop] = filled[:, None, None]
        return
    pixels = cells.reshape(d.rows, d.columns, d.samples)
    for box in boxes:
        pixels[box.row_start : box.row_stop, box.column_start : box.column_stop] = filled


def _edit_bits(edited: bytearray, d: PixelDescription, index: int, boxes: list[Box], value: int) -> None:
    """Blank `boxes` in a frame of single bits, which may begin within a byte."""
    first = index * d.frame_bits
    start, stop = first // 8, (first + d.frame_bits + 7) // 8
    bits = np.unpackbits(np.frombuffer(bytes(edited[start:stop]), dtype="u1"), bitorder="little")
    plane = bits[first % 8 : first % 8 + d.frame_bits].reshape(d.rows, d.columns)
    for box in boxes:
        plane[box.row_start : box.row_stop, box.column_start : box.column_stop] = value
    edited[start:stop] = np.packbits(bits, bitorder="little").tobytes()


def _as_cells(values: NDArray[Any], d: PixelDescription) -> NDArray[Any]:
    """Native cells of stored `values`: shifted into place; the unused bits are zero, or the sign."""
    if d.keyword != "PixelData":
        return values.astype(d.cell)
    wide = values.astype(np.int64)
    if d.shift:
        wide = wide << d.shift
    return (wide & ((1 << d.allocated) - 1)).astype(d.cell)


def _mask_compressed(dataset: Dataset, d: PixelDescription, boxes: tuple[Box, ...], decoder: Decoder) -> Dataset:
    if _is_encodable(d):
        return _mask_same_syntax(dataset, d, boxes, decoder)
    return _mask_to_native(dataset, d, boxes, decoder)


def _is_encodable(d: PixelDescription) -> bool:
    return d.transfer_syntax in _ENCODABLE and d.allocated in (8, 16)


def _mask_same_syntax(dataset: Dataset, d: PixelDescription, boxes: tuple[Box, ...], decoder: Decoder) -> Dataset:
    encoded: list[bytes] = []
    extremes: list[Frame] = []
    for index, codestream in enumerate(codestreams(dataset, d)):
        here = _of_frame(boxes, index)
        if not here:
            encoded.append(without_comments(codestream, d.transfer_syntax))
            continue
        frame = _blanked(decoder(codestream, d), dataset, d, here)
        encoded.append(_encode(frame, d))
        if d.frames == 1:
            extremes.append(frame)
    result = copied(dataset)
    _put_codestreams(result, encoded)
    if d.samples > 1:
        # Source: PS3.5 8.2.3, 8.2.4 and G.2.
        _write(result, "PlanarConfiguration", int(d.transfer_syntax == RLELossless))
    _true_extremes(result, extremes)
    return result


def _put_codestreams(result: Dataset, encoded: list[bytes]) -> None:
    """Encapsulate one fragment for each frame, with the Basic Offset Table or, where it is too small, the Extended."""
    _remove(result, "ExtendedOffsetTable", "ExtendedOffsetTableLengths")
    if sum(len(part) + 9 for part in encoded) < _LARGEST_ELEMENT:
        _write(result, "PixelData", encapsulate(encoded, has_bot=len(encoded) > 1), "OB")
    else:
        pixels, offsets, lengths = encapsulate_extended(encoded)
        _write(result, "PixelData", pixels, "OB")
        _write(result, "ExtendedOffsetTable", offsets, "OV")
        _write(result, "ExtendedOffsetTableLengths", lengths, "OV")
    result["PixelData"].is_undefined_length = True


def _mask_to_native(dataset: Dataset, d: PixelDescription, boxes: tuple[Box, ...], decoder: Decoder) -> Dataset:
    """Decoded, masked and left uncompressed, for syntaxes that are lossy or that cannot be written."""
    if d.rows * d.columns * d.samples * (d.allocated // 8) * d.frames > _LARGEST_ELEMENT:
        raise CannotDeidentify("pixel-data-too-large-to-write", d.keyword)
    out = bytearray()
    photometric, low, high, itemsize, compressed = d.photometric, None, None, d.allocated // 8, 0
    for index, codestream in enumerate(codestreams(dataset, d)):
        compressed += len(codestream)
        frame = decoder(codestream, d)
        if frame.photometric.startswith("YBR"):
            frame = _to_rgb(frame)
        frame = _blanked(frame, dataset, d, _of_frame(boxes, index))
        values = frame.values
        if values.dtype.itemsize > itemsize:
            raise CannotDeidentify("pixel-data-size", d.keyword)
        low = values.min() if low is None else min(low, values.min())
        high = values.max() if high is None else max(high, values.max())
        photometric = frame.photometric
        out += values.astype(f"<{'i' if d.signed else 'u'}{itemsize}").tobytes()
    result = copied(dataset)
    result.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    _remove(result, "ExtendedOffsetTable", "ExtendedOffsetTableLengths")
    _write(result, "PixelData", bytes(out) + b"\0" * (len(out) % 2), "OW" if d.allocated > 8 else "OB")
    _write(result, "PhotometricInterpretation", photometric)
    if d.samples > 1:
        _write(result, "PlanarConfiguration", 0)
    if boxes:
        _write_extremes(result, low, high)
    _declare_lossy(result, d, len(out), compressed)
    return result


def _blanked(frame: Frame, dataset: Dataset, d: PixelDescription, boxes: list[Box]) -> Frame:
    if not boxes:
        return frame
    value = np.asarray(_darkest(frame, dataset, d)).astype(frame.values.dtype)
    values = frame.values.copy()
    for box in boxes:
        values[box.row_start : box.row_stop, box.column_start : box.column_stop] = value
    return Frame(values, frame.photometric)


def _to_rgb(frame: Frame) -> Frame:
    from pydicom.pixels.processing import convert_color_space

    return Frame(convert_color_space(frame.values, "YBR_FULL", "RGB"), "RGB")


def _encode(frame: Frame, d: PixelDescription) -> bytes:
    """`frame` as a codestream of the dataset's own lossless syntax.

    Raises
    ------
    CannotDeidentify
        ``pixel-data-not-written``: the encoder refused.
    """
    from pydicom.pixels.encoders.base import get_encoder

    # JPEG 2000 is decoded to RGB and its multiple component transform is done again: Photometric Interpretation stays.
    values = frame.values[..., 0] if d.samples == 1 else np.ascontiguousarray(frame.values)
    wanted = np.dtype(f"{'i' if d.signed else 'u'}{d.allocated // 8}")
    try:
        encoded = get_encoder(UID(d.transfer_syntax)).encode(
            np.ascontiguousarray(values.astype(wanted)),
            rows=d.rows,
            columns=d.columns,
            samples_per_pixel=d.samples,
            bits_allocated=d.allocated,
            bits_stored=d.stored,
            pixel_representation=int(d.signed),
            photometric_interpretation=d.photometric,
            planar_configuration=0,
            number_of_frames=1,
            encoding_plugin=_ENCODABLE[d.transfer_syntax],
        )
    except (RuntimeError, ValueError, TypeError) as error:
        raise CannotDeidentify("pixel-data-not-written", d.keyword) from error
    return bytes(encoded)


def copied(dataset: Dataset) -> Dataset:
    """A dataset of its own with the same elements, raw ones not yet parsed included.

    Elements are shared until they are replaced. `copy.copy` of a pydicom dataset shares the whole table of elements, so
    that a change of the copy is a change of the original; `copy.deepcopy` parses nothing but takes seconds for the
    functional groups of large multi-frame objects.
    """
    result = Dataset()
    for tag in dataset.keys():  # noqa: SIM118  iterating over a dataset parses its elements
        result[tag] = dataset.get_item(tag)
    if hasattr(dataset, "file_meta"):
        result.file_meta = copy.deepcopy(dataset.file_meta)
    if hasattr(dataset, "preamble"):
        result.preamble = dataset.preamble
    implicit, little = dataset.original_encoding
    result.set_original_encoding(implicit, little, dataset.original_character_set)
    return result


def _write(result: Dataset, keyword: str, value: Any, vr: str | None = None) -> None:
    """Put a new element into `result`; the one that was there may be shared with the caller's dataset."""
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise ValueError(keyword)
    if vr is None:
        vr = result[tag].VR if tag in result else dictionary_VR(tag)
    result[tag] = DataElement(tag, vr, value)


def _remove(result: Dataset, *keywords: str) -> None:
    for keyword in keywords:
        if keyword in result:
            del result[keyword]


def _true_extremes(result: Dataset, frames: Iterable[Frame]) -> None:
    """Smallest and Largest Image Pixel Value of the masked frames, where the dataset states them."""
    if not any(keyword in result for keyword in _EXTREMES):
        return
    low = high = None
    for frame in frames:
        low = frame.values.min() if low is None else min(low, frame.values.min())
        high = frame.values.max() if high is None else max(high, frame.values.max())
    if low is not None:
        _write_extremes(result, low, high)


def _write_extremes(result: Dataset, low: Any, high: Any) -> None:
    for keyword, value in zip(_EXTREMES, (low, high), strict=True):
        if keyword in result and value is not None and result.get(keyword) is not None:
            _write(result, keyword, int(value), "SS" if result.get("PixelRepresentation") else "US")


def _declare_lossy(result: Dataset, d: PixelDescription, native: int, compressed: int) -> None:
    """State what the Transfer Syntax said about loss before it was given up; what was stated already stays."""
    method = _LOSSY.get(str(d.transfer_syntax))
    if d.transfer_syntax in JPEG2000TransferSyntaxes and d.transfer_syntax != JPEG2000Lossless:
        # JPEG 2000 may or may not be lossy: only the header knows.
        return
    if method is None or result.get("LossyImageCompression") == "01":
        return
    _write(result, "LossyImageCompression", "01")
    _write(result, "LossyImageCompressionRatio", f"{native / max(1, compressed):.4g}")
    _write(result, "LossyImageCompressionMethod", method)
