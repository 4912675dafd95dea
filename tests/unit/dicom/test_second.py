# SPDX-License-Identifier: Apache-2.0
"""A file under another UID is that file and no other, and is had back byte by byte."""

from io import BytesIO

import pytest
from pydicom import dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)
from tests.data.instances import dataset

from deidgate.dicom.second import CannotRenameError, dataset_digest, first_name, sop_instance_uid, stand_in
from deidgate.dicom.structure import check_structure

SYNTAXES = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian)


def a_file(syntax=ExplicitVRLittleEndian, **keywords):
    """As Orthanc writes what came by C-STORE."""
    made, out = dataset(**keywords), BytesIO()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = syntax
    made["PixelData"].VR = "OW"
    made.save_as(out, enforce_file_format=True)
    return out.getvalue()


@pytest.mark.parametrize("uid", ["1.2.3", "1.2.3.4", "2.25." + "9" * 59])
@pytest.mark.parametrize("syntax", SYNTAXES)
def test_it_is_had_back_byte_by_byte(syntax, uid):
    file = a_file(syntax, SOPInstanceUID=uid)
    assert sop_instance_uid(file) == uid
    other = stand_in(file)
    check_structure(other, whole=True)
    assert first_name(other) == file
    assert first_name(file) is None


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_only_the_uid_is_another(syntax):
    file = a_file(syntax)
    before, after = dcmread(BytesIO(file)), dcmread(BytesIO(stand_in(file)))
    assert after.SOPInstanceUID == after.file_meta.MediaStorageSOPInstanceUID != before.SOPInstanceUID
    assert after.SOPInstanceUID.is_valid
    assert after.SOPInstanceUID == sop_instance_uid(stand_in(file))
    begin_before, begin_after = (132 + 12 + one.file_meta.FileMetaInformationGroupLength for one in (before, after))
    assert stand_in(file)[begin_after : begin_after + 8] == file[begin_before : begin_before + 8]
    after.SOPInstanceUID = before.SOPInstanceUID
    assert after == before


def test_the_same_content_has_the_same_name_and_another_has_another():
    file, other = a_file(), a_file(PatientComments="another")
    assert stand_in(file) == stand_in(bytes(file))
    assert len({sop_instance_uid(one) for one in (file, stand_in(file), stand_in(other))}) == 3


def test_who_sent_it_is_no_content():
    file = a_file()
    made = dcmread(BytesIO(file))
    made.file_meta.SourceApplicationEntityTitle = "ELSEWHERE"
    out = BytesIO()
    made.save_as(out)
    assert out.getvalue() != file
    assert dataset_digest(out.getvalue()) == dataset_digest(file)
    assert dataset_digest(a_file(PatientComments="another")) != dataset_digest(file)


def test_a_group_length_counts_what_is_there():
    file = bytearray(a_file())
    at = 132 + 12 + dcmread(BytesIO(bytes(file))).file_meta.FileMetaInformationGroupLength
    file[at:at] = b"\x08\x00\x00\x00UL\x04\x00" + (1000).to_bytes(4, "little")
    other = stand_in(bytes(file))
    assert first_name(other) == bytes(file)
    grown = len(other) - len(file)
    assert grown
    # The value's growth, of the two that grew alike.
    start = other.index(b"\x08\x00\x00\x00UL\x04\x00") + 8
    assert int.from_bytes(other[start : start + 4], "little") == 1000 + grown // 2


@pytest.mark.parametrize("spoil", [lambda f: f[:100], lambda f: f[:300], lambda f: b"", lambda f: b"x" * 128 + f[128:]])
def test_what_cannot_be_had_back_is_not_given_out(spoil):
    with pytest.raises(CannotRenameError):
        stand_in(spoil(a_file()))


def test_a_deflated_file_is_known_by_its_file_meta_and_not_renamed():
    made = dcmread(BytesIO(a_file()))
    made.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    out = BytesIO()
    made.save_as(out)
    assert sop_instance_uid(out.getvalue()) == made.SOPInstanceUID
    with pytest.raises(CannotRenameError):
        stand_in(out.getvalue())


def test_a_stand_in_that_is_damaged_is_no_original():
    with pytest.raises(CannotRenameError):
        first_name(stand_in(a_file())[:200])
