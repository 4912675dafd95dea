# SPDX-License-Identifier: Apache-2.0
"""Compressed pictures as they lie in a file, and whether they are the frames that header and tables tell of.

Viewers find frames by Number of Frames, by the Basic or Extended Offset Table, or one fragment after the other. Where
these do not tell the same, one of them shows a picture that nobody looked at.

Source: PS3.5 A.4; PS3.3 C.7.6.3.1.8.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from pydicom.uid import JPEG2000TransferSyntaxes, JPEGLSTransferSyntaxes, JPEGTransferSyntaxes

from deidgate.verify.model import Finding
from deidgate.verify.view import View
from deidgate.verify.walk import PIXEL_DATA, Element

ROWS, COLUMNS, FRAMES, SAMPLES = 0x00280010, 0x00280011, 0x00280008, 0x00280002
ALLOCATED, STORED, HIGH, SIGNED = 0x00280100, 0x00280101, 0x00280102, 0x00280103
PHOTOMETRIC, PLANAR = 0x00280004, 0x00280006
RLE = "1.2.840.10008.1.2.5"

EXTENDED_OFFSETS, EXTENDED_LENGTHS = 0x7FE00001, 0x7FE00002
_STARTS = (b"\xff\xd8", b"\xff\x4f\xff\x51", b"\x00\x00\x00\x0cjP")
# Of other syntaxes nothing is known here; films are one stream of many frames. Source: PS3.5 A.4.
_KNOWN = frozenset((RLE, *JPEGTransferSyntaxes, *JPEGLSTransferSyntaxes, *JPEG2000TransferSyntaxes))


def number(view: View, tag: int) -> int | None:
    """A number of the header: 1 where Number of Frames is not stated, -1 for what is no number."""
    element = view.get(tag)
    if element is None:
        return 1 if tag == FRAMES else None
    if element.vr == "IS":
        text = view.value(element).strip(b" \0") or (b"1" if tag == FRAMES else b"")
        return int(text) if text.isdigit() and len(text) < 10 else -1
    return int.from_bytes(view.value(element), "big" if view.parsed.big_endian else "little")


def streams(view: View, element: Element) -> Iterator[bytes]:
    """Fragments joined to codestreams: a new one begins where a picture begins."""
    data = view.parsed.data
    pieces: list[bytes] = []
    for start, stop in (element.fragments or ())[1:]:
        if pieces and (view.parsed.transfer_syntax == RLE or data.startswith(_STARTS, start, stop)):
            yield b"".join(pieces)
            pieces = []
        pieces.append(data[start:stop])
    if pieces:
        yield b"".join(pieces)


def check(view: View) -> Iterator[Finding]:
    """Findings for pictures that are no frame, or that a table does not name."""
    element = view.get(PIXEL_DATA)
    if element is None or not element.fragments or view.parsed.transfer_syntax not in _KNOWN:
        return
    data, (table, *fragments) = view.parsed.data, element.fragments
    if view.parsed.transfer_syntax != RLE and not (fragments and data.startswith(_STARTS, *fragments[0])):
        yield Finding("picture-beyond-frames", element.path, "first fragment")
        return
    begins = [
        (start, stop)
        for start, stop in fragments
        if view.parsed.transfer_syntax == RLE or data.startswith(_STARTS, start, stop)
    ]
    if len(begins) != number(view, FRAMES):
        yield Finding("picture-beyond-frames", element.path, "Number of Frames")
    places = [start - fragments[0][0] for start, _ in begins]
    for name, offsets in (
        ("Basic Offset Table", _numbers(data[slice(*table)], "I")),
        ("Extended Offset Table", _table(view, EXTENDED_OFFSETS)),
    ):
        if offsets and offsets != places:
            yield Finding("picture-beyond-frames", element.path, name)
    lengths = _table(view, EXTENDED_LENGTHS)
    # One fragment for each frame, without the byte that makes it even.
    if lengths and [length + length % 2 for length in lengths] != [stop - start for start, stop in fragments]:
        yield Finding("picture-beyond-frames", element.path, "Extended Offset Table Lengths")


def _table(view: View, tag: int) -> list[int]:
    element = view.get(tag)
    return [] if element is None else _numbers(view.value(element), "Q")


def _numbers(value: bytes, kind: str) -> list[int]:
    width = struct.calcsize(f"<{kind}")
    # Of a table that is cut off, -1 stands for the rest, which is no place.
    return [*struct.unpack_from(f"<{len(value) // width}{kind}", value), *([-1] if len(value) % width else [])]
