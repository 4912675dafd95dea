# SPDX-License-Identifier: Apache-2.0
"""What a compressed frame says about itself, the comments it carries, and what stands behind its picture.

A decoder written in C believes the codestream and not the DICOM header. So the codestream is read first, and a frame
whose own size is not that of the dataset never reaches a decoder.

Sources: ITU-T T.81 B.1.1.3 and B.2 (JPEG), T.87 C.1 (JPEG-LS), T.800 A.2 to A.9 (JPEG 2000), PS3.5 Annex G (RLE).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from pydicom.uid import (
    UID,
    JPEG2000Lossless,
    JPEG2000TransferSyntaxes,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSTransferSyntaxes,
    JPEGTransferSyntaxes,
    RLELossless,
)

from deidgate.errors import CannotDeidentify

HTJ2K = ("1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.202", "1.2.840.10008.1.2.4.203")

_JPEG_FAMILY = frozenset(map(str, (*JPEGTransferSyntaxes, *JPEGLSTransferSyntaxes)))
_J2K_FAMILY = frozenset((*map(str, JPEG2000TransferSyntaxes), *HTJ2K))
_LOSSLESS = frozenset((RLELossless, JPEGLossless, JPEGLosslessSV1, JPEGLSLossless, JPEG2000Lossless, *HTJ2K[:2]))

_SOC_SIZ, _EOC = b"\xff\x4f\xff\x51", b"\xff\xd9"
_START_OF_FRAME = frozenset((*range(0xC0, 0xD0), 0xF7)) - {0xC4, 0xC8, 0xCC}
_WITHOUT_LENGTH = frozenset((0x01, *range(0xD0, 0xD8)))
_PROGRESSIVE = frozenset((0xC2, 0xC6, 0xCA, 0xCE))
_SOS, _SOD, _SOT, _COM, _J2K_COM, _SOI, _EOI = 0xDA, 0x93, 0x90, 0xFE, 0x64, 0xD8, 0xD9
_PADDING = b"\0\xff"
"""Bytes that may follow a codestream: what makes it even, and fill bytes of JPEG (T.81 B.1.1.2)."""

_APP_THAT_MATTERS = {0xE0: b"JFIF", 0xE8: b"mrfx", 0xEE: b"Adobe"}
"""Application segments that change how colours are decoded (of JPEG-LS: mrfx); every other one is a comment."""


@dataclass(frozen=True, slots=True)
class Declared:
    """Size of a frame by its own header.

    Attributes
    ----------
    rows, columns, samples : int
    precision : int
        Bits of a sample; of the component with most of them.
    """

    rows: int
    columns: int
    samples: int
    precision: int


def declared(frame: bytes, syntax: UID) -> Declared | None:
    """What the codestream `frame` says about itself; None for RLE, which says nothing.

    Raises
    ------
    CannotDeidentify
        ``pixel-data-codestream``: not a codestream of `syntax`.
    """
    if syntax == RLELossless:
        return None
    if str(syntax) in _J2K_FAMILY:
        return _declared_j2k(frame)
    if str(syntax) in _JPEG_FAMILY:
        for marker, start, stop in _segments(frame):
            if marker in _START_OF_FRAME:
                if stop - start < 8:
                    break
                return Declared(
                    int.from_bytes(frame[start + 3 : start + 5], "big"),
                    int.from_bytes(frame[start + 5 : start + 7], "big"),
                    frame[start + 7],
                    frame[start + 2],
                )
    raise CannotDeidentify("pixel-data-codestream", "PixelData")


def may_code_more_than(bits: int, frame: bytes, syntax: UID) -> bool:
    """True when samples of `frame` may have more than `bits` bits.

    RLE codes whole cells, and lossless JPEG adds its differences modulo 2 to the 16, whatever precision it states.
    Source: PS3.5 G.2; T.81 H.1.2.1.

    Raises
    ------
    CannotDeidentify
        ``pixel-data-codestream``: not a codestream of `syntax`.
    """
    size = declared(frame, syntax)
    return size is None or size.precision > bits or syntax in (JPEGLossless, JPEGLosslessSV1)


def is_lossless(syntax: UID) -> bool:
    """True when decoders of `syntax` give out what was coded."""
    return syntax in _LOSSLESS


def without_comments(frame: bytes, syntax: UID) -> bytes:
    """`frame` without comment and application segments; `frame` itself when it has none.

    Raises
    ------
    CannotDeidentify
        ``pixel-data-codestream``: not a codestream of `syntax`.
    """
    if str(syntax) in _J2K_FAMILY:
        if not frame.startswith(_SOC_SIZ):  # a JP2 file: its boxes may say anything, its codestream is all that counts
            frame = frame[_start_j2k(frame) :]
        drop = [(start - 2, stop) for marker, start, stop in _segments_j2k(frame) if marker == _J2K_COM]
    elif str(syntax) in _JPEG_FAMILY:
        drop = [(start - 2, stop) for marker, start, stop in _segments(frame) if _is_comment(frame, marker, start)]
    else:
        return frame
    if not drop:
        return frame
    kept, at = bytearray(), 0
    for start, stop in drop:
        kept += frame[at:start]
        at = stop
    return bytes(kept + frame[at:])


def begins(fragment: bytes, syntax: UID) -> bool:
    """True when a picture of `syntax` begins where `fragment` does; its first eight bytes are enough."""
    if str(syntax) in _J2K_FAMILY:
        return fragment.startswith((_SOC_SIZ, b"\0\0\0\x0cjP"))
    if str(syntax) in _JPEG_FAMILY:
        return fragment.startswith(b"\xff\xd8")
    return syntax == RLELossless


def has_surplus(frame: bytes, syntax: UID, plane_bytes: int) -> bool:
    """True when more than padding stands behind the one picture that `frame` should be; of RLE, behind any plane of it.

    Decoders end with the first picture; what follows, a second picture or a text, leaves unseen.

    Raises
    ------
    CannotDeidentify
        ``pixel-data-codestream``: not a codestream of `syntax`.
    """
    if syntax == RLELossless:
        return _has_surplus_rle(frame, plane_bytes)
    if str(syntax) in _J2K_FAMILY:
        return bool(frame[_end_j2k(frame) :].strip(_PADDING))
    if str(syntax) in _JPEG_FAMILY:
        return bool(frame[_end_jpeg(frame) :].strip(_PADDING))
    return False  # none of which a frame is decoded here


def _end_jpeg(frame: bytes) -> int:
    """Where the picture ends: behind EOI, or where another one begins that no decoder of the first would look at."""
    components = coded = 0
    progressive = False
    for marker, start, stop in _segments(frame):
        if marker == _EOI:
            return stop
        if marker == _SOI or (marker in _START_OF_FRAME and components):
            return start - 2
        if stop - start < (8 if marker in _START_OF_FRAME else 3):
            continue
        if marker in _START_OF_FRAME:
            components, progressive = frame[start + 7], marker in _PROGRESSIVE
        elif marker == _SOS and not progressive:
            # Each component is coded once: a decoder is content with that. Source: T.81 B.2.3 and A.2.
            coded += frame[start + 2]
            if coded > components:
                return start - 2
    return len(frame)


def _end_j2k(frame: bytes) -> int:
    """Where the picture ends, by the lengths of its tile-parts. Source: T.800 A.4.2 (Psot)."""
    begin = _start_j2k(frame)
    at = begin + max((stop for *_, stop in _segments_j2k(frame[begin:])), default=2)
    while frame[at : at + 2] == bytes((0xFF, _SOT)):
        length = int.from_bytes(frame[at + 6 : at + 10], "big")
        if length == 0:  # the last one, up to EOC; no packet has bytes like these
            ends = [found for found in (frame.find(_EOC, at + 12), frame.find(_SOC_SIZ, at + 12)) if found >= 0]
            at = min(ends, default=len(frame))
            break
        if length < 14:
            raise CannotDeidentify("pixel-data-codestream", "PixelData")
        at += length
    return at + 2 if frame[at : at + 2] == _EOC else at


def _has_surplus_rle(frame: bytes, plane_bytes: int) -> bool:
    """True when a segment has more than the runs of one plane, or bytes stand where no segment is."""
    count, *offsets = struct.unpack("<16I", frame[:64]) if len(frame) >= 64 else (0,)
    if not 0 < count < 16 or offsets[0] != 64 or any(one > other for one, other in pairwise(offsets[:count])):
        raise CannotDeidentify("pixel-data-codestream", "PixelData")
    if any(offsets[count:]):
        return True
    for start, stop in pairwise((*offsets[:count], len(frame))):
        at, left = start, plane_bytes
        while left > 0 and at < stop:
            head = frame[at]
            if head < 128:
                at += head + 2
                left -= head + 1
            elif head > 128:
                at += 2
                left -= 257 - head
            else:
                at += 1
        if left < 0 or any(frame[at:stop]):
            return True
    return False


def _is_comment(frame: bytes, marker: int, start: int) -> bool:
    if marker == _COM:
        return True
    if not 0xE0 <= marker <= 0xEF:
        return False
    name = _APP_THAT_MATTERS.get(marker)
    return name is None or not frame[start + 2 :].startswith(name)


def _segments(frame: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, start (of the length field) and stop of each segment of a JPEG, up to EOI or the SOI of another one."""
    if frame[:2] != b"\xff\xd8":
        raise CannotDeidentify("pixel-data-codestream", "PixelData")
    at = 2
    while at + 2 <= len(frame):
        if frame[at] != 0xFF:
            raise CannotDeidentify("pixel-data-codestream", "PixelData")
        marker = frame[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
            continue
        if marker in (_SOI, _EOI):
            yield marker, at + 2, at + 2
            return
        if marker in _WITHOUT_LENGTH:
            at += 2
            continue
        length = int.from_bytes(frame[at + 2 : at + 4], "big")
        if length < 2 or at + 2 + length > len(frame):
            raise CannotDeidentify("pixel-data-codestream", "PixelData")
        yield marker, at + 2, at + 2 + length
        at += 2 + length
        if marker == _SOS:
            at = _after_scan(frame, at)


def _after_scan(frame: bytes, at: int) -> int:
    """The next marker behind the coded data that begin `at`, which is neither stuffing nor a restart."""
    while 0 <= (at := frame.find(b"\xff", at)) < len(frame) - 1:
        following = frame[at + 1]
        if following == 0xFF:
            at += 1
        # JPEG stuffs a byte of zero, JPEG-LS a bit: after FF comes a byte below 80. Source: T.81 B.1.1.5, T.87 A.1.
        elif following < 0x80 or 0xD0 <= following <= 0xD7:
            at += 2
        else:
            return at
    return len(frame)


def _segments_j2k(frame: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, start (of the length field) and stop of each segment of a JPEG 2000 main header."""
    at = 2
    while at + 4 <= len(frame):
        marker = frame[at + 1]
        if frame[at] != 0xFF:
            raise CannotDeidentify("pixel-data-codestream", "PixelData")
        if marker in (_SOT, _SOD):
            return
        length = int.from_bytes(frame[at + 2 : at + 4], "big")
        if length < 2 or at + 2 + length > len(frame):
            raise CannotDeidentify("pixel-data-codestream", "PixelData")
        yield marker, at + 2, at + 2 + length
        at += 2 + length


def _start_j2k(frame: bytes) -> int:
    start = frame.find(_SOC_SIZ)
    if start < 0:
        raise CannotDeidentify("pixel-data-codestream", "PixelData")
    return start


def _declared_j2k(frame: bytes) -> Declared:
    at = _start_j2k(frame)
    if len(frame) < at + 43:
        raise CannotDeidentify("pixel-data-codestream", "PixelData")
    width, height, left, top, tile_width, tile_height = (
        int.from_bytes(frame[at + 8 + 4 * n : at + 12 + 4 * n], "big") for n in range(6)
    )
    if not (left < width and top < height and tile_width and tile_height):
        raise CannotDeidentify("pixel-data-codestream", "PixelData")
    samples = int.from_bytes(frame[at + 40 : at + 42], "big")
    sizes = frame[at + 42 : at + 42 + 3 * samples : 3]
    return Declared(height - top, width - left, samples, max((size & 0x7F) + 1 for size in sizes))
