# SPDX-License-Identifier: Apache-2.0
"""Pseudonyms, new UIDs and what is refused without an identity."""

import pytest
from pydicom import DataElement
from pydicom.sequence import Sequence
from tests.data.instances import dataset, elements, file_bytes, instance, read, uid
from tests.data.policies import PSEUDONYMS, SHIPPED, changed, shipped, with_options

from deidgate.apply.elements import apply
from deidgate.errors import CannotDeidentify
from deidgate.plan.planner import plan
from deidgate.policy.model import Fate, Option
from deidgate.verify.gate import verify

RTSTRUCT = "1.2.840.10008.5.1.4.1.1.481.3"


def result_of(header, policy):
    return read(file_bytes(apply(header, plan(header, policy, PSEUDONYMS)), header.file_meta.TransferSyntaxUID))


@pytest.mark.parametrize("name", SHIPPED)
def test_patient_name_and_id_become_the_pseudonym_under_every_policy(name):
    result = result_of(instance(), shipped(name))
    assert (result.PatientID, str(result.PatientName)) == (PSEUDONYMS.patient_id, PSEUDONYMS.patient_name)


def test_missing_patient_name_and_id_are_added():
    result = result_of(instance(PatientName=None, PatientID=None), shipped("basic"))
    assert (result.PatientID, str(result.PatientName)) == (PSEUDONYMS.patient_id, PSEUDONYMS.patient_name)


@pytest.mark.parametrize("name", SHIPPED)
def test_one_uid_becomes_one_new_uid_wherever_it_stands(name):
    made = dataset()
    itself = elements(ReferencedSOPClassUID=made.SOPClassUID, ReferencedSOPInstanceUID=made.SOPInstanceUID)
    made.ReferencedImageSequence = [itself]
    result = result_of(read(file_bytes(made)), shipped(name))
    assert result.SOPInstanceUID == PSEUDONYMS.uid(made.SOPInstanceUID) == result.file_meta.MediaStorageSOPInstanceUID
    if "ReferencedImageSequence" in result:
        assert result.ReferencedImageSequence[0].ReferencedSOPInstanceUID == result.SOPInstanceUID


def test_references_of_a_structure_set_point_at_the_new_images():
    image = dataset()
    contour = elements(ReferencedSOPClassUID=image.SOPClassUID, ReferencedSOPInstanceUID=image.SOPInstanceUID)
    made = dataset(1, 1, 2, 1, sop_class=RTSTRUCT, Modality="RTSTRUCT", PixelData=None, StructureSetLabel="L")
    made.ReferencedFrameOfReferenceSequence = [
        elements(
            FrameOfReferenceUID=image.FrameOfReferenceUID,
            RTReferencedStudySequence=[
                elements(
                    ReferencedSOPClassUID="1.2.840.10008.3.1.2.3.1",
                    ReferencedSOPInstanceUID=image.StudyInstanceUID,
                    RTReferencedSeriesSequence=[
                        elements(SeriesInstanceUID=image.SeriesInstanceUID, ContourImageSequence=[contour])
                    ],
                )
            ],
        )
    ]
    new_image = result_of(read(file_bytes(image)), shipped("longitudinal"))
    new = result_of(read(file_bytes(made)), shipped("longitudinal")).ReferencedFrameOfReferenceSequence[0]
    study = new.RTReferencedStudySequence[0]
    series = study.RTReferencedSeriesSequence[0]
    assert new.FrameOfReferenceUID == new_image.FrameOfReferenceUID
    assert study.ReferencedSOPInstanceUID == new_image.StudyInstanceUID
    assert study.ReferencedSOPClassUID == "1.2.840.10008.3.1.2.3.1"
    assert series.SeriesInstanceUID == new_image.SeriesInstanceUID
    assert series.ContourImageSequence[0].ReferencedSOPInstanceUID == new_image.SOPInstanceUID


def test_a_uid_that_no_row_lists_is_replaced_and_one_of_the_standard_is_not():
    made = dataset(CreatorVersionUID=uid(5), ContextUID=uid(6), SOPClassesInStudy=["1.2.840.10008.5.1.4.1.1.2"])
    result = result_of(read(file_bytes(made)), shipped("basic"))
    assert result.CreatorVersionUID == PSEUDONYMS.uid(uid(5))
    assert result.ContextUID == uid(6)
    assert result.SOPClassesInStudy == "1.2.840.10008.5.1.4.1.1.2"
    assert result.SOPClassUID == made.SOPClassUID


def test_every_uid_stays_with_the_retain_uids_option():
    made = dataset(CreatorVersionUID=uid(5))
    header = read(file_bytes(made))
    result = result_of(header, with_options([Option.RETAIN_UIDS]))
    for keyword in (
        "SOPInstanceUID",
        "SeriesInstanceUID",
        "StudyInstanceUID",
        "FrameOfReferenceUID",
        "CreatorVersionUID",
    ):
        assert result[keyword].value == made[keyword].value


@pytest.mark.parametrize("keyword", ["SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID", "SOPClassUID"])
def test_an_instance_without_one_of_its_uids_is_held(keyword):
    header = instance()
    del header[keyword]
    with pytest.raises(CannotDeidentify):
        plan(header, shipped("basic"), PSEUDONYMS)


def test_a_sop_class_of_no_family_is_held_unless_the_policy_names_it():
    private = "1.3.12.2.1107.5.9.1"
    header = instance(sop_class=private)
    with pytest.raises(CannotDeidentify) as held:
        plan(header, shipped("basic"), PSEUDONYMS)
    assert (held.value.code, held.value.path) == ("sop-class-unknown", "(0008,0016) SOPClassUID")
    assert plan(header, changed(sop_classes={private: Fate.DEIDENTIFY}), PSEUDONYMS).sop_class_uid == private


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize(
    ("sop_class", "code"),
    [
        ("1.2.840.10008.5.1.4.1.1.104.1", "sop-class-held"),  # Encapsulated PDF
        ("1.2.840.10008.5.1.4.1.1.66", "sop-class-held"),  # Raw Data
        ("1.2.840.10008.5.1.4.1.1.9.4.1", "sop-class-held"),  # Basic Voice Audio
        ("1.2.840.10008.5.1.4.38.1", "sop-class-rejected"),  # Hanging Protocol
    ],
)
def test_what_no_rule_about_elements_can_clean_is_held_or_rejected(name, sop_class, code):
    with pytest.raises(CannotDeidentify) as held:
        plan(instance(sop_class=sop_class), shipped(name), PSEUDONYMS)
    assert held.value.code == code


def test_a_patient_id_in_an_item_is_not_kept():
    made = dataset()
    made.add(DataElement(0x00081115, "SQ", Sequence([elements(PatientID="HOSP-0001", PatientName="Doe^Jane")])))
    item = result_of(read(file_bytes(made)), shipped("basic")).ReferencedSeriesSequence[0]
    assert "HOSP" not in str(item.get("PatientID", "")) and "Doe" not in str(item.get("PatientName", ""))


@pytest.mark.parametrize("name", SHIPPED)
def test_uids_made_of_a_sop_class_uid_a_date_and_a_number_are_replaced(name):
    sop, study = "1.2.840.10008.5.1.4.1.1.2.20190517101500.4711", "1.2.840.10008.20190517.4711"
    made = dataset(SOPInstanceUID=sop, StudyInstanceUID=study, StudyDescription=f"see {sop}")
    result = result_of(read(file_bytes(made)), shipped(name))
    assert {result.SOPInstanceUID, result.StudyInstanceUID} == {PSEUDONYMS.uid(sop), PSEUDONYMS.uid(study)}
    assert sop.encode() not in file_bytes(result)
    assert study.encode() not in file_bytes(result)


@pytest.mark.parametrize(
    ("name", "stays"), [("basic", False), ("safe-harbor", False), ("longitudinal", True), ("full-dates", True)]
)
def test_a_report_with_a_device_observer_uid_passes_under_every_policy(name, stays):
    device = "1.3.12.2.1107.5.1.4.54321"
    concept = elements(CodeValue="121012", CodingSchemeDesignator="DCM", CodeMeaning="Device Observer UID")
    observer = elements(RelationshipType="HAS OBS CONTEXT", ValueType="UIDREF", UID=device)
    observer.ConceptNameCodeSequence = [concept]
    title = elements(CodeValue="113701", CodingSchemeDesignator="DCM", CodeMeaning="X-Ray Radiation Dose Report")
    pictures = ("Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "SamplesPerPixel")
    made = dataset(
        sop_class="1.2.840.10008.5.1.4.1.1.88.67",
        Modality="SR",
        ValueType="CONTAINER",
        ContinuityOfContent="SEPARATE",
        CompletionFlag="COMPLETE",
        VerificationFlag="UNVERIFIED",
        ContentDate="20190517",
        ContentTime="101500",
        ConceptNameCodeSequence=[title],
        ContentSequence=[observer],
        **dict.fromkeys((*pictures, "PhotometricInterpretation", "PixelData", "ImageType")),
    )
    header = read(file_bytes(made))
    decided = plan(header, shipped(name), PSEUDONYMS)
    data = file_bytes(apply(header, decided))
    assert verify(file_bytes(made), data, decided).findings == ()
    assert (device.encode() in data) is stays
