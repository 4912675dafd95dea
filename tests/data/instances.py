# SPDX-License-Identifier: Apache-2.0
"""Any instance from a few numbers, as a file really yields it: written to bytes and read back."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from pydicom import Dataset, dcmread
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

_ROOT = "1.2.826.0.1.3680043.8.498."


def uid(*numbers: int) -> str:
    """A UID that is no UID of the standard, from a few numbers."""
    return _ROOT + ".".join(str(number) for number in numbers)


def elements(**keywords: Any) -> Dataset:
    """A dataset or item of these attributes; a keyword that is not DICOM is an error."""
    dataset = Dataset()
    for keyword, value in keywords.items():
        if tag_for_keyword(keyword) is None:
            raise AttributeError(f"{keyword} is no keyword of DICOM")
        setattr(dataset, keyword, value)
    return dataset


def code(value: str, scheme: str = "DCM", meaning: str = "Meaning") -> Dataset:
    """A Code Sequence item."""
    return elements(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)


def dataset(
    patient: int = 1, study: int = 1, series: int = 1, number: int = 1, sop_class: str = CTImageStorage, **keywords: Any
) -> Dataset:
    """An instance in memory. `keywords` add attributes and replace those given by the numbers; None removes one."""
    made = elements(
        SOPClassUID=sop_class,
        SOPInstanceUID=uid(patient, study, series, number),
        StudyInstanceUID=uid(patient, study),
        SeriesInstanceUID=uid(patient, study, series),
        FrameOfReferenceUID=uid(patient, study, 99),
        PatientName=f"Doe^Patient{patient}",
        PatientID=f"HOSP-{patient:04d}",
        PatientBirthDate="19650321",
        PatientSex="F",
        StudyDate="20190517",
        StudyTime="101500",
        StudyID=f"S{study}",
        AccessionNumber=f"ACC{patient}{study}",
        ReferringPhysicianName="Refer^Anna",
        Modality="CT",
        Manufacturer="Maker",
        SeriesNumber=series,
        InstanceNumber=number,
        ImageType=["ORIGINAL", "PRIMARY", "AXIAL"],
        Rows=2,
        Columns=2,
        BitsAllocated=16,
        BitsStored=16,
        HighBit=15,
        PixelRepresentation=0,
        SamplesPerPixel=1,
        PhotometricInterpretation="MONOCHROME2",
        PixelData=b"\1\0\2\0\3\0\4\0",
    )
    for keyword, value in keywords.items():
        if tag_for_keyword(keyword) is None:
            raise AttributeError(f"{keyword} is no keyword of DICOM")
        if value is None:
            delattr(made, keyword)
        else:
            setattr(made, keyword, value)
    return made


def file_bytes(dataset: Dataset, transfer_syntax: str = ExplicitVRLittleEndian) -> bytes:
    """The instance as a file."""
    syntax = UID(transfer_syntax)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    target = BytesIO()
    dataset.save_as(
        target,
        implicit_vr=syntax.is_implicit_VR,
        little_endian=syntax.is_little_endian,
        enforce_file_format=True,
    )
    return target.getvalue()


def read(data: bytes, *, header_only: bool = False) -> Dataset:
    """What a reader sees of a file."""
    return dcmread(BytesIO(data), stop_before_pixels=header_only)


def instance(*numbers: int, transfer_syntax: str = ExplicitVRLittleEndian, **keywords: Any) -> Dataset:
    """An instance, written to bytes and read back."""
    return read(file_bytes(dataset(*numbers, **keywords), transfer_syntax))
