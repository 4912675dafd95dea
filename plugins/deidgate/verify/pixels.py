# SPDX-License-Identifier: Apache-2.0
"""Are the pixels those of the original, and the masks really masks?

Without a mask the bytes are compared, but for comments in codestreams, which have to go. With one, both are decoded
frame by frame: inside the boxes every plane of every frame is constant, outside every sample is the same, and the sizes
are what they were.

Bits above Bits Stored are not part of a pixel; an overlay may stand there, so they must be empty when the original's
header declares one, and always in codestreams, where nobody looks for them. Source: PS3.5 8.1.1 and 8.1.2; PS3.3 C.9.2
(Overlay Bit Position).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.pixels.processing import convert_color_space

from deidgate.dicom.box import Box
from deidgate.verify import pictures
from deidgate.verify.codestream import Segment, bare, is_behind_runs, sample_bits, segments
from deidgate.verify.compare import same_value
from deidgate.verify.frames import SUBSAMPLED, Frame, cells, frames, photometric
from deidgate.verify.model import Finding, PixelsSeen
from deidgate.verify.pictures import (
    ALLOCATED,
    COLUMNS,
    FRAMES,
    HIGH,
    RLE,
    ROWS,
    SAMPLES,
    SIGNED,
    STORED,
    number,
    streams,
)
from deidgate.verify.view import View
from deidgate.verify.walk import NATIVE, PIXEL_DATA, Element

_SHAPE = (ROWS, COLUMNS, FRAMES, SAMPLES, ALLOCATED, STORED, HIGH, SIGNED)
_WHERE = "(7FE0,0010)"
# Segments that hold nothing but how to decode: JFIF, Adobe's colour transform, JPEG-LS colour, HP.
_TECHNICAL = {"APP0": (b"JFIF", b"JFXX"), "APP14": (b"Adobe",), "APP8": (b"mrfx", b"SPIFF")}
# Who reads metadata of pictures finds places and people in them: EXIF, XMP, IPTC.
_COMMENTS = ("COM", "CME", "tEXt", "zTXt", "iTXt")
# How encoders sign their work; any other text in a codestream is somebody's, and not needed to decode it.
_ENCODERS = re.compile(
    rb"[\0-\x1f]*(LEAD Technologies|Lavc|Kakadu|OpenJPEG|JJ2000|JasPer|GDCM|DCMTK|IJG|Intel|Accusoft|PEGASUS|Pegasus"
    rb"|Aware|Created by (GDCM|OpenJPEG|JJ2000|Aware|Kakadu)|C(REATOR|reator): (gd-jpeg|JasPer))"
    rb"([\0\s,:;/().=0-9-]|OpenJPEG|IJG|JPEG|version|Version|Inc|Ltd|quality|default|using|[vV](?=[0-9. ]))*"
)
_METADATA = ("APP1", "APP13", "eXIf", "xml ", "uuid")


def comments(result: View) -> dict[str, bytes]:
    """What stands in the codestreams of a result beside the pictures, by where it is; for the search for needles."""
    found: dict[str, bytes] = {}
    for element in result.elements:
        if element.fragments is None:
            continue
        for place, stream in enumerate(streams(result, element)):
            for segment in segments(stream):
                if not _is_technical(segment):
                    found[f"{element.path} stream {place} {segment.name} {len(found)}"] = segment.value
    return found


def check(original: View, result: View, outcome: PixelsSeen | None) -> Iterator[Finding]:
    """Findings for pixels that changed where they must not, or did not where they must."""
    before, after = original.get(PIXEL_DATA), result.get(PIXEL_DATA)
    yield from _metadata_segments(result)
    yield from pictures.check(result)
    if before is None or after is None:
        if before is not None or after is not None:
            yield Finding("pixel-data-lost" if after is None else "pixel-data-added", _WHERE)
        return
    for tag in _SHAPE:
        if number(original, tag) != number(result, tag):
            yield Finding("pixel-format-changed", f"({tag >> 16:04X},{tag & 0xFFFF:04X})")
            return
    # Encapsulated pixels are OB, native ones as they were. Source: PS3.5 A.4 and 8.2.
    expected = "OB" if after.fragments is not None else before.vr
    if original.parsed.transfer_syntax == result.parsed.transfer_syntax and after.vr != expected:
        yield Finding("vr-changed", _WHERE)
    boxes = tuple(outcome.boxes) if outcome is not None and str(outcome.status) == "masked" else ()
    if not boxes:
        yield from _unmasked(original, before, result, after)
    else:
        yield from _masked(original, result, boxes)
    if _may_code_unused(result, after) or (boxes and after.fragments is None and _embedded_overlay(original)):
        yield from _unused_bits(result)


def _metadata_segments(result: View) -> Iterator[Finding]:
    for element in result.elements:
        if element.fragments is not None:
            for place, stream in enumerate(streams(result, element)):
                path = f"{element.path} stream {place}"
                for segment in segments(stream):
                    if segment.name in _METADATA or segment.name == "behind the image":
                        yield Finding("codestream-metadata", path, segment.name)
                    elif segment.name in _COMMENTS and not _is_signature(segment.value):
                        yield Finding("codestream-text", path, segment.name)
                if result.parsed.transfer_syntax == RLE and is_behind_runs(stream, _plane(result)):
                    yield Finding("codestream-metadata", path, "behind the image")


def _plane(view: View) -> int:
    """Bytes that a segment of RLE decodes to. Source: PS3.5 G.2."""
    rows, columns, allocated = (number(view, tag) or 0 for tag in (ROWS, COLUMNS, ALLOCATED))
    return (rows * columns * min(8, allocated) + 7) // 8


def _is_signature(comment: bytes) -> bool:
    """True for an empty comment and for the name of an encoder."""
    return not comment.strip(b"\0 \r\n") or _ENCODERS.fullmatch(comment) is not None


def _unmasked(original: View, before: Element, result: View, after: Element) -> Iterator[Finding]:
    embedded = _embedded_overlay(original)
    if original.parsed.transfer_syntax == result.parsed.transfer_syntax or (
        before.fragments is None and after.fragments is None
    ):
        same = same_value(original, before, result, after)
        if same and not (embedded and after.fragments is None):
            return
        if not same and before.fragments is not None:
            if after.fragments is None or not _same_pictures(original, before, result, after):
                if not _may_code_unused(original, before):
                    yield Finding("pixels-changed", _WHERE)
                    return
                # Encoded again without them, for which there is no other reason.
                yield from _masked(original, result, ())
            return
        if before.fragments is None and after.fragments is None:
            yield from _stored_bits(original, before, result, after, same)
            return
    yield from _masked(original, result, ())


def _same_pictures(original: View, before: Element, result: View, after: Element) -> bool:
    """True when nothing is gone from the codestreams but comments."""
    pairs = zip_longest(streams(original, before), streams(result, after), fillvalue=b"")
    return all(one == other or bare(one, _is_technical) == bare(other, _is_technical) for one, other in pairs)


def _is_technical(segment: Segment) -> bool:
    return segment.value.startswith(_TECHNICAL.get(segment.name, (b"\0never",)))


def _embedded_overlay(original: View) -> bool:
    """True when the header places an overlay into unused bits of the pixels. Source: PS3.3 C.9.2, retired form."""
    return any(
        e.tag & 0xFF00FFFF == 0x60000102 and original.get((e.tag & 0xFFFF0000) | 0x3000, e.parents) is None
        for e in original.elements
    )


def _stored_bits(original: View, before: Element, result: View, after: Element, same: bool) -> Iterator[Finding]:
    """Native pixels, of which only the stored bits have to be the same."""
    allocated, stored, high = (number(original, t) or 0 for t in (ALLOCATED, STORED, HIGH))
    if allocated not in (8, 16, 32) or not 0 < stored <= allocated or high >= allocated:
        if not same:
            yield Finding("pixels-changed", _WHERE)
        return
    a, b = (_samples(view, element, allocated) for view, element in ((original, before), (result, after)))
    if a.size != b.size:
        yield Finding("pixels-changed", _WHERE)
        return
    mask = ((1 << stored) - 1) << (high - stored + 1)
    kind = f"u{allocated // 8}"
    used, unused = np.array(mask, kind), np.array(((1 << allocated) - 1) ^ mask, kind)
    for at in range(0, a.size, 1 << 20):
        one, other = a[at : at + (1 << 20)], b[at : at + (1 << 20)]
        if ((one ^ other) & used).any():
            yield Finding("pixels-changed", _WHERE)
            return
        # Sign extension is no overlay: then the unused bits are all equal to the sign.
        left = other & unused
        if ((left != 0) & (left != unused)).any() or (not same and (left & (one ^ other)).any()):
            yield Finding("overlay-bits-left", _WHERE)
            return


def _may_code_unused(view: View, element: Element) -> bool:
    """True when codestreams may have more bits than the image uses: RLE codes whole cells, others say how many."""
    stored, allocated = number(view, STORED) or 0, number(view, ALLOCATED) or 0
    return stored < allocated and any(sample_bits(stream) > stored for stream in streams(view, element))


def _unused_bits(result: View) -> Iterator[Finding]:
    """Bits beside those that the image uses: all empty, or above them the sign where values are signed."""
    stored, high, signed = (number(result, tag) or 0 for tag in (STORED, HIGH, SIGNED))
    try:
        for index, values in enumerate(cells(result)):
            kind = values.dtype
            used = np.array(((1 << stored) - 1) << (high + 1 - stored), kind)
            above = np.array((1 << (8 * kind.itemsize)) - (1 << (high + 1)), kind)
            kept = values & used
            extended = np.where(values >> np.array(high, kind) & np.array(1, kind), kept | above, kept)
            if not np.array_equal(values, kept) and not (signed and np.array_equal(values, extended)):
                yield Finding("overlay-bits-left", _WHERE, f"frame {index}")
                return
    except DECODER_ERRORS:
        yield Finding("pixels-not-decodable", _WHERE)


def _samples(view: View, element: Element, allocated: int) -> NDArray[Any]:
    order = ">" if view.parsed.big_endian else "<"
    width = allocated // 8
    count = (element.stop - element.start) // width
    return np.frombuffer(view.parsed.data, dtype=f"{order}u{width}", count=count, offset=element.start)


def _masked(original: View, result: View, boxes: Sequence[Box]) -> Iterator[Finding]:
    """Read both, frame by frame; the frames of one file are never all in memory."""
    in_pairs = photometric(original) == SUBSAMPLED and original.parsed.transfer_syntax in NATIVE
    try:
        for index, (before, after) in enumerate(zip_longest(frames(original), frames(result))):
            if before is None or after is None:
                yield Finding("frame-count-changed", f"frame {index}")
                return
            expected = meaning(before, after.photometric)
            if expected is None or expected.shape != after.values.shape:
                yield Finding("pixel-format-changed", f"frame {index}")
                return
            differs = (expected != after.values).any(axis=2)
            for place, box in enumerate(boxes):
                if box.frame is not None and box.frame != index:
                    continue
                inside = _inside(box, in_pairs)
                differs[inside] = False
                if not is_constant(after.values[inside]):
                    yield Finding("mask-not-constant", f"frame {index} box {place}")
            if differs.any():
                yield Finding("pixels-changed", f"frame {index}", "outside masks")
    except DECODER_ERRORS:
        yield Finding("pixels-not-decodable", _WHERE)


def meaning(frame: Frame, other: str) -> NDArray[Any] | None:
    """The values of `frame` in the colours of another; None where only the original or a viewer could tell.

    What was lossy and in YBR is written as RGB. No tolerance: both sides convert what one decoder gave by one formula,
    rounded in one way. Source: PS3.3 C.7.6.3.1.2.
    """
    if frame.photometric == other:
        return frame.values
    if frame.photometric in ("YBR_FULL", SUBSAMPLED) and other == "RGB":
        return convert_color_space(frame.values, "YBR_FULL", "RGB")
    return None


def _inside(box: Box, in_pairs: bool) -> tuple[slice, slice]:
    """Rows and columns of `box`. Where two pixels share their colour it is wider, up to whole pairs."""
    left, right = max(box.column_start, 0), max(box.column_stop, 0)
    if in_pairs:
        left, right = left // 2 * 2, (right + 1) // 2 * 2
    return slice(max(box.row_start, 0), max(box.row_stop, 0)), slice(left, right)


# What pydicom's decoders raise for data that is not what its header says.
DECODER_ERRORS = (
    ValueError,
    RuntimeError,
    AttributeError,
    NotImplementedError,
    KeyError,
    TypeError,
    EOFError,
    OSError,
)


def is_constant(stretch: NDArray[Any]) -> bool:
    """True when all pixels of `stretch` (rows, columns, samples) are the same, or there are none."""
    return stretch.size == 0 or bool((stretch == stretch[0, 0]).all())
