# SPDX-License-Identifier: Apache-2.0
"""Pixels are those of the original outside of masks, and nothing inside of them."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate, encapsulate_extended, generate_frames
from pydicom.uid import (
    JPEG2000,
    MPEG4HP41,
    ExplicitVRBigEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)
from tests.data.codestreams import coded
from tests.unit.verify.made import Outcome

from deidgate.dicom.box import Box
from deidgate.pixels.description import describe
from deidgate.pixels.frames import frames
from deidgate.pixels.mask import mask, strip_embedded_overlay_bits

BOX = Box(2, 6, 3, 9)


def stack(pair, frames: int = 3, samples: int = 1, bits: int = 16) -> np.ndarray:
    """Pixels of `frames` frames, the same in both; shape (frames, rows, columns, samples)."""
    kind = "<u2" if bits == 16 else "u1"
    pixels = (np.arange(frames * 256 * samples) * 7 % 250 + 1).astype(kind).reshape(frames, 16, 16, samples)
    for ds in (pair.original, pair.result):
        ds.NumberOfFrames = frames
        ds.SamplesPerPixel = samples
        ds.BitsAllocated, ds.BitsStored, ds.HighBit = bits, bits, bits - 1
        if samples == 3:
            ds.PhotometricInterpretation, ds.PlanarConfiguration = "RGB", 0
        put(ds, pixels)
    return pixels


def put(ds, pixels: np.ndarray) -> None:
    ds.PixelData = pixels.tobytes()
    ds["PixelData"].VR = "OW" if pixels.dtype.itemsize > 1 else "OB"


def masked(pixels: np.ndarray, box: Box = BOX) -> np.ndarray:
    new = pixels.copy()
    new[:, box.row_start : box.row_stop, box.column_start : box.column_stop] = 0
    return new


@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize("bits", [8, 16])
def test_a_correct_mask_has_no_finding(pair, samples, bits):
    put(pair.result, masked(stack(pair, samples=samples, bits=bits)))
    assert pair.verdict(Outcome("masked", (BOX,))).findings == ()


def test_one_changed_pixel_without_a_mask_is_found(pair):
    pixels = stack(pair).copy()
    pixels[1, 7, 7, 0] ^= 1
    put(pair.result, pixels)
    assert pair.found() == {("pixels-changed", "(7FE0,0010)")}
    assert pair.found(Outcome("clean")) == {("pixels-changed", "(7FE0,0010)")}


@pytest.mark.parametrize("samples", [1, 3])
def test_one_changed_sample_outside_the_mask_is_found(pair, samples):
    pixels = masked(stack(pair, samples=samples))
    pixels[1, 15, 15, samples - 1] ^= 1
    put(pair.result, pixels)
    assert pair.found(Outcome("masked", (BOX,))) == {("pixels-changed", "frame 1")}


def test_an_unmasked_frame_of_many_is_found(pair):
    pixels = stack(pair)
    spoiled = masked(pixels)
    spoiled[1] = pixels[1]
    put(pair.result, spoiled)
    assert pair.found(Outcome("masked", (BOX,))) == {("mask-not-constant", "frame 1 box 0")}


def test_an_unmasked_plane_is_found(pair):
    pixels = stack(pair, samples=3)
    spoiled = masked(pixels)
    spoiled[..., 2] = pixels[..., 2]
    put(pair.result, spoiled)
    assert {code for code, _ in pair.found(Outcome("masked", (BOX,)))} == {"mask-not-constant"}


def test_a_box_of_one_frame_leaves_the_others_alone(pair):
    pixels = stack(pair)
    new = pixels.copy()
    new[1] = masked(pixels)[1]
    put(pair.result, new)
    assert pair.verdict(Outcome("masked", (Box(2, 6, 3, 9, frame=1),))).findings == ()
    assert pair.found(Outcome("masked", (Box(2, 6, 3, 9, frame=2),))) == {
        ("mask-not-constant", "frame 2 box 0"),
        ("pixels-changed", "frame 1"),
    }


def test_a_box_that_reaches_over_the_edge_is_judged_inside_the_picture(pair):
    box = Box(-3, 4, 12, 40)
    pixels = stack(pair)
    new = pixels.copy()
    new[:, :4, 12:] = 0
    put(pair.result, new)
    assert pair.verdict(Outcome("masked", (box,))).findings == ()


def test_a_mask_that_was_asked_for_and_not_made_is_found(pair):
    stack(pair)
    assert {code for code, _ in pair.found(Outcome("masked", (BOX,)))} == {"mask-not-constant"}


def test_pixels_encoded_anew_without_loss_have_no_finding(pair):
    pixels = stack(pair, bits=8)
    pair.result.file_meta.TransferSyntaxUID = RLELossless
    rle = pair.result
    rle.compress(RLELossless, masked(pixels)[..., 0], generate_instance_uid=False)
    assert pair.verdict(Outcome("masked", (BOX,))).findings == ()


@pytest.mark.parametrize(("keyword", "value"), [("Rows", 8), ("NumberOfFrames", 2), ("BitsStored", 9)])
def test_another_size_is_found(pair, keyword, value):
    stack(pair)
    setattr(pair.result, keyword, value)
    assert "pixel-format-changed" in pair.codes()


def test_lost_and_added_pixels_are_found(pair):
    del pair.result.PixelData
    assert "pixel-data-lost" in pair.codes()
    pair.result.PixelData = pair.original.PixelData
    pair.result["PixelData"].VR = "OW"
    del pair.original.PixelData
    assert "pixel-data-added" in pair.codes()


def test_pixels_that_cannot_be_decoded_are_held(pair):
    pixels = stack(pair)
    put(pair.result, masked(pixels))
    pair.result.PixelData = pair.result.PixelData[:-200]
    assert "pixels-not-decodable" in pair.codes(Outcome("masked", (BOX,)))


def test_a_changed_fragment_is_found(pair):
    for ds, last in ((pair.original, b"\1"), (pair.result, b"\2")):
        ds.file_meta.TransferSyntaxUID = RLELossless
        ds.BitsStored, ds.HighBit = 16, 15
        ds.PixelData = encapsulate([b"\0" * 63 + last])
        ds["PixelData"].is_undefined_length = True
        ds["PixelData"].VR = "OB"
    assert "pixels-changed" in pair.codes()


def overlaid(pair, keep_bits: bool) -> None:
    pixels = stack(pair, frames=1)
    for ds in (pair.original, pair.result):
        ds.BitsStored, ds.HighBit = 12, 11
    with_graphics = pixels | 0x8000
    put(pair.original, with_graphics)
    put(pair.result, with_graphics if keep_bits else pixels)
    pair.original.add_new(0x60000100, "US", 16)
    pair.original.add_new(0x60000102, "US", 15)


def test_an_overlay_in_unused_bits_that_was_left_is_found(pair):
    overlaid(pair, keep_bits=True)
    assert ("overlay-bits-left", "(7FE0,0010)") in pair.found()


def test_an_overlay_in_unused_bits_may_be_taken_out(pair):
    overlaid(pair, keep_bits=False)
    assert pair.verdict().findings == ()


def test_taking_out_an_overlay_must_not_touch_the_image(pair):
    overlaid(pair, keep_bits=False)
    pixels = np.frombuffer(pair.result.PixelData, "<u2").copy()
    pixels[5] ^= 4
    pair.result.PixelData = pixels.tobytes()
    assert ("pixels-changed", "(7FE0,0010)") in pair.found()


COMPRESSED = {
    JPEGBaseline8Bit: "SC_rgb_small_odd_jpeg.dcm",
    JPEG2000Lossless: "MR_small_jp2klossless.dcm",
    JPEG2000: "JPEG2000.dcm",
    JPEGLSLossless: "MR_small_jpeg_ls_lossless.dcm",
}
RUN_LENGTHS = {RLELossless: "MR_small_RLE.dcm"}


def commented(stream: bytes, comment: bytes = b"Created by OpenJPEG version 2.4") -> bytes:
    """`stream` with a comment behind its first segment that must come first."""
    if stream[:4] == b"\xff\x4f\xff\x51":
        at = 4 + int.from_bytes(stream[4:6], "big")
        return stream[:at] + b"\xff\x64" + (4 + len(comment)).to_bytes(2, "big") + b"\0\1" + comment + stream[at:]
    return stream[:2] + b"\xff\xfe" + (2 + len(comment)).to_bytes(2, "big") + comment + stream[2:]


def compressed(pair, syntax: str) -> bytes:
    """The codestream that original and result have from now on."""
    source = dcmread(get_testdata_file({**COMPRESSED, **RUN_LENGTHS}[syntax]))
    stream = next(generate_frames(source.PixelData, number_of_frames=1))
    for ds in (pair.original, pair.result):
        for keyword in ("Rows", "Columns", "SamplesPerPixel", "BitsAllocated", "BitsStored", "HighBit"):
            setattr(ds, keyword, source[keyword].value)
        ds.file_meta.TransferSyntaxUID = syntax
        ds["PixelData"].VR = "OB"
        ds.PixelData = encapsulate([stream])
    return stream


@pytest.mark.parametrize("syntax", COMPRESSED)
def test_a_comment_that_was_taken_out_of_a_codestream_is_no_change_of_pixels(pair, syntax):
    stream = compressed(pair, syntax)
    pair.original.PixelData = encapsulate([commented(stream)])
    assert "pixels-changed" not in pair.codes()


@pytest.mark.parametrize("syntax", COMPRESSED)
@pytest.mark.parametrize("back", [3, 20, 60])
def test_a_changed_byte_of_a_codestream_is_found_where_a_comment_was_taken_out_too(pair, syntax, back):
    stream = compressed(pair, syntax)
    pair.original.PixelData = encapsulate([commented(stream)])
    end = len(stream.rstrip(b"\0"))
    changed = bytearray(stream)
    changed[end - back] ^= 0x10
    pair.result.PixelData = encapsulate([bytes(changed)])
    assert "pixels-changed" in pair.codes()


def of_file(pair, name: str, **attributes: object) -> None:
    """The pixels of a file of pydicom's package, in original and result from now on."""
    source = dcmread(get_testdata_file(name))
    for ds in (pair.original, pair.result):
        for element in source.group_dataset(0x0028):
            ds[element.tag] = deepcopy(element)
        ds.file_meta.TransferSyntaxUID = source.file_meta.TransferSyntaxUID
        ds["PixelData"] = deepcopy(source["PixelData"])
        for keyword, value in attributes.items():
            setattr(ds, keyword, value)


def put_masked(pair, boxes: tuple[Box, ...]) -> None:
    """The pixels of the result, as masking writes them."""
    after = mask(pair.result, boxes)
    for element in after:
        pair.result[element.tag] = element
    pair.result.file_meta.TransferSyntaxUID = after.file_meta.TransferSyntaxUID


OF_PICTURES = {"mask-not-constant", "pixels-changed", "pixels-not-decodable", "pixel-format-changed", "vr-changed"}


@pytest.mark.parametrize("planar", [0, 1])
@pytest.mark.parametrize(
    "name", ["GDCMJ2K_TextGBR.dcm", "SC_rgb_gdcm_KY.dcm", "SC_rgb_jpeg_gdcm.dcm", "SC_rgb_rle.dcm"]
)
def test_compressed_colour_is_compared_where_it_is_whatever_planar_configuration_says(pair, name, planar):
    of_file(pair, name, PlanarConfiguration=planar)
    put_masked(pair, (BOX,))
    assert not OF_PICTURES & pair.codes(Outcome("masked", (BOX,)))
    moved = Box(BOX.row_start + 40, BOX.row_stop + 40, BOX.column_start, BOX.column_stop)
    assert "pixels-changed" in pair.codes(Outcome("masked", (moved,)))


def items(*values: bytes) -> bytes:
    return b"".join(b"\xfe\xff\x00\xe0" + len(value).to_bytes(4, "little") + value for value in values)


BEYOND = ("picture-beyond-frames", "(7FE0,0010) PixelData")


def u32(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(4, "little") for number in numbers)


def u64(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(8, "little") for number in numbers)


@pytest.mark.parametrize("syntax", [*COMPRESSED, *RUN_LENGTHS])
def test_a_picture_that_is_no_frame_is_found_even_where_the_original_has_it(pair, syntax):
    stream = compressed(pair, syntax)
    stream += b"\0" * (len(stream) % 2)
    behind = len(stream) + 8
    put_value(pair, items(b"", stream))
    assert BEYOND not in pair.found()
    for value in (
        items(b"", stream, stream),
        items(u32(0), stream, stream),
        items(u32(behind), stream, stream),
        items(u32(4), stream),
        items(u32(0, behind), stream, stream),
    ):
        put_value(pair, value)
        assert BEYOND in pair.found()


def test_a_table_that_passes_over_a_picture_is_found(pair):
    stream = compressed(pair, JPEGBaseline8Bit)
    stream += b"\0" * (len(stream) % 2)
    behind = len(stream) + 8
    for count, fine, offsets, lengths in (
        (1, True, (0,), (len(stream) - 1,)),
        (1, False, (0,), (20,)),
        (2, True, (0, behind), (len(stream), len(stream))),
        (2, False, (0,), (len(stream),)),
        (2, False, (0, 0), (len(stream), len(stream))),
    ):
        put_value(pair, items(b"", *[stream] * count))
        for ds in (pair.original, pair.result):
            ds.NumberOfFrames = count
            ds.ExtendedOffsetTable, ds.ExtendedOffsetTableLengths = u64(*offsets), u64(*lengths)
        assert (BEYOND in pair.found()) is not fine


def test_one_picture_is_one_frame_where_number_of_frames_is_empty(pair):
    compressed(pair, JPEGBaseline8Bit)
    for ds in (pair.original, pair.result):
        ds.NumberOfFrames = ""
    assert BEYOND not in pair.found()


def test_the_frames_of_a_film_are_not_counted(pair):
    for ds in (pair.original, pair.result):
        ds.file_meta.TransferSyntaxUID = MPEG4HP41
        ds.NumberOfFrames = 2
        ds["PixelData"].VR = "OB"
    put_value(pair, items(b"", b"\0\0\1\xb3"))
    assert BEYOND not in pair.found()


def put_value(pair, value: bytes) -> None:
    for ds in (pair.original, pair.result):
        ds.PixelData = value
        ds["PixelData"].is_undefined_length = True


@pytest.mark.parametrize("syntax", [*COMPRESSED, *RUN_LENGTHS])
@pytest.mark.parametrize("ended", [True, False])
def test_a_picture_behind_the_first_within_one_fragment_is_found(pair, syntax, ended):
    stream = compressed(pair, syntax).rstrip(b"\0")
    put_value(pair, encapsulate([stream]))
    assert "codestream-metadata" not in pair.codes()
    first = stream if ended or syntax == RLELossless else stream[:-2]
    put_value(pair, encapsulate([first + stream]))
    assert "codestream-metadata" in pair.codes()


def test_a_text_in_run_lengths_is_found(pair):
    stream = compressed(pair, RLELossless)
    for spoiled in (stream + b"\x07DOE^JANE", stream[:20] + b"DOE^JANE" + stream[28:]):
        put_value(pair, encapsulate([spoiled]))
        assert "codestream-metadata" in pair.codes()


NATIVE = {
    "shifted": {"BitsAllocated": 16, "BitsStored": 12, "HighBit": 15, "PixelRepresentation": 1},
    "shifted by two": {"BitsAllocated": 16, "BitsStored": 12, "HighBit": 13},
    "signed": {"BitsAllocated": 16, "BitsStored": 12, "HighBit": 11, "PixelRepresentation": 1},
    "wide": {"BitsAllocated": 32, "BitsStored": 24, "HighBit": 23},
    "bits": {"BitsAllocated": 1, "BitsStored": 1, "HighBit": 0},
    "planes": {"BitsAllocated": 8, "SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 1},
    "pairs": {
        "BitsAllocated": 8,
        "SamplesPerPixel": 3,
        "PhotometricInterpretation": "YBR_FULL_422",
        "PlanarConfiguration": 0,
    },
}
ODD = Box(3, 9, 5, 9)


def native(pair, layout: str) -> None:
    """Three frames of 13 rows and 14 columns, and of 13 columns where pixels do not come in pairs."""
    attributes = {"BitsStored": 8, "HighBit": 7, "PixelRepresentation": 0, "SamplesPerPixel": 1, **NATIVE[layout]}
    columns, samples = (14, 2) if layout == "pairs" else (13, attributes["SamplesPerPixel"])
    size = (13 * columns * samples * 3 * attributes["BitsAllocated"] + 7) // 8
    random = np.random.default_rng(7).integers(0, 256, size, "u1").tobytes() + b"\0" * (size % 2)
    for ds in (pair.original, pair.result):
        ds.Rows, ds.Columns, ds.NumberOfFrames = 13, columns, 3
        for keyword, value in attributes.items():
            setattr(ds, keyword, value)
        ds.PixelData = random
        ds["PixelData"].VR = "OW"


def stored_of(ds) -> np.ndarray:
    return np.stack([frame.values for _, frame in frames(ds, describe(ds))])


@pytest.mark.parametrize("layout", NATIVE)
@pytest.mark.parametrize("big_endian", [False, True])
def test_a_correct_mask_of_native_pixels_has_no_finding_however_they_lie(pair, layout, big_endian):
    native(pair, layout)
    for ds in (pair.original, pair.result):
        if big_endian:
            ds.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
            ds.set_original_encoding(False, False)
    put_masked(pair, (ODD,))
    assert not OF_PICTURES & pair.codes(Outcome("masked", (ODD,)))


@pytest.mark.parametrize("layout", NATIVE)
def test_a_changed_bit_outside_the_mask_is_found_however_pixels_lie(pair, layout):
    native(pair, layout)
    put_masked(pair, (ODD,))
    right = stored_of(pair.result)
    for at in (0, len(pair.result.PixelData) // 2, len(pair.result.PixelData) - 2):
        spoiled = bytearray(pair.result.PixelData)
        spoiled[at] ^= 0x20
        ds = deepcopy(pair)
        ds.result.PixelData = bytes(spoiled)
        changed = (stored_of(ds.result) != right).any()
        assert bool({"pixels-changed", "mask-not-constant"} & ds.codes(Outcome("masked", (ODD,)))) is bool(changed)


@pytest.mark.parametrize("layout", NATIVE)
def test_a_mask_that_was_not_made_is_found_however_pixels_lie(pair, layout):
    native(pair, layout)
    assert "mask-not-constant" in pair.codes(Outcome("masked", (ODD,)))


def test_a_mask_of_pairs_is_no_wider_than_whole_pairs(pair):
    native(pair, "pairs")
    put_masked(pair, (Box(ODD.row_start, ODD.row_stop, ODD.column_start - 2, ODD.column_stop),))
    assert "pixels-changed" in pair.codes(Outcome("masked", (ODD,)))


def test_bytes_behind_the_last_native_frame_are_found_where_pixels_were_masked(pair):
    native(pair, "planes")
    put_masked(pair, (ODD,))
    pair.result.PixelData += b"DOE^JANE"
    assert "pixels-not-decodable" in pair.codes(Outcome("masked", (ODD,)))


@pytest.mark.parametrize("stored", [10, 12, 16])
@pytest.mark.parametrize("signed", [False, True])
def test_a_correct_mask_of_jpeg_ls_has_no_finding_whatever_its_sign(pair, stored, signed):
    low = -(1 << (stored - 1)) if signed else 0
    values = np.random.default_rng(8).integers(low, low + (1 << stored), (2, 33, 31)).astype("i2" if signed else "u2")
    for ds in (pair.original, pair.result):
        ds.NumberOfFrames, ds.Rows, ds.Columns = values.shape
        ds.BitsStored, ds.HighBit, ds.PixelRepresentation = stored, stored - 1, int(signed)
        ds.PixelData = values.tobytes()
        ds.compress(JPEGLSLossless, generate_instance_uid=False)
    put_masked(pair, (ODD,))
    assert not OF_PICTURES & pair.codes(Outcome("masked", (ODD,)))
    put_value(pair, pair.original.PixelData)
    assert "mask-not-constant" in pair.codes(Outcome("masked", (ODD,)))


YBR = [
    "SC_rgb_small_odd_jpeg.dcm",
    "SC_rgb_dcmtk_+eb+cy+s4.dcm",
    "SC_rgb_dcmtk_+eb+cy+np.dcm",
    "examples_ybr_color.dcm",
]


@pytest.mark.parametrize("name", YBR)
def test_a_correct_mask_of_lossy_colour_has_no_finding(pair, name):
    box = Box(1, 2, 1, 2)
    of_file(pair, name)
    assert pair.original.PhotometricInterpretation.startswith("YBR")
    put_masked(pair, (box,))
    assert pair.result.PhotometricInterpretation == "RGB"
    assert not OF_PICTURES & pair.codes(Outcome("masked", (box,)))


@pytest.mark.parametrize("name", YBR)
def test_colour_that_changed_by_the_least_is_found_where_it_was_converted(pair, name):
    box = Box(1, 2, 1, 2)
    of_file(pair, name)
    put_masked(pair, (box,))
    for at in (0, 8, len(pair.result.PixelData) - 2):
        spoiled = deepcopy(pair)
        values = bytearray(spoiled.result.PixelData)
        values[at] ^= 1
        spoiled.result.PixelData = bytes(values)
        assert "pixels-changed" in spoiled.codes(Outcome("masked", (box,)))


def test_another_meaning_of_the_same_values_is_found(pair):
    put(pair.result, masked(stack(pair, samples=3, bits=8)))
    pair.result.PhotometricInterpretation = "YBR_FULL"
    assert "pixel-format-changed" in pair.codes(Outcome("masked", (BOX,)))


CODES_UNUSED_BITS = [RLELossless, JPEGLSLossless, JPEG2000Lossless, JPEGLosslessSV1]


def twelve_bits(pair, syntax, cells: np.ndarray, in_result: np.ndarray | None = None, signed: int = 0) -> None:
    """12 of 16 bits, in codestreams that have all 16."""
    for ds, values in ((pair.original, cells), (pair.result, cells if in_result is None else in_result)):
        ds.NumberOfFrames, ds.Rows, ds.Columns = cells.shape
        ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 12, 11, signed
        ds.file_meta.TransferSyntaxUID = syntax
        ds.PixelData = encapsulate([coded(frame, syntax) for frame in values])
        ds["PixelData"].VR = "OB"
        ds["PixelData"].is_undefined_length = True


@pytest.mark.parametrize("syntax", CODES_UNUSED_BITS)
@pytest.mark.parametrize("boxes", [(), (BOX,)])
def test_an_overlay_in_unused_bits_of_a_codestream_is_found(pair, syntax, boxes):
    picture = np.random.default_rng(4).integers(0, 2048, (2, 40, 40), dtype=np.uint16)
    overlay = picture.copy()
    overlay[1, 10:20, 5:35] |= 0x8000
    outcome = Outcome("masked" if boxes else "clean", boxes)
    fill = masked(picture[..., None])[..., 0] if boxes else picture
    twelve_bits(pair, syntax, overlay, fill)
    assert not OF_PICTURES & pair.codes(outcome)
    assert "overlay-bits-left" not in pair.codes(outcome)
    twelve_bits(pair, syntax, overlay, fill | overlay & 0x8000)
    assert ("overlay-bits-left", "(7FE0,0010)") in pair.found(outcome)
    twelve_bits(pair, syntax, overlay, fill ^ 4)
    assert "pixels-changed" in pair.codes(outcome)


@pytest.mark.parametrize("syntax", CODES_UNUSED_BITS)
def test_the_sign_in_unused_bits_of_a_codestream_is_no_overlay(pair, syntax):
    values = np.random.default_rng(4).integers(-2048, 2048, (2, 40, 40), dtype=np.int16).view("u2")
    for cells in (values, values & 0xFFF):
        twelve_bits(pair, syntax, cells, signed=1)
        assert "overlay-bits-left" not in pair.codes()
    twelve_bits(pair, syntax, values & 0x7FF | 0xF000, signed=1)
    assert "overlay-bits-left" in pair.codes()


def test_an_overlay_in_unused_bits_that_was_left_beside_a_mask_is_found(pair):
    overlaid(pair, keep_bits=True)
    put_masked(pair, (BOX,))
    assert ("overlay-bits-left", "(7FE0,0010)") in pair.found(Outcome("masked", (BOX,)))


@pytest.mark.parametrize("syntax", CODES_UNUSED_BITS)
def test_what_takes_overlay_bits_out_of_codestreams_and_the_gate_agree(pair, syntax):
    picture = np.random.default_rng(4).integers(0, 4096, (1, 40, 40), dtype=np.uint16)
    for signed in (0, 1):
        twelve_bits(pair, syntax, picture | 0x8000, signed=signed)
        stripped = strip_embedded_overlay_bits(pair.result)
        assert stripped is not pair.result
        pair.result["PixelData"] = stripped["PixelData"]
        pair.result.file_meta.TransferSyntaxUID = stripped.file_meta.TransferSyntaxUID
        assert pair.codes() == set()


def test_loss_that_only_the_transfer_syntax_told_may_be_stated_where_it_is_given_up(pair):
    of_file(pair, "SC_rgb_small_odd_jpeg.dcm")
    for ds in (pair.original, pair.result):
        del ds.LossyImageCompression, ds.LossyImageCompressionRatio, ds.LossyImageCompressionMethod
    box = Box(1, 2, 1, 2)
    put_masked(pair, (box,))
    assert pair.result.LossyImageCompression == "01"
    assert pair.codes(Outcome("masked", (box,))) == set()
    assert "element-added" in pair.codes()
    pair.result.LossyImageCompressionMethod = "DOE_JANE"
    assert "element-added" in pair.codes(Outcome("masked", (box,)))


def test_frames_that_an_extended_offset_table_names_are_compared(pair):
    box = Box(0, 60, 0, 60)
    of_file(pair, "SC_rgb_rle_2frame.dcm")
    put_masked(pair, (box,))
    pixels, offsets, lengths = encapsulate_extended(list(generate_frames(pair.original.PixelData, number_of_frames=2)))
    pair.original.ExtendedOffsetTable, pair.original.ExtendedOffsetTableLengths = offsets, lengths
    pair.original.PixelData = pixels
    assert pair.codes(Outcome("masked", (box,))) == set()
    pair.result.PixelData = pixels
    assert "mask-not-constant" in pair.codes(Outcome("masked", (box,)))
