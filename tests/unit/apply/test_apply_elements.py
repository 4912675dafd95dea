# SPDX-License-Identifier: Apache-2.0
"""The executor that makes a new dataset."""

import pytest
from pydicom import DataElement, Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)
from tests.data.instances import dataset, elements, file_bytes, instance, read
from tests.data.policies import PSEUDONYMS, SHIPPED, changed, shipped

from deidgate.apply.elements import apply
from deidgate.dicom.structure import check_structure
from deidgate.errors import CannotDeidentify
from deidgate.plan.planner import plan
from deidgate.policy.model import ElementRule, Word

SYNTAXES = [
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
]


def rich() -> Dataset:
    """An instance with something of everything that an executor has to write."""
    code = elements(CodeValue="4711", CodingSchemeDesignator="99HOSP", CodeMeaning="Doe^Jane")
    made = dataset(
        SpecificCharacterSet="ISO_IR 192",
        PatientName="Müller^Jürgen=王^小东",
        StudyDescription="Knie rechts für Müller, Verlauf ähnlich",
        SeriesDate="20190518",
        AcquisitionDateTime="20190518101500.25",
        PixelSpacing=["0.5", "0.5"],
        WindowCenter=40,
        PersonIdentificationCodeSequence=[code],
        ReferencedImageSequence=[elements(ReferencedSOPInstanceUID="1.2.3.4")] * 2,
        RequestAttributesSequence=[
            elements(
                SpecificCharacterSet="ISO_IR 100",
                RequestedProcedureDescription="Verlaufskontrolle für Müller",
                ScheduledProcedureStepDescription="Thorax p.a. Übersicht",
            )
        ],
    )
    made.add(DataElement(0x00091001, "UN", b"Doe "))
    return made


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("name", SHIPPED)
def test_the_result_is_a_true_file_in_the_encoding_of_the_original(name, syntax):
    header = read(file_bytes(rich(), syntax))
    result = apply(header, plan(header, shipped(name), PSEUDONYMS))
    data = file_bytes(result, syntax)
    check_structure(data, whole=True)
    again = read(data)
    assert again.PixelData == header.PixelData
    assert again.Rows == 2
    for needle in ("Müller", "王", "Doe", "HOSP-0001", "4711"):
        for encoding in ("utf-8", "latin-1", "gb18030"):
            assert needle.encode(encoding, "ignore") not in data or not needle.encode(encoding, "ignore")


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_the_argument_is_unchanged(syntax):
    data = file_bytes(rich(), syntax)
    header, untouched = read(data), read(data)
    apply(header, plan(header, shipped("longitudinal"), PSEUDONYMS))
    assert header == untouched
    assert file_bytes(header, syntax) == file_bytes(untouched, syntax)


def test_preamble_and_file_meta_are_new():
    header = instance()
    header.preamble = b"Jane Doe".ljust(128, b"!")
    header.file_meta.SourceApplicationEntityTitle = "JANEDOE"
    header.file_meta.PrivateInformationCreatorUID = "1.2.3"
    header.file_meta.PrivateInformation = b"Jane Doe"
    result = apply(header, plan(header, shipped("basic"), PSEUDONYMS))
    assert result.preamble == b"\0" * 128
    assert {element.keyword for element in result.file_meta} == {
        "FileMetaInformationVersion", "MediaStorageSOPClassUID", "MediaStorageSOPInstanceUID", "TransferSyntaxUID",
        "ImplementationClassUID", "ImplementationVersionName",
    }  # fmt: skip
    assert result.file_meta.MediaStorageSOPInstanceUID == result.SOPInstanceUID


def test_cleaned_text_is_written_in_the_character_set_of_its_own_item():
    header = read(file_bytes(rich()))
    result = apply(header, plan(header, shipped("longitudinal"), PSEUDONYMS))
    item = result.RequestAttributesSequence[0]
    assert "Müller" not in item.RequestedProcedureDescription
    assert "Übersicht" in item.ScheduledProcedureStepDescription
    assert "ähnlich" in result.StudyDescription


@pytest.mark.parametrize(
    ("keyword", "value", "vr", "expected"),
    [
        ("SeriesNumber", "7", "IS", 7),
        ("SliceThickness", "2.5", "DS", 2.5),
        ("SmallestImagePixelValue", "300", "US", 300),
        ("TemporalPositionTimeOffset", "1.5", "FD", 1.5),
        ("FrameIncrementPointer", "00181063", "AT", 0x00181063),
    ],
)
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_numbers_of_a_policy_are_written_in_their_vr(syntax, keyword, value, vr, expected):
    made = dataset()
    made.add(DataElement(keyword, vr, 1 if vr != "AT" else 0x00181065))
    tag = int(made[keyword].tag)
    policy = changed(elements=(ElementRule((tag,), Word.DUMMY, value, keyword),))
    header = read(file_bytes(made, syntax))
    result = read(file_bytes(apply(header, plan(header, policy, PSEUDONYMS)), syntax))
    assert result[tag].value == expected


def test_a_dataset_with_an_element_that_the_plan_does_not_know_is_refused():
    header = instance()
    made = plan(header, shipped("basic"), PSEUDONYMS)
    other = instance(ProtocolName="knee")
    with pytest.raises(CannotDeidentify) as refused:
        apply(other, made)
    assert (refused.value.code, refused.value.path) == ("element-not-planned", "(0018,1030) ProtocolName")


def test_a_dataset_without_a_transfer_syntax_is_refused():
    header = instance()
    made = plan(header, shipped("basic"), PSEUDONYMS)
    del header.file_meta
    with pytest.raises(CannotDeidentify):
        apply(header, made)


@pytest.mark.parametrize("undefined", [True, False])
def test_sequences_keep_their_kind_of_length(undefined):
    made = dataset()
    sequence = DataElement(0x00081140, "SQ", Sequence([elements(ReferencedSOPInstanceUID="1.2.3")]))
    sequence.is_undefined_length = undefined
    made.add(sequence)
    header = read(file_bytes(made))
    data = file_bytes(apply(header, plan(header, shipped("basic"), PSEUDONYMS)))
    at = data.index(b"\x08\x00\x40\x11SQ\0\0")
    assert (data[at + 8 : at + 12] == b"\xff\xff\xff\xff") is undefined


def test_large_texts_pass():
    header = instance(StrainDescription="x" * 400_000)
    result = apply(header, plan(header, shipped("full-dates"), PSEUDONYMS))
    assert len(file_bytes(result)) > 400_000
