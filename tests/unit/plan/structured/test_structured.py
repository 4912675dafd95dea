# SPDX-License-Identifier: Apache-2.0
"""Content items get what Table E.3.4-1 says, and trees stay trees."""

import pytest
from content_trees import (
    CLEAN,
    EVERYTHING,
    ORIGINAL_UID,
    PSEUDONYMS,
    carried_out,
    code,
    decide,
    elements,
    item,
    result_of,
    shape,
    tree,
    valued,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file
from pydicom.sequence import Sequence

from deidgate.errors import CannotDeidentify
from deidgate.plan.dates import Keep, Shift
from deidgate.plan.model import Action
from deidgate.plan.structured.concepts import concepts

ROWS = sorted(concepts().values(), key=lambda row: (row.meaning, row.value_type, row.code))
IDS = [f"{row.meaning} {row.value_type}" for row in ROWS]
SAYS_SOMETHING = ("Frobnic", "20010705", ORIGINAL_UID, "101530")


def row_tree(row, children=()):
    return tree(valued(row.value_type, code(row.code, row.scheme, row.meaning), children))


def test_the_whole_table_is_there():
    assert len(concepts()) == 214
    assert {row.basic for row in ROWS} == {"X", "D", "X/D"}


@pytest.mark.parametrize("options", [(), ("113104",)], ids=["basic", "clean structured content"])
@pytest.mark.parametrize("row", ROWS, ids=IDS)
def test_without_an_option_that_retains_it_no_listed_item_says_anything(row, options):
    result = str(result_of(row_tree(row), options))
    assert not [said for said in SAYS_SOMETHING if said in result]


@pytest.mark.parametrize("row", [r for r in ROWS if "X" in r.basic], ids=lambda r: f"{r.meaning} {r.value_type}")
def test_below_an_item_that_gets_x_nothing_says_anything(row):
    if row.basic != "X":
        return
    children = [valued(t, code("99999", "99X")) for t in ("TEXT", "CODE", "NUM", "PNAME", "DATE", "UIDREF", "IMAGE")]
    ds = row_tree(row, children)
    result = result_of(ds, ("113104", "113105"))
    if not any(option in CLEAN for option, _ in row.options):
        assert not [said for said in (*SAYS_SOMETHING, "-42.5") if said in str(result)]
    assert shape(result) == shape(ds)


@pytest.mark.parametrize(
    ("row", "option"),
    [(row, option) for row in ROWS for option, what in row.options if what == "K"],
    ids=lambda v: v if isinstance(v, str) else f"{v.meaning} {v.value_type}",
)
def test_an_option_retains_what_its_column_says(row, option):
    ds = row_tree(row)
    assert result_of(ds, ("113104", option), dates=Keep()) == ds


@pytest.mark.parametrize("row", [r for r in ROWS if ("113107", "C") in r.options], ids=lambda r: r.meaning)
def test_dates_of_listed_items_move_with_modified_dates(row):
    result = str(result_of(row_tree(row), ("113104", "113107"), dates=Shift(-10)))
    assert "20010705" not in result
    assert row.value_type == "TIME" or "20010625" in result


@pytest.mark.parametrize(
    "row", [r for r in ROWS if ("113105", "C") in r.options], ids=lambda r: f"{r.meaning} {r.value_type}"
)
def test_texts_of_listed_items_are_cleaned_with_clean_descriptors(row):
    ds = tree(item("TEXT", code(row.code, row.scheme), TextValue="Frobnicated lung"))
    assert result_of(ds).ContentSequence[0].TextValue == "lung"


def test_birth_dates_follow_no_date_option():
    ds = tree(valued("DATE", code("121031")))
    assert result_of(ds, EVERYTHING, dates=Keep()).ContentSequence[0].Date == "19000101"


@pytest.mark.parametrize("options", [(), CLEAN, EVERYTHING])
def test_names_of_persons_are_never_retained(options):
    ds = tree(valued("PNAME", code("121008")), valued("PNAME", code("99999", "99X")), valued("PNAME", code("121029")))
    names = [str(i.PersonName) for i in result_of(ds, options).ContentSequence]
    assert names == ["REMOVED", "REMOVED", PSEUDONYMS.patient_name]


def test_the_subject_gets_its_pseudonym():
    ds = tree(valued("TEXT", code("121030")))
    assert result_of(ds).ContentSequence[0].TextValue == PSEUDONYMS.patient_id


def test_unlisted_texts_are_cleaned_with_the_option_and_replaced_without():
    ds = tree(item("TEXT", code("99999", "99X"), TextValue="Frobnicated lung"))
    assert result_of(ds, ("113104",)).ContentSequence[0].TextValue == "lung"
    assert result_of(ds, ()).ContentSequence[0].TextValue == "REMOVED"


def test_a_text_of_which_nothing_is_left_gets_a_dummy():
    assert result_of(tree(valued("TEXT", code("99999", "99X")))).ContentSequence[0].TextValue == "REMOVED"


@pytest.mark.parametrize("options", [(), CLEAN])
def test_numbers_codes_and_coordinates_of_unlisted_items_stay(options):
    scoord = item("SCOORD", code("111030"), GraphicType="POINT", GraphicData=[1.5, 2.5])
    number = valued("NUM", code("99999", "99X"))
    ds = tree(number, scoord, item("CODE", code("121071"), ConceptCodeSequence=Sequence([code("1", "99X", "Lung")])))
    assert result_of(ds, options) == ds


def test_names_in_meanings_of_local_codes_are_cleaned():
    ds = tree(
        item(
            "CODE",
            code("1", "99X", "Frobnicated lung"),
            ConceptCodeSequence=Sequence([code("2", "99X", "Frobnicated")]),
        )
    )
    one = result_of(ds).ContentSequence[0]
    assert one.ConceptNameCodeSequence[0].CodeMeaning == "lung"
    assert one.ConceptCodeSequence[0].CodeMeaning == "REMOVED"


def test_a_code_that_may_not_be_told_becomes_a_valid_code():
    ds = tree(valued("CODE", code("121032")))
    ds.ContentSequence[0].ConceptCodeSequence[0].CodingSchemeVersion = "2"
    (value,) = result_of(ds).ContentSequence[0].ConceptCodeSequence
    assert [(e.keyword, e.value) for e in value] == [
        ("CodeValue", "261665006"),
        ("CodingSchemeDesignator", "SCT"),
        ("CodeMeaning", "Unknown"),
    ]


def test_a_number_that_may_not_be_told_has_no_value():
    result = result_of(tree(valued("NUM", code("121033"))))
    assert len(result.ContentSequence[0].MeasuredValueSequence) == 0


@pytest.mark.parametrize(
    ("value", "units", "result"),
    [("89", "a", "89"), ("90", "a", "90"), ("93", "a", "90"), ("1200", "mo", "1080"), ("40", "mo", "40")],
)
def test_kept_ages_over_89_years_are_one_category(value, units, result):
    ds = tree(valued("NUM", code("121033")))
    measured = ds.ContentSequence[0].MeasuredValueSequence[0]
    measured.NumericValue, measured.FloatingPointValue = value, float(value)
    measured.MeasurementUnitsCodeSequence[0].CodeValue = units
    new = result_of(ds, ("113104", "113108")).ContentSequence[0].MeasuredValueSequence[0]
    assert str(new.NumericValue) == result
    assert new.get("FloatingPointValue", float(result)) == float(result)


@pytest.mark.parametrize("depth", [0, 1, 5])
def test_uids_are_replaced_at_every_depth_and_definitions_of_the_standard_are_not(depth):
    one = valued("IMAGE", code("99999", "99X"))
    one.ContentTemplateSequence = Sequence([Dataset()])
    one.ContentTemplateSequence[0].MappingResourceUID = "1.2.840.10008.8.1.1"
    one.ObservationUID = ORIGINAL_UID
    for _ in range(depth):
        one = item("CONTAINER", code("99998", "99X"), [one])
    result = result_of(tree(one)).ContentSequence[0]
    for _ in range(depth):
        result = result.ContentSequence[0]
    reference = result.ReferencedSOPSequence[0]
    assert reference.ReferencedSOPInstanceUID == PSEUDONYMS.uid(ORIGINAL_UID)
    assert reference.ReferencedSOPClassUID == "1.2.840.10008.5.1.4.1.1.2"
    assert result.ContentTemplateSequence[0].MappingResourceUID == "1.2.840.10008.8.1.1"
    assert result.ObservationUID == PSEUDONYMS.uid(ORIGINAL_UID)


def test_an_observation_date_time_that_is_none_gets_a_dummy():
    ds = tree(item("TEXT", code("99999", "99X"), TextValue="lung", ObservationDateTime="20010705"))
    ds.ContentSequence[0]["ObservationDateTime"]._value = "last week"
    assert result_of(ds, EVERYTHING).ContentSequence[0].ObservationDateTime == "19000101000000"


def test_references_by_number_still_lead_to_the_same_items():
    ds = tree(
        valued("PNAME", code("121008")),
        item("CONTAINER", code("121070"), [valued("TEXT", code("121022")), valued("NUM", code("99999", "99X"))]),
        item("", None, ReferencedContentItemIdentifier=[1, 2, 2]),
    )
    result = result_of(ds)
    assert shape(result) == shape(ds)
    assert result.ContentSequence[2].ReferencedContentItemIdentifier == [1, 2, 2]


@pytest.mark.parametrize("scheme", ["SRT", "SNM3", "99SDM"])
def test_old_snomed_codes_are_the_same_concepts(scheme):
    ds = tree(item("TEXT", code("F-02455", scheme, "Social History"), TextValue="Frobnicated lung"))
    (decision,) = [d for d in decide(ds) if d.path.keyword == "TextValue"]
    assert decision.because.detail == "Social History"


def test_private_and_unknown_elements_of_items_go():
    ds = tree(valued("TEXT", code("99999", "99X")))
    one = ds.ContentSequence[0]
    one.add_new(0x00090010, "LO", "CREATOR")
    one.add_new(0x00091001, "LO", "Frobnicated")
    one.add_new(0x0040FFF1, "LO", "Frobnicated")
    assert "Frobnic" not in str(result_of(ds))


@pytest.mark.parametrize(
    ("tag", "vr", "value", "reason"),
    [(0x0040A160, "US", 1, "vr-is-not-the-attributes"), (0x0040A300, "LO", "x", "vr-is-not-the-attributes")],
)
def test_what_contradicts_its_attribute_is_held(tag, vr, value, reason):
    ds = tree(valued("TEXT", code("99999", "99X")))
    ds.ContentSequence[0].add_new(tag, vr, value)
    with pytest.raises(CannotDeidentify) as caught:
        decide(ds)
    assert caught.value.code == reason


def test_a_tree_without_end_is_held():
    one = valued("TEXT", code("99999", "99X"))
    for _ in range(150):
        one = item("CONTAINER", None, [one])
    ds = Dataset()
    ds.ContentSequence = Sequence([one])
    with pytest.raises(CannotDeidentify) as caught:
        decide(ds)
    assert caught.value.code == "sequence-too-deep"


def test_no_content_sequence_no_decisions():
    assert decide(Dataset()) == []


CODES = [code(r.code, r.scheme, r.meaning) for r in ROWS] + [code("99999", "99X"), None]
CONCEPTS = st.sampled_from(range(len(CODES))).map(lambda number: CODES[number])
LEAVES = st.builds(
    valued,
    st.sampled_from(["TEXT", "PNAME", "DATE", "TIME", "DATETIME", "UIDREF", "CODE", "NUM", "IMAGE", "COMPOSITE"]),
    CONCEPTS,
)
ITEMS = st.recursive(
    LEAVES,
    lambda children: st.builds(
        valued, st.sampled_from(["CONTAINER", "TEXT", "NUM", "CODE"]), CONCEPTS, st.lists(children, max_size=3)
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(st.lists(ITEMS, min_size=1, max_size=3), st.sets(st.sampled_from(sorted(EVERYTHING))))
def test_every_element_has_one_decision_and_the_tree_keeps_its_shape(items, options):
    ds = tree(*items)
    decisions = decide(ds, options)
    decided = [(d.path.parents, d.path.tag) for d in decisions]
    gone = {(d.path.parents, d.path.tag) for d in decisions if d.action in (Action.REMOVE, Action.EMPTY)}
    below = [
        path for path in elements(ds) if not any((path[0][:i], path[0][i][0]) in gone for i in range(len(path[0])))
    ]
    assert sorted(decided) == sorted(below)
    assert len(decided) == len(set(decided))
    result = carried_out(ds, decisions)
    assert shape(result) == shape(ds)
    assert decide(ds, options) == decisions


@settings(deadline=None)
@given(st.lists(ITEMS, min_size=1, max_size=3), st.sets(st.sampled_from(["113104", "113105", "113107", "113103"])))
def test_no_needle_of_a_random_tree_survives_where_nothing_retains_it(items, options):
    result = str(result_of(tree(*items), options, dates=Shift(-10)))
    assert not [said for said in ("Frobnic", "20010705", ORIGINAL_UID) if said in result.replace("Frobnicated')", "")]


@pytest.mark.parametrize("name", ["reportsi.dcm", "test-SR.dcm"])
@pytest.mark.parametrize("options", [(), CLEAN, EVERYTHING], ids=["basic", "clean", "everything"])
def test_real_reports_keep_their_shape(name, options):
    ds = dcmread(get_testdata_file(name))
    decisions = decide(ds, options)
    assert shape(carried_out(ds, decisions)) == shape(ds)
    assert not any(d.path.depth and d.vr == "PN" and d.value != "REMOVED" and d.value is not None for d in decisions)
