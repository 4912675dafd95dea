# SPDX-License-Identifier: Apache-2.0
"""Datasets without preamble and file meta come out as whole files, and what cannot be told is held."""

from io import BytesIO

import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from tests.data.toolbox_series import ct, encoded

from deidgate import Deidentifier
from deidgate.files.bare import with_meta


def bare(syntax) -> bytes:
    """A CT image in `syntax` without preamble and file meta."""
    dataset = pydicom.Dataset(pydicom.dcmread(BytesIO(encoded(ct(rows=8)))))
    buffer = BytesIO()
    pydicom.dcmwrite(buffer, dataset, little_endian=syntax.is_little_endian, implicit_vr=syntax.is_implicit_VR)
    return buffer.getvalue()


@pytest.fixture
def deidentifier(tmp_path):
    with Deidentifier("basic", mapping=tmp_path / "private" / "mapping.db") as one:
        yield one


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian])
def test_a_dataset_without_file_meta_becomes_a_whole_file_in_its_own_syntax(deidentifier, tmp_path, syntax):
    (tmp_path / "incoming").mkdir()
    (tmp_path / "incoming" / "IM1").write_bytes(bare(syntax))
    assert deidentifier.run([tmp_path / "incoming"], tmp_path / "out", jobs=0).counts == {"done": 1}
    result = pydicom.dcmread(tmp_path / "out" / "IM1")
    assert result.file_meta.TransferSyntaxUID == syntax
    assert result.file_meta.MediaStorageSOPInstanceUID == result.SOPInstanceUID
    assert result.PatientID.startswith("P-")
    assert result.PixelData == pydicom.dcmread(BytesIO(encoded(ct(rows=8)))).PixelData


def test_a_file_that_lacks_the_preamble_only_is_read_as_its_file_meta_says(deidentifier):
    whole = encoded(ct(rows=8))
    assert with_meta(whole[132:]) == whole


def test_a_whole_file_stays_as_it_is():
    whole = encoded(ct(rows=8))
    assert with_meta(whole) is whole


def test_the_result_is_that_of_the_same_file_with_its_meta(deidentifier):
    assert deidentifier.bytes(bare(ExplicitVRLittleEndian)) == deidentifier.bytes(encoded(ct(rows=8)))


@pytest.mark.parametrize("name", ["rtstruct.dcm", "ExplVR_LitEndNoMeta.dcm", "ExplVR_BigEndNoMeta.dcm"])
def test_bare_files_of_others_are_never_taken_for_something_else_than_dicom(deidentifier, tmp_path, name):
    source = get_testdata_file(name)
    deidentifier.run([source], tmp_path / "out", jobs=0)
    assert "not-dicom" not in (tmp_path / "out.deidgate" / "report.csv").read_text(encoding="utf-8-sig")


@pytest.mark.parametrize("noise", [b"\x08\x00\x05\x00" + bytes(60), b"\x08\x00\x16\x00\x10\x00\x00\x00 nothing"])
def test_what_only_begins_like_a_dataset_is_held(deidentifier, tmp_path, noise):
    (tmp_path / "odd").write_bytes(noise)
    summary = deidentifier.run([tmp_path / "odd"], tmp_path / "out", jobs=0)
    assert summary.counts == {"held": 1}
