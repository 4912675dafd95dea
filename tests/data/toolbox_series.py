# SPDX-License-Identifier: Apache-2.0
"""CT series as a scanner writes them, made from numbers: patient, study, series, instance."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

ROOT = "1.2.826.0.1.3680043.10.99999"
NAMES = ("Fernandez^Maria", "Okafor^Chidi", "Lindqvist^Astrid", "Takahashi^Kenji", "O'Brien^Siobhan", "Duarte^Paulo")
PHYSICIANS = ("Whitfield^Harriet", "Marchetti^Bruno")


def ct(patient: int = 1, study: int = 1, series: int = 1, instance: int = 1, rows: int = 512) -> Dataset:
    """One CT image: about 120 elements with sequences and private blocks, `rows` by `rows` pixels of 16 bits."""
    ds = Dataset()
    stem = f"{ROOT}.{patient}.{study}"
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.InstanceCreationDate, ds.InstanceCreationTime = "20210304", f"1012{instance % 60:02d}.{instance % 1000:03d}"
    ds.SOPClassUID = CTImageStorage
    ds.SOPInstanceUID = f"{stem}.{series}.{instance}"
    ds.StudyDate = ds.SeriesDate = ds.AcquisitionDate = ds.ContentDate = "20210304"
    ds.StudyTime, ds.SeriesTime = "100100", "100530.125"
    ds.AcquisitionTime = ds.ContentTime = f"1012{instance % 60:02d}.{(instance * 7) % 1000:03d}"
    ds.AccessionNumber = f"ACC{patient:05d}{study}"
    ds.Modality = "CT"
    ds.Manufacturer, ds.ManufacturerModelName = "ACME MEDICAL", "Revolve 64"
    ds.InstitutionName, ds.InstitutionAddress = "St. Brendan Infirmary", "12 Quay Street, Galway"
    ds.ReferringPhysicianName = PHYSICIANS[patient % len(PHYSICIANS)]
    ds.StationName = "CT01STB"
    ds.StudyDescription, ds.SeriesDescription = "CT THORAX WITH CONTRAST", f"Thorax {series}.0 B31f"
    ds.PerformingPhysicianName, ds.OperatorsName = "Whitfield^Harriet", "Nowak^J"
    ref = Dataset()
    ref.ReferencedSOPClassUID, ref.ReferencedSOPInstanceUID = "1.2.840.10008.3.1.2.3.1", f"{stem}.99"
    ds.ReferencedStudySequence = [ref]
    image = Dataset()
    image.ReferencedSOPClassUID, image.ReferencedSOPInstanceUID = CTImageStorage, f"{stem}.9.{instance}"
    ds.ReferencedImageSequence = [image]
    ds.PatientName = NAMES[patient % len(NAMES)]
    ds.PatientID = f"MRN{patient:07d}"
    ds.PatientBirthDate, ds.PatientSex, ds.PatientAge = "19570811", "F", "063Y"
    ds.PatientWeight, ds.PatientSize = "71.5", "1.68"
    ds.PatientAddress = "4 Harbour Lane"
    ds.ContrastBolusAgent = "IOMERON 350"
    ds.BodyPartExamined = "CHEST"
    ds.ScanOptions = "HELICAL MODE"
    ds.SliceThickness, ds.KVP = "1.25", "120"
    ds.DataCollectionDiameter, ds.ReconstructionDiameter = "500", "360"
    ds.DeviceSerialNumber, ds.SoftwareVersions, ds.ProtocolName = "SN445566", "v7.2.1", "5.2 Thorax routine"
    ds.DistanceSourceToDetector, ds.DistanceSourceToPatient = "949.075", "541"
    ds.GantryDetectorTilt, ds.TableHeight, ds.RotationDirection = "0", "151.5", "CW"
    ds.ExposureTime, ds.XRayTubeCurrent, ds.Exposure = "500", f"{220 + instance % 40}", "12"
    ds.FilterType, ds.GeneratorPower, ds.FocalSpots = "BODY FILTER", "34200", "0.7"
    ds.ConvolutionKernel, ds.PatientPosition = "STANDARD", "FFS"
    ds.SpiralPitchFactor, ds.TableSpeed, ds.CTDIvol = 0.984, 78.75, 7.35
    ds.StudyInstanceUID, ds.SeriesInstanceUID = stem, f"{stem}.{series}"
    ds.StudyID, ds.SeriesNumber, ds.AcquisitionNumber, ds.InstanceNumber = "4711", series, 1, instance
    ds.ImagePositionPatient = ["-180", "-170.5", f"{-300.0 + instance * 1.25:.3f}"]
    ds.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    ds.FrameOfReferenceUID, ds.PositionReferenceIndicator = f"{stem}.77", "SN"
    ds.SliceLocation = f"{-300.0 + instance * 1.25:.3f}"
    ds.ImageComments = ""
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows = ds.Columns = rows
    ds.PixelSpacing = ["0.703125", "0.703125"]
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 1
    ds.SmallestImagePixelValue, ds.LargestImagePixelValue = -2000, 1000 + instance % 500
    ds.WindowCenter, ds.WindowWidth = ["40", "-600"], ["400", "1500"]
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = "-1024", "1", "HU"
    ds.RequestingPhysician, ds.RequestedProcedureDescription = "Marchetti^Bruno", "CT THORAX"
    ds.PerformedProcedureStepStartDate, ds.PerformedProcedureStepStartTime = "20210304", "100120"
    ds.PerformedProcedureStepID = "PPS4711"
    step = Dataset()
    step.ScheduledProcedureStepDescription, step.ScheduledProcedureStepID = "CT THORAX", "SPS4711"
    step.RequestedProcedureID = "RP4711"
    ds.RequestAttributesSequence = [step]
    for number, creator in ((0x0009, "ACME_IDEN_01"), (0x0019, "ACME_ACQU_01"), (0x0043, "ACME_PARM_01")):
        block = ds.private_block(number, creator, create=True)
        for element in range(12):
            block.add_new(element, "LO", f"{creator[-4:]} setting {element}")
        block.add_new(0x20, "DS", f"{instance * 1.5:.2f}")
        block.add_new(0x21, "SL", [instance, 5, 6])
    # Smooth, with a little noise: neither empty nor a pattern that a copy could cheat on.
    row = (np.arange(rows, dtype=np.int32) * 7 + instance * 13) % 2048
    ds.PixelData = (row[:, None] ^ row[None, :]).astype("<i2").tobytes()
    ds["PixelData"].VR = "OW"
    ds.file_meta = FileMetaDataset()
    ds.file_meta.MediaStorageSOPClassUID = CTImageStorage
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.ImplementationClassUID = f"{ROOT}.1"
    ds.file_meta.SourceApplicationEntityTitle = "CT01STB"
    return ds


def encoded(dataset: Dataset) -> bytes:
    """The dataset as a file."""
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def write_studies(folder: Path, patients: int, images: int, rows: int = 512) -> Iterator[Path]:
    """Two series of `images` each for every patient, in ``PAT1/ST1/SE1/IM000001.dcm``."""
    for patient in range(1, patients + 1):
        for series in (1, 2):
            place = folder / f"PAT{patient}" / "ST1" / f"SE{series}"
            place.mkdir(parents=True, exist_ok=True)
            for instance in range(1, images + 1):
                path = place / f"IM{instance:06d}.dcm"
                path.write_bytes(encoded(ct(patient, 1, series, instance, rows)))
                yield path
