# SPDX-License-Identifier: Apache-2.0
"""Frames as pictures: window, palette, colour, overlays, inversion."""

import io

import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import RLELossless
from tests.data.toolbox_series import ct, encoded

from deidgate.convert.crop import cropped
from deidgate.convert.overlays import with_overlay, without_overlays
from deidgate.convert.pictures import contact_sheet
from deidgate.convert.pictures import encoded as picture_file
from deidgate.convert.render import View, overlays, pictures, windowed
from deidgate.dicom.box import Box
from deidgate.errors import CannotDeidentify, ConfigurationError


def small(values, **attributes) -> Dataset:
    ds = ct(rows=8)
    values = np.asarray(values, "<i2")
    ds.Rows, ds.Columns = values.shape[-2:]
    ds.PixelData = values.tobytes()
    ds.RescaleIntercept = "0"
    for keyword, value in attributes.items():
        if value is None:
            delattr(ds, keyword)
        else:
            setattr(ds, keyword, value)
    return dcmread(io.BytesIO(encoded(ds)))


def picture(ds, view=View()) -> np.ndarray:  # noqa: B008 - frozen
    return next(iter(pictures(ds, view)))[1]


RAMP = [[-100, 0, 100, 200], [300, 400, 500, 600]]


@pytest.mark.parametrize(("value", "expected"), [(0, 0), (50, 0), (60, 0), (100, 128), (139.5, 255), (200, 255)])
def test_the_linear_window_is_that_of_the_standard(value, expected):
    # PS3.3 C.11.2.1.2.1, c = 100, w = 80
    assert abs(int(windowed(np.array([value]), 100, 80)[0]) - expected) <= 2


def test_a_window_of_one_is_a_threshold():
    assert windowed(np.array([99, 100, 101]), 100, 1).tolist() == [0, 255, 255]


def test_the_window_of_the_file_is_used_and_can_be_replaced():
    ds = small(RAMP, WindowCenter="250", WindowWidth="700")
    assert picture(ds)[0, 0] == 0 and picture(ds)[1, 3] == 255
    assert picture(ds, View(0, 10))[0].tolist()[2:] == [255, 255]


def test_without_a_window_the_whole_range_is_shown():
    shown = picture(small(RAMP, WindowCenter=None, WindowWidth=None))
    assert (shown.min(), shown.max()) == (0, 255)


def test_padding_does_not_spoil_the_range():
    ds = small([[-2000, 0], [10, 20]], WindowCenter=None, WindowWidth=None, PixelPaddingValue=-2000)
    assert picture(ds)[1].tolist() == [128, 255]


def test_monochrome_1_is_shown_inverted():
    one = picture(small(RAMP, WindowCenter="250", WindowWidth="700"))
    other = picture(small(RAMP, WindowCenter="250", WindowWidth="700", PhotometricInterpretation="MONOCHROME1"))
    assert (one.astype(int) + other == 255).all()


def test_rescaling_comes_before_the_window():
    ds = small(RAMP, RescaleSlope="2", RescaleIntercept="-1000", WindowCenter="0", WindowWidth="10")
    assert picture(ds).tolist() == [[0, 0, 0, 0], [0, 0, 128 + 14, 255]]


def test_palette_colours_are_those_of_the_tables():
    ds = dcmread(get_testdata_file("examples_palette.dcm"))
    shown = picture(ds)
    red = np.frombuffer(ds.RedPaletteColorLookupTableData, "<u2")
    assert shown.shape == (*ds.pixel_array.shape, 3)
    assert np.array_equal(shown[..., 0], (red[ds.pixel_array] >> 8).astype(np.uint8))


def test_colour_of_ultrasound_is_right():
    ds = dcmread(get_testdata_file("examples_ybr_color.dcm"))
    from pydicom.pixels import pixel_array

    expected = pixel_array(ds, index=0)
    assert np.abs(picture(ds).astype(int) - expected).max() <= 1


def test_every_frame_is_given_with_its_index():
    ds = dcmread(get_testdata_file("examples_ybr_color.dcm"))
    assert [index for index, _ in pictures(ds, View())] == list(range(30))
    assert [index for index, _ in pictures(ds, View(), [3, 7])] == [3, 7]


def test_overlays_are_drawn_only_when_asked():
    ds = dcmread(get_testdata_file("examples_overlay.dcm"))
    plane = overlays(ds)[0]
    plain, drawn = picture(ds), picture(ds, View(overlays=True))
    where = np.zeros(plain.shape, bool)
    where[: plane.bits.shape[1], : plane.bits.shape[2]] = plane.bits[0][: plain.shape[0], : plain.shape[1]]
    assert plane.bits.any()
    assert (drawn[where] == 255).all()
    assert np.array_equal(drawn[~where], plain[~where])


def test_an_overlay_that_is_added_is_drawn_and_can_be_taken_away():
    ds = small(RAMP)
    mask = np.zeros((2, 4), np.uint8)
    mask[1, 2] = 255
    buffer = io.BytesIO()
    Image.fromarray(mask).save(buffer, "PNG")
    marked = with_overlay(ds, buffer.getvalue(), "ROI")
    back = dcmread(io.BytesIO(encoded(marked)))
    assert overlays(back)[0].bits[0].astype(int).tolist() == [[0, 0, 0, 0], [0, 0, 1, 0]]
    assert overlays(without_overlays(back)) == []
    assert overlays(without_overlays(back, 0x6000)) == []
    with pytest.raises(ConfigurationError, match="overlay-absent"):
        without_overlays(back, 0x6002)


def with_embedded(signed: int = 0) -> Dataset:
    """12 bits in 16, with one plane in bit 15, another in bit 13."""
    about = {"BitsStored": 12, "HighBit": 11, "PixelRepresentation": signed, "SmallestImagePixelValue": None}
    ds = small([[0, 1, 2, 3], [4, 5, -6 if signed else 6, 7]], **about)
    values = np.frombuffer(ds.PixelData, "<u2").reshape(2, 4) & 0x0FFF
    values[0, 1] |= 0x8000
    values[1, 0] |= 0x2000
    ds.PixelData = values.tobytes()
    for group, bit in ((0x6000, 15), (0x6002, 13)):
        ds.add_new((group, 0x0010), "US", 2)
        ds.add_new((group, 0x0011), "US", 4)
        ds.add_new((group, 0x0040), "CS", "G")
        ds.add_new((group, 0x0050), "SS", [1, 1])
        ds.add_new((group, 0x0100), "US", 16)
        ds.add_new((group, 0x0102), "US", bit)
    return ds


@pytest.mark.parametrize("signed", [0, 1])
def test_a_plane_in_unused_bits_goes_with_its_bits_and_no_other_does(signed):
    ds = with_embedded(signed)
    made = without_overlays(ds, 0x6000)
    cells = np.frombuffer(made.PixelData, "<u2").reshape(2, 4)
    assert not cells[0, 1] & 0x8000 and cells[1, 0] & 0x2000
    assert [plane.group for plane in overlays(made)] == [0x6002]
    assert np.array_equal(cells & 0x0FFF, np.frombuffer(ds.PixelData, "<u2").reshape(2, 4) & 0x0FFF)
    bare = np.frombuffer(without_overlays(ds).PixelData, "<u2")
    assert not (bare[[1, 4]] & 0xF000).any()


def test_a_plane_in_unused_bits_is_drawn():
    first, second = overlays(with_embedded())
    assert np.argwhere(first.bits[0]).tolist() == [[0, 1]] and np.argwhere(second.bits[0]).tolist() == [[1, 0]]
    assert picture(with_embedded(), View(center=100, width=10, overlays=True)).tolist() == [
        [0, 255, 0, 0],
        [255, 0, 0, 0],
    ]


def test_a_plane_in_bits_of_compressed_pixels_is_neither_removed_nor_left_out_in_silence():
    ds = with_embedded()
    ds.compress(RLELossless)
    for ask in (lambda: without_overlays(ds, 0x6000), lambda: without_overlays(ds), lambda: overlays(ds)):
        with pytest.raises(ConfigurationError, match="overlay-in-compressed-pixels"):
            ask()


def test_a_group_that_holds_no_overlay_is_left_alone():
    with pytest.raises(ConfigurationError, match="overlay-absent"):
        without_overlays(small(RAMP), 0x0010)


def test_a_picture_of_another_size_is_no_overlay():
    buffer = io.BytesIO()
    Image.fromarray(np.zeros((3, 3), np.uint8)).save(buffer, "PNG")
    with pytest.raises(ConfigurationError, match="overlay-size"):
        with_overlay(small(RAMP), buffer.getvalue())


def test_without_pixels_there_is_no_picture():
    ds = ct(rows=8)
    del ds.PixelData
    with pytest.raises(CannotDeidentify, match="pixel-data-absent"):
        list(pictures(ds, View()))


@pytest.mark.parametrize("form", ["png", "jpeg"])
def test_files_have_the_pixels_and_nothing_else(form):
    shown = picture(small(np.arange(64 * 64).reshape(64, 64) // 4, WindowCenter="500", WindowWidth="1000"))
    content = picture_file(shown, form)
    image = Image.open(io.BytesIO(content))
    assert np.abs(np.asarray(image).astype(int) - shown).max() <= (0 if form == "png" else 6)
    assert "exif" not in image.info and "comment" not in image.info and not getattr(image, "text", {})


def test_a_contact_sheet_shows_every_picture_in_reading_order():
    tiles = [np.full((20, 30), value, np.uint8) for value in (50, 100, 150, 200, 250)]
    sheet = contact_sheet(tiles, columns=3, tile=32)
    assert sheet.shape == (64, 96, 3)
    centres = [int(sheet[16 + 32 * (n // 3), 16 + 32 * (n % 3), 0]) for n in range(5)]
    assert centres == [50, 100, 150, 200, 250]


@pytest.mark.parametrize(
    "name",
    [
        "ExplVR_BigEnd.dcm",
        "MR_small_bigendian.dcm",
        "CT_small.dcm",
        "MR_small_RLE.dcm",
        "examples_ybr_color.dcm",
        "SC_rgb_small_odd.dcm",
        "liver_1frame.dcm",
    ],
)
def test_a_crop_has_the_pixels_of_its_rectangle(name):
    from pydicom.pixels import pixel_array

    ds = dcmread(get_testdata_file(name))
    rows, columns = (1, 3), (0, 2)
    if ds.Rows > 20:
        rows, columns = (10, 50), (20, 60)
    made = cropped(ds, Box(*rows, *columns))
    buffer = io.BytesIO()
    made.save_as(buffer, enforce_file_format=True)
    back = dcmread(io.BytesIO(buffer.getvalue()))
    before, after = pixel_array(ds, raw=True), pixel_array(back, raw=True)
    if ds.get("PhotometricInterpretation") == "YBR_FULL_422":
        assert after.shape[-3:-1] == (40, 40)
        return
    index = (slice(*rows), slice(*columns))
    if ds.get("NumberOfFrames", 1) not in (None, 1):
        index = (slice(None), *index)
    assert np.array_equal(after, before[index])


def test_a_crop_keeps_its_place_in_the_patient():
    ds = small(np.arange(64).reshape(8, 8), ImagePositionPatient=["-10", "-20", "5"], PixelSpacing=["2", "3"])
    made = cropped(ds, Box(1, 4, 2, 8))
    assert [float(value) for value in made.ImagePositionPatient] == [-10 + 3 * 2, -20 + 2 * 1, 5]


def test_a_rectangle_outside_is_refused():
    with pytest.raises(ConfigurationError, match="box-outside-picture"):
        cropped(small(RAMP), Box(0, 3, 0, 2))


def group(**macros) -> Dataset:
    """An item of functional groups: ``PlanePosition={...}`` becomes Plane Position Sequence with one item."""
    made = Dataset()
    for macro, values in macros.items():
        item = Dataset()
        for keyword, value in values.items():
            setattr(item, keyword, value)
        setattr(made, f"{macro}Sequence", [item])
    return made


def enhanced(shared: Dataset, *of_frames: Dataset) -> Dataset:
    ds = small(np.stack([np.arange(8).reshape(2, 4)] * len(of_frames)), NumberOfFrames=len(of_frames))
    for keyword in (
        "RescaleSlope",
        "RescaleIntercept",
        "WindowCenter",
        "WindowWidth",
        "PixelSpacing",
        "ImageOrientationPatient",
        "ImagePositionPatient",
    ):
        del ds[keyword]
    ds.SharedFunctionalGroupsSequence = [shared]
    ds.PerFrameFunctionalGroupsSequence = list(of_frames)
    return ds


def test_transformations_of_functional_groups_are_applied_and_those_of_a_frame_come_first():
    value = {"RescaleSlope": "10", "RescaleIntercept": "-40"}
    shared = group(PixelValueTransformation=value, FrameVOILUT={"WindowCenter": "0.5", "WindowWidth": "1"})
    own = group(FrameVOILUT={"WindowCenter": "20", "WindowWidth": "1"})
    first, second = (shown for _, shown in pictures(enhanced(shared, group(), own), View()))
    assert first.ravel().tolist() == [0, 0, 0, 0, 0, 255, 255, 255]
    assert second.ravel().tolist() == [0, 0, 0, 0, 0, 0, 255, 255]


MEASURES, DIRECTION = {"PixelSpacing": ["2", "3"]}, {"ImageOrientationPatient": ["1", "0", "0", "0", "1", "0"]}


@pytest.mark.parametrize("measured", ["shared", "frame"])
def test_a_crop_moves_a_position_that_all_frames_share(measured):
    macros = {"PixelMeasures": MEASURES, "PlaneOrientation": DIRECTION}
    place = group(PlanePosition={"ImagePositionPatient": ["-10", "-20", "5"]})
    own = group(**macros)
    if measured == "shared":
        place.update(own)
        own = Dataset()
    made = cropped(enhanced(place, own, own), Box(1, 2, 2, 4))
    position = made.SharedFunctionalGroupsSequence[0].PlanePositionSequence[0].ImagePositionPatient
    assert [float(value) for value in position] == [-10 + 3 * 2, -20 + 2 * 1, 5]


def test_a_crop_moves_the_position_of_every_detector():
    ds = small(np.arange(64).reshape(8, 8), PixelSpacing=["2", "3"])
    del ds.ImagePositionPatient, ds.ImageOrientationPatient
    ds.DetectorInformationSequence = [Dataset(), Dataset()]
    for detector in ds.DetectorInformationSequence:
        detector.ImageOrientationPatient = DIRECTION["ImageOrientationPatient"]
        detector.ImagePositionPatient = ["-10", "-20", "5"]
    made = cropped(ds, Box(1, 4, 2, 8))
    for detector in made.DetectorInformationSequence:
        assert [float(value) for value in detector.ImagePositionPatient] == [-4, -18, 5]


def test_a_crop_keeps_no_shutter_that_counts_in_the_old_pixels():
    ds = small(np.arange(64).reshape(8, 8), ShutterShape="RECTANGULAR", ShutterLeftVerticalEdge=2)
    ds.PerFrameFunctionalGroupsSequence = [group(FrameDisplayShutter={"ShutterLeftVerticalEdge": 2})]
    made = cropped(ds, Box(1, 4, 2, 8))
    assert "Shutter" not in str(made)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("ORIGINAL", ["DERIVED", "PRIMARY"]),
        (["ORIGINAL", "SECONDARY"], ["DERIVED", "SECONDARY"]),
        (None, ["DERIVED", "PRIMARY"]),
    ],
)
def test_a_crop_is_derived_and_the_other_values_of_image_type_stay(before, after):
    assert list(cropped(small(RAMP, ImageType=before), Box(0, 1, 0, 2)).ImageType) == after
