# SPDX-License-Identifier: Apache-2.0
"""What a file is, by its bytes."""

import gzip
import io
from pathlib import Path

import pytest
from pydicom.data import get_testdata_file
from tests.data.toolbox_archives import tarred, zipped
from tests.data.toolbox_series import ct, encoded

from deidgate.files.kind import Kind, sniff


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", Kind.EMPTY),
        (b"hello", Kind.OTHER),
        (zipped([("a", b"b")]), Kind.ZIP),
        (zipped([]), Kind.ZIP),
        (tarred([("a", b"b")]), Kind.TAR),
        (gzip.compress(b"x"), Kind.GZIP),
        (tarred([("a", b"b")], "w:bz2"), Kind.BZIP2),
        (tarred([("a", b"b")], "w:xz"), Kind.XZ),
        (b"7z\xbc\xaf\x27\x1c", Kind.ARCHIVE_UNSUPPORTED),
        (b"Rar!\x1a\x07\x01\x00", Kind.ARCHIVE_UNSUPPORTED),
        (b"\x89PNG\r\n\x1a\n", Kind.PICTURE),
        (b"\xff\xd8\xff\xe0", Kind.PICTURE),
        (b"%PDF-1.7", Kind.PDF),
        (b"\0" * 344 + b"n+1\0", Kind.NIFTI),
        (encoded(ct(rows=8)), Kind.DICOM),
    ],
)
def test_the_kind_is_told_by_the_first_bytes(content, kind):
    assert sniff(content[:4096]) is kind


@pytest.mark.parametrize("name", ["ExplVR_BigEndNoMeta.dcm", "ExplVR_LitEndNoMeta.dcm", "MR_small_bigendian.dcm"])
def test_dicom_without_preamble_or_in_big_endian_is_dicom(name):
    assert sniff(Path(get_testdata_file(name)).read_bytes()[:4096]) is Kind.DICOM


def test_a_dicomdir_is_told_from_an_image():
    content = io.BytesIO()
    content.write(b"\0" * 128 + b"DICM" + b"\x02\0\x02\0UI\x14\x001.2.840.10008.1.3.10\0")
    assert sniff(content.getvalue()) is Kind.DICOMDIR
