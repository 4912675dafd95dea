# SPDX-License-Identifier: Apache-2.0
"""Whole slide images as VL Whole Slide Microscopy, through wsidicomizer.

The one converter that works from path to path: a slide has gigabytes. Labels and overviews are photographs of the
glass with its sticker; they are left out, and so is what the scanner's file says about operator, place and time.

Source: PS3.3 A.32.8 (VL Whole Slide Microscopy Image IOD).
"""

from __future__ import annotations

from datetime import date, time
from pathlib import Path
from types import ModuleType
from typing import Any

from pydicom import Dataset, config
from pydicom.uid import UID

from deidgate.convert.missing import ExtraMissingError, need
from deidgate.convert.subject import Subject
from deidgate.errors import CannotDeidentify

SUFFIXES = frozenset(
    {".svs", ".ndpi", ".scn", ".mrxs", ".bif", ".vms", ".vmu", ".czi", ".isyntax", ".ome.tif", ".ome.tiff"}
)
"""File names that are slides; a plain ``.tif`` is one when `is_slide` says so."""


def is_slide(path: Path) -> bool:
    """True for a slide format by its name, or a tiled pyramid in a TIFF by its content."""
    name = path.name.lower()
    if any(name.endswith(suffix) for suffix in SUFFIXES):
        return True
    if not name.endswith((".tif", ".tiff")):
        return False
    tifffile = need("tifffile", "convert")
    try:
        with tifffile.TiffFile(path) as file:
            first = file.pages[0]
            return bool(first.is_tiled and first.imagewidth * first.imagelength > 1 << 24)
    except (tifffile.TiffFileError, OSError, ValueError, IndexError):
        return False


def convert(path: Path, folder: Path, subject: Subject, *, workers: int = 1) -> list[Path]:
    """DICOM files in the existing `folder`, one for each level of the slide `path`; coded tiles are kept.

    Parameters
    ----------
    subject : Subject
        With UIDs.

    Raises
    ------
    CannotDeidentify
        ``slide-unreadable``.
    ExtraMissingError
        wsidicomizer, or the system library libturbojpeg0, is not there.
    """
    wsidicomizer = _wsidicomizer()
    metadata = _metadata(subject)
    try:
        written = wsidicomizer.WsiDicomizer.convert(
            path,
            folder,
            metadata=metadata,
            include_label=False,
            include_overview=False,
            include_thumbnail=False,
            include_confidential=False,
            metadata_post_processor=_complete(subject),
            workers=workers,
        )
    except (NotImplementedError, ValueError, KeyError, OSError, RuntimeError, TypeError, IndexError) as error:
        raise CannotDeidentify("slide-unreadable", type(error).__name__) from error
    return [Path(name) for name in written]


def _wsidicomizer() -> ModuleType:
    enforced = config.enforce_valid_values
    try:
        return need("wsidicomizer", "slides")
    except (OSError, RuntimeError):
        # PyTurboJPEG looks for its library when it is imported.
        raise ExtraMissingError("slides") from None
    finally:
        # Some of its versions switch the whole process to stricter checks when they are imported.
        config.enforce_valid_values = enforced
        config.future_behavior(enable_future=False)


def _complete(subject: Subject) -> Dataset:
    """Attributes that wsidicomizer's model has no place for."""
    dataset = Dataset()
    dataset.PatientName = subject.patient_name
    dataset.PatientID = subject.patient_id
    dataset.PatientSex = subject.sex
    dataset.PatientBirthDate = subject.birth_date
    if subject.study_date:
        # Type 1, and the file's own is left out: without this it would be a day in 1970 (PS3.3 C.8.12.4).
        dataset.AcquisitionDateTime = subject.study_date + subject.study_time
    return dataset


def _metadata(subject: Subject) -> Any:
    module = need("wsidicom.metadata", "slides")
    return need("wsidicomizer.metadata", "slides").WsiDicomizerMetadata(
        study=module.Study(
            uid=UID(subject.study_uid),
            identifier=subject.study_id or None,
            date=_date(subject.study_date),
            time=_time(subject.study_time),
            accession_number=subject.accession or None,
            referring_physician_name=subject.referring_physician or None,
            description=subject.study_description or None,
        ),
        series=module.Series(
            uid=UID(subject.series_uid),
            number=subject.series_number,
            description=subject.series_description or None,
            body_part_examined=subject.body_part or None,
        ),
        patient=module.Patient(
            name=subject.patient_name or None,
            identifier=subject.patient_id or None,
            birth_date=_date(subject.birth_date),
            sex=module.PatientSex(subject.sex) if subject.sex else None,
        ),
        frame_of_reference_uid=UID(subject.frame_of_reference_uid),
    )


def _date(text: str) -> date | None:
    return date(int(text[:4]), int(text[4:6]), int(text[6:8])) if text else None


def _time(text: str) -> time | None:
    # A leap second, which DICOM can write, is none for Python.
    return time(int(text[:2]), int(text[2:4] or 0), min(int(text[4:6] or 0), 59)) if text else None
