# SPDX-License-Identifier: Apache-2.0
"""A DICOMDIR that another reader follows, and one overwritten in its places."""

import re
import shutil
import subprocess
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from pydicom import Dataset
from pydicom.data import get_testdata_files
from pydicom.dataset import FileMetaDataset
from pydicom.fileset import FileSet
from pydicom.uid import ExplicitVRLittleEndian, MediaStorageDirectoryStorage
from tests.data.toolbox_series import ct, encoded

from deidgate.errors import CannotDeidentify, ConfigurationError
from deidgate.files import dicomdir
from deidgate.files.dicomdir_redact import DEFAULT_ATTRIBUTES, read_attributes, redact

KEY = b"key of a project"


def original() -> Path:
    return Path(next(name for name in get_testdata_files() if name.endswith("dicomdirtests/DICOMDIR")))


@pytest.fixture
def medium(tmp_path) -> Path:
    for patient in (1, 2):
        for series in (1, 2):
            folder = tmp_path / f"PAT{patient}" / f"SE{series}"
            folder.mkdir(parents=True)
            for number in (1, 2, 3):
                (folder / f"IM{number}").write_bytes(encoded(ct(patient, 1, series, number, rows=8)))
    return tmp_path


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_pydicom_reads_every_file_back_through_the_directory(medium):
    listed, left_out = dicomdir.rebuild(medium, files(medium), "2.25.1")
    assert (listed, left_out) == (12, [])
    read = FileSet(medium / "DICOMDIR")
    assert len(read) == 12
    assert {instance.load().PatientID for instance in read} == {"MRN0000001", "MRN0000002"}
    assert len(read.find(PatientID="MRN0000002", SeriesNumber=2)) == 3


@pytest.mark.skipif(shutil.which("dcmdump") is None, reason="dcmtk is not installed")
def test_dcmtk_reads_the_directory_without_complaint(medium):
    dicomdir.rebuild(medium, files(medium), "2.25.1")
    done = subprocess.run(["dcmdump", str(medium / "DICOMDIR")], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert len(re.findall(r"\[PAT\d\\SE\d\\IM\d\]", done.stdout)) == 12


@pytest.mark.skipif(shutil.which("gdcmdump") is None, reason="GDCM is not installed")
def test_gdcm_reads_the_directory(medium):
    dicomdir.rebuild(medium, files(medium), "2.25.1")
    done = subprocess.run(["gdcmdump", str(medium / "DICOMDIR")], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stdout.count("ReferencedFileID") + done.stdout.count("(0004,1500)") >= 12


def test_every_offset_points_at_a_record(medium):
    dicomdir.rebuild(medium, files(medium), "2.25.1")
    content = (medium / "DICOMDIR").read_bytes()
    read = pydicom.dcmread(BytesIO(content))
    offsets = {item.seq_item_tell for item in read.DirectoryRecordSequence}
    named = {read.OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity}
    for item in read.DirectoryRecordSequence:
        named |= {item.OffsetOfTheNextDirectoryRecord, item.OffsetOfReferencedLowerLevelDirectoryEntity}
    assert named - {0} <= offsets
    # Every record but the first root is named exactly once from elsewhere.
    assert offsets == named - {0}


def test_names_that_are_no_file_id_are_not_listed_but_told_of(medium):
    (medium / "image.dcm").write_bytes(encoded(ct(3, rows=8)))
    (medium / "README").write_bytes(b"not DICOM")
    listed, left_out = dicomdir.rebuild(medium, files(medium), "2.25.1")
    assert listed == 12
    assert {path.name for path in left_out} == {"image.dcm", "README"}


def test_emptied_attributes_become_valid_keys(tmp_path):
    ds = ct(rows=8)
    ds.StudyID = ds.StudyDate = ds.StudyTime = ds.AccessionNumber = ""
    ds.InstanceNumber = None
    (tmp_path / "IM1").write_bytes(encoded(ds))
    assert dicomdir.rebuild(tmp_path, [tmp_path / "IM1"], "2.25.1")[0] == 1
    study = next(
        r for r in pydicom.dcmread(tmp_path / "DICOMDIR").DirectoryRecordSequence if r.DirectoryRecordType == "STUDY"
    )
    assert study.StudyID and study.StudyDate and study.StudyTime


def test_an_old_directory_is_not_replaced_unless_asked(medium):
    from deidgate.files.atomic import AlreadyThereError

    paths = files(medium)
    (medium / "DICOMDIR").write_bytes(b"old")
    with pytest.raises(AlreadyThereError):
        dicomdir.rebuild(medium, paths, "2.25.1")
    assert (medium / "DICOMDIR").read_bytes() == b"old"


def test_redacting_keeps_every_length_and_every_offset():
    before = original().read_bytes()
    after, count = redact(before, DEFAULT_ATTRIBUTES, KEY)
    assert len(after) == len(before) and count > 50
    old, new = (pydicom.dcmread(BytesIO(content)) for content in (before, after))
    for one, other in zip(old.DirectoryRecordSequence, new.DirectoryRecordSequence, strict=True):
        assert one.OffsetOfTheNextDirectoryRecord == other.OffsetOfTheNextDirectoryRecord
        assert one.OffsetOfReferencedLowerLevelDirectoryEntity == other.OffsetOfReferencedLowerLevelDirectoryEntity


def test_redacting_leaves_no_value_of_the_list():
    before = pydicom.dcmread(original())
    after, _ = redact(original().read_bytes(), DEFAULT_ATTRIBUTES, KEY)
    values = {
        str(element.value).encode()
        for record in before.DirectoryRecordSequence
        for element in record
        if (element.keyword in DEFAULT_ATTRIBUTES or (element.VR in DEFAULT_ATTRIBUTES and element.tag.group != 4))
        and len(str(element.value)) > 4
        and str(element.value).strip("0")
    }
    assert len(values) > 40
    assert [value for value in values if value in after] == []


def test_redacted_texts_are_zeros_and_redacted_uids_stay_apart():
    after, _ = redact(original().read_bytes(), DEFAULT_ATTRIBUTES, KEY)
    read = pydicom.dcmread(BytesIO(after))
    patients = [record for record in read.DirectoryRecordSequence if record.DirectoryRecordType == "PATIENT"]
    assert all(set(str(record.PatientID)) == {"0"} for record in patients)
    studies = [
        record.StudyInstanceUID for record in read.DirectoryRecordSequence if record.DirectoryRecordType == "STUDY"
    ]
    assert len(set(studies)) == len(studies) and all(uid.startswith("2.25.") and uid.is_valid for uid in studies)


def directory_of(record_type: str, **keys) -> bytes:
    """A DICOMDIR with one record that has `keys`."""
    record = Dataset()
    record.OffsetOfTheNextDirectoryRecord = record.OffsetOfReferencedLowerLevelDirectoryEntity = 0
    record.RecordInUseFlag = 0xFFFF
    record.DirectoryRecordType = record_type
    record.ReferencedFileID = ["IMAGES", "PR1"]
    record.ReferencedSOPClassUIDInFile = "1.2.276.0.7230010.3.1.0.1"  # a private one
    record.ReferencedSOPInstanceUIDInFile = "1.2.3.4.5.6.7.8.9"
    record.ReferencedTransferSyntaxUIDInFile = "1.2.840.10008.1.2.1"
    for keyword, value in keys.items():
        setattr(record, keyword, value)
    ds = Dataset()
    ds.FileSetID = "DISC"
    ds.OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity = 0
    ds.OffsetOfTheLastDirectoryRecordOfTheRootDirectoryEntity = 0
    ds.FileSetConsistencyFlag = 0
    ds.DirectoryRecordSequence = [record]
    ds.file_meta = FileMetaDataset()
    ds.file_meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
    ds.file_meta.MediaStorageSOPInstanceUID = "1.2.3.99"
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    buffer = BytesIO()
    ds.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def items(**keys) -> list[Dataset]:
    one = Dataset()
    for keyword, value in keys.items():
        setattr(one, keyword, value)
    return [one]


@pytest.mark.parametrize(
    ("record_type", "keys"),
    [
        ("PRESENTATION", {"ContentCreatorName": "Zebedee^Quixote"}),
        ("PRESENTATION", {"ContentDescription": "Zebedee seen"}),
        ("PRESENTATION", {"PresentationCreationDate": "19640812", "PresentationCreationTime": "114455"}),
        ("PRESENTATION", {"ReferencedSeriesSequence": items(SeriesInstanceUID="1.2.3.77.88.99.1964")}),
        (
            "PRESENTATION",
            {"ReferencedSeriesSequence": items(ReferencedImageSequence=items(ReferencedSOPInstanceUID="1.2.1964.7.8"))},
        ),
        ("SR DOCUMENT", {"VerificationDateTime": "19640812114455"}),
        ("SR DOCUMENT", {"ContentSequence": items(ValueType="TEXT", TextValue="Zebedee")}),
        ("SR DOCUMENT", {"ContentSequence": items(ValueType="DATE", Date="19640812")}),
        ("SR DOCUMENT", {"ContentSequence": items(ValueType="DATETIME", DateTime="19640812114455")}),
        ("SR DOCUMENT", {"ContentSequence": items(ValueType="NUM", ObservationDateTime="19640812")}),
        ("SR DOCUMENT", {"ContentSequence": items(ConceptCodeSequence=items(CodeMeaning="Zebedee's disease"))}),
        ("IMAGE", {"IconImageSequence": items(Rows=2, Columns=4, BitsAllocated=8, PixelData=b"Zebedee!")}),
        ("ENCAP DOC", {"DocumentTitle": "Zebedee"}),
        ("RT PLAN", {"RTPlanLabel": "Zebedee"}),
        ("IMAGE", {"PatientComments": "Zebedee"}),
    ],
)
def test_no_record_of_any_type_keeps_who_when_or_a_uid(record_type, keys):
    before = directory_of(record_type, **keys)
    after, _ = redact(before, DEFAULT_ATTRIBUTES, KEY)
    assert len(after) == len(before)
    for value in (b"Zebedee", b"1964", b"114455", b"1.2.3.4.5.6.7.8.9"):
        assert value not in after, value
    pydicom.dcmread(BytesIO(after)).DirectoryRecordSequence[0].to_json()


def test_what_kind_of_file_a_record_is_about_stays_true():
    content = directory_of("SR DOCUMENT", ContentSequence=items(ValueType="TEXT", TextValue="Zebedee"))
    read = pydicom.dcmread(BytesIO(redact(content, DEFAULT_ATTRIBUTES, KEY)[0]))
    record = read.DirectoryRecordSequence[0]
    assert read.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert read.file_meta.ImplementationClassUID == pydicom.dcmread(BytesIO(content)).file_meta.ImplementationClassUID
    assert record.ReferencedSOPClassUIDInFile == "1.2.276.0.7230010.3.1.0.1"
    assert record.ReferencedTransferSyntaxUIDInFile == "1.2.840.10008.1.2.1"
    assert record.ContentSequence[0].ValueType == "TEXT"


def test_a_list_may_name_a_value_representation(tmp_path):
    chosen = tmp_path / "list.txt"
    chosen.write_text("PN\n")
    content = directory_of("PRESENTATION", ContentCreatorName="Zebedee", ContentDescription="A label")
    after, count = redact(content, read_attributes(chosen), KEY)
    assert count == 1 and b"Zebedee" not in after and b"A label" in after


def test_only_what_the_list_names_is_redacted(tmp_path):
    chosen = tmp_path / "list.txt"
    chosen.write_text("# mine\nPatientID  # record number\n")
    after, _ = redact(original().read_bytes(), read_attributes(chosen), KEY)
    patient = pydicom.dcmread(BytesIO(after)).DirectoryRecordSequence[0]
    assert set(str(patient.PatientID)) == {"0"}
    assert str(patient.PatientName) == str(pydicom.dcmread(original()).DirectoryRecordSequence[0].PatientName)


def test_a_word_that_is_no_keyword_is_refused_with_its_line(tmp_path):
    chosen = tmp_path / "list.txt"
    chosen.write_text("PatientID\nPatientNam\n")
    with pytest.raises(ConfigurationError, match=r"unknown-keyword at .*list.txt:2"):
        read_attributes(chosen)


@pytest.mark.parametrize("name", ["DICOMDIR-implicit", "DICOMDIR-bigEnd"])
def test_implicit_is_read_and_big_endian_is_refused(name):
    content = (original().parent / name).read_bytes()
    if name.endswith("implicit"):
        after, count = redact(content, DEFAULT_ATTRIBUTES, KEY)
        assert count > 50 and b"Doe" not in after
    else:
        with pytest.raises(CannotDeidentify, match="unreadable-dicom"):
            redact(content, DEFAULT_ATTRIBUTES, KEY)


def test_an_image_is_no_dicomdir():
    with pytest.raises(CannotDeidentify, match="unreadable-dicom"):
        redact(encoded(ct(rows=8)), DEFAULT_ATTRIBUTES, KEY)
