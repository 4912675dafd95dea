# SPDX-License-Identifier: Apache-2.0
"""Every fragment is of a frame, or the picture is refused."""

from __future__ import annotations

import struct

import pytest
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit, JPEGLSLossless, RLELossless
from tests.unit.pixels.test_mask import read

from deidgate.errors import CannotDeidentify
from deidgate.pixels.codestream import has_surplus
from deidgate.pixels.description import describe
from deidgate.pixels.fragments import frames_of
from deidgate.pixels.frames import frames
from deidgate.pixels.mask import strip_codestream_comments

ONE, TWO, MORE = b"\xff\xd8ONE.", b"\xff\xd8TWO.", b"more"
LOSSLESS = {
    JPEGBaseline8Bit: "SC_rgb_small_odd_jpeg.dcm",
    JPEG2000Lossless: "MR_small_jp2klossless.dcm",
    JPEGLSLossless: "MR_small_jpeg_ls_lossless.dcm",
    RLELossless: "MR_small_RLE.dcm",
}


def item(value: bytes) -> bytes:
    return b"\xfe\xff\x00\xe0" + struct.pack("<I", len(value)) + value


def value(*fragments: bytes, table: tuple[int, ...] = ()) -> bytes:
    return item(struct.pack(f"<{len(table)}I", *table)) + b"".join(map(item, fragments))


def extended(offsets: tuple[int, ...], lengths: tuple[int, ...]) -> tuple[bytes, bytes]:
    return struct.pack(f"<{len(offsets)}Q", *offsets), struct.pack(f"<{len(lengths)}Q", *lengths)


def split(*args, syntax=JPEGBaseline8Bit, **kwargs) -> list[bytes]:
    return list(frames_of(args[0], syntax, *args[1:], **kwargs))


@pytest.mark.parametrize("table", [(), (0, 14)])
@pytest.mark.parametrize("end", [b"", b"\xfe\xff\xdd\xe0\0\0\0\0"])
def test_one_fragment_for_each_frame(table, end):
    assert split(value(ONE, TWO, table=table) + end, 2) == [ONE, TWO]


@pytest.mark.parametrize("table", [(), (0, 26)])
def test_fragments_of_one_frame_are_joined(table):
    assert split(value(ONE, MORE, TWO, table=table), 2) == [ONE + MORE, TWO]
    assert split(value(ONE, MORE, MORE), 1) == [ONE + MORE + MORE]


def test_an_extended_table_names_the_frames():
    assert split(value(ONE, TWO), 2, extended((0, 14), (6, 5))) == [ONE, TWO]


@pytest.mark.parametrize(
    ("held", "pixels", "count", "tables"),
    [
        ("excess", value(ONE, TWO), 1, None),
        ("excess", value(ONE, TWO, table=(0,)), 1, None),
        ("excess", value(ONE, TWO, table=(14,)), 1, None),
        ("excess", value(ONE, MORE, TWO, table=(0,)), 1, None),
        ("excess", value(ONE, TWO), 1, extended((0,), (6,))),
        ("frames", value(ONE, TWO, table=(0, 14)), 1, None),
        ("frames", value(ONE, TWO, MORE), 1 + 3, None),
        ("frames", value(MORE, ONE, TWO), 2, None),
        ("frames", value(ONE, TWO), 3, None),
        ("frames", value(), 1, None),
        ("encapsulation", value(ONE, TWO, table=(0, 12)), 2, None),
        ("encapsulation", value(ONE, TWO, table=(0, 0)), 2, None),
        ("encapsulation", value(ONE, TWO), 2, extended((0, 14), (6, 4))),
        ("frames", value(ONE, MORE, TWO, table=(0, 26)), 2, extended((0, 14, 26), (6, 4, 6))),
        ("excess", value(ONE, MORE, TWO, table=(0, 26)), 2, extended((0, 26), (6, 6))),
        ("encapsulation", value(ONE)[:-1], 1, None),
        ("encapsulation", value(ONE) + b"rest", 1, None),
        ("encapsulation", value(ONE) + b"\xfe\xff\xdd\xe0\0\0\0\0" + item(TWO), 1, None),
        ("encapsulation", b"", 1, None),
    ],
)
def test_a_picture_that_no_frame_has_is_refused(held, pixels, count, tables):
    with pytest.raises(CannotDeidentify, match=f"pixel-data-{held}"):
        split(pixels, count, tables)


def test_run_lengths_have_one_fragment_for_each_frame():
    with pytest.raises(CannotDeidentify, match="pixel-data-excess"):
        split(value(b"\1" + bytes(63), MORE), 1, syntax=RLELossless)


def codestream(syntax) -> tuple[bytes, int]:
    ds = read(LOSSLESS[syntax])
    return next(generate_frames(ds.PixelData, number_of_frames=1)), describe(ds).plane_bytes


@pytest.mark.parametrize("syntax", LOSSLESS)
@pytest.mark.parametrize("padding", [b"", b"\0", b"\0\0\0"])
def test_padding_behind_a_picture_is_none(syntax, padding):
    stream, plane = codestream(syntax)
    assert not has_surplus(stream + padding, syntax, plane)


@pytest.mark.parametrize("syntax", LOSSLESS)
@pytest.mark.parametrize("end", [0, 2])
def test_a_second_picture_behind_the_first_is_found_even_where_the_first_has_no_end(syntax, end):
    stream, plane = codestream(syntax)
    stripped = stream.rstrip(b"\0")
    assert has_surplus(stripped[: len(stripped) - end * (syntax != RLELossless)] + stripped, syntax, plane)


@pytest.mark.parametrize("syntax", LOSSLESS)
def test_a_text_behind_a_picture_is_found(syntax):
    stream, plane = codestream(syntax)
    assert has_surplus(stream + b"\x07DOE^JANE", syntax, plane)


def test_a_text_between_the_segments_of_run_lengths_is_found():
    stream, plane = codestream(RLELossless)
    count, first, second = struct.unpack("<3I", stream[:12])
    assert count == 2
    name = b"\x07DOE^JANE."
    between = struct.pack("<3I", count, first, second + 10) + stream[12:second] + name + stream[second:]
    assert has_surplus(between, RLELossless, plane)
    in_head = stream[:12] + b"DOE^JANE" + stream[20:]
    assert has_surplus(in_head, RLELossless, plane)


def test_a_second_scan_of_a_component_is_found():
    stream, plane = codestream(JPEGLSLossless)
    scan = stream[stream.index(b"\xff\xda") : stream.rindex(b"\xff\xd9")]
    assert has_surplus(stream.replace(scan, scan + scan), JPEGLSLossless, plane)


def test_a_second_codestream_behind_a_last_tile_part_without_length_is_found():
    stream, plane = codestream(JPEG2000Lossless)
    at = stream.index(b"\xff\x90") + 6
    endless = stream[:at] + bytes(4) + stream[at + 4 :].rstrip(b"\0")
    assert not has_surplus(endless, JPEG2000Lossless, plane)
    assert has_surplus(endless + endless, JPEG2000Lossless, plane)
    assert has_surplus(endless[:-2] + endless, JPEG2000Lossless, plane)


@pytest.mark.parametrize("syntax", LOSSLESS)
def test_a_second_picture_is_refused_where_it_is_judged_and_where_it_is_only_sent_on(syntax):
    ds = read(LOSSLESS[syntax])
    stream, _ = codestream(syntax)
    for pixels in (encapsulate([stream + stream]), encapsulate([stream, stream], has_bot=False)):
        ds.PixelData = pixels
        with pytest.raises(CannotDeidentify, match="pixel-data-excess"):
            list(frames(ds, describe(ds)))
        with pytest.raises(CannotDeidentify, match="pixel-data-excess"):
            strip_codestream_comments(ds)
