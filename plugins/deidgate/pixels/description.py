# SPDX-License-Identifier: Apache-2.0
"""What the Image Pixel Module says about the pixels, read once, checked, and refused when it contradicts itself.

Nothing is guessed: a decoder that is told wrong sizes reads other bytes than the viewer does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydicom import Dataset
from pydicom.uid import UID, ExplicitVRBigEndian

from deidgate.errors import CannotDeidentify

PIXEL_KEYWORDS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
"""The three elements that may hold pixels; an instance has at most one of them (PS3.3 C.7.6.3, C.7.6.24, C.7.6.25)."""

MAX_FRAME_BYTES = 1 << 30
"""A frame of more bytes is not decoded: 1 GiB is four times the largest detector known and protects the worker."""

_SAMPLES = {
    "MONOCHROME1": 1,
    "MONOCHROME2": 1,
    "PALETTE COLOR": 1,
    "RGB": 3,
    "YBR_FULL": 3,
    "YBR_FULL_422": 3,
    "YBR_ICT": 3,
    "YBR_RCT": 3,
    "XYB": 3,
}
"""Photometric interpretations that are understood (PS3.3 C.7.6.3.1.2) and their Samples per Pixel.

YBR_PARTIAL_420 belongs to video and HSV, ARGB and CMYK are retired: they are held.
"""

_TWO_SAMPLES = ("YBR_FULL_422", "YBR_PARTIAL_422")
"""Native pixels have two samples each, of three: every second pixel has the colour of the one before it."""


@dataclass(frozen=True, slots=True)
class PixelDescription:
    """Sizes and meaning of the pixels of one instance.

    Attributes
    ----------
    keyword : str
        Which element holds the pixels.
    transfer_syntax : UID
    rows, columns, frames, samples : int
    photometric : str
        Photometric Interpretation.
    planar : int
        Planar Configuration, 0 when there is one sample.
    allocated, stored, high_bit : int
        Bits Allocated, Bits Stored, High Bit.
    signed : bool
    vr : str
        VR of the element, which decides the byte order of 8-bit samples in big endian.
    """

    keyword: str
    transfer_syntax: UID
    rows: int
    columns: int
    frames: int
    samples: int
    photometric: str
    planar: int
    allocated: int
    stored: int
    high_bit: int
    signed: bool
    vr: str

    @property
    def compressed(self) -> bool:
        """True when the pixels are encapsulated."""
        return self.transfer_syntax.is_encapsulated

    @property
    def shift(self) -> int:
        """Bits between bit 0 of the cell and the lowest bit of the stored value."""
        return self.high_bit + 1 - self.stored

    @property
    def swapped_bytes(self) -> bool:
        """True when 8-bit samples are stored in words of the other byte order.

        Source: PS3.5 A.3 (retired Explicit VR Big Endian) and PS3.5 Annex D, OW of 8-bit samples.
        """
        return self.transfer_syntax == ExplicitVRBigEndian and self.allocated == 8 and self.vr == "OW"

    @property
    def frame_bits(self) -> int:
        """Bits of one native frame."""
        samples = 2 if self.photometric == "YBR_FULL_422" and not self.compressed else self.samples
        return self.rows * self.columns * samples * self.allocated

    @property
    def native_bytes(self) -> int:
        """Bytes of all native frames, without the padding byte."""
        return (self.frame_bits * self.frames + 7) // 8

    @property
    def plane_bytes(self) -> int:
        """Bytes of one plane of RLE, which has one for each byte of a cell. Source: PS3.5 G.2."""
        return (self.rows * self.columns * min(8, self.allocated) + 7) // 8

    @property
    def cell(self) -> np.dtype[np.generic]:
        """The dtype of one native cell as it stands in the element, unused bits included."""
        order = ">" if self.transfer_syntax == ExplicitVRBigEndian else "<"
        if self.keyword != "PixelData":
            return np.dtype(f"{order}f{self.allocated // 8}")
        return np.dtype(f"{order}u{self.allocated // 8}")

    @property
    def lowest(self) -> int:
        """The lowest stored value that the bits can hold."""
        return -(1 << (self.stored - 1)) if self.signed else 0

    @property
    def highest(self) -> int:
        """The highest stored value that the bits can hold."""
        return (1 << (self.stored - 1)) - 1 if self.signed else (1 << self.stored) - 1


def pixel_keyword(dataset: Dataset) -> str | None:
    """The keyword of the element that holds the pixels; None when there are none.

    Raises
    ------
    CannotDeidentify
        ``pixel-data-twice``: more than one such element.
    """
    found = [keyword for keyword in PIXEL_KEYWORDS if keyword in dataset]
    if len(found) > 1:
        raise CannotDeidentify("pixel-data-twice", found[1])
    return found[0] if found else None


def describe(dataset: Dataset) -> PixelDescription:
    """The description of the pixels of `dataset`.

    Raises
    ------
    CannotDeidentify
        ``pixel-data-absent``, ``pixel-data-twice``, ``pixel-data-description`` (an attribute is missing, not a number
        or contradicts another) or ``pixel-data-frame-too-large``.

    Source: PS3.3 C.7.6.3, PS3.5 8.1 and 8.2.
    """
    keyword = pixel_keyword(dataset)
    if keyword is None:
        raise CannotDeidentify("pixel-data-absent", "PixelData")
    syntax = getattr(dataset, "file_meta", Dataset()).get("TransferSyntaxUID")
    if not syntax:
        raise CannotDeidentify("pixel-data-description", "TransferSyntaxUID")
    rows, columns = (_number(dataset, name, 1, 65535) for name in ("Rows", "Columns"))
    frames = _number(dataset, "NumberOfFrames", 1, 2**31 - 1, default=1)
    samples = _number(dataset, "SamplesPerPixel", 1, 3, default=1)
    photometric = str(dataset.get("PhotometricInterpretation") or "").strip()
    if photometric not in _SAMPLES or _SAMPLES[photometric] != samples:
        raise CannotDeidentify("pixel-data-description", "PhotometricInterpretation")
    planar = _number(dataset, "PlanarConfiguration", 0, 1, default=0) if samples > 1 else 0
    allocated = _number(dataset, "BitsAllocated", 1, 64)
    if keyword == "PixelData":
        if allocated not in (1, 8, 16, 32):
            raise CannotDeidentify("pixel-data-description", "BitsAllocated")
        stored = _number(dataset, "BitsStored", 1, allocated)
        high_bit = _number(dataset, "HighBit", stored - 1, allocated - 1, default=stored - 1)
        signed = bool(_number(dataset, "PixelRepresentation", 0, 1, default=0))
    else:
        if allocated != (32 if keyword == "FloatPixelData" else 64) or UID(syntax).is_encapsulated:
            raise CannotDeidentify("pixel-data-description", "BitsAllocated")
        stored, high_bit, signed = allocated, allocated - 1, True
    found = PixelDescription(
        keyword=keyword,
        transfer_syntax=UID(syntax),
        rows=rows,
        columns=columns,
        frames=frames,
        samples=samples,
        photometric=photometric,
        planar=planar,
        allocated=allocated,
        stored=stored,
        high_bit=high_bit,
        signed=signed,
        vr=str(dataset[keyword].VR),
    )
    if allocated == 1 and (samples != 1 or (found.compressed and found.transfer_syntax != "1.2.840.10008.1.2.5")):
        raise CannotDeidentify("pixel-data-description", "BitsAllocated")
    if photometric == "YBR_FULL_422" and not found.compressed and (columns % 2 or planar):
        raise CannotDeidentify("pixel-data-description", "Columns")
    if found.frame_bits // 8 > MAX_FRAME_BYTES:
        raise CannotDeidentify("pixel-data-frame-too-large", keyword)
    return found


def native_length(header: Dataset) -> int | None:
    """Bytes of all native frames that `header` describes, without the padding byte; None where it does not say.

    It asks less than `describe`: of what cannot be decoded here the length is known as well. None of compressed pixels.
    """
    syntax = getattr(header, "file_meta", Dataset()).get("TransferSyntaxUID")
    if not syntax or UID(syntax).is_encapsulated:
        return None
    photometric = str(header.get("PhotometricInterpretation") or "").strip()
    try:
        rows, columns, allocated = (_number(header, name, 1, 65535) for name in ("Rows", "Columns", "BitsAllocated"))
        frames = _number(header, "NumberOfFrames", 1, 2**31 - 1, default=1)
        samples = _number(header, "SamplesPerPixel", 1, 65535, default=_SAMPLES.get(photometric, 1))
    except CannotDeidentify:
        return None
    if photometric in _TWO_SAMPLES:
        samples = 2
    return (rows * columns * samples * allocated * frames + 7) // 8


def _number(dataset: Dataset, keyword: str, low: int, high: int, default: int | None = None) -> int:
    """The attribute as a number between `low` and `high`, both included."""
    value = dataset.get(keyword)
    if value is None or value == "":
        if default is None:
            raise CannotDeidentify("pixel-data-description", keyword)
        return default
    try:
        number = int(value)
    except (TypeError, ValueError):
        raise CannotDeidentify("pixel-data-description", keyword) from None
    if not low <= number <= high:
        raise CannotDeidentify("pixel-data-description", keyword)
    return number
