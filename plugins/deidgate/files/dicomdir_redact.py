# SPDX-License-Identifier: Apache-2.0
"""A DICOMDIR kept as it is, with identifying values overwritten in their places.

Every offset in the directory stays true, because no value changes its length. Text becomes as many ``0``; a UID
becomes another UID of the same length that the key derives from it, so that two studies stay two. Names of files become
names of the same length.

What is overwritten is a list of keywords and Value Representations. Records differ by type (images, reports,
presentation states, plans), and writers add keys of their own: names, dates, long texts and UIDs are therefore named by
their Value Representation, wherever they stand. A sequence on the list stands for all that it holds.

Source: PS3.3 Annex F.5 (keys of the directory records).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from pathlib import Path

from pydicom.datadict import tag_for_keyword

from deidgate.errors import CannotDeidentify, ConfigurationError
from deidgate.files.kind import Kind, sniff
from deidgate.files.names import name_of_same_length
from deidgate.files.spans import NotSpannedError, Span, meta_end, spans
from deidgate.standard.uids import is_registered

BY_VR = ("PN", "DA", "TM", "DT", "LT", "ST", "UT", "UC", "UR", "UI")
"""Value Representations that are overwritten unless a list says otherwise."""

DEFAULT_ATTRIBUTES = (
    *BY_VR,
    "PatientID",
    "PatientSex",
    "PatientAge",
    "OtherPatientIDs",
    "IssuerOfPatientID",
    "AccessionNumber",
    "StudyID",
    "StudyDescription",
    "SeriesDescription",
    "InstitutionName",
    "InstitutionalDepartmentName",
    "StationName",
    "FileSetID",
    "ContentDescription",
    "DoseComment",
    "StructureSetLabel",
    "RTPlanLabel",
    "UserContentLabel",
    "UserContentLongLabel",
    "HangingProtocolDescription",
    "HangingProtocolName",
    "ContentSequence",
    "PixelData",
    "ReferencedSOPInstanceUIDInFile",
    "ReferencedFileID",
    "MediaStorageSOPInstanceUID",
)
"""What is overwritten unless a list says otherwise. Pixels are those of icons."""

_FILE_ID = 0x00041500
_STRUCTURE = frozenset({0x0040A010, 0x0040A040})
"""Relationship Type and Value Type: without them a reader cannot take a content item apart, and they say nothing."""


def read_attributes(path: Path) -> tuple[str, ...]:
    """The keywords and VRs (``PN``) in the text file `path`, one on a line; ``#`` begins a comment.

    Raises
    ------
    ConfigurationError
        ``unknown-keyword`` with file and line, or ``attributes-unreadable``.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise ConfigurationError("attributes-unreadable", str(path)) from None
    keywords = []
    for number, line in enumerate(lines, 1):
        keyword = line.partition("#")[0].strip()
        if keyword and keyword not in BY_VR and tag_for_keyword(keyword) is None:
            raise ConfigurationError("unknown-keyword", f"{path}:{number}")
        if keyword:
            keywords.append(keyword)
    return tuple(keywords)


def redact(directory: bytes, attributes: Iterable[str], key: bytes) -> tuple[bytes, int]:
    """The DICOMDIR with the values of `attributes` overwritten at every depth, and how many were.

    A VR stands for all its elements but those of the file meta information and of the file-set itself (groups 0002 and
    0004): what kind of file a record is about has to stay true.

    Private elements and the preamble are overwritten too: nobody can say what they hold.

    Raises
    ------
    CannotDeidentify
        ``unreadable-dicom``: not a DICOMDIR in Explicit or Implicit VR Little Endian.
    """
    if sniff(directory[:4096]) is not Kind.DICOMDIR:
        raise CannotDeidentify("unreadable-dicom", "DICOMDIR")
    named = frozenset(attributes)
    vrs = named & set(BY_VR)
    tags = {tag_for_keyword(keyword) for keyword in named - vrs}
    try:
        start, syntax = meta_end(directory)
        elements = spans(directory, 132, start, explicit=True)
        elements += spans(directory, start, len(directory), explicit=syntax != "1.2.840.10008.1.2")
    except NotSpannedError:
        raise CannotDeidentify("unreadable-dicom", "DICOMDIR") from None
    result = bytearray(directory)
    result[:128] = bytes(128)
    count = 0
    for element in elements:
        if element.vr == "SQ" or element.stop == element.start:
            continue
        private = (element.tag >> 16) & 1 and (element.tag & 0xFFFF) > 0xFF
        if private or element.tag in tags or _is_meant(element, vrs, tags):
            result[element.start : element.stop] = _filling(directory[element.start : element.stop], element, key)
            count += 1
    return bytes(result), count


def _is_meant(element: Span, vrs: frozenset[str], tags: set[int | None]) -> bool:
    """True if the VR of `element`, or a sequence around it, is on the list."""
    if element.tag >> 16 in (0x0002, 0x0004) or element.tag in _STRUCTURE:
        return False
    # Every other member of a path is the number of an item.
    return element.vr in vrs or not tags.isdisjoint(element.path[:-1:2])


def _filling(value: bytes, element: Span, key: bytes) -> bytes:
    if element.tag == _FILE_ID:
        # Folders are named after patients more often than not; `deidgate run --dicomdir redact` names results alike.
        return b"\\".join(_file_id(part, key) for part in value.split(b"\\"))
    if element.vr == "UI":
        return b"\\".join(_uid(part, key) for part in value.split(b"\\"))
    if element.vr in ("OB", "OW", "UN", "US", "UL", "SS", "SL", "FL", "FD", "AT", "OF", "OD", "OL", "OV", "SV", "UV"):
        return bytes(len(value))
    return b"0" * len(value)


def _file_id(value: bytes, key: bytes) -> bytes:
    bare = value.rstrip(b" ")
    return name_of_same_length(bare.decode("ascii", "replace"), key).encode("ascii", "replace").ljust(len(value))


def _uid(value: bytes, key: bytes) -> bytes:
    """A UID of the same length, derived; a shorter one than can be derived becomes zeros."""
    bare = value.rstrip(b"\0 ")
    padding = value[len(bare) :]
    if is_registered(bare.decode("ascii", "replace")):
        return value
    digits = len(bare) - 5
    if digits < 2:
        return b"0" * len(bare) + padding
    number = int.from_bytes(hmac.new(key, b"deidgate dicomdir\0" + bare, hashlib.sha512).digest(), "big")
    # The first digit after the root must not be 0. Source: PS3.5 section 9.1.
    return b"2.25." + str(10 ** (digits - 1) + number % (9 * 10 ** (digits - 1))).encode() + padding
