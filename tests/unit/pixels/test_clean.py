# SPDX-License-Identifier: Apache-2.0
"""The story of pixels: what is found is masked, what cannot be judged is held."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from pydicom import Dataset
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag
from tests.data.burned_in import dataset, picture
from tests.unit.pixels.test_mask import made, read

from deidgate.dicom.box import Box
from deidgate.pixels.clean import PixelStatus, assess, blanked
from deidgate.pixels.sampling import SeriesMemory
from deidgate.plan.model import PixelPlan

CT = "1.2.840.10008.5.1.4.1.1.2"
US = "1.2.840.10008.5.1.4.1.1.3.1"
ASKED = PixelPlan(clean=True)


@dataclass
class BrightIsText:
    """A model for tests: pixels of at least `limit` are text; it counts how often it is asked."""

    limit: int = 250
    says: str = "DOE JANE"
    asked: int = 0
    shapes: list[tuple[int, ...]] = field(default_factory=list)

    def likelihood(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.asked += 1
        self.shapes.append(picture.shape)
        return (picture >= self.limit).astype(np.float32)

    def read(self, line: NDArray[np.uint8]) -> tuple[str, float]:
        return self.says, 0.99


def scan(rows: int = 96, bright: Box | None = None, frames: int = 1) -> Dataset:
    """A smooth slope without text, or with one block that `BrightIsText` takes for text."""
    pixels = np.broadcast_to(
        np.linspace(0, 200, rows).astype(np.uint8)[None, :, None, None], (frames, rows, rows, 1)
    ).copy()
    pixels[:, 0, 0] = 255  # so that no other value is the brightest, and too small to be text
    if bright is not None:
        index = slice(None) if bright.frame is None else bright.frame
        pixels[index, bright.row_start : bright.row_stop, bright.column_start : bright.column_stop] = 255
    ds = made(pixels, SOPClassUID=CT, Manufacturer="Acme", ImageType=["ORIGINAL", "PRIMARY", "AXIAL"])
    ds.StudyInstanceUID, ds.SeriesInstanceUID = "1.2", "1.2.3"
    return ds


def never() -> SeriesMemory:
    """A sampler that reads no instance in full."""
    return SeriesMemory(first=0, every=10**9)


def test_an_object_without_pixels_is_clean_and_no_model_is_asked() -> None:
    model, ds = BrightIsText(), Dataset()
    outcome = assess(ds, ASKED, SeriesMemory(), model)
    assert (outcome.status, model.asked) == (PixelStatus.CLEAN, 0)


def test_a_plain_scan_is_read_when_it_is_a_sample_and_clean() -> None:
    model = BrightIsText()
    outcome = assess(scan(), ASKED, SeriesMemory(), model)
    assert (outcome.status, outcome.boxes, outcome.checked_frames) == (PixelStatus.CLEAN, (), (0,))
    assert model.asked > 0


def test_a_plain_scan_that_is_no_sample_costs_no_network() -> None:
    model = BrightIsText()
    outcome = assess(scan(), ASKED, never(), model)
    assert (outcome.status, outcome.checked_frames, model.asked) == (PixelStatus.CLEAN, (), 0)


def test_text_is_masked_and_the_rest_is_unchanged() -> None:
    ds = scan(bright=Box(40, 48, 20, 70))
    outcome = assess(ds, ASKED, SeriesMemory(), BrightIsText())
    result = blanked(ds, outcome.boxes)
    assert outcome.status is PixelStatus.MASKED
    assert "text-found" in outcome.reasons
    before, after = ds.pixel_array, result.pixel_array
    assert (after == 255).sum() == 1
    keep = np.ones(before.shape, bool)
    for box in outcome.boxes:
        keep[box.row_start : box.row_stop, box.column_start : box.column_stop] = False
    assert np.array_equal(before[keep], after[keep])
    assert keep.mean() > 0.8


def test_text_on_one_frame_is_masked_on_all_frames() -> None:
    ds = scan(bright=Box(40, 48, 20, 70, frame=2), frames=5)
    outcome = assess(ds, ASKED, SeriesMemory(), BrightIsText())
    result = blanked(ds, outcome.boxes)
    assert outcome.status is PixelStatus.MASKED
    after = result.pixel_array
    box = outcome.boxes[0]
    inside = after[:, box.row_start : box.row_stop, box.column_start : box.column_stop]
    assert all((frame == frame.flat[0]).all() for frame in inside)


def test_text_found_in_a_series_makes_the_rest_be_read() -> None:
    sampler, model = SeriesMemory(first=1, every=10**9), BrightIsText()
    assess(scan(bright=Box(40, 48, 20, 70)), ASKED, sampler, model)
    assert assess(scan(), ASKED, sampler, model).checked_frames == (0,)


def test_certain_boxes_are_masked_when_nothing_is_seen() -> None:
    box = Box(0, 10, 0, 96)
    outcome = assess(scan(), PixelPlan(clean=True, boxes=(box,)), never(), BrightIsText())
    assert (outcome.status, outcome.boxes) == (PixelStatus.MASKED, (box,))
    assert len(np.unique(blanked(scan(), outcome.boxes).pixel_array[:10])) == 1


def test_what_a_certain_box_hides_is_not_looked_at_again() -> None:
    box = Box(38, 50, 18, 72)
    ds = scan(bright=Box(40, 48, 20, 70))
    outcome = assess(ds, PixelPlan(clean=True, boxes=(box,)), SeriesMemory(), BrightIsText())
    assert outcome.boxes == (box,)


def test_declared_text_that_is_not_found_is_held() -> None:
    ds = scan()
    ds.BurnedInAnnotation = "YES"
    outcome = assess(ds, ASKED, SeriesMemory(), BrightIsText())
    assert outcome.status is PixelStatus.UNCERTAIN
    assert outcome.reasons[0] == "declared-text-not-found"


@pytest.mark.parametrize(
    ("keyword", "value", "reason"),
    [
        ("RecognizableVisualFeatures", "YES", "recognizable-visual-features-yes"),
        ("PixelDataProviderURL", "https://example.org", "pixel-data-elsewhere"),
    ],
)
def test_what_no_mask_takes_away_is_held(keyword: str, value: str, reason: str) -> None:
    ds = scan()
    setattr(ds, keyword, value)
    outcome = assess(ds, ASKED, SeriesMemory(), BrightIsText())
    assert outcome.status is PixelStatus.UNCERTAIN
    assert reason in outcome.reasons


def test_a_slide_label_is_held() -> None:
    ds = scan()
    ds.SOPClassUID, ds.ImageType = "1.2.840.10008.5.1.4.1.1.77.1.6", ["ORIGINAL", "PRIMARY", "LABEL", "NONE"]
    assert assess(ds, ASKED, SeriesMemory(), BrightIsText()).status is PixelStatus.UNCERTAIN


def test_a_page_of_text_is_held() -> None:
    ds = scan(bright=Box(0, 96, 0, 96))
    ds.PixelData = bytes(96) * 10 + ds.PixelData[960:]
    outcome = assess(ds, ASKED, SeriesMemory(), BrightIsText(limit=1))
    assert outcome.status is PixelStatus.UNCERTAIN


@pytest.mark.parametrize(
    ("name", "code"),
    [("MR_truncated.dcm", "pixel-data-truncated"), ("badVR.dcm", "pixel-data-description")],
)
def test_pixels_that_cannot_be_judged_are_held_with_the_code(name: str, code: str) -> None:
    outcome = assess(read(name), ASKED, SeriesMemory(), BrightIsText())
    assert outcome.status is PixelStatus.UNCERTAIN
    assert code in outcome.reasons


def test_a_header_that_claims_pixels_it_does_not_have_is_held() -> None:
    ds = scan()
    del ds["PixelData"]
    assert assess(ds, ASKED, SeriesMemory(), BrightIsText()).status is PixelStatus.UNCERTAIN


def test_without_the_option_low_risk_passes_unseen_and_any_other_is_held() -> None:
    model = BrightIsText()
    low = assess(scan(), PixelPlan(clean=False), SeriesMemory(), model)
    ultrasound = scan()
    ultrasound.SOPClassUID = US
    review = assess(ultrasound, PixelPlan(clean=False), SeriesMemory(), model)
    assert (low.status, review.status, model.asked) == (PixelStatus.CLEAN, PixelStatus.UNCERTAIN, 0)
    assert "not-looked-at" in low.reasons


def test_a_model_that_always_finds_more_ends_in_a_hold() -> None:
    class Restless(BrightIsText):
        def likelihood(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
            self.asked += 1
            found = np.zeros(picture.shape, np.float32)
            at = 30 + 17 * (self.asked % 5)
            found[at : at + 6, 30 + self.asked : 90 + self.asked] = 1
            return found

    outcome = assess(scan(rows=256), ASKED, SeriesMemory(), Restless())
    assert outcome.status is PixelStatus.UNCERTAIN
    assert outcome.reasons[0] == "text-after-masking"


def test_the_cheap_test_sends_a_later_instance_to_be_read() -> None:
    written = picture(np.random.default_rng(4), kind="ct", lines=3, styles=("maximum",), sizes=(16, 30), stored=8)
    ds = dataset(written)
    ds.Manufacturer, ds.ImageType = "Acme", ["ORIGINAL", "PRIMARY", "AXIAL"]
    model = BrightIsText()
    assert assess(ds, ASKED, never(), model).checked_frames == (0,)


def test_frames_of_a_stack_are_read_only_where_more_is_suspected_than_was_explained() -> None:
    still = picture(np.random.default_rng(6), kind="us", lines=0, stored=8).pixels
    stack = np.repeat(still, 6, axis=0)
    ds = made(stack, SOPClassUID=US, Manufacturer="Acme", ImageType=["ORIGINAL", "PRIMARY"])
    outcome = assess(ds, ASKED, SeriesMemory(), BrightIsText(limit=300))
    assert outcome.checked_frames == (0, 3, 5)


def pages(*lines: str, fill: int = 255) -> NDArray[np.uint8]:
    """A frame per argument: dark, with that text in it, each further down than the one before."""
    frames = []
    for number, text in enumerate(lines):
        page = Image.new("L", (300, 320), 20)
        ImageDraw.Draw(page).text((10, 10 + 40 * number), text, fill=fill, font=ImageFont.load_default(16))
        frames.append(np.asarray(page))
    return np.stack(frames)[..., None]


def test_text_that_was_read_and_masked_explains_no_other_text_on_another_frame() -> None:
    stack = pages("LIVER LENGTH 12.4 CM\nRIGHT KIDNEY 10.1 CM", "DOE JANE 03.05.1961", "", "", "", "", "")
    ds = made(stack, SOPClassUID=US, Manufacturer="Acme", ImageType=["ORIGINAL", "PRIMARY"])
    outcome = assess(ds, ASKED, SeriesMemory(), BrightIsText())
    assert outcome.checked_frames == (0, 1, 3, 6)
    assert any(box.row_start < 60 < box.row_stop for box in outcome.boxes)


def test_faint_text_on_one_frame_is_read_where_no_frame_that_was_read_has_any() -> None:
    stack = pages("", "DOE JANE 03.05.1961", "", "", "", "", "", fill=44)
    # The picture has more to show than the text, so that it is not taken for the brightest there is.
    stack[:, 280:310] = np.linspace(0, 255, 300).astype(np.uint8)[:, None]
    ds = made(stack, SOPClassUID=US, Manufacturer="Acme", ImageType=["ORIGINAL", "PRIMARY"])
    assert assess(ds, ASKED, SeriesMemory(), BrightIsText()).checked_frames == (0, 1, 3, 6)


def test_many_faint_letters_in_every_frame_hide_no_plain_name_in_one() -> None:
    # As noise has them: more of them where the name is not.
    faint = pages(*["xo ox oxx xoxo ox\n" * 6] * 7, fill=45)
    faint[1, 120:] = 20
    (name,) = pages("DOE JANE 03.05.1961")
    faint[1] = np.maximum(faint[1], name)
    ds = made(faint, SOPClassUID=US, Manufacturer="Acme", ImageType=["ORIGINAL", "PRIMARY"])
    assert assess(ds, ASKED, SeriesMemory(), BrightIsText()).checked_frames == (0, 1, 3, 6)


def test_a_header_that_cannot_be_read_is_held() -> None:
    ds = scan()
    ds["Rows"] = RawDataElement(Tag("Rows"), "US", 3, b"\1\2\3", 0, False, True)
    outcome = assess(ds, ASKED, SeriesMemory(), BrightIsText())
    assert outcome.status is PixelStatus.UNCERTAIN


def test_floating_point_pixels_with_values_that_are_no_numbers_are_judged() -> None:
    values = np.linspace(0, 1, 96 * 96, dtype=np.float32).reshape(96, 96)
    values[0, :5] = np.nan
    values[40:48, 20:70] = values[95, 95] = 2
    ds = scan()
    del ds["PixelData"], ds["BitsStored"], ds["HighBit"], ds["PixelRepresentation"]
    ds.BitsAllocated = 32
    ds.add_new("FloatPixelData", "OF", values.tobytes())
    assert assess(ds, ASKED, SeriesMemory(), BrightIsText()).status is PixelStatus.MASKED
