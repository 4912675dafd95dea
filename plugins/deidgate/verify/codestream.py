# SPDX-License-Identifier: Apache-2.0
"""Comments and metadata inside of compressed pictures, which no header shows.

Source: ITU-T T.81 B.1.1.3 (JPEG markers, also T.87 JPEG-LS), T.800 Annex A (JPEG 2000 markers) and Annex I (boxes),
ISO 15948 (PNG chunks).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

_MAX_TEXT = 1 << 20


class Segment(NamedTuple):
    """One comment or metadata segment.

    Attributes
    ----------
    name : str
        ``COM``, ``APP1``, ``CME``, ``tEXt``, or ``behind the image``.
    value : bytes
    start, stop : int
        Half-open range of the whole segment, with its marker, in the codestream; both 0 where it has no marker.
    """

    name: str
    value: bytes
    start: int = 0
    stop: int = 0


def bare(stream: bytes, technical: Callable[[Segment], bool]) -> bytes:
    """A codestream without its comments and without the segments that are not `technical`: what a decoder reads."""
    if stream[4:8] == b"jP  ":
        # Of a JP2 file only the codestream counts. Source: T.800 I.5.4.
        stream = stream[max(stream.find(b"\xff\x4f\xff\x51"), 0) :]
    pieces, at = [], 0
    for segment in segments(stream):
        if segment.stop and not technical(segment):
            pieces.append(stream[at : segment.start])
            at = segment.stop
    return b"".join((*pieces, stream[at:])).rstrip(b"\0")


def segments(stream: bytes) -> Iterator[Segment]:
    """Everything in a codestream that is not needed to decode it; nothing for what is no known codestream."""
    if stream[:2] == b"\xff\xd8":
        yield from _jpeg(stream)
    elif stream[:4] == b"\xff\x4f\xff\x51":
        yield from _jpeg_2000(stream)
    elif stream[4:8] == b"jP  ":
        yield from _boxes(stream)
    elif stream[:8] == b"\x89PNG\r\n\x1a\n":
        yield from _png(stream)


def _jpeg(stream: bytes) -> Iterator[Segment]:
    at, size = 2, len(stream)
    while at + 4 <= size:
        if stream[at] != 0xFF:
            return
        marker = stream[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker == 0xD9:
            yield from _behind(stream, at + 2)
            return
        if marker == 0x01 or 0xD0 <= marker <= 0xD8:
            at += 2
            continue
        length = int.from_bytes(stream[at + 2 : at + 4], "big")
        if length < 2:
            return
        value = stream[at + 4 : at + 2 + length]
        if marker == 0xFE:
            yield Segment("COM", value, at, at + 2 + length)
        elif 0xE0 <= marker <= 0xEF:
            yield Segment(f"APP{marker - 0xE0}", value, at, at + 2 + length)
        at += 2 + length
        if marker == 0xDA:
            at = _entropy_end(stream, at)
            if at < 0:
                return


def _entropy_end(stream: bytes, at: int) -> int:
    """The next marker that is neither stuffing nor a restart; -1 when there is none."""
    while True:
        at = stream.find(b"\xff", at)
        if at < 0 or at + 1 >= len(stream):
            return -1
        following = stream[at + 1]
        # JPEG-LS stuffs a bit: after FF comes a byte below 80.
        if following == 0xFF:
            at += 1
        elif following < 0x80 or 0xD0 <= following <= 0xD7:
            at += 2
        else:
            return at


def _jpeg_2000(stream: bytes) -> Iterator[Segment]:
    at, size = 2, len(stream)
    while at + 4 <= size and stream[at] == 0xFF:
        marker = stream[at + 1]
        if marker in (0x93, 0xD9):
            break
        length = int.from_bytes(stream[at + 2 : at + 4], "big")
        if length < 2:
            return
        if marker == 0x64:
            yield Segment("CME", stream[at + 6 : at + 2 + length], at, at + 2 + length)
        if marker == 0x90 and length == 10:
            part = int.from_bytes(stream[at + 6 : at + 10], "big")
            if part > 12:
                # Comments may stand in the header of every tile-part too.
                yield from _tile_comments(stream, at + 2 + length, at + part)
                at += part
                continue
        at += 2 + length
    end = stream.rfind(b"\xff\xd9")
    if end >= 0:
        yield from _behind(stream, end + 2)


def _tile_comments(stream: bytes, at: int, stop: int) -> Iterator[Segment]:
    while at + 4 <= min(stop, len(stream)) and stream[at] == 0xFF and stream[at + 1] != 0x93:
        length = int.from_bytes(stream[at + 2 : at + 4], "big")
        if length < 2:
            return
        if stream[at + 1] == 0x64:
            yield Segment("CME", stream[at + 6 : at + 2 + length], at, at + 2 + length)
        at += 2 + length


def _boxes(stream: bytes) -> Iterator[Segment]:
    at, size = 0, len(stream)
    while at + 8 <= size:
        length = int.from_bytes(stream[at : at + 4], "big")
        kind, head = stream[at + 4 : at + 8], 8
        if length == 1:
            length, head = int.from_bytes(stream[at + 8 : at + 16], "big"), 16
        if length == 0:
            length = size - at
        if length < head:
            return
        value = stream[at + head : at + length]
        if kind == b"jp2c":
            yield from _jpeg_2000(value)
        elif kind not in (b"jP  ", b"ftyp", b"jp2h"):
            yield Segment(kind.decode("latin_1"), value)
        at += length


def _png(stream: bytes) -> Iterator[Segment]:
    at, size = 8, len(stream)
    while at + 12 <= size:
        length = int.from_bytes(stream[at : at + 4], "big")
        kind = stream[at + 4 : at + 8]
        value = stream[at + 8 : at + 8 + length]
        at += 12 + length
        if kind == b"IEND":
            yield from _behind(stream, at)
            return
        if kind == b"zTXt":
            yield Segment("zTXt", _inflated(value.partition(b"\0")[2][1:]))
        elif kind in (b"tEXt", b"iTXt", b"eXIf"):
            yield Segment(kind.decode("ascii"), value)


def _inflated(value: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(value, _MAX_TEXT)
    except zlib.error:
        return value


def _behind(stream: bytes, at: int) -> Iterator[Segment]:
    rest = stream[at:].strip(b"\0\xff ")
    if rest:
        yield Segment("behind the image", rest)
