# SPDX-License-Identifier: Apache-2.0
"""What is read from pixels is what is there, and what contradicts itself is refused."""

from __future__ import annotations

import warnings

import numpy as np
import pydicom
import pytest
from pydicom import Dataset
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate, generate_frames
from pydicom.pixels import get_decoder
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit, JPEGLSLossless, RLELossless
from tests.unit.pixels.test_mask import FILES, made, read

from deidgate.errors import CannotDeidentify
from deidgate.pixels.codestream import Declared, declared, without_comments
from deidgate.pixels.description import MAX_FRAME_BYTES, describe, native_length
from deidgate.pixels.frames import check_excess, frames


@pytest.mark.parametrize("name", [name for name in FILES if name != "JPGExtended.dcm"])
def test_stored_values_are_those_of_pydicom(name: str) -> None:
    ds = read(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected, properties = get_decoder(ds.file_meta.TransferSyntaxUID).as_array(ds, raw=True)
    found = [frame for _, frame in frames(ds, describe(ds))]
    assert np.array_equal(np.stack([f.values for f in found]).squeeze(), expected.squeeze())
    assert {f.photometric for f in found} == {properties["photometric_interpretation"]}


COLOUR = (
    "SC_rgb_gdcm_KY.dcm",
    "GDCMJ2K_TextGBR.dcm",
    "SC_rgb_jpeg_gdcm.dcm",
    "SC_rgb_jpeg_dcmtk.dcm",
    "SC_rgb_small_odd_jpeg.dcm",
    "SC_rgb_dcmtk_+eb+cr.dcm",
    "SC_rgb_jls_lossy_line.dcm",
    "SC_rgb_jls_lossy_sample.dcm",
    "SC_rgb_rle.dcm",
    "SC_rgb_rle_16bit_2frame.dcm",
    "examples_jpeg2k.dcm",
    "examples_ybr_color.dcm",
)


@pytest.mark.parametrize("name", COLOUR)
def test_compressed_colour_is_the_same_whatever_planar_configuration_says(name: str) -> None:
    found = []
    for planar in (0, 1):
        ds = read(name)
        ds.PlanarConfiguration = planar
        found.append([frame.values for _, frame in frames(ds, describe(ds), (0,))])
    assert np.array_equal(*found)


def test_twelve_bit_jpeg_is_decoded() -> None:
    ds = read("JPGExtended.dcm")
    (_, frame), *_ = frames(ds, describe(ds))
    assert frame.values.shape == (1024, 256, 1)
    assert (int(frame.values.max()), frame.values[300, 100, 0]) == (264, 36)


def test_only_the_frames_that_are_asked_for_come() -> None:
    ds = read("examples_ybr_color.dcm")
    assert [index for index, _ in frames(ds, describe(ds), (29, 3))] == [3, 29]


def test_overlay_bits_are_not_part_of_values() -> None:
    ds = made(np.full((1, 4, 4, 1), 0xF00A, np.uint16), BitsStored=12, HighBit=11)
    (_, frame), *_ = frames(ds, describe(ds))
    assert (frame.values == 10).all()


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("Rows", 0),
        ("Columns", None),
        ("BitsAllocated", 12),
        ("BitsStored", 17),
        ("HighBit", 3),
        ("SamplesPerPixel", 3),
        ("PhotometricInterpretation", "CMYK"),
        ("NumberOfFrames", 0),
        ("PixelRepresentation", 2),
    ],
)
def test_a_description_that_contradicts_itself_is_refused(attribute: str, value: object) -> None:
    ds = made(np.zeros((1, 4, 4, 1), np.uint16))
    setattr(ds, attribute, value)
    with pytest.raises(CannotDeidentify, match="pixel-data-description"):
        describe(ds)


def test_two_elements_with_pixels_are_refused() -> None:
    ds = made(np.zeros((1, 4, 4, 1), np.uint16))
    ds.add_new("FloatPixelData", "OF", bytes(64))
    with pytest.raises(CannotDeidentify, match="pixel-data-twice"):
        describe(ds)


def test_a_frame_larger_than_any_detector_is_refused_before_memory_is_taken() -> None:
    ds = made(np.zeros((1, 4, 4, 1), np.uint16))
    ds.Rows = ds.Columns = 65535
    assert MAX_FRAME_BYTES < 65535 * 65535 * 2
    with pytest.raises(CannotDeidentify, match="pixel-data-frame-too-large"):
        describe(ds)


@pytest.mark.parametrize(("claimed", "code"), [(2, "pixel-data-truncated"), (1, None)])
def test_native_pixels_shorter_than_they_claim_are_refused(claimed: int, code: str | None) -> None:
    ds = made(np.zeros((1, 4, 4, 1), np.uint16))
    ds.NumberOfFrames = claimed
    if code is None:
        assert len(list(frames(ds, describe(ds)))) == 1
        return
    with pytest.raises(CannotDeidentify, match=code):
        list(frames(ds, describe(ds)))


def test_bytes_after_the_last_frame_are_refused_unless_they_are_zero() -> None:
    ds = made(np.zeros((1, 4, 4, 1), np.uint16))
    ds.PixelData += bytes(100)
    assert len(list(frames(ds, describe(ds)))) == 1
    ds.PixelData += b"DOE^JANE"
    with pytest.raises(CannotDeidentify, match="pixel-data-excess"):
        list(frames(ds, describe(ds)))


LENGTHS = {
    "12 bits packed": ({"BitsAllocated": 12, "BitsStored": 12, "HighBit": 11}, 24),
    "single bits": ({"BitsAllocated": 1, "BitsStored": 1, "HighBit": 0, "Rows": 3, "Columns": 3}, 2),
    "single bits of frames": ({"BitsAllocated": 1, "Rows": 3, "Columns": 3, "NumberOfFrames": 3}, 4),
    "odd": ({"BitsAllocated": 8, "Rows": 3, "Columns": 3}, 9),
    "colour of pairs": (
        {"BitsAllocated": 8, "SamplesPerPixel": 3, "PhotometricInterpretation": "YBR_FULL_422"},
        32,
    ),
    "no decoder": ({"SamplesPerPixel": 4, "PhotometricInterpretation": "CMYK", "BitsAllocated": 8}, 64),
}


@pytest.mark.parametrize(("header", "length"), LENGTHS.values(), ids=LENGTHS)
def test_native_pixels_of_any_kind_may_be_as_long_as_they_are_and_no_longer(header, length) -> None:
    ds = made(np.zeros((1, 4, 4, 1), np.uint16))
    for keyword, value in header.items():
        setattr(ds, keyword, value)
    assert native_length(ds) == length
    ds.PixelData = b"\1" * (length + length % 2)
    check_excess(ds)
    ds.PixelData = b"\1" * length + bytes(100)
    check_excess(ds)
    ds.PixelData += b"DOE^JANE"
    with pytest.raises(CannotDeidentify, match="pixel-data-excess"):
        check_excess(ds)


@pytest.mark.parametrize(("keyword", "vr", "bits"), [("FloatPixelData", "OF", 32), ("DoubleFloatPixelData", "OD", 64)])
def test_pixels_that_are_fractions_are_no_longer_than_described(keyword, vr, bits) -> None:
    ds = made(np.zeros((1, 4, 4, 1), np.uint16))
    del ds.PixelData
    ds.BitsAllocated = bits
    ds.add_new(keyword, vr, b"\1" * (bits * 2))
    check_excess(ds)
    ds[keyword].value += b"DOE^JANE"
    with pytest.raises(CannotDeidentify, match="pixel-data-excess"):
        check_excess(ds)


def test_pixels_of_no_described_size_and_compressed_ones_have_no_length_to_compare() -> None:
    ds = made(np.zeros((1, 4, 4, 1), np.uint16))
    del ds.Rows
    assert native_length(ds) is None
    assert native_length(read("SC_rgb_rle_2frame.dcm")) is None
    check_excess(ds)


@pytest.mark.parametrize("claimed", [1, 3])
def test_another_number_of_frames_than_claimed_is_refused(claimed: int) -> None:
    ds = read("SC_rgb_rle_2frame.dcm")
    ds.NumberOfFrames = claimed
    with pytest.raises(CannotDeidentify, match=r"pixel-data-(frames|encapsulation|undecodable)"):
        list(frames(ds, describe(ds)))


def test_a_codestream_of_another_size_than_the_header_never_reaches_a_decoder() -> None:
    ds = read("693_J2KI.dcm")
    ds.Rows, ds.Columns = 256, 1024
    with pytest.raises(CannotDeidentify, match="pixel-data-size"):
        list(frames(ds, describe(ds)))


def test_video_is_refused() -> None:
    ds = made(np.zeros((1, 4, 4, 3), np.uint8))
    ds.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.102"
    ds.PixelData = encapsulate([b"\0\0\1\xb3" + bytes(100)])
    with pytest.raises(CannotDeidentify, match="pixel-data-video"):
        list(frames(ds, describe(ds)))


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("693_J2KI.dcm", Declared(512, 512, 1, 16)),
        ("JPGExtended.dcm", Declared(1024, 256, 1, 12)),
        ("SC_rgb_jpeg_gdcm.dcm", Declared(100, 100, 3, 8)),
        ("MR_small_jpeg_ls_lossless.dcm", Declared(64, 64, 1, 16)),
        ("examples_jpeg2k.dcm", Declared(480, 640, 3, 8)),
    ],
)
def test_a_codestream_says_its_own_size(name: str, size: Declared) -> None:
    ds = read(name)
    codestream = next(iter(generate_frames(ds.PixelData, number_of_frames=1)))
    assert declared(codestream, ds.file_meta.TransferSyntaxUID) == size


@pytest.mark.parametrize("syntax", [JPEGBaseline8Bit, JPEG2000Lossless])
@pytest.mark.parametrize("junk", [b"", b"\xff\xd8", b"\xff\xd8\xff\xe0\xff\xff", b"\xff\x4f\xff\x51", bytes(500)])
def test_what_is_no_codestream_is_refused(junk: bytes, syntax: pydicom.uid.UID) -> None:
    with pytest.raises(CannotDeidentify, match="pixel-data-codestream"):
        declared(junk, syntax)


def test_segments_that_colours_depend_on_stay_when_comments_go() -> None:
    codestream = next(iter(generate_frames(read("SC_jpeg_no_color_transform.dcm").PixelData, number_of_frames=1)))
    exif = b"\xff\xe1" + (2 + 10).to_bytes(2, "big") + b"Exif\0DOE^J"
    adobe = b"\xff\xee" + (2 + 12).to_bytes(2, "big") + b"Adobe" + bytes(7)
    jfif_with_name = b"\xff\xe0" + (2 + 9).to_bytes(2, "big") + b"JFXX\0NAME"
    cleaned = without_comments(codestream[:2] + exif + adobe + jfif_with_name + codestream[2:], JPEGBaseline8Bit)
    assert b"DOE^J" not in cleaned
    assert b"NAME" not in cleaned
    assert adobe in cleaned


def test_the_colour_transform_of_a_jpeg_ls_stays_when_comments_go() -> None:
    codestream = next(iter(generate_frames(read("MR_small_jpeg_ls_lossless.dcm").PixelData, number_of_frames=1)))
    transform = b"\xff\xe8" + (2 + 5).to_bytes(2, "big") + b"mrfx\1"
    name = b"\xff\xe8" + (2 + 8).to_bytes(2, "big") + b"DOE^JANE"
    assert without_comments(codestream[:2] + transform + name + codestream[2:], JPEGLSLossless) == (
        codestream[:2] + transform + codestream[2:]
    )


def test_run_lengths_carry_no_comments() -> None:
    assert without_comments(b"anything", RLELossless) == b"anything"


def test_pixels_of_a_mutated_stream_never_raise_anything_else() -> None:
    rng = np.random.default_rng(1)
    # GDCM's JPEG decoder aborts the process: it is tried behind the guard, in test_guard.
    for name in ("MR_small_RLE.dcm", "693_J2KI.dcm", "MR_small_jpeg_ls_lossless.dcm", "MR_small_jp2klossless.dcm"):
        ds = pydicom.dcmread(str(get_testdata_file(name, download=False)))
        codestream = next(iter(generate_frames(ds.PixelData, number_of_frames=1)))
        for _ in range(15):
            mutated = bytearray(codestream)
            for at in rng.integers(0, len(mutated), 5):
                mutated[at] = rng.integers(256)
            changed = Dataset()
            changed.update(ds)
            changed.file_meta = ds.file_meta
            changed.PixelData = encapsulate([bytes(mutated)])
            try:
                list(frames(changed, describe(changed)))
            except CannotDeidentify as error:
                assert error.code.startswith("pixel-data-")
