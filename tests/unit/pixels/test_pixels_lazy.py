# SPDX-License-Identifier: Apache-2.0
"""The pixel step of a worker: what comes from outside is decoded by another process."""

import shutil
from pathlib import Path

import pytest
from pydicom.data import get_testdata_file

from deidgate.dicom.box import Box
from deidgate.errors import CannotDeidentify
from deidgate.pixels.clean import PixelStatus
from deidgate.pixels.guard import GuardedDecoder
from deidgate.pixels.lazy import LazyPixels
from deidgate.plan.model import PixelPlan

BOX = Box(0, 8, 0, 8)
COMPRESSED = ("693_J2KI.dcm", "JPGExtended.dcm", "MR_small_RLE.dcm")


@pytest.fixture
def broken() -> LazyPixels:
    """Its decoder's process ends at once, as by an abort in a decoder."""
    return LazyPixels(GuardedDecoder(python=shutil.which("false") or "/bin/false"))


def content(name: str) -> bytes:
    return Path(get_testdata_file(name, download=False)).read_bytes()


@pytest.mark.parametrize("name", COMPRESSED)
def test_a_picture_that_ends_its_decoder_is_uncertain_and_the_worker_lives(broken, name):
    outcome = broken.assess(content(name), PixelPlan(clean=True, boxes=(BOX,)))
    assert outcome.status is PixelStatus.UNCERTAIN
    assert "pixel-data-decoder-crash" in outcome.reasons


@pytest.mark.parametrize("name", COMPRESSED)
def test_masking_a_picture_that_ends_its_decoder_refuses_that_one(broken, name):
    with pytest.raises(CannotDeidentify, match="pixel-data-decoder-crash"):
        broken.mask(content(name), (BOX,))


def test_pictures_that_are_not_compressed_need_no_decoder(broken):
    outcome = broken.assess(content("CT_small.dcm"), PixelPlan(clean=True, boxes=(BOX,)))
    assert outcome.boxes
    assert broken.mask(content("CT_small.dcm"), outcome.boxes) != content("CT_small.dcm")
