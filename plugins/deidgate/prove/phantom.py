# SPDX-License-Identifier: Apache-2.0
"""A made-up CT study of a phantom: valid, good to look at, and of nobody.

The header has what a clinic's has: a name, dates, an institution, a referring physician, nested identifiers and a
private block. All of it is invented, and all of it has to be gone at research.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, FileDataset
from pydicom.dataset import FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

SIZE = 512
_SPACING_MM = 0.8
_SLICE_MM = 5.0

# Hounsfield units of the phantom's parts, and their ellipses: centre and half axes as parts of the image's half.
_PARTS: tuple[tuple[float, float, float, float, float, float], ...] = (
    # (HU, centre row, centre column, half axis rows, half axis columns, turn in radians)
    (-80.0, 0.00, 0.00, 0.62, 0.86, 0.0),  # fat
    (45.0, 0.00, 0.00, 0.57, 0.80, 0.0),  # muscle
    (-820.0, -0.06, -0.36, 0.40, 0.27, 0.15),  # lung
    (-820.0, -0.06, 0.36, 0.40, 0.27, -0.15),  # lung
    (60.0, -0.08, 0.06, 0.22, 0.20, 0.5),  # heart
    (700.0, 0.38, 0.00, 0.10, 0.10, 0.0),  # vertebra
    (120.0, 0.38, 0.00, 0.035, 0.035, 0.0),  # spinal canal
    (160.0, 0.22, -0.06, 0.055, 0.055, 0.0),  # aorta
)


def write_study(folder: Path, *, patient_id: str = "DEMO-0001", slices: int = 12, size: int = SIZE) -> list[Path]:
    """The files of the study, written into `folder`, which is made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for number in range(1, slices + 1):
        path = folder / f"ct-{number:04d}.dcm"
        ct_slice(patient_id, number, slices, size).save_as(path, enforce_file_format=True)
        written.append(path)
    return written


def ct_slice(patient_id: str, number: int, slices: int, size: int = SIZE) -> FileDataset:
    """Slice `number` (from 1) of the study of `patient_id`, with ``(size, size) int16`` pixels."""
    study = _uid(patient_id, "study")
    instance = _uid(patient_id, f"instance {number}")
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = instance
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = UID("1.2.826.0.1.3680043.8.498.1")
    meta.SourceApplicationEntityTitle = "CT_DEMO"
    ds = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    _patient(ds, patient_id)
    _study(ds, patient_id, study)
    _image(ds, instance, number, slices)
    _pixels(ds, phantom((number - 0.5) / slices, size))
    return ds


def phantom(position: float, size: int = SIZE) -> NDArray[np.int16]:
    """Hounsfield units of the slice at `position` (0 at the lower, 1 at the upper end): ``(size, size) int16``."""
    axis = (np.arange(size) + 0.5) / size * 2 - 1
    rows, columns = np.meshgrid(axis, axis, indexing="ij")
    picture = np.full((size, size), -1000.0)
    swell = 0.85 + 0.15 * np.sin(np.pi * position)
    for units, row, column, half_rows, half_columns, turn in _PARTS:
        y, x = rows - row, columns - column
        u = x * np.cos(turn) + y * np.sin(turn)
        v = -x * np.sin(turn) + y * np.cos(turn)
        inside = (v / (half_rows * swell)) ** 2 + (u / (half_columns * swell)) ** 2 <= 1
        picture[inside] = units
    # The same noise every time: chance would make another study of each call.
    noise = np.random.default_rng(int(position * 1e6)).normal(0, 12, picture.shape)
    return np.clip(picture + noise, -1024, 3071).astype(np.int16)


def _patient(ds: Dataset, patient_id: str) -> None:
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.PatientName = "Muster^Erika^Johanna"
    ds.PatientID = patient_id
    ds.PatientBirthDate = "19610412"
    ds.PatientSex = "F"
    ds.PatientAge = "064Y"
    ds.PatientSize = "1.68"
    ds.PatientWeight = "71"
    ds.PatientAddress = "Musterweg 7, 12345 Musterstadt"
    ds.PatientTelephoneNumbers = "+49 30 5550147"


def _study(ds: Dataset, patient_id: str, study: UID) -> None:
    ds.StudyInstanceUID = study
    ds.SeriesInstanceUID = _uid(patient_id, "series")
    ds.FrameOfReferenceUID = _uid(patient_id, "frame of reference")
    ds.StudyDate = ds.SeriesDate = ds.AcquisitionDate = ds.ContentDate = "20260115"
    ds.StudyTime = ds.SeriesTime = ds.AcquisitionTime = ds.ContentTime = "101500"
    ds.AccessionNumber = "ACC-26-00417"
    ds.StudyID = "S417"
    ds.StudyDescription = "CT Thorax"
    ds.SeriesDescription = "Phantom 5 mm"
    ds.ReferringPhysicianName = "Beispiel^Bernd"
    ds.InstitutionName = "Klinikum Musterstadt"
    ds.InstitutionAddress = "Am Klinikum 1, 12345 Musterstadt"
    ds.StationName = "CT-ROOM-2"
    ds.OperatorsName = "Probe^Paula"
    request = Dataset()
    request.RequestedProcedureID = "RP-26-00417"
    request.ScheduledProcedureStepID = "SPS-26-00417"
    ds.RequestAttributesSequence = Sequence([request])
    block = ds.private_block(0x0029, "DEIDGATE DEMO", create=True)
    block.add_new(0x01, "LO", "Muster Erika")


def _image(ds: Dataset, instance: UID, number: int, slices: int) -> None:
    ds.SOPClassUID = CTImageStorage
    ds.SOPInstanceUID = instance
    ds.Modality = "CT"
    ds.Manufacturer = "Deidgate"
    ds.ManufacturerModelName = "Phantom"
    ds.SoftwareVersions = "1"
    ds.SeriesNumber = 1
    ds.AcquisitionNumber = 1
    ds.InstanceNumber = number
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.PatientPosition = "HFS"
    ds.BodyPartExamined = "CHEST"
    ds.KVP = "120"
    ds.SliceThickness = str(_SLICE_MM)
    ds.PositionReferenceIndicator = ""
    height = (number - (slices + 1) / 2) * _SLICE_MM
    ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    ds.ImagePositionPatient = [-SIZE / 2 * _SPACING_MM, -SIZE / 2 * _SPACING_MM, height]
    ds.SliceLocation = height


def _pixels(ds: Dataset, units: NDArray[np.int16]) -> None:
    ds.Rows, ds.Columns = units.shape
    ds.PixelSpacing = [_SPACING_MM, _SPACING_MM]
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.BitsAllocated = ds.BitsStored = 16
    ds.HighBit = 15
    ds.PixelRepresentation = 1
    ds.RescaleIntercept = "0"
    ds.RescaleSlope = "1"
    ds.RescaleType = "HU"
    ds.WindowCenter = "40"
    ds.WindowWidth = "400"
    ds.PixelData = units.astype("<i2").tobytes()


def _uid(*names: str) -> UID:
    """A UID that is the same for the same names. Source: PS3.5 B.2."""
    digest = hashlib.sha256("\n".join(("deidgate demo study", *names)).encode()).digest()
    return UID(f"2.25.{int.from_bytes(digest[:16], 'big')}")
