# SPDX-License-Identifier: Apache-2.0
"""Datasets that were written without preamble and file meta, as old systems and research archives do.

The dataset stays as it is; what PS3.10 section 7.1 wants before it is put there. Its Transfer Syntax is one of the
three that can be told from the first element. Compressed pixels without file meta cannot be told: what claims to be
native and is not is held later.
"""

from __future__ import annotations

from copy import copy
from io import BytesIO

from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.errors import InvalidDicomError
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

_PREAMBLE = bytes(128) + b"DICM"


def with_meta(data: bytes) -> bytes:
    """`data` with preamble and file meta; `data` itself if it has them, or if it cannot be told what it is."""
    if data[128:132] == b"DICM":
        return data
    if data[:2] == b"\x02\x00":
        return _PREAMBLE + data
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = _syntax(data)
    try:
        header = dcmread(BytesIO(data), force=True, specific_tags=["SOPClassUID", "SOPInstanceUID"])
        meta.MediaStorageSOPClassUID = header.SOPClassUID
        meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
        buffer = DicomBytesIO()
        write_file_meta_info(buffer, meta)
    except (InvalidDicomError, AttributeError, ValueError, TypeError, LookupError, NotImplementedError, OSError):
        return data
    return _PREAMBLE + buffer.getvalue() + data


def with_meta_of(dataset: Dataset) -> Dataset:
    """`dataset` itself if it says how it is to be written, else a shallow copy that does: as it was read.

    What was not read from a file is Explicit VR Little Endian.
    """
    if "TransferSyntaxUID" in getattr(dataset, "file_meta", ()):
        return dataset
    found = copy(dataset)
    meta = FileMetaDataset()
    meta.update(getattr(dataset, "file_meta", {}))
    implicit, little = dataset.original_encoding
    if little is False:
        meta.TransferSyntaxUID = ExplicitVRBigEndian
    else:
        meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
    found.file_meta = meta
    return found


def _syntax(data: bytes) -> UID:
    if data[:2] == b"\x00\x08":
        return ExplicitVRBigEndian
    explicit = data[4:6].isalpha() and data[4:6].isupper()
    return ExplicitVRLittleEndian if explicit else ImplicitVRLittleEndian
