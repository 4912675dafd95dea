# SPDX-License-Identifier: Apache-2.0
"""What a file is, by its first bytes and never by its name."""

from __future__ import annotations

from enum import StrEnum
from typing import BinaryIO

SNIFFED = 4096
"""How many bytes are looked at."""

_DIRECTORY_STORAGE = b"1.2.840.10008.1.3.10"
_NUMBERS = (
    # A table: what, offset, bytes.
    ("zip", 0, b"PK\x03\x04"),
    ("zip", 0, b"PK\x05\x06"),
    ("zip", 0, b"PK\x07\x08"),
    ("tar", 257, b"ustar"),
    ("gzip", 0, b"\x1f\x8b"),
    ("bzip2", 0, b"BZh"),
    ("xz", 0, b"\xfd7zXZ\x00"),
    ("archive-unsupported", 0, b"7z\xbc\xaf\x27\x1c"),
    ("archive-unsupported", 0, b"Rar!\x1a\x07"),
    ("picture", 0, b"\xff\xd8\xff"),
    ("picture", 0, b"\x89PNG\r\n\x1a\n"),
    ("picture", 0, b"BM"),
    ("picture", 0, b"II*\x00"),
    ("picture", 0, b"MM\x00*"),
    ("picture", 0, b"II+\x00"),
    ("picture", 0, b"MM\x00+"),
    ("picture", 0, b"GIF8"),
    ("nifti", 344, b"n+1\x00"),
    ("nifti", 344, b"ni1\x00"),
    ("pdf", 0, b"%PDF-"),
)


class Kind(StrEnum):
    """What was recognised."""

    DICOM = "dicom"
    DICOMDIR = "dicomdir"
    ZIP = "zip"
    TAR = "tar"
    GZIP = "gzip"
    BZIP2 = "bzip2"
    XZ = "xz"
    ARCHIVE_UNSUPPORTED = "archive-unsupported"
    PICTURE = "picture"
    NIFTI = "nifti"
    PDF = "pdf"
    EMPTY = "empty"
    OTHER = "other"

    @property
    def is_archive(self) -> bool:
        """True for what `deidgate.files.archive` can look into."""
        return self in (Kind.ZIP, Kind.TAR, Kind.GZIP, Kind.BZIP2, Kind.XZ)


_OTHER_CODE = "not-dicom"
_CODES = {
    Kind.EMPTY: "empty-file",
    Kind.PICTURE: "not-dicom-picture",
    Kind.NIFTI: "not-dicom-nifti",
    Kind.PDF: "not-dicom-pdf",
    Kind.ARCHIVE_UNSUPPORTED: "archive-unsupported",
}


def code_of(kind: Kind) -> str:
    """What the report says of a file that is no DICOM: a key of `deidgate.words`."""
    return _CODES.get(kind, _OTHER_CODE)


def codes_of_others() -> frozenset[str]:
    """All that `code_of` can say of a file that has something in it."""
    return frozenset({_OTHER_CODE, *_CODES.values()} - {_CODES[Kind.EMPTY]})


def sniff(head: bytes) -> Kind:
    """What begins with `head` (the first `SNIFFED` bytes, or all there is).

    A dataset without preamble and file meta is DICOM when it begins with a plausible element of group 0002
    or 0008, as files of old systems do.

    Source: PS3.10 section 7.1; File-set: PS3.10 section 8.
    """
    if not head:
        return Kind.EMPTY
    if head[128:132] == b"DICM" or _begins_with_element(head):
        return Kind.DICOMDIR if _DIRECTORY_STORAGE in head[:1024] else Kind.DICOM
    for name, offset, number in _NUMBERS:
        if head[offset : offset + len(number)] == number:
            return Kind(name)
    return Kind.OTHER


def sniff_file(stream: BinaryIO) -> Kind:
    """What `stream` holds; its position is put back to where it was."""
    start = stream.tell()
    head = stream.read(SNIFFED)
    stream.seek(start)
    return sniff(head)


def _begins_with_element(head: bytes) -> bool:
    if len(head) < 8:
        return False
    group = int.from_bytes(head[:2], "little")
    element = int.from_bytes(head[2:4], "little")
    if group == 0x0800 or group == 0x0200:  # big endian
        group, element = group >> 8, int.from_bytes(head[2:4], "big")
        return head[4:6].isalpha() and head[4:6].isupper() and element <= 0x0100
    if group not in (0x0002, 0x0008) or element > 0x0100:
        return False
    if head[4:6].isalpha() and head[4:6].isupper():
        return True
    return int.from_bytes(head[4:8], "little") <= 1024
