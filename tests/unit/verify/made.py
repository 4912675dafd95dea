# SPDX-License-Identifier: Apache-2.0
"""A CT image, what a correct de-identification makes of it, and ways to spoil that."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from io import BytesIO

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian
from tests.data.instances import code

from deidgate.dicom.box import Box
from deidgate.plan.model import Plan
from deidgate.standard.codes import CID_7050
from deidgate.verify.gate import verify
from deidgate.verify.model import Verdict

CT = "1.2.840.10008.5.1.4.1.1.2"
PHILIPS = "Philips Imaging DD 001"
CODES = ("113100", "113107", "113111")


def original_ct() -> FileDataset:
    ds = FileDataset("", {}, preamble=b"\0" * 128)
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.SourceApplicationEntityTitle = "WARD7SCANNER"
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.SOPClassUID = CT
    ds.SOPInstanceUID = "1.2.826.0.1.999.4.1"
    ds.StudyDate, ds.StudyTime = "20010705", "101500"
    ds.ContentDate, ds.ContentTime = "20010705", "101600"
    ds.AccessionNumber = "ACC98213"
    ds.Modality = "CT"
    ds.Manufacturer = "ACME"
    ds.ManufacturerModelName = "Scanner 9"
    ds.ReferringPhysicianName = "Whitfield^Gregory"
    ds.InstitutionName = "Northgate Infirmary"
    ds.StudyDescription = "CT of Quillfeather, Dr Whitfield"
    ds.ReferencedImageSequence = Sequence([Dataset()])
    ds.ReferencedImageSequence[0].ReferencedSOPClassUID = CT
    ds.ReferencedImageSequence[0].ReferencedSOPInstanceUID = "1.2.826.0.1.999.4.2"
    ds.PatientName = "Quillfeather^Amélie^Bo"
    ds.PatientID = "QF-774120"
    ds.PatientBirthDate = "19610412"
    ds.PatientSex = "F"
    ds.BodyPartExamined = "HEAD"
    ds.KVP = "120"
    ds.SliceThickness = "2.5"
    ds.StudyInstanceUID = "1.2.826.0.1.999.2"
    ds.SeriesInstanceUID = "1.2.826.0.1.999.3"
    ds.StudyID = "S7731"
    ds.SeriesNumber, ds.AcquisitionNumber, ds.InstanceNumber = "1", "1", "7"
    ds.ImagePositionPatient = ["0", "0", "0"]
    ds.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    ds.FrameOfReferenceUID = "1.2.826.0.1.999.5"
    ds.PositionReferenceIndicator = ""
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows, ds.Columns = 16, 16
    ds.PixelSpacing = ["1", "1"]
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.RescaleIntercept, ds.RescaleSlope = "0", "1"
    block = ds.private_block(0x2001, PHILIPS, create=True)
    block.add_new(0x02, "IS", "3")
    ds.PixelData = (np.arange(256, dtype="<u2") * 7 % 4000).tobytes()
    return ds


def deidentified(original: FileDataset) -> FileDataset:
    """By hand, so that this test shares no code with the engine either."""
    ds = deepcopy(original)
    del ds.file_meta.SourceApplicationEntityTitle
    ds.SOPInstanceUID = "2.25.1001"
    ds.StudyDate, ds.ContentDate = "20010610", "20010610"
    ds.AccessionNumber = ""
    ds.ReferringPhysicianName = ""
    del ds.InstitutionName, ds.StudyDescription
    ds.ReferencedImageSequence[0].ReferencedSOPInstanceUID = "2.25.1002"
    ds.PatientName = ds.PatientID = "P-7HK2M9QC"
    ds.PatientBirthDate = "19610318"
    ds.PatientSex = ""
    ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.FrameOfReferenceUID = "2.25.2", "2.25.3", "2.25.4"
    ds.StudyID = ""
    ds.PatientIdentityRemoved = "YES"
    ds.DeidentificationMethod = ["Deidgate 0.1.0", "policy longitudinal 1 0123456789ab"]
    ds.DeidentificationMethodCodeSequence = Sequence([code(c, "DCM", CID_7050[c]) for c in CODES])
    ds.LongitudinalTemporalInformationModified = "MODIFIED"
    return ds


def to_bytes(ds: FileDataset) -> bytes:
    buffer = BytesIO()
    ds.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


@dataclass
class Outcome:
    """What a pixel step would report."""

    status: str = "clean"
    boxes: tuple[Box, ...] = ()


@dataclass
class Pair:
    """An original and its correct result, both to be changed by a test before it asks for a verdict."""

    original: FileDataset = field(default_factory=original_ct)
    result: FileDataset = field(init=False)

    def __post_init__(self) -> None:
        self.result = deidentified(self.original)

    def verdict(
        self,
        outcome: Outcome | None = None,
        edit: Callable[[bytes], bytes] | None = None,
        plan: Plan | None = None,
    ) -> Verdict:
        """The gate's word; `edit` changes the bytes of the result."""
        data = to_bytes(self.result)
        return verify(to_bytes(self.original), edit(data) if edit else data, plan, outcome)

    def original_bytes(self) -> bytes:
        return to_bytes(self.original)

    def result_bytes(self) -> bytes:
        return to_bytes(self.result)

    def found(
        self, outcome: Outcome | None = None, edit: Callable[[bytes], bytes] | None = None
    ) -> set[tuple[str, str]]:
        """Code and path of each finding."""
        return {(f.code, f.path) for f in self.verdict(outcome, edit).findings}

    def codes(self, outcome: Outcome | None = None, edit: Callable[[bytes], bytes] | None = None) -> set[str]:
        """Codes of the findings."""
        return set(self.verdict(outcome, edit).codes)
