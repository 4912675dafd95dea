# SPDX-License-Identifier: Apache-2.0
"""How likely it is that the pixels of an object carry identifying text, by its header alone.

The header can only raise the risk. Burned In Annotation NO lowers nothing: devices that burn text in write it by
default, and the attribute is absent where text was burned in later by a workstation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from pydicom import Dataset
from pydicom.multival import MultiValue

from deidgate.pixels.description import PIXEL_KEYWORDS


class RiskLevel(StrEnum):
    """What the header says about burned-in text, in rising order."""

    NONE = "none"
    """No pixels that a person could read."""

    LOW = "low"
    """Images as acquired by a scanner: read samples of a series, and what the cheap test suspects."""

    REVIEW = "review"
    """Kinds that often carry text: read every instance."""

    HIGH = "high"
    """Screen captures, scans, labels, declared text: read every frame."""


@dataclass(frozen=True, slots=True)
class Risk:
    """A level with its reasons.

    Attributes
    ----------
    level : RiskLevel
    reasons : tuple of str
        Stable codes such as ``secondary-capture``; never a value of the dataset.
    """

    level: RiskLevel
    reasons: tuple[str, ...]


DECLARED = "burned-in-annotation-yes"
RECOGNIZABLE = "recognizable-visual-features-yes"
LABEL = "slide-label"
REMOTE = "pixel-data-elsewhere"

_HIGH_CLASSES = {
    "1.2.840.10008.5.1.4.1.1.7": "secondary-capture",
    "1.2.840.10008.5.1.4.1.1.7.1": "secondary-capture",
    "1.2.840.10008.5.1.4.1.1.7.2": "secondary-capture",
    "1.2.840.10008.5.1.4.1.1.7.3": "secondary-capture",
    "1.2.840.10008.5.1.4.1.1.7.4": "secondary-capture",
    "1.2.840.10008.5.1.4.1.1.77.1.4": "photograph",
    "1.2.840.10008.5.1.4.1.1.77.1.4.1": "photograph",
    "1.2.840.10008.5.1.4.1.1.77.1.1.1": "video",
    "1.2.840.10008.5.1.4.1.1.77.1.2.1": "video",
}
"""Secondary Capture and its multi-frame forms, VL Photographic, VL Video (PS3.4 B.5)."""

_REVIEW_CLASSES = {
    "1.2.840.10008.5.1.4.1.1.3.1": "ultrasound",
    "1.2.840.10008.5.1.4.1.1.6.1": "ultrasound",
    "1.2.840.10008.5.1.4.1.1.6.2": "ultrasound",
    "1.2.840.10008.5.1.4.1.1.3": "ultrasound",
    "1.2.840.10008.5.1.4.1.1.6": "ultrasound",
    "1.2.840.10008.5.1.4.1.1.1": "projection",
    "1.2.840.10008.5.1.4.1.1.1.1": "projection",
    "1.2.840.10008.5.1.4.1.1.1.1.1": "projection",
    "1.2.840.10008.5.1.4.1.1.1.3": "projection",
    "1.2.840.10008.5.1.4.1.1.1.3.1": "projection",
    "1.2.840.10008.5.1.4.1.1.12.2": "projection",
    "1.2.840.10008.5.1.4.1.1.12.2.1": "projection",
    "1.2.840.10008.5.1.4.1.1.20": "nuclear-medicine",
}
_REVIEW_FAMILIES = {
    "1.2.840.10008.5.1.4.1.1.77.": "visible-light",
    "1.2.840.10008.5.1.4.1.1.14.": "intravascular",
}
_SLIDE = "1.2.840.10008.5.1.4.1.1.77.1.6"

_NO_PICTURE = {
    "1.2.840.10008.5.1.4.1.1.66.4": "segmentation",
    "1.2.840.10008.5.1.4.1.1.66.7": "segmentation",
    "1.2.840.10008.5.1.4.1.1.481.2": "dose",
    "1.2.840.10008.5.1.4.1.1.30": "parametric-map",
}
"""Pixels that software computes from an image; they are sampled like LOW."""

_HIGH_IMAGE_TYPES = {
    "SCREEN SAVE": "screen-capture",
    "SCREENSAVE": "screen-capture",
    "DOSE": "dose-report",
    "DOSE_INFO": "dose-report",
    "DOSE REPORT": "dose-report",
    "PATIENT PROTOCOL": "dose-report",
    "REPORT": "report",
    "SCANNED": "scan",
}
_HIGH_MODALITIES = {"DOC": "document", "OT": "other-modality", "SC": "secondary-capture", "XC": "photograph"}
_REVIEW_MODALITIES = {"US": "ultrasound", "IVUS": "intravascular", "RG": "projection", "DG": "projection"}

_HIGH_MAKERS = ("vidar", "medrad", "vital images", "vitrea", "terarecon", "pacsgear", "merge healthcare", "dicom box")
"""Makers of film digitizers, injectors, workstations and capture boxes: they send pictures of other pictures."""


def risk(dataset: Dataset) -> Risk:
    """The risk class of `dataset` by SOP Class, Modality, Image Type, Burned In Annotation and manufacturer.

    Sources: PS3.3 C.7.6.1.1.2 (Image Type), C.7.6.1 (Burned In Annotation, Recognizable Visual Features), C.8.6.1
    (Conversion Type), C.8.12.4 (slide Image Type); PS3.15 E.3.1.
    """
    if "PixelDataProviderURL" in dataset:
        return Risk(RiskLevel.HIGH, (REMOTE,))
    if not any(keyword in dataset for keyword in PIXEL_KEYWORDS) and "Rows" not in dataset:
        return Risk(RiskLevel.NONE, ())
    high = tuple(dict.fromkeys(_high(dataset)))
    if high:
        return Risk(RiskLevel.HIGH, high)
    review = tuple(dict.fromkeys(_review(dataset)))
    if review:
        return Risk(RiskLevel.REVIEW, review)
    return Risk(RiskLevel.LOW, ())


def _high(dataset: Dataset) -> Iterator[str]:
    if _value(dataset, "BurnedInAnnotation") == "YES":
        yield DECLARED
    if _value(dataset, "RecognizableVisualFeatures") == "YES":
        yield RECOGNIZABLE
    sop_class, types = _value(dataset, "SOPClassUID"), _values(dataset, "ImageType")
    if sop_class in _HIGH_CLASSES:
        yield _HIGH_CLASSES[sop_class]
    if "LABEL" in types and sop_class.startswith(_SLIDE):
        yield LABEL
    if "OVERVIEW" in types and sop_class.startswith(_SLIDE):
        yield "slide-overview"
    for value in types:
        if value in _HIGH_IMAGE_TYPES:
            yield _HIGH_IMAGE_TYPES[value]
    if _value(dataset, "Modality") in _HIGH_MODALITIES:
        yield _HIGH_MODALITIES[_value(dataset, "Modality")]
    if "ConversionType" in dataset:
        yield "converted"
    maker = _value(dataset, "Manufacturer").lower()
    if any(name in maker for name in _HIGH_MAKERS):
        yield "capturing-device"


def _review(dataset: Dataset) -> Iterator[str]:
    sop_class, types = _value(dataset, "SOPClassUID"), _values(dataset, "ImageType")
    if sop_class in _NO_PICTURE or sop_class.startswith(_SLIDE):
        return
    if sop_class in _REVIEW_CLASSES:
        yield _REVIEW_CLASSES[sop_class]
    for family, reason in _REVIEW_FAMILIES.items():
        if sop_class.startswith(family):
            yield reason
    if "DERIVED" in types or "SECONDARY" in types:
        yield "derived"
    if _value(dataset, "Modality") in _REVIEW_MODALITIES:
        yield _REVIEW_MODALITIES[_value(dataset, "Modality")]
    if "SequenceOfUltrasoundRegions" in dataset:
        yield "ultrasound"
    if _value(dataset, "SamplesPerPixel") == "3":
        yield "colour"
    if not _value(dataset, "Manufacturer"):
        yield "no-manufacturer"


def _value(dataset: Dataset, keyword: str) -> str:
    return str(dataset.get(keyword) or "").strip().upper()


def _values(dataset: Dataset, keyword: str) -> tuple[str, ...]:
    value = dataset.get(keyword) or ()
    listed = value if isinstance(value, MultiValue | list | tuple) else [value]
    return tuple(str(item).strip().upper() for item in listed)
