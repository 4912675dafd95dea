# SPDX-License-Identifier: Apache-2.0
"""What a compressed frame says about itself, and the comments it carries.

A decoder written in C believes the codestream and not the DICOM header. So the codestream is read first, and a frame
whose own size is not that of the dataset never reaches a decoder.

Sources: ITU-T T.81 B.1.1.3 and B.2 (JPEG), T.87 C.1 (JPEG-LS), T.800 A.2 to A.9 (JPEG 2000), PS3.5 Annex G (RLE).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pydicom.uid import UID, JPEG2000TransferSyntaxes, JPEGLSTransferSyntaxes, JPEGTransferSyntaxes, RLELossless

from deidgate.errors import CannotDeidentify

HTJ2K = ("1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.202", "1.2.840.10008.1.2.4.203")

_JPEG_FAMILY = frozenset(map(str, (*JPEGTransferSyntaxes, *JPEGLSTransferSyntaxes)))
_J2K_FAMILY = frozenset((*map(str, JPEG2000TransferSyntaxes), *HTJ2K))

_SOC_SIZ = b"\xff\x4f\xff\x51"
_START_OF_FRAME = frozenset((*range(0xC0, 0xD0), 0xF7)) - {0xC4, 0xC8, 0xCC}
_WITHOUT_LENGTH = frozenset((0x01, *range(0xD0, 0xDA)))
_SOS, _SOD, _SOT, _COM, _J2K_COM, _EOI = 0xDA, 0x93, 0x90, 0xFE, 0x64, 0xD9
_APP_THAT_MATTERS = {0xE0: b"JFIF", 0xE8: b"mrfx", 0xEE: b"Adobe"}
"""Application segments that change how colours are decoded (of JPEG-LS: mrfx); every other one is a comment."""


@dataclass(frozen=True, slots=True)
class Declared:
    """Size of a frame by its own header.

    Attributes
    ----------
    rows, columns, samples, precision : int
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


def _is_comment(frame: bytes, marker: int, start: int) -> bool:
    if marker == _COM:
        return True
    if not 0xE0 <= marker <= 0xEF:
        return False
    name = _APP_THAT_MATTERS.get(marker)
    return name is None or not frame[start + 2 :].startswith(name)


def _segments(frame: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, start (of the length field) and stop of each segment of a JPEG header, up to the first scan."""
    if frame[:2] != b"\xff\xd8":
        raise CannotDeidentify("pixel-data-codestream", "PixelData")
    at = 2
    while at + 4 <= len(frame):
        if frame[at] != 0xFF:
            raise CannotDeidentify("pixel-data-codestream", "PixelData")
        marker = frame[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
            continue
        if marker == _EOI:
            return
        if marker in _WITHOUT_LENGTH:
            at += 2
            continue
        length = int.from_bytes(frame[at + 2 : at + 4], "big")
        if length < 2 or at + 2 + length > len(frame):
            raise CannotDeidentify("pixel-data-codestream", "PixelData")
        yield marker, at + 2, at + 2 + length
        if marker == _SOS:
            return
        at += 2 + length


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
    return Declared(height - top, width - left, samples, (frame[at + 42] & 0x7F) + 1)
