# SPDX-License-Identifier: Apache-2.0
"""An original as it was read, checked before anything is believed of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from io import BytesIO

from pydicom import Dataset, dcmread
from pydicom.errors import InvalidDicomError
from pydicom.uid import UID

from deidgate.dicom.second import CannotRenameError, first_name
from deidgate.dicom.structure import check_structure
from deidgate.errors import CannotDeidentify
from deidgate.gateway.ports import Person

_GROUP_LENGTH = b"\x02\x00\x00\x00UL\x04\x00"
_REQUIRED = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")


@dataclass(frozen=True, slots=True)
class Original:
    """The bytes of an instance and its header.

    Attributes
    ----------
    file : bytes
        The whole file.
    header : Dataset
        Everything before Pixel Data.
    digest : str
        ``sha256:…`` of the dataset without file meta.
    """

    file: bytes = field(repr=False)
    header: Dataset = field(repr=False)
    digest: str
    is_second: bool = False
    """Ingest has another content under this SOP Instance UID, which came before."""

    @property
    def transfer_syntax(self) -> UID:
        """The Transfer Syntax of the file."""
        return UID(self.header.file_meta.TransferSyntaxUID)

    def text(self, keyword: str) -> str:
        """The attribute's value without padding, empty if it is absent or blank; several values as one text.

        Raises
        ------
        CannotDeidentify
            ``unreadable-element``.
        """
        try:
            value = self.header.get(keyword)
        except (ValueError, TypeError, NotImplementedError, LookupError, UnicodeError):
            # The parser's own message may hold the value.
            raise CannotDeidentify("unreadable-element", keyword) from None
        return "" if value is None else str(value).strip(" \0")

    def put_down(self) -> Original:
        """The same without its file, whose memory is free if nobody else has it."""
        # pydicom keeps what a dataset was read from.
        self.header.buffer = None
        return replace(self, file=b"")

    def person(self) -> Person:
        """What the header says of the patient.

        Raises
        ------
        CannotDeidentify
            ``patient-id-blank`` or ``patient-id-several``.
        """
        patient_id = self.text("PatientID")
        if not patient_id:
            raise CannotDeidentify("patient-id-blank", "PatientID")
        if not isinstance(self.header.PatientID, str):
            raise CannotDeidentify("patient-id-several", "PatientID")
        return Person(
            patient_id=patient_id,
            issuer=self.text("IssuerOfPatientID"),
            name=self.text("PatientName"),
            birth_date=self.text("PatientBirthDate"),
        )


def read(file: bytes, expected_digest: str | None) -> Original:
    """The original in `file`.

    Raises
    ------
    CannotDeidentify
        The file is not what ingest says that it stored (``original-changed``), is not DICOM, is cut off, contradicts
        itself, or lacks an identifier.
    """
    if expected_digest and expected_digest.startswith("md5:"):
        # Against rot of the disk and not against an attacker: MD5 is what Orthanc keeps.
        found = hashlib.md5(file, usedforsecurity=False).hexdigest()
        if expected_digest != f"md5:{found}":
            raise CannotDeidentify("original-changed")
    second = _first_name(file)
    is_second = second is not None
    file = file if second is None else second
    check_structure(file, whole=True)
    try:
        header = dcmread(BytesIO(file), stop_before_pixels=True)
        transfer_syntax = header.file_meta.TransferSyntaxUID
    except (InvalidDicomError, ValueError, TypeError, LookupError, NotImplementedError, OSError, AttributeError):
        raise CannotDeidentify("unreadable-file") from None
    if not transfer_syntax:
        raise CannotDeidentify("unreadable-file", "TransferSyntaxUID")
    original = Original(file, header, _digest(file), is_second)
    for keyword in _REQUIRED:
        if not original.text(keyword):
            raise CannotDeidentify("identifier-missing", keyword)
    return original


def digest_of(file: bytes) -> str:
    """`Original.digest` of a stored file, which may be damaged in any other way.

    Raises
    ------
    CannotDeidentify
        ``original-changed``: what ingest stored under a stand-in cannot be had back.
    """
    second = _first_name(file)
    return _digest(file if second is None else second)


def _digest(file: bytes) -> str:
    # 128 bytes preamble, DICM, and the group length element itself (12 bytes); without that element, which breaks
    # PS3.10 7.1 and occurs, everything after DICM is taken.
    start = 132
    if file.startswith(_GROUP_LENGTH, start):
        start += 12 + int.from_bytes(file[start + 8 : start + 12], "little")
    return f"sha256:{hashlib.sha256(memoryview(file)[start:]).hexdigest()}"


def _first_name(file: bytes) -> bytes | None:
    try:
        return first_name(file)
    except CannotRenameError:
        raise CannotDeidentify("original-changed") from None
