# SPDX-License-Identifier: Apache-2.0
"""A DICOMDIR made for files that lie where they lie.

pydicom's FileSet gives files names of its own; a medium whose layout is kept needs a directory that refers to the
names that are there. Records are encoded one by one, so that a full medium needs no more memory than its directory.

Source: PS3.3 Annex F (Basic Directory), PS3.10 section 8.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.errors import InvalidDicomError
from pydicom.filebase import DicomBytesIO
from pydicom.fileset import _FOUR_LEVEL_SOP_CLASSES, DIRECTORY_RECORDERS
from pydicom.filewriter import write_dataset, write_file_meta_info
from pydicom.uid import UID, ExplicitVRLittleEndian, MediaStorageDirectoryStorage

from deidgate.files.atomic import whole_file

_COMPONENT = re.compile(r"[A-Z0-9_]{1,8}")
_LINKS = 34
"""Bytes of the three elements that begin every record: next (UL), in use (US), lower level (UL)."""


@dataclass
class _Record:
    """A directory record: its own keys encoded, and what is below it."""

    encoded: bytes
    below: list[_Record] = field(default_factory=list)
    offset: int = 0

    @property
    def size(self) -> int:
        return 8 + _LINKS + len(self.encoded)


def is_file_id(relative: Path) -> bool:
    """True if a DICOMDIR can refer to this path. Source: PS3.10 section 8.2 and 8.5."""
    parts = relative.parts
    return 0 < len(parts) <= 8 and all(_COMPONENT.fullmatch(part) for part in parts)


def unlisted_because(relative: Path) -> str:
    """Why `rebuild` does not list this path, in words."""
    if len(relative.parts) > 8:
        return "it lies below more than seven folders"
    wrong = next((part for part in relative.parts if not _COMPONENT.fullmatch(part)), "")
    if not wrong:
        return "it cannot be read, or lacks one of its UIDs"
    return f"{wrong} is no part of a File ID (at most 8 of A to Z, 0 to 9 and _, no extension)"


def rebuild(
    folder: Path, files: Iterable[Path], uid: str, *, replace: bool = False, empty: bool = True
) -> tuple[int, list[Path]]:
    """Write ``folder/DICOMDIR`` for `files` and return how many it lists, and those it cannot list.

    Parameters
    ----------
    folder : Path
        The root of the medium.
    files : iterable of Path
        DICOM files below it. One whose name is no File ID, or that cannot be read, is not listed.
    uid : str
        SOP Instance UID of the directory itself.
    replace : bool
        Take the place of an earlier DICOMDIR of ours.
    empty : bool
        Write one also when it lists nothing.
    """
    tree: dict[str, tuple[_Record, dict[str, tuple[_Record, dict[str, _Record]]]]] = {}
    roots: list[_Record] = []
    left_out: list[Path] = []
    listed = 0
    for path in files:
        relative = path.relative_to(folder)
        dataset = _read(path) if is_file_id(relative) else None
        if dataset is None:
            left_out.append(path)
            continue
        _enter(tree, roots, dataset, relative)
        listed += 1
    if listed or empty:
        with whole_file(folder / "DICOMDIR", replace=replace) as stream:
            stream.write(_encode(roots, uid))
    return listed, left_out


def uid_of(path: Path) -> str:
    """SOP Instance UID of the DICOMDIR `path`; empty if it says none, or cannot be read."""
    try:
        meta = dcmread(path, stop_before_pixels=True, specific_tags=[]).file_meta
        return str(meta.get("MediaStorageSOPInstanceUID") or "")
    except (InvalidDicomError, OSError, ValueError, KeyError, NotImplementedError, struct.error):
        return ""


def _read(path: Path) -> Dataset | None:
    try:
        dataset = dcmread(path, stop_before_pixels=True)
    except (InvalidDicomError, OSError, ValueError, KeyError, NotImplementedError, struct.error):
        return None
    needed = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
    return dataset if all(dataset.get(keyword) for keyword in needed) else None


def _enter(tree: dict, roots: list[_Record], dataset: Dataset, relative: Path) -> None:  # type: ignore[type-arg]
    patient_key = str(dataset.get("PatientID") or "")
    patient, studies = tree.setdefault(patient_key, (None, {}))
    if patient is None:
        patient = _Record(_keys("PATIENT", dataset, len(roots) + 1))
        tree[patient_key] = (patient, studies)
        roots.append(patient)
    study, series_of = studies.setdefault(str(dataset.StudyInstanceUID), (None, {}))
    if study is None:
        study = _Record(_keys("STUDY", dataset, len(patient.below) + 1))
        studies[str(dataset.StudyInstanceUID)] = (study, series_of)
        patient.below.append(study)
    series = series_of.get(str(dataset.SeriesInstanceUID))
    if series is None:
        series = series_of[str(dataset.SeriesInstanceUID)] = _Record(_keys("SERIES", dataset, len(study.below) + 1))
        study.below.append(series)
    kind = str(_FOUR_LEVEL_SOP_CLASSES.get(UID(dataset.SOPClassUID), "IMAGE"))
    series.below.append(_Record(_keys(kind, dataset, len(series.below) + 1, relative)))


def _keys(kind: str, dataset: Dataset, number: int, relative: Path | None = None) -> bytes:
    """The record's elements behind the links, encoded.

    De-identified instances have empty attributes that the record must not leave empty (Type 1 here, Type 2 there):
    numbers are then counted and dates are the profile's dummy.
    """
    complete = Dataset()
    complete.update({element.tag: element for element in dataset if element.tag.group != 0x7FE0})
    stand_in = {
        "PatientID": f"{number}",
        "StudyDate": "19000101",
        "StudyTime": "000000",
        "StudyID": f"{number}",
        "SeriesNumber": number,
        "InstanceNumber": number,
        "Modality": "OT",
        "ContentDate": "19000101",
        "ContentTime": "000000",
    }
    for keyword, value in stand_in.items():
        if complete.get(keyword) in (None, ""):
            setattr(complete, keyword, value)
    try:
        record = DIRECTORY_RECORDERS[kind](complete)
    except (ValueError, AttributeError, KeyError, IndexError):
        record = Dataset()
    record.DirectoryRecordType = kind
    character_set = dataset.get("SpecificCharacterSet")
    if character_set:
        record.SpecificCharacterSet = character_set
    if relative is not None:
        record.ReferencedFileID = list(relative.parts)
        record.ReferencedSOPClassUIDInFile = dataset.SOPClassUID
        record.ReferencedSOPInstanceUIDInFile = dataset.SOPInstanceUID
        record.ReferencedTransferSyntaxUIDInFile = dataset.file_meta.TransferSyntaxUID
    return _dataset_bytes(record)


def _dataset_bytes(dataset: Dataset) -> bytes:
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    write_dataset(buffer, dataset, dataset.get("SpecificCharacterSet", "iso8859"))
    return buffer.getvalue()


def _encode(roots: list[_Record], uid: str) -> bytes:
    head = DicomBytesIO()
    head.is_little_endian, head.is_implicit_VR = True, False
    head.write(b"\0" * 128 + b"DICM")
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
    meta.MediaStorageSOPInstanceUID = UID(uid)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    write_file_meta_info(head, meta, enforce_standard=True)
    records = list(_depth_first(roots))
    # File-set ID (CS, empty), first and last root record (UL), consistency flag (US), head of the sequence (SQ).
    position = len(head.getvalue()) + 8 + 12 + 12 + 10 + 12
    for record in records:
        record.offset = position
        position += record.size
    length = position - (records[0].offset if records else position)
    head.write(_element(0x1130, b"CS", b""))
    head.write(_element(0x1200, b"UL", struct.pack("<I", roots[0].offset if roots else 0)))
    head.write(_element(0x1202, b"UL", struct.pack("<I", roots[-1].offset if roots else 0)))
    head.write(_element(0x1212, b"US", struct.pack("<H", 0)))
    head.write(struct.pack("<HH2sHI", 0x0004, 0x1220, b"SQ", 0, length))
    following = _following(roots)
    for record in records:
        head.write(struct.pack("<HHI", 0xFFFE, 0xE000, _LINKS + len(record.encoded)))
        head.write(_element(0x1400, b"UL", struct.pack("<I", following.get(id(record), 0))))
        head.write(_element(0x1410, b"US", struct.pack("<H", 0xFFFF)))
        head.write(_element(0x1420, b"UL", struct.pack("<I", record.below[0].offset if record.below else 0)))
        head.write(record.encoded)
    return head.getvalue()


def _element(number: int, vr: bytes, value: bytes) -> bytes:
    return struct.pack("<HH2sH", 0x0004, number, vr, len(value)) + value


def _depth_first(records: list[_Record]) -> Iterator[_Record]:
    for record in records:
        yield record
        yield from _depth_first(record.below)


def _following(roots: list[_Record]) -> dict[int, int]:
    """Offset of the next record on the same level, by the record's identity."""
    following: dict[int, int] = {}
    levels = [roots]
    while levels:
        level = levels.pop()
        for record, after in pairwise(level):
            following[id(record)] = after.offset
        levels.extend(record.below for record in level if record.below)
    return following
