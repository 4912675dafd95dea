# SPDX-License-Identifier: Apache-2.0
"""Dates by group, ages, graphics, keep-list mode, lines of a policy, compound codes by Type."""

import dataclasses

import pytest
from pydicom import DataElement
from pydicom.sequence import Sequence
from tests.data.instances import dataset, elements, file_bytes, instance, read
from tests.data.policies import PSEUDONYMS, SHIPPED, changed, shipped, with_options

from deidgate.apply.elements import apply
from deidgate.plan.model import Action
from deidgate.plan.planner import plan
from deidgate.policy.model import DateAction, DateRule, ElementRule, Option, Word

PET = "1.2.840.10008.5.1.4.1.1.128"
PRESENTATION_STATE = "1.2.840.10008.5.1.4.1.1.11.1"


def result_of(header, policy):
    return read(file_bytes(apply(header, plan(header, policy, PSEUDONYMS)), header.file_meta.TransferSyntaxUID))


def decision(header, policy, tag, depth=0):
    made = plan(header, policy, PSEUDONYMS)
    return next(d for d in made.decisions if d.path.tag == tag and d.path.depth == depth)


# Dates


def test_mammography_keeps_study_dates_and_cuts_the_birth_date_to_the_15th():
    result = result_of(instance(PatientBirthTime="0815", PatientAge="054Y"), shipped("mammography"))
    assert (result.StudyDate, result.StudyTime) == ("20190517", "101500")
    assert result.PatientBirthDate == "19650315"
    assert result.PatientAge == "054Y"


def test_longitudinal_moves_every_date_by_the_same_days_and_keeps_intervals():
    header = instance(SeriesDate="20190518", AcquisitionDateTime="20190519101500.5+0100", PatientBirthDate="19650321")
    result = result_of(header, shipped("longitudinal"))
    assert (result.StudyDate, result.SeriesDate) == ("20190206", "20190207")
    assert result.AcquisitionDateTime == "20190208101500.5+0100"
    assert result.PatientBirthDate == "19641211"


def test_safe_harbor_keeps_years_only():
    result = result_of(instance(SeriesDate="20190518"), shipped("safe-harbor"))
    assert (result.StudyDate, result.SeriesDate, result.PatientBirthDate) == ("20190101", "20190101", "19650101")


def test_basic_leaves_no_date():
    header = instance(
        SeriesDate="20190518", ContentDate="20190517", AcquisitionDateTime="20190517", ExpiryDate="20300101"
    )
    result = result_of(header, shipped("basic"))
    assert not any(element.value for element in result.iterall() if element.VR in ("DA", "TM", "DT"))


def test_dates_of_one_group_can_stay_while_others_move():
    base = shipped("longitudinal")
    mixed = dataclasses.replace(
        base, digest="mixed", dates=dataclasses.replace(base.dates, study=DateRule(DateAction.KEEP))
    )
    result = result_of(instance(SeriesDate="20190518", ScheduledStudyStartDate="20190518"), mixed)
    assert (result.SeriesDate, result.ScheduledStudyStartDate) == ("20190518", "20190207")


@pytest.mark.parametrize("name", ["mammography", "longitudinal", "full-dates", "safe-harbor"])
@pytest.mark.parametrize("text", ["Doe Jane", "20191317", "2019", "NOVEMBER"])
def test_what_is_no_date_is_never_kept(name, text):
    made = dataset()
    made.add(DataElement(0x00080021, "LO", text))
    data = file_bytes(made).replace(b"\x08\x00\x21\x00LO", b"\x08\x00\x21\x00DA")
    assert text not in str(result_of(read(data), shipped(name)).get("SeriesDate", ""))


@pytest.mark.parametrize(("age", "expected"), [("089Y", "089Y"), ("090Y", "090Y"), ("103Y", "090Y"), ("011M", "011M")])
def test_ages_over_89_are_one_age(age, expected):
    assert result_of(instance(PatientAge=age), shipped("longitudinal")).PatientAge == expected


# Graphics


@pytest.mark.parametrize("group", [0x6000, 0x6002, 0x601E])
@pytest.mark.parametrize("options", [[], [Option.CLEAN_GRAPHICS]])
def test_an_overlay_plane_goes_as_a_whole_in_every_group(group, options):
    made = dataset()
    for element, vr, value in (
        (0x0010, "US", 2), (0x0011, "US", 2), (0x0022, "LO", "Doe"), (0x0040, "CS", "G"), (0x0050, "SS", [1, 1]),
        (0x0100, "US", 1), (0x0102, "US", 0), (0x3000, "OW", b"\1\0"), (0x4000, "LT", "Doe"),
    ):  # fmt: skip
        made.add(DataElement(group << 16 | element, vr, value))
    result = result_of(read(file_bytes(made)), with_options(options))
    assert [int(element.tag) for element in result if element.tag >> 24 == 0x60] == []


def test_overlays_and_curves_go_in_items_too():
    item = elements(ReferencedSOPInstanceUID="1.2.3")
    item.add(DataElement(0x60003000, "OW", b"\1\0"))
    item.add(DataElement(0x50003000, "OW", b"\1\0"))
    made = dataset(ReferencedSeriesSequence=[item])
    result = result_of(read(file_bytes(made)), shipped("longitudinal"))
    assert [int(element.tag) for element in result.ReferencedSeriesSequence[0]] == [0x00081155]


def test_icons_and_original_attributes_go():
    made = dataset(
        IconImageSequence=[elements(Rows=1, Columns=1)],
        OriginalAttributesSequence=[elements(ModifiedAttributesSequence=[elements(PatientName="Doe^Jane")])],
    )
    result = result_of(read(file_bytes(made)), shipped("longitudinal"))
    assert "IconImageSequence" not in result and "OriginalAttributesSequence" not in result


def presentation_state():
    text = elements(UnformattedTextValue="Jane Doe, right breast", BoundingBoxAnnotationUnits="PIXEL")
    graphic = elements(GraphicAnnotationUnits="PIXEL", GraphicType="POINT", GraphicData=[1.0, 2.0])
    annotation = elements(GraphicLayer="NOTES", TextObjectSequence=[text], GraphicObjectSequence=[graphic])
    return instance(
        sop_class=PRESENTATION_STATE,
        PixelData=None,
        PatientName="Doe^Jane",
        ContentLabel="NOTES",
        PresentationCreationDate="20190517",
        PresentationCreationTime="1015",
        GraphicAnnotationSequence=[annotation],
    )


def test_graphic_layers_whose_names_go_are_still_as_many_and_referred_to():
    names = ("DOE", "MEASURE", "JANE", "REMOVED2", "DOE 1", "JANE 1")
    made = presentation_state()
    made.GraphicAnnotationSequence = [elements(GraphicLayer=name) for name in (*reversed(names), "DOE")]
    made.GraphicLayerSequence = [elements(GraphicLayer=name, GraphicLayerOrder=1) for name in names]
    policy = with_options([Option.CLEAN_GRAPHICS, Option.CLEAN_DESCRIPTORS])
    result = result_of(read(file_bytes(made)), policy)
    layers = [item.GraphicLayer for item in result.GraphicLayerSequence]
    assert [item.GraphicLayer for item in result.GraphicAnnotationSequence] == [*reversed(layers), layers[0]]
    assert sorted(layers) == ["MEASURE", "REMOVED", "REMOVED2", "REMOVED3", "REMOVED4", "REMOVED5"]
    assert (layers[1], layers[3]) == ("MEASURE", "REMOVED2")


def test_graphic_annotations_keep_their_shape_and_lose_names():
    policy = with_options([Option.CLEAN_GRAPHICS, Option.CLEAN_DESCRIPTORS])
    (annotation,) = result_of(presentation_state(), policy).GraphicAnnotationSequence
    text = annotation.TextObjectSequence[0].UnformattedTextValue
    assert "Jane" not in text and "Doe" not in text and "breast" in text
    assert list(annotation.GraphicObjectSequence[0].GraphicData) == [1.0, 2.0]


def test_graphic_annotations_say_nothing_under_the_basic_profile():
    result = result_of(presentation_state(), shipped("basic"))
    assert "breast" not in str(result)
    # Type 1 in the Presentation State, although the table says X.
    assert result.PresentationCreationDate and result.PresentationCreationDate != "20190517"


# Keep-list mode


def test_keep_list_removes_what_is_not_listed_and_leaves_a_valid_header():
    header = instance(ProtocolName="knee", SliceThickness="2", PatientComments="Doe", KVP="120")
    result = result_of(header, shipped("keep-list"))
    assert "ProtocolName" not in result and "PatientComments" not in result
    assert (result.SliceThickness, result.KVP, result.Rows, result.Modality) == (2, 120, 2, "CT")
    assert result.StudyDate == "20190517"


def test_keep_list_is_never_weaker_than_the_profile():
    policy = changed(keep_list=frozenset({0x00081030, 0x00080080}))
    result = result_of(instance(StudyDescription="knee", InstitutionName="Mercy"), policy)
    assert "StudyDescription" not in result and "InstitutionName" not in result


def test_keep_list_looks_into_listed_sequences_only():
    items = [elements(CodeValue="T-1", CodingSchemeDesignator="SRT", CodeMeaning="Knee", ContextIdentifier="1")]
    header = instance(AnatomicRegionSequence=items, RequestAttributesSequence=items)
    result = result_of(header, shipped("keep-list"))
    assert "RequestAttributesSequence" not in result
    assert result.AnatomicRegionSequence[0].CodeMeaning == "Knee"
    assert "ContextIdentifier" not in result.AnatomicRegionSequence[0]


# Lines of a policy


def line(spelled, word, value=None, *path):
    return ElementRule(path, word, value, spelled)


def test_a_line_overrules_the_table_at_every_depth():
    policy = changed(elements=(line("StudyDescription", Word.KEEP, None, 0x00081030),))
    made = dataset(StudyDescription="knee", ReferencedSeriesSequence=[elements(StudyDescription="knee")])
    result = result_of(read(file_bytes(made)), policy)
    assert result.StudyDescription == result.ReferencedSeriesSequence[0].StudyDescription == "knee"


def test_a_line_with_a_path_speaks_about_that_path_and_goes_before_a_line_without():
    policy = changed(
        elements=(
            line("StudyDescription", Word.KEEP, None, 0x00081030),
            line("ReferencedSeriesSequence.StudyDescription", Word.REMOVE, None, 0x00081115, 0x00081030),
        )
    )
    made = dataset(StudyDescription="knee", ReferencedSeriesSequence=[elements(StudyDescription="knee", Modality="CT")])
    result = result_of(read(file_bytes(made)), policy)
    assert result.StudyDescription == "knee"
    assert "StudyDescription" not in result.ReferencedSeriesSequence[0]


@pytest.mark.parametrize(
    ("word", "value", "expected"),
    [
        (Word.REMOVE, None, None),
        (Word.EMPTY, None, ""),
        (Word.DUMMY, None, "REMOVED"),
        (Word.DUMMY, "Site 7", "Site 7"),
        (Word.KEEP, None, "Mercy"),
    ],
)
def test_every_word_of_a_line_does_what_it_says(word, value, expected):
    policy = changed(elements=(line("InstitutionName", word, value, 0x00080080),))
    assert result_of(instance(InstitutionName="Mercy"), policy).get("InstitutionName") == expected


def test_removing_what_the_iod_demands_leaves_it_empty_or_a_dummy():
    policy = changed(
        elements=(line("Modality", Word.REMOVE, None, 0x00080060), line("Laterality", Word.REMOVE, None, 0x00080090))
    )
    result = result_of(instance(), policy)
    assert (result.Modality, result.ReferringPhysicianName) == ("REMOVED", "")


# Terms


@pytest.mark.parametrize("name", SHIPPED)
def test_terms_by_which_pixels_are_read_stay_as_they_are(name):
    header = instance(PatientName="Monochrome^Rgb", SpecificCharacterSet="ISO_IR 100")
    result = result_of(header, shipped(name))
    assert (result.PhotometricInterpretation, result.SpecificCharacterSet) == ("MONOCHROME2", "ISO_IR 100")


@pytest.mark.parametrize("name", sorted(set(SHIPPED) - {"keep-list"}))
def test_terms_stay_and_a_name_among_them_does_not(name):
    header = instance(
        PatientName="Qzxwvu^Anna", ImageType=["DERIVED", "SECONDARY", "QZXWVU"], PatientPosition="HFS", ScanOptions="FS"
    )
    result = result_of(header, shipped(name))
    assert list(result.ImageType)[:2] == ["DERIVED", "SECONDARY"] and "QZXWVU" not in str(result.ImageType)
    assert (result.PatientPosition, result.ScanOptions) == ("HFS", "FS")


# Compound codes


@pytest.mark.parametrize(
    ("sop_class", "tag", "vr", "value", "action"),
    [
        ("1.2.840.10008.5.1.4.1.1.2", 0x00080022, "DA", "20190517", Action.REMOVE),  # X/Z, Type 3
        (PET, 0x00080022, "DA", "20190517", Action.EMPTY),  # X/Z, Type 2
        ("1.2.840.10008.5.1.4.1.1.2", 0x00080021, "DA", "20190517", Action.REMOVE),  # X/D, Type 3
        (PET, 0x00080021, "DA", "20190517", Action.DUMMY),  # X/D, Type 1
        ("1.2.840.10008.5.1.4.1.1.2", 0x0008002A, "DT", "20190517", Action.REMOVE),  # X/Z/D, Type 3
        ("1.2.840.10008.5.1.4.1.1.2.1", 0x0008002A, "DT", "20190517", Action.DUMMY),  # X/Z/D, Type 1C
        ("1.2.840.10008.5.1.4.1.1.2", 0x00080023, "DA", "20190517", Action.EMPTY),  # Z/D, Type 2C
        ("1.2.840.10008.5.1.4.1.1.2.1", 0x00080023, "DA", "20190517", Action.DUMMY),  # Z/D, Type 1
    ],
)
def test_a_compound_code_is_resolved_by_the_type_in_the_iod(sop_class, tag, vr, value, action):
    made = dataset(sop_class=sop_class)
    made.add(DataElement(tag, vr, value))
    found = decision(read(file_bytes(made)), shipped("basic"), tag)
    assert found.action is action
    assert value not in str(found.value)


def test_sequences_of_references_are_kept_with_new_uids():
    made = dataset()
    made.add(DataElement(0x00082112, "SQ", Sequence([elements(ReferencedSOPInstanceUID="1.2.3.4")])))
    result = result_of(read(file_bytes(made)), shipped("basic"))
    assert result.SourceImageSequence[0].ReferencedSOPInstanceUID == PSEUDONYMS.uid("1.2.3.4")


def test_a_code_that_names_a_person_says_nothing_in_a_sequence_that_must_stay():
    policy = changed(elements=(line("PersonIdentificationCodeSequence", Word.DUMMY, None, 0x00401101),))
    person = elements(CodeValue="4711", CodingSchemeDesignator="99HOSP", CodeMeaning="Doe^Jane")
    made = dataset(PersonIdentificationCodeSequence=[person])
    (item,) = result_of(read(file_bytes(made)), policy).PersonIdentificationCodeSequence
    assert "4711" not in str(item) and "Doe" not in str(item) and item.CodeMeaning


def test_a_plan_is_the_same_every_time_and_leaves_the_header_as_it_is():
    header = instance(StudyDescription="knee for Patient1")
    before = file_bytes(read(file_bytes(header)))
    assert plan(header, shipped("longitudinal"), PSEUDONYMS) == plan(header, shipped("longitudinal"), PSEUDONYMS)
    assert file_bytes(header) == before
