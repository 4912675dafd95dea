# SPDX-License-Identifier: Apache-2.0
"""Text is found on every kind of picture, whole, and pictures without text are left alone."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image, ImageDraw, ImageFont
from pydicom import Dataset
from tests.data.burned_in import BACKGROUNDS, Picture, dataset, picture

from deidgate.errors import ConfigurationError
from deidgate.pixels.clean import PixelStatus, assess, blanked
from deidgate.pixels.frames import Frame
from deidgate.pixels.lazy import LazyPixels
from deidgate.pixels.model import TextModel, load
from deidgate.pixels.sampling import SeriesMemory
from deidgate.pixels.text import find_text, tiles
from deidgate.plan.model import PixelPlan


@pytest.fixture(scope="module")
def model() -> TextModel:
    return load(threads=1)


def hidden(made: Picture, model: TextModel) -> Iterator[tuple[str, float]]:
    """Each text with the share of its strokes that is masked."""
    found = find_text(Frame(made.pixels[0], "MONOCHROME2"), Dataset(), model)
    masked = np.zeros(made.pixels.shape[1:3], bool)
    for box in found.boxes:
        masked[box.row_start : box.row_stop, box.column_start : box.column_stop] = True
    for text in made.texts:
        here = masked[text.box.row_start : text.box.row_stop, text.box.column_start : text.box.column_stop]
        yield text.says, float(here[text.ink].mean())


@pytest.mark.parametrize("kind", [kind for kind in BACKGROUNDS if kind != "noise"])
@pytest.mark.parametrize("style", ["maximum", "image-maximum", "outlined", "plate"])
def test_plain_text_is_hidden_whole_on_every_background(model: TextModel, kind: str, style: str) -> None:
    made = picture(np.random.default_rng(11), kind=kind, lines=3, styles=(style,), sizes=(10, 48), turned=0)
    assert made.texts
    assert all(share > 0.95 for _, share in hidden(made, model))


@pytest.mark.parametrize("stored", [8, 10, 16])
def test_text_is_hidden_at_every_depth(model: TextModel, stored: int) -> None:
    made = picture(np.random.default_rng(13), kind="mr", lines=3, styles=("maximum",), sizes=(10, 30), stored=stored)
    assert all(share > 0.95 for _, share in hidden(made, model))


def test_turned_text_is_hidden(model: TextModel) -> None:
    made = picture(np.random.default_rng(12), kind="black", lines=3, styles=("maximum",), sizes=(12, 30), turned=1)
    assert made.texts
    assert all(share > 0.95 for _, share in hidden(made, model))


def test_text_on_a_large_frame_is_hidden_small_and_large(model: TextModel) -> None:
    made = picture(
        np.random.default_rng(15), kind="mg", rows=2048, columns=2500, lines=6, styles=("maximum",), sizes=(12, 100)
    )
    assert len(made.texts) > 3
    assert all(share > 0.95 for _, share in hidden(made, model))


@pytest.mark.parametrize("kind", ["ct", "mr", "nm", "us", "noise", "black"])
def test_a_picture_without_text_is_left_alone(model: TextModel, kind: str) -> None:
    for seed in range(3):
        made = picture(np.random.default_rng(seed), kind=kind, lines=0)
        assert find_text(Frame(made.pixels[0], "MONOCHROME2"), Dataset(), model).boxes == ()


@pytest.mark.parametrize("colour", [(255, 0, 0), (0, 255, 0), (40, 90, 255), (255, 255, 0)])
def test_coloured_text_is_hidden(model: TextModel, colour: tuple[int, int, int]) -> None:
    image = Image.new("RGB", (400, 200), (0, 0, 0))
    ImageDraw.Draw(image).text((60, 80), "DOE^JANE 12.03.1961", fill=colour, font=ImageFont.load_default(18))
    found = find_text(Frame(np.asarray(image), "RGB"), Dataset(), model)
    masked = np.asarray(image).copy()
    for box in found.boxes:
        masked[box.row_start : box.row_stop, box.column_start : box.column_stop] = 0
    assert not masked.any()


def lettered(says: str, size: int = 28) -> Frame:
    image = Image.new("L", (400, 400), 30)
    ImageDraw.Draw(image).text((180, 180), says, fill=255, font=ImageFont.load_default(size))
    return Frame(np.asarray(image)[..., None], "MONOCHROME2")


@pytest.mark.parametrize("says", ["LCC", "RMLO"])
def test_a_lone_marker_of_side_and_view_is_spared(model: TextModel, says: str) -> None:
    found = find_text(lettered(says), Dataset(), model)
    assert found.boxes == ()
    assert found.spared


@pytest.mark.parametrize("says", ["JD", "M 43Y", "1961"])
def test_initials_sex_and_numbers_are_no_markers(model: TextModel, says: str) -> None:
    assert find_text(lettered(says), Dataset(), model).boxes


def test_a_constant_frame_has_no_text(model: TextModel) -> None:
    assert find_text(Frame(np.full((64, 64, 1), 9, np.uint16), "MONOCHROME2"), Dataset(), model).boxes == ()


def test_tiles_cover_every_pixel_and_overlap() -> None:
    for shape in ((100, 100), (1024, 1024), (1300, 5000), (4096, 3328)):
        times = np.zeros(shape, np.uint8)
        for part in tiles(shape):
            times[part] += 1
        assert times.min() >= 1
        assert all(part[0].stop <= shape[0] and part[1].stop <= shape[1] for part in tiles(shape))


def test_multi_frame_colour_is_cleaned_through_the_whole_story(model: TextModel) -> None:
    still = picture(np.random.default_rng(21), kind="us", lines=0, stored=8).pixels
    written = picture(np.random.default_rng(22), kind="black", lines=3, styles=("maximum",), sizes=(14, 24), stored=8)
    stack = np.repeat(np.repeat(np.maximum(still, written.pixels), 3, axis=3), 3, axis=0)
    ds = dataset(Picture(stack, "us", 8), photometric="RGB", sop_class="1.2.840.10008.5.1.4.1.1.3.1")
    outcome = assess(ds, PixelPlan(clean=True), SeriesMemory(), model)
    assert outcome.status is PixelStatus.MASKED
    after = blanked(ds, outcome.boxes).pixel_array
    for text in written.texts:
        region = after[:, text.box.row_start : text.box.row_stop, text.box.column_start : text.box.column_stop]
        assert (region[:, text.ink] == region[:, text.ink][:, :1]).mean() > 0.95


def test_a_missing_extra_is_a_configuration_error_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ConfigurationError, match="text-model-missing"):
        load()


@pytest.mark.shared
def test_every_known_box_of_the_sample_is_hidden_and_nothing_is_held(shared: Path) -> None:
    known = json.loads((shared / "sample" / "needles.json").read_text(encoding="utf-8"))
    pixels, seen = LazyPixels(), 0
    for path in sorted((shared / "sample" / "pseudo-phi").rglob("*.dcm")):
        ds, content = pydicom.dcmread(path), path.read_bytes()
        outcome = pixels.assess(content, PixelPlan(clean=True))
        assert outcome.status is not PixelStatus.UNCERTAIN, path.name
        result = pydicom.dcmread(BytesIO(pixels.mask(content, outcome.boxes)))
        before, after = ds.pixel_array, result.pixel_array
        for text in known[ds.SOPInstanceUID]["burned_in"]:
            left, top, right, bottom = text["bbox"]
            a, b = before[top:bottom, left:right], after[top:bottom, left:right]
            if a.size and a.min() != a.max():
                seen += 1
                assert b.min() == b.max() or (a == b).mean() < 0.5, (path.name, text["bbox"])
    assert seen > 100
