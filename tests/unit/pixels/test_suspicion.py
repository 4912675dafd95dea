# SPDX-License-Identifier: Apache-2.0
"""The cheap test suspects text of every kind, and not a plain scan."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom import Dataset
from tests.data.burned_in import BACKGROUNDS, STYLES, dataset, picture
from tests.unit.pixels.test_mask import read

from deidgate.pixels.frames import Frame
from deidgate.pixels.suspicion import suspect


@pytest.mark.parametrize("kind", BACKGROUNDS)
@pytest.mark.parametrize("style", STYLES)
def test_text_of_every_style_on_every_background_is_suspected(kind: str, style: str) -> None:
    made = picture(np.random.default_rng(3), kind=kind, lines=3, styles=(style,), sizes=(12, 30))
    if made.texts:  # black on black is no text
        assert suspect(Frame(made.pixels[0], "MONOCHROME2"), dataset(made)).suspected


@pytest.mark.parametrize("stored", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_text_is_suspected_at_every_depth_and_polarity(stored: int, photometric: str) -> None:
    made = picture(np.random.default_rng(5), kind="ct", lines=3, styles=("maximum",), stored=stored)
    pixels = made.pixels[0] if photometric == "MONOCHROME2" else ((1 << stored) - 1 - made.pixels[0])
    assert suspect(Frame(pixels, photometric), dataset(made)).suspected


def test_signed_values_are_suspected_alike() -> None:
    made = picture(np.random.default_rng(5), kind="ct", lines=3, styles=("maximum",))
    signed = made.pixels[0].astype(np.int16) - 2048
    assert suspect(Frame(signed, "MONOCHROME2"), dataset(made)).suspected


@pytest.mark.parametrize("channel", [0, 1, 2])
def test_text_of_one_colour_is_suspected(channel: int) -> None:
    made = picture(np.random.default_rng(7), kind="us", lines=0, stored=8)
    written = picture(np.random.default_rng(7), kind="black", lines=4, styles=("maximum",), stored=8)
    colour = np.repeat(made.pixels[0] // 4, 3, axis=2)
    colour[..., channel] = np.maximum(colour[..., channel], written.pixels[0, ..., 0])
    assert suspect(Frame(colour, "RGB"), Dataset()).suspected


def test_text_in_a_palette_is_suspected() -> None:
    ds = read("examples_palette.dcm")
    assert suspect(Frame(ds.pixel_array[..., None], "PALETTE COLOR"), ds).suspected


@pytest.mark.parametrize("name", ["CT_small.dcm", "693_J2KI.dcm", "J2K_pixelrep_mismatch.dcm", "JPEG2000.dcm"])
def test_a_plain_scan_is_not_suspected(name: str) -> None:
    ds = read(name)
    assert not suspect(Frame(ds.pixel_array[..., None], "MONOCHROME2"), ds).suspected


@pytest.mark.parametrize("value", [0, 7, 4095])
def test_a_constant_frame_shows_nothing(value: int) -> None:
    assert not suspect(Frame(np.full((64, 64, 1), value, np.uint16), "MONOCHROME2"), Dataset()).suspected
