# SPDX-License-Identifier: Apache-2.0
"""A header can raise the risk of burned-in text and never lower it."""

from __future__ import annotations

import pytest
from pydicom import Dataset

from deidgate.pixels.risk import RiskLevel, risk

CT = "1.2.840.10008.5.1.4.1.1.2"
US = "1.2.840.10008.5.1.4.1.1.6.1"
SC = "1.2.840.10008.5.1.4.1.1.7"
SLIDE = "1.2.840.10008.5.1.4.1.1.77.1.6"
DX = "1.2.840.10008.5.1.4.1.1.1.1"
SEG = "1.2.840.10008.5.1.4.1.1.66.4"


def image(sop_class: str = CT, **attributes: object) -> Dataset:
    ds = Dataset()
    ds.SOPClassUID, ds.Rows, ds.Columns, ds.Manufacturer, ds.PixelData = sop_class, 4, 4, "Acme", bytes(32)
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    return ds


def test_an_object_without_pixels_has_no_risk() -> None:
    assert risk(Dataset()).level is RiskLevel.NONE


def test_a_scanner_s_original_is_low() -> None:
    assert risk(image()).level is RiskLevel.LOW


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"sop_class": SC}, "secondary-capture"),
        ({"BurnedInAnnotation": "YES"}, "burned-in-annotation-yes"),
        ({"RecognizableVisualFeatures": "YES"}, "recognizable-visual-features-yes"),
        ({"ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"]}, "screen-capture"),
        ({"ImageType": ["DERIVED", "SECONDARY", "DOSE"]}, "dose-report"),
        ({"sop_class": SLIDE, "ImageType": ["ORIGINAL", "PRIMARY", "LABEL", "NONE"]}, "slide-label"),
        ({"sop_class": SLIDE, "ImageType": ["DERIVED", "PRIMARY", "OVERVIEW", "NONE"]}, "slide-overview"),
        ({"Modality": "DOC"}, "document"),
        ({"ConversionType": "SD"}, "converted"),
        ({"Manufacturer": "VIDAR Systems"}, "capturing-device"),
        ({"PixelDataProviderURL": "https://example.org/x"}, "pixel-data-elsewhere"),
    ],
)
def test_what_is_known_to_carry_text_is_high(changes: dict[str, object], reason: str) -> None:
    found = risk(image(**changes))  # type: ignore[arg-type]
    assert found.level is RiskLevel.HIGH
    assert reason in found.reasons


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"sop_class": US}, "ultrasound"),
        ({"sop_class": DX}, "projection"),
        ({"ImageType": ["DERIVED", "PRIMARY", "MPR"]}, "derived"),
        ({"Manufacturer": ""}, "no-manufacturer"),
        ({"SamplesPerPixel": 3}, "colour"),
        ({"sop_class": "1.2.840.10008.5.1.4.1.1.77.1.5.1"}, "visible-light"),
    ],
)
def test_what_often_carries_text_is_reviewed(changes: dict[str, object], reason: str) -> None:
    found = risk(image(**changes))  # type: ignore[arg-type]
    assert found.level is RiskLevel.REVIEW
    assert reason in found.reasons


@pytest.mark.parametrize("sop_class", [CT, US, SC, DX])
def test_burned_in_annotation_no_lowers_nothing(sop_class: str) -> None:
    assert risk(image(sop_class, BurnedInAnnotation="NO")) == risk(image(sop_class))


def test_a_segmentation_is_sampled_like_an_original() -> None:
    assert risk(image(SEG, ImageType=["DERIVED", "PRIMARY"])).level is RiskLevel.LOW


def test_a_reason_never_holds_a_value() -> None:
    found = risk(image(SC, Manufacturer="VIDAR of JANE DOE", Modality="OT", ImageType=["DOE", "JANE", "DOSE"]))
    assert not any("DOE" in reason.upper().replace("DOSE", "") or "JANE" in reason.upper() for reason in found.reasons)
