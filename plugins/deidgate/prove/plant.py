# SPDX-License-Identifier: Apache-2.0
"""Write the made-up instances with their plants, and the list of what was planted where."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydicom import FileDataset
from pydicom.uid import UID

from deidgate.dicom.box import Box
from deidgate.gateway.orthanc_id import instance_id
from deidgate.prove import documents, header, names, pictures
from deidgate.prove.model import Plant, Planted
from deidgate.prove.phantom import ct_slice

LIST = "plants.json"
FILES = "files"
# Big enough for a drawn name, small enough to be quick.
_SMALL, _LARGE = 64, 512


def write(folder: Path) -> list[Planted]:
    """Write one file for each plant into ``folder/files`` and the list into ``folder/plants.json``."""
    files = folder / FILES
    files.mkdir(parents=True)
    planted = []
    for number, (plant, ds) in enumerate(_instances(), 1):
        _identify(ds, number)
        # A sender's file name says who it is about more often than not.
        path = files / f"{plant.needle if plant.needle.isascii() else plant.name}-{number:03d}.dcm"
        ds.save_as(path, enforce_file_format=True)
        uids = (str(ds[word].value) for word in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"))
        planted.append(Planted(plant, path.name, instance_id(str(ds.PatientID), *uids)))
    (folder / LIST).write_text(json.dumps([asdict(one) for one in planted], indent=1), encoding="utf-8")
    return planted


def read(folder: Path) -> list[Planted]:
    """What `write` has planted."""
    return [_planted(row) for row in json.loads((folder / LIST).read_text(encoding="utf-8"))]


def _planted(row: dict[str, Any]) -> Planted:
    plant = row["plant"]
    boxes = tuple(Box(**box) for box in plant["boxes"])
    return Planted(Plant(plant["name"], plant["where"], plant["needle"], boxes), row["file"], row["orthanc_id"])


def _instances() -> Iterator[tuple[Plant, FileDataset]]:
    for place in header.places():
        ds = ct_slice("PROOF", 1, 1, _SMALL)
        yield header.plant(place, ds), ds
    yield from pictures.plants(ct_slice("PROOF", 1, 1, _LARGE), _without_pixels())
    yield from documents.plants(_without_pixels())


_ABOUT_PIXELS = (
    "Rows", "Columns", "PixelSpacing", "SamplesPerPixel", "PhotometricInterpretation", "BitsAllocated", "BitsStored",
    "HighBit", "PixelRepresentation", "RescaleIntercept", "RescaleSlope", "RescaleType", "WindowCenter", "WindowWidth",
    "PixelData", "KVP", "SliceThickness", "SliceLocation", "ImageOrientationPatient", "ImagePositionPatient",
    "PatientPosition", "AcquisitionNumber", "PositionReferenceIndicator", "FrameOfReferenceUID", "ImageType",
)  # fmt: skip


def _without_pixels() -> FileDataset:
    ds = ct_slice("PROOF", 1, 1, _SMALL)
    for keyword in _ABOUT_PIXELS:
        del ds[keyword]
    return ds


def _identify(ds: FileDataset, number: int) -> None:
    """Give the instance a patient, study and series of its own.

    Some plants are names: two names under one Patient ID would be held for that, and prove nothing of the name.
    """
    ds.PatientID = f"PROOF-{names.number(8)}"
    ds.StudyInstanceUID = UID(names.uid())
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = UID(names.uid())
    ds.SeriesInstanceUID = UID(names.uid())
    ds.SeriesNumber = number
    ds.InstanceNumber = 1
