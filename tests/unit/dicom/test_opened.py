# SPDX-License-Identifier: Apache-2.0
"""A dataset upon its file is the dataset that a reader gives, without a copy of its pixels."""

from io import BytesIO

import pytest
from pydicom import dcmread
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)
from tests.data.instances import dataset, file_bytes

from deidgate.dicom.box import Box
from deidgate.dicom.opened import opened
from deidgate.pixels.clean import blanked
from deidgate.pixels.description import describe
from deidgate.pixels.frames import frames

NATIVE = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian)
SIDE = 16
KINDS = {
    "16 bits": {"PixelData": bytes(range(256)) * 2},
    "12 bits": {"BitsStored": 12, "HighBit": 11, "PixelData": bytes(n & (0x0F if n % 2 else 0xFF) for n in range(512))},
    "unused bits filled": {"BitsStored": 12, "HighBit": 11, "PixelData": b"\xff\xff" * 256},
    "8 bits, two frames": {
        "BitsAllocated": 8,
        "BitsStored": 8,
        "HighBit": 7,
        "NumberOfFrames": 2,
        "PixelData": bytes(range(256)) * 2,
    },
    "single bits": {
        "BitsAllocated": 1,
        "BitsStored": 1,
        "HighBit": 0,
        "NumberOfFrames": 16,
        "PixelData": b"\x5a\xf0" * 256,
    },
    "colour": {
        "SamplesPerPixel": 3,
        "PlanarConfiguration": 0,
        "PhotometricInterpretation": "RGB",
        "BitsAllocated": 8,
        "BitsStored": 8,
        "HighBit": 7,
        "PixelData": bytes(range(256)) * 3,
    },
}


def a_file(syntax, **keywords):
    return file_bytes(dataset(**{"Rows": SIDE, "Columns": SIDE, **KINDS["16 bits"], **keywords}), syntax)


def compressed():
    made = dcmread(BytesIO(a_file(ExplicitVRLittleEndian)))
    made.compress(RLELossless, generate_instance_uid=False)
    target = BytesIO()
    made.save_as(target, enforce_file_format=True)
    return target.getvalue()


def written(made):
    target = BytesIO()
    made.save_as(target, enforce_file_format=True)
    return target.getvalue()


@pytest.mark.parametrize("syntax", NATIVE)
def test_native_pixels_are_a_part_of_the_file(syntax):
    data = a_file(syntax)
    value = opened(data, 100).PixelData
    assert value.obj is data
    assert bytes(value) == dcmread(BytesIO(data)).PixelData


@pytest.mark.parametrize("data", [compressed(), a_file(DeflatedExplicitVRLittleEndian)], ids=["compressed", "deflated"])
def test_pixels_that_are_not_in_the_file_as_they_are_are_read(data):
    assert opened(data, 100).PixelData == dcmread(BytesIO(data)).PixelData


def test_a_file_that_is_not_large_is_read():
    assert isinstance(opened(a_file(ExplicitVRLittleEndian)).PixelData, bytes)


def test_another_large_value_is_read_as_what_it_is():
    data = a_file(ExplicitVRLittleEndian, ImageComments="x" * 2000)
    assert opened(data, 100).ImageComments == "x" * 2000


@pytest.mark.parametrize("syntax", NATIVE)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("boxes", [(), (Box(2, 5, 3, 9),)], ids=["whole", "masked"])
def test_what_is_made_of_it_is_the_same_to_the_byte(syntax, kind, boxes):
    data = a_file(syntax, **KINDS[kind])
    one, other = dcmread(BytesIO(data)), opened(data, 200)
    assert isinstance(other.PixelData, memoryview)
    for (_, a), (_, b) in zip(frames(one, describe(one)), frames(other, describe(other)), strict=True):
        assert (a.values == b.values).all()
    assert written(blanked(other, boxes)) == written(blanked(one, boxes))
