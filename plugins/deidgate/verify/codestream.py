# SPDX-License-Identifier: Apache-2.0
"""Comments and metadata inside of compressed pictures, which no header shows.

Source: ITU-T T.81 B.1.1.3 (JPEG markers, also T.87 JPEG-LS), T.800 Annex A (JPEG 2000 markers) and Annex I (boxes),
ISO 15948 (PNG chunks), PS3.5 Annex G (RLE).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

_MAX_TEXT = 1 << 20
# Start of frame of JPEG and of JPEG-LS.
_FRAMES = frozenset((*range(0xC0, 0xD0), 0xF7)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = frozenset((0xC2, 0xC6, 0xCA, 0xCE))
_LOSSLESS = frozenset((0xC3, 0xC7, 0xCB, 0xCF))


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


def sample_bits(stream: bytes) -> int:
    """Bits that samples of a codestream may have; 32 where it does not say or does not keep to it.

    RLE says nothing. Lossless JPEG adds differences modulo 2 to the 16. Source: PS3.5 G.2;
    T.81 B.2.2 and H.1.2.1; T.800 A.5.1.
    """
    at = stream.find(b"\xff\x4f\xff\x51")
    if at == 0 or (at > 0 and stream[4:8] == b"jP  "):
        components = int.from_bytes(stream[at + 40 : at + 42], "big")
        return max(((size & 0x7F) + 1 for size in stream[at + 42 : at + 42 + 3 * components : 3]), default=32)
    at = 2 if stream[:2] == b"\xff\xd8" else len(stream)
    while at + 5 <= len(stream) and stream[at] == 0xFF:
        marker = stream[at + 1]
        if marker in _FRAMES:
            return 32 if marker in _LOSSLESS else stream[at + 4]
        at += 1 if marker == 0xFF else 2 + int.from_bytes(stream[at + 2 : at + 4], "big")
    return 32


def is_behind_runs(stream: bytes, plane: int) -> bool:
    """True when bytes of RLE stand behind the runs of a segment, each of which decodes to `plane` bytes."""
    head = [int.from_bytes(stream[at : at + 4], "little") for at in range(0, 64, 4)]
    count, offsets = head[0], head[1:]
    if not 1 <= count <= 15 or offsets[0] != 64 or any(offsets[count:]):
        return True
    ends = [*offsets[1:count], len(stream)]
    return any(
        _rest_of_runs(stream[start:stop], plane).strip(b"\0") for start, stop in zip(offsets, ends, strict=False)
    )


def _rest_of_runs(segment: bytes, plane: int) -> bytes:
    """What is left of `segment` when `plane` bytes are decoded; all of it when a run goes on beyond."""
    at = decoded = 0
    while decoded < plane and at < len(segment):
        run = segment[at]
        # Below 128: so many bytes as they are and one more; above: one byte repeated; 128 is nothing.
        decoded += run + 1 if run < 128 else 257 - run if run > 128 else 0
        at += run + 2 if run < 128 else 2 if run > 128 else 1
    return segment if decoded > plane else segment[at:]


def _jpeg(stream: bytes) -> Iterator[Segment]:
    at, size = 2, len(stream)
    second = False
    left: int | None = None
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
        if marker == 0xD8:
            yield from _behind(stream, at)
            return
        if marker == 0x01 or 0xD0 <= marker <= 0xD7:
            at += 2
            continue
        length = int.from_bytes(stream[at + 2 : at + 4], "big")
        if length < 2:
            return
        value = stream[at + 4 : at + 2 + length]
        if marker in _FRAMES:
            second, left = left is not None, _scans(marker, value)
        elif marker == 0xDA:
            left = (left or 0) - int.from_bytes(value[:1], "big")
        # A decoder looks at one frame, and at each component of it so often as it is coded.
        if second or (left is not None and left < 0):
            yield from _behind(stream, at)
            return
        if marker == 0xFE:
            yield Segment("COM", value, at, at + 2 + length)
        elif 0xE0 <= marker <= 0xEF:
            yield Segment(f"APP{marker - 0xE0}", value, at, at + 2 + length)
        at += 2 + length
        if marker == 0xDA:
            at = _entropy_end(stream, at)
            if at < 0:
                return


def _scans(marker: int, header: bytes) -> int:
    """How often components may be scanned: each one once, of progressive JPEG with every bit and coefficient anew."""
    components = int.from_bytes(header[5:6], "big")
    return components * 64 * 16 if marker in _PROGRESSIVE else components


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
    at, size, in_tiles = 2, len(stream), False
    while at + 4 <= size and stream[at] == 0xFF:
        marker = stream[at + 1]
        # Behind a tile-part comes another one, or the end.
        if marker in (0x93, 0xD9) or (in_tiles and marker != 0x90):
            break
        in_tiles = marker == 0x90
        length = int.from_bytes(stream[at + 2 : at + 4], "big")
        if length < 2:
            return
        if marker == 0x64:
            yield Segment("CME", stream[at + 6 : at + 2 + length], at, at + 2 + length)
        if marker == 0x90 and length == 10:
            part = int.from_bytes(stream[at + 6 : at + 10], "big")
            # The last part may leave its length to the end of the codestream.
            stop = at + part if part else _tile_end(stream, at + 12)
            if stop > at + 12:
                # Comments may stand in the header of every tile-part too.
                yield from _tile_comments(stream, at + 2 + length, stop)
                at = stop
                continue
        at += 2 + length
    yield from _behind(stream, at + 2 if stream[at : at + 2] == b"\xff\xd9" else at)


def _tile_end(stream: bytes, at: int) -> int:
    """The end of the codestream, or the begin of another one: coded data have nothing like either."""
    ends = [found for found in (stream.find(b"\xff\xd9", at), stream.find(b"\xff\x4f\xff\x51", at)) if found >= 0]
    return min(ends, default=len(stream))


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
