# SPDX-License-Identifier: Apache-2.0
"""Masks hide what is in them and nothing else, in every encoding."""

from __future__ import annotations

import copy
import io
import os
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom import Dataset
from pydicom.data import get_testdata_file
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import generate_frames
from pydicom.pixels import get_decoder
from pydicom.uid import (
    JPEG2000,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)
from tests.data.codestreams import coded

from deidgate.dicom.box import Box
from deidgate.errors import CannotDeidentify
from deidgate.pixels.codestream import may_code_more_than
from deidgate.pixels.description import describe
from deidgate.pixels.frames import Frame, frames
from deidgate.pixels.mask import mask, strip_codestream_comments, strip_embedded_overlay_bits

# Files of pydicom's package, chosen so that each transfer syntax, photometric interpretation and odd layout is there.
FILES = (
    "CT_small.dcm",
    "MR_small.dcm",
    "MR_small_bigendian.dcm",
    "MR_small_implicit.dcm",
    "MR_small_RLE.dcm",
    "MR_small_jp2klossless.dcm",
    "MR_small_jpeg_ls_lossless.dcm",
    "MR_small_padded.dcm",
    "693_J2KI.dcm",
    "JPEG2000.dcm",
    "J2K_pixelrep_mismatch.dcm",
    "JPGExtended.dcm",
    "JPEGLSNearLossless_08.dcm",
    "JPEGLSNearLossless_16.dcm",
    "SC_jpeg_no_color_transform.dcm",
    "SC_rgb_dcmtk_+eb+cr.dcm",
    "SC_rgb_dcmtk_+eb+cy+np.dcm",
    "SC_rgb_dcmtk_+eb+cy+s4.dcm",
    "SC_rgb_gdcm_KY.dcm",
    "SC_rgb_jls_lossy_line.dcm",
    "SC_rgb_jls_lossy_sample.dcm",
    "SC_rgb_jpeg_gdcm.dcm",
    "SC_rgb_jpeg_dcmtk.dcm",
    "SC_rgb_rle.dcm",
    "SC_rgb_rle_2frame.dcm",
    "SC_rgb_rle_16bit_2frame.dcm",
    "SC_rgb_rle_32bit_2frame.dcm",
    "SC_rgb_small_odd.dcm",
    "SC_rgb_small_odd_big_endian.dcm",
    "SC_rgb_small_odd_jpeg.dcm",
    "SC_ybr_full_422_uncompressed.dcm",
    "GDCMJ2K_TextGBR.dcm",
    "ExplVR_BigEnd.dcm",
    "examples_jpeg2k.dcm",
    "examples_overlay.dcm",
    "examples_palette.dcm",
    "examples_rgb_color.dcm",
    "examples_ybr_color.dcm",
    "image_dfl.dcm",
    "liver_1frame.dcm",
    "liver_expb_1frame.dcm",
)

LOSSLESS_AND_WRITABLE = {RLELossless, JPEGLSLossless, JPEG2000Lossless}


def read(name: str) -> Dataset:
    path = get_testdata_file(name, download=False)
    assert path is not None, name
    return pydicom.dcmread(path)


def read_back(ds: Dataset) -> Dataset:
    """What a reader gets: the dataset written to bytes and read again."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pydicom.dcmwrite(buffer, ds, enforce_file_format=True)
    buffer.seek(0)
    return pydicom.dcmread(buffer)


def shown(ds: Dataset) -> np.ndarray:
    """All frames as pydicom shows them, YBR as RGB, ``(frames, rows, columns, samples)``."""
    if ds.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.4.51" and ds.BitsStored == 12:
        return np.stack([frame.values for _, frame in frames(ds, describe(ds))])  # pydicom has no decoder for it
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        array, _ = get_decoder(ds.file_meta.TransferSyntaxUID).as_array(ds)
    return array.reshape(int(ds.get("NumberOfFrames") or 1), ds.Rows, ds.Columns, ds.SamplesPerPixel)


def made(pixels: np.ndarray, **attributes: object) -> Dataset:
    """An explicit little endian dataset with `pixels` ``(frames, rows, columns, samples)``."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID, ds.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", "1.2.3"
    ds.file_meta.MediaStorageSOPClassUID, ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPClassUID, "1.2.3"
    count, ds.Rows, ds.Columns, ds.SamplesPerPixel = pixels.shape
    if count > 1:
        ds.NumberOfFrames = count
    ds.PhotometricInterpretation = "RGB" if ds.SamplesPerPixel == 3 else "MONOCHROME2"
    if ds.SamplesPerPixel == 3:
        ds.PlanarConfiguration = 0
    ds.BitsAllocated = ds.BitsStored = pixels.dtype.itemsize * 8
    ds.HighBit, ds.PixelRepresentation = ds.BitsStored - 1, int(pixels.dtype.kind == "i")
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    raw = pixels.tobytes()
    ds.add_new("PixelData", "OB" if ds.BitsAllocated == 8 else "OW", raw + b"\0" * (len(raw) % 2))
    return ds


@pytest.mark.parametrize("name", FILES)
def test_inside_the_box_is_one_value_and_outside_is_unchanged(name: str) -> None:
    before = read(name)
    rows, columns = before.Rows, before.Columns
    box = Box(rows // 4, rows // 2, columns // 4 // 2 * 2, max(columns // 4 // 2 * 2 + 2, columns // 2 // 2 * 2))
    after = read_back(mask(before, [box]))
    a, b = shown(before), shown(after)
    assert a.shape == b.shape
    inside = np.zeros(a.shape[1:3], bool)
    inside[box.row_start : box.row_stop, box.column_start : box.column_stop] = True
    assert np.array_equal(a[:, ~inside], b[:, ~inside])
    for frame in b:
        assert (frame[inside] == frame[inside][0]).all()


@pytest.mark.parametrize("name", FILES)
def test_the_caller_s_dataset_is_not_changed(name: str) -> None:
    before, untouched = read(name), read(name)
    mask(before, [Box(0, 2, 0, 2)])
    assert before == untouched
    assert before.file_meta == untouched.file_meta


@pytest.mark.parametrize("name", FILES)
def test_a_lossless_syntax_that_can_be_written_stays(name: str) -> None:
    before = read(name)
    after = read_back(mask(before, [Box(0, 2, 0, 2)]))
    syntax = before.file_meta.TransferSyntaxUID
    kept = not syntax.is_encapsulated or (syntax in LOSSLESS_AND_WRITABLE and before.BitsAllocated <= 16)
    assert after.file_meta.TransferSyntaxUID == (syntax if kept else ExplicitVRLittleEndian)
    if kept:
        assert after.PhotometricInterpretation == before.PhotometricInterpretation


@pytest.mark.parametrize("name", ["JPGExtended.dcm", "examples_ybr_color.dcm", "JPEGLSNearLossless_08.dcm"])
def test_once_lossy_stays_lossy(name: str) -> None:
    before = read(name)
    for keyword in ("LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod"):
        if keyword in before:
            del before[keyword]
    after = mask(before, [Box(0, 2, 0, 2)])
    assert after.LossyImageCompression == "01"
    assert float(after.LossyImageCompressionRatio) > 1
    assert after.LossyImageCompressionMethod in ("ISO_10918_1", "ISO_14495_1")


def test_colour_that_was_ybr_is_written_as_rgb_and_says_so() -> None:
    after = mask(read("examples_ybr_color.dcm"), [Box(0, 10, 0, 10)])
    assert after.PhotometricInterpretation == "RGB"
    assert after.PlanarConfiguration == 0


@pytest.mark.parametrize("left_behind", [0, 1])
@pytest.mark.parametrize(
    ("name", "planar"), [("GDCMJ2K_TextGBR.dcm", 0), ("SC_rgb_gdcm_KY.dcm", 0), ("SC_rgb_rle.dcm", 1)]
)
def test_masked_colour_says_how_its_syntax_keeps_planes(name: str, planar: int, left_behind: int) -> None:
    before = read(name)
    box = Box(0, 20, 0, 20)
    expected = shown(mask(before, [box]))
    before.PlanarConfiguration = left_behind
    after = read_back(mask(before, [box]))
    assert after.PlanarConfiguration == planar
    assert np.array_equal(shown(after), expected)


@pytest.mark.parametrize(("shape", "dtype"), [((1, 33, 31, 1), "u1"), ((2, 5, 7, 3), "u1"), ((1, 33, 31, 1), "u2")])
def test_a_run_length_frame_with_an_odd_number_of_pixels_is_masked(shape: tuple[int, ...], dtype: str) -> None:
    pixels = np.random.default_rng(5).integers(1, 250, shape).astype(dtype)
    before = made(pixels)
    before.compress(RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
    # In a process of its own: what is looked for is the end of the process.
    code = "import sys, pydicom; from deidgate.pixels.mask import mask; from deidgate.dicom.box import Box;"
    code += "pydicom.dcmwrite(sys.argv[2], mask(pydicom.dcmread(sys.argv[1]), [Box(0, 4, 0, 4)]))"
    with tempfile.TemporaryDirectory() as folder:
        pydicom.dcmwrite(f"{folder}/before", before, enforce_file_format=True)
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        subprocess.run([sys.executable, "-c", code, f"{folder}/before", f"{folder}/after"], check=True, env=env)
        after = shown(pydicom.dcmread(f"{folder}/after"))
    assert (after[:, :4, :4] == after[:, :1, :1]).all()
    assert np.array_equal(after[:, 4:], pixels[:, 4:])


def test_every_frame_is_masked_unless_the_box_names_one() -> None:
    pixels = np.arange(3 * 8 * 8, dtype=np.uint8).reshape(3, 8, 8, 1) + 1
    everywhere = shown(mask(made(pixels), [Box(0, 4, 0, 4)]))
    assert all((everywhere[n, :4, :4] == everywhere[n, 0, 0]).all() for n in range(3))
    one = shown(mask(made(pixels), [Box(0, 4, 0, 4, frame=1)]))
    assert np.array_equal(one[[0, 2]], pixels[[0, 2]])
    assert (one[1, :4, :4] == one[1, 0, 0]).all()


def test_untouched_frames_keep_their_codestream() -> None:
    before = read("SC_rgb_rle_2frame.dcm")
    after = mask(before, [Box(0, 60, 0, 60, frame=1)])
    old, new = (list(generate_frames(ds.PixelData, number_of_frames=2)) for ds in (before, after))
    assert old[0] == new[0]
    assert old[1] != new[1]


def test_planes_are_masked_in_each_colour() -> None:
    pixels = np.random.default_rng(0).integers(1, 255, (2, 3, 6, 5), dtype=np.uint8)
    ds = made(np.zeros((2, 6, 5, 3), np.uint8), PlanarConfiguration=1)
    ds.PixelData = pixels.tobytes()
    after = shown(mask(ds, [Box(1, 3, 1, 4)]))
    assert (after[:, 1:3, 1:4] == 0).all()
    assert np.array_equal(after[:, 3:], pixels.transpose(0, 2, 3, 1)[:, 3:])


def test_native_bytes_outside_the_box_are_the_same_bytes_even_in_unused_bits() -> None:
    pixels = np.random.default_rng(1).integers(0, 2**16, (1, 9, 7, 1), dtype=np.uint16)
    after = mask(made(pixels, BitsStored=12, HighBit=11), [Box(2, 4, 3, 5)])
    result = np.frombuffer(after.PixelData, np.uint16)[:63].reshape(9, 7)
    keep = np.ones((9, 7), bool)
    keep[2:4, 3:5] = False
    assert np.array_equal(result[keep], pixels[0, ..., 0][keep])
    assert (result[2:4, 3:5] >> 12 == 0).all()  # overlay bits inside the box are gone too


def test_shifted_values_are_masked_in_place() -> None:
    pixels = (np.arange(64, dtype=np.uint16).reshape(1, 8, 8, 1) + 5) << 4
    after = mask(made(pixels, BitsStored=12, HighBit=15), [Box(0, 2, 0, 2)])
    assert np.frombuffer(after.PixelData, np.uint16)[0] == 5 << 4


def test_eight_bit_words_in_big_endian_are_masked_where_they_are_shown() -> None:
    pixels = np.arange(2 * 5 * 5, dtype=np.uint8).reshape(2, 5, 5, 1)
    ds = made(pixels)
    ds.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    ds.set_original_encoding(is_implicit_vr=False, is_little_endian=False)
    swapped = np.frombuffer(pixels.tobytes(), np.uint8).reshape(-1, 2)[:, ::-1].tobytes()
    ds.add_new("PixelData", "OW", swapped)
    after = shown(mask(ds, [Box(1, 3, 1, 3)]))
    assert (after[:, 1:3, 1:3] == after[:, 1:2, 1:2]).all()
    keep = np.ones((5, 5), bool)
    keep[1:3, 1:3] = False
    assert np.array_equal(after[:, keep], pixels[:, keep])


def test_single_bits_are_masked_in_frames_that_begin_within_a_byte() -> None:
    bits = np.random.default_rng(2).integers(0, 2, (3, 5, 5), dtype=np.uint8)
    ds = made(np.zeros((3, 5, 5, 1), np.uint8), BitsAllocated=1, BitsStored=1, HighBit=0)
    raw = np.packbits(bits.reshape(-1), bitorder="little").tobytes()
    ds.PixelData = raw + b"\0" * (len(raw) % 2)
    after = shown(mask(ds, [Box(1, 3, 1, 3)]))[..., 0]
    assert (after[:, 1:3, 1:3] == after[:, 1:2, 1:2]).all()
    keep = np.ones((5, 5), bool)
    keep[1:3, 1:3] = False
    assert np.array_equal(after[:, keep], bits[:, keep])


def test_monochrome1_is_masked_with_its_highest_value_in_use() -> None:
    pixels = np.arange(64, dtype=np.uint16).reshape(1, 8, 8, 1)
    after = mask(made(pixels, PhotometricInterpretation="MONOCHROME1"), [Box(0, 1, 0, 1)])
    assert np.frombuffer(after.PixelData, np.uint16)[0] == 63


def test_signed_pixels_are_masked_with_their_lowest_value_in_use() -> None:
    pixels = (np.arange(64, dtype=np.int16) - 40).reshape(1, 8, 8, 1)
    after = mask(made(pixels, BitsStored=12, HighBit=11), [Box(7, 8, 7, 8)])
    assert np.frombuffer(after.PixelData, np.int16)[-1] == -40


def test_pixel_padding_does_not_widen_the_range_of_values() -> None:
    ds = made(np.arange(64, dtype=np.int16).reshape(1, 8, 8, 1))
    ds.add_new("PixelPaddingValue", "SS", -2000)
    assert np.frombuffer(mask(ds, [Box(7, 8, 7, 8)]).PixelData, np.int16)[-1] == 0


def test_palette_is_masked_with_the_index_of_its_darkest_colour() -> None:
    before = read("examples_palette.dcm")
    after = mask(before, [Box(0, 20, 0, 20)])
    colours = pydicom.pixels.apply_color_lut(after.pixel_array, after).astype(int).sum(axis=2)
    assert colours[0, 0] == colours.min()


def test_smallest_and_largest_values_are_true_after_masking() -> None:
    pixels = np.full((1, 8, 8, 1), 50, np.uint16)
    pixels[0, 0, 0], pixels[0, 7, 7] = 4095, 10
    ds = made(pixels, SmallestImagePixelValue=10, LargestImagePixelValue=4095)
    after = mask(ds, [Box(0, 1, 0, 1)])
    assert (after.SmallestImagePixelValue, after.LargestImagePixelValue) == (10, 50)


def test_floating_point_pixels_are_masked() -> None:
    ds = made(np.zeros((1, 4, 4, 1), np.uint8), BitsAllocated=32)
    del ds["PixelData"], ds["BitsStored"], ds["HighBit"], ds["PixelRepresentation"]
    values = np.linspace(-1, 1, 16, dtype=np.float32)
    ds.add_new("FloatPixelData", "OF", values.tobytes())
    after = np.frombuffer(mask(ds, [Box(3, 4, 3, 4)]).FloatPixelData, np.float32)
    assert after[-1] == -1
    assert np.array_equal(after[:-1], values[:-1])


def test_deflated_stays_deflated() -> None:
    before = read("image_dfl.dcm")
    assert before.file_meta.TransferSyntaxUID == DeflatedExplicitVRLittleEndian
    after = read_back(mask(before, [Box(0, 9, 0, 9)]))
    assert after.file_meta.TransferSyntaxUID == DeflatedExplicitVRLittleEndian


def test_an_extended_offset_table_does_not_outlive_the_frames_that_it_points_at() -> None:
    before = read("SC_rgb_rle_2frame.dcm")
    parts = list(generate_frames(before.PixelData, number_of_frames=2))
    pixels, offsets, lengths = pydicom.encaps.encapsulate_extended(parts)
    before.PixelData, before.ExtendedOffsetTable, before.ExtendedOffsetTableLengths = pixels, offsets, lengths
    after = mask(before, [Box(0, 4, 0, 4)])
    assert "ExtendedOffsetTable" not in after
    assert "ExtendedOffsetTableLengths" not in after


def test_boxes_are_clipped_to_the_frame_and_empty_ones_do_nothing() -> None:
    pixels = np.arange(64, dtype=np.uint8).reshape(1, 8, 8, 1)
    outside = [Box(-5, 0, 0, 8), Box(8, 12, 0, 8), Box(3, 3, 0, 8), Box(0, 8, 0, 8, frame=7)]
    assert mask(made(pixels), outside).PixelData == pixels.tobytes()
    assert (shown(mask(made(pixels), [Box(-5, 99, -5, 99)])) == 0).all()


def test_pixels_shorter_than_they_claim_are_refused() -> None:
    with pytest.raises(CannotDeidentify, match="pixel-data-truncated"):
        mask(read("MR_truncated.dcm"), [Box(0, 1, 0, 1)])


def test_compressed_pixels_are_never_edited_without_decoding() -> None:
    before = read("MR_small_jpeg_ls_lossless.dcm")
    stream = bytearray(next(iter(generate_frames(before.PixelData, number_of_frames=1))))
    stream[40:200] = bytes(160)
    before.PixelData = pydicom.encaps.encapsulate([bytes(stream)])
    with pytest.raises(CannotDeidentify, match="pixel-data-undecodable"):
        mask(before, [Box(0, 1, 0, 1)])


def test_overlay_bits_in_unused_bits_are_taken_out() -> None:
    pixels = np.random.default_rng(3).integers(0, 2**16, (1, 8, 8, 1), dtype=np.uint16)
    after = strip_embedded_overlay_bits(made(pixels, BitsStored=12, HighBit=11))
    assert np.array_equal(np.frombuffer(after.PixelData, np.uint16).reshape(8, 8), pixels[0, ..., 0] & 0x0FFF)


def test_signed_pixels_keep_their_sign_bits() -> None:
    pixels = np.arange(-32, 32, dtype=np.int16).reshape(1, 8, 8, 1)
    before = made(pixels, BitsStored=12, HighBit=11)
    assert strip_embedded_overlay_bits(before) is before


CODES_UNUSED_BITS = [RLELossless, JPEGLSLossless, JPEG2000Lossless, JPEGLosslessSV1]


def compressed(cells: np.ndarray, syntax: pydicom.uid.UID, **attributes: object) -> Dataset:
    """A dataset of 12 bits of 16 whose codestreams have all bits of `cells` ``(frames, rows, columns)``."""
    ds = made(cells[..., None], **{"BitsStored": 12, "HighBit": 11, **attributes})
    ds.file_meta.TransferSyntaxUID = syntax
    ds.add_new("PixelData", "OB", pydicom.encaps.encapsulate([coded(frame, syntax) for frame in cells]))
    ds["PixelData"].is_undefined_length = True
    return ds


def all_bits(ds: Dataset) -> np.ndarray:
    """Every bit that a reader can get out of the pixels of `ds`."""
    whole = copy.deepcopy(ds)
    whole.BitsStored, whole.HighBit, whole.PixelRepresentation = 16, 15, 0
    return np.stack([frame.values[..., 0] for _, frame in frames(whole, describe(whole))])


@pytest.mark.parametrize("signed", [0, 1])
@pytest.mark.parametrize("syntax", CODES_UNUSED_BITS)
def test_overlay_bits_in_a_codestream_are_taken_out(syntax: pydicom.uid.UID, signed: int) -> None:
    picture = np.random.default_rng(4).integers(0, 4096, (2, 40, 40), dtype=np.uint16)
    overlay = picture.copy()
    overlay[1, 10:20, 5:35] |= 0x8000
    before = compressed(overlay, syntax, PixelRepresentation=signed)
    assert np.array_equal(all_bits(before), overlay)
    after = read_back(strip_embedded_overlay_bits(before))
    assert after.file_meta.TransferSyntaxUID == (ExplicitVRLittleEndian if syntax == JPEGLosslessSV1 else syntax)
    left = all_bits(after)
    assert np.array_equal(left & 0x0FFF, picture)
    assert np.isin(left >> 12, (0, 15) if signed else (0,)).all()


@pytest.mark.parametrize("syntax", CODES_UNUSED_BITS)
def test_a_codestream_without_overlay_bits_stays(syntax: pydicom.uid.UID) -> None:
    values = np.random.default_rng(4).integers(-2048, 2048, (2, 40, 40), dtype=np.int16)
    for cells, signed in ((values.view("u2"), 1), (values.view("u2") & 0xFFF, 1), (values.view("u2") & 0xFFF, 0)):
        before = compressed(cells, syntax, PixelRepresentation=signed)
        assert strip_embedded_overlay_bits(before) is before


@pytest.mark.parametrize("syntax", CODES_UNUSED_BITS)
def test_a_plane_that_looks_like_the_sign_of_some_pixels_is_taken_out(syntax: pydicom.uid.UID) -> None:
    picture = np.random.default_rng(4).integers(0, 2048, (1, 40, 40), dtype=np.uint16)
    overlay = picture.copy()
    overlay[0, 10:20, 5:35] |= 0xF000
    for signed in (0, 1):
        after = strip_embedded_overlay_bits(compressed(overlay, syntax, PixelRepresentation=signed))
        assert np.array_equal(all_bits(after), picture)


def test_lossless_jpeg_may_have_more_bits_than_it_states() -> None:
    stream = bytearray(coded(np.zeros((40, 40), np.uint16), JPEGLosslessSV1))
    stream[stream.index(b"\xff\xc3") + 4] = 12
    assert may_code_more_than(12, bytes(stream), JPEGLosslessSV1)
    assert not may_code_more_than(16, coded(np.zeros((40, 40), np.uint16), JPEGLSLossless), JPEGLSLossless)


def test_values_beyond_bits_stored_in_a_lossy_codestream_are_refused() -> None:
    before = compressed(np.full((1, 40, 40), 0x1005, np.uint16), JPEG2000Lossless)
    before.file_meta.TransferSyntaxUID = JPEG2000
    with pytest.raises(CannotDeidentify, match="pixel-data-excess"):
        strip_embedded_overlay_bits(before)


def test_a_codestream_whose_values_do_not_begin_at_the_lowest_bit_is_refused() -> None:
    before = compressed(np.full((1, 40, 40), 0x1000, np.uint16), RLELossless, HighBit=15)
    with pytest.raises(CannotDeidentify, match="pixel-data-description"):
        list(frames(before, describe(before)))
    with pytest.raises(CannotDeidentify, match="pixel-data-description"):
        strip_embedded_overlay_bits(before)


def test_the_decoder_that_is_given_looks_for_overlay_bits() -> None:
    def refuses(codestream: bytes, description: object) -> Frame:
        raise CannotDeidentify("pixel-data-decoder-crash", "PixelData")

    with pytest.raises(CannotDeidentify, match="pixel-data-decoder-crash"):
        strip_embedded_overlay_bits(compressed(np.zeros((1, 40, 40), np.uint16), RLELossless), decoder=refuses)


def test_comments_in_a_codestream_are_taken_out_and_the_picture_stays() -> None:
    before = read("SC_jpeg_no_color_transform.dcm")
    stream = next(iter(generate_frames(before.PixelData, number_of_frames=1)))
    name = b"DOE^JANE"
    comment = b"\xff\xfe" + (len(name) + 2).to_bytes(2, "big") + name
    changed = copy.copy(before)
    changed.PixelData = pydicom.encaps.encapsulate([stream[:2] + comment + stream[2:]])
    after = read_back(strip_codestream_comments(changed))
    assert name not in after.PixelData
    assert np.array_equal(shown(after), shown(before))


def test_comments_in_a_jpeg_2000_codestream_are_taken_out_and_the_picture_stays() -> None:
    before = read("MR_small_jp2klossless.dcm")
    stream = next(iter(generate_frames(before.PixelData, number_of_frames=1)))
    at = stream.index(b"\xff\x52")
    name = b"DOE^JANE"
    comment = b"\xff\x64" + (len(name) + 4).to_bytes(2, "big") + b"\x00\x01" + name
    changed = copy.copy(before)
    changed.PixelData = pydicom.encaps.encapsulate([stream[:at] + comment + stream[at:]])
    after = read_back(strip_codestream_comments(changed))
    assert name not in after.PixelData
    assert np.array_equal(shown(after), shown(before))


def test_no_test_image_of_the_list_is_missing() -> None:
    assert all(Path(str(get_testdata_file(name, download=False))).is_file() for name in FILES)
