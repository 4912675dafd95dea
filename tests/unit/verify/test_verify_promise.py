# SPDX-License-Identifier: Apache-2.0
"""With a plan, the result is what the plan promised, and only written rules excuse a deviation from the table."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence
from tests.unit.verify.made import CODES, Outcome, Pair, code

from deidgate.dicom.path import ElementPath
from deidgate.plan.model import Action, Added, Decision, PixelPlan, Plan, Reason
from deidgate.standard.codes import CID_7050

TABLE = Reason("E.1-1 basic")


def text(value: object) -> str:
    if value is None:
        return ""
    return "\\".join(str(v) for v in value) if isinstance(value, MultiValue) else str(value)


def promised(pair: Pair) -> Plan:
    """The plan that the correct result follows, read off the pair by comparing."""
    decisions: list[Decision] = []

    def walk(before: Dataset, after: Dataset, parents: tuple[tuple[int, int], ...]) -> None:
        for element in before:
            tag = int(element.tag)
            path = ElementPath(parents, tag)
            if tag not in after:
                decisions.append(Decision(path, element.VR, Action.REMOVE, None, TABLE))
            elif element.VR == "SQ":
                decisions.append(Decision(path, "SQ", Action.KEEP, None, TABLE))
                for number, item in enumerate(element.value):
                    walk(item, after[tag].value[number], (*parents, (tag, number)))
            elif after[tag].value == element.value:
                decisions.append(Decision(path, element.VR, Action.KEEP, None, TABLE))
            elif after[tag].value in ("", None):
                decisions.append(Decision(path, element.VR, Action.EMPTY, None, TABLE))
            else:
                decisions.append(Decision(path, element.VR, Action.CLEAN, text(after[tag].value), TABLE))

    walk(pair.original, pair.result, ())
    codes = tuple(
        (
            Added(ElementPath.top(0x00080100), "SH", one, TABLE),
            Added(ElementPath.top(0x00080102), "SH", "DCM", TABLE),
            Added(ElementPath.top(0x00080104), "LO", CID_7050[one], TABLE),
        )
        for one in CODES
    )
    added = (
        Added(ElementPath.top(0x00120062), "CS", "YES", TABLE),
        Added(ElementPath.top(0x00120063), "LO", text(pair.result.DeidentificationMethod), TABLE),
        Added(ElementPath.top(0x00120064), "SQ", codes, TABLE),
        Added(ElementPath.top(0x00280303), "CS", "MODIFIED", TABLE),
    )
    return Plan(
        policy="longitudinal 1 0123456789ab",
        sop_class_uid=str(pair.original.SOPClassUID),
        sop_instance_uid="2.25.1001",
        series_instance_uid="2.25.3",
        study_instance_uid="2.25.2",
        patient_id="P-7HK2M9QC",
        decisions=tuple(decisions),
        added=added,
        codes=CODES,
        longitudinal="MODIFIED",
        pixels=PixelPlan(),
    )


def with_decision(plan: Plan, keyword_tag: int, **changes: object) -> Plan:
    return replace(
        plan,
        decisions=tuple(replace(d, **changes) if d.path == ElementPath.top(keyword_tag) else d for d in plan.decisions),
    )


def found(pair: Pair, plan: Plan, outcome: Outcome | None = None) -> set[tuple[str, str]]:
    return {(f.code, f.path) for f in pair.verdict(outcome, plan=plan).findings}


def test_a_result_that_follows_its_plan_has_no_finding(pair):
    assert pair.verdict(plan=promised(pair)).findings == ()


def test_a_signature_that_was_filled_in_afterwards_is_no_difference(pair):
    methods = ["Deidgate longitudinal 1 0123456789ab", "Deidgate mark 1/2 " + "A" * 43]
    pair.result.DeidentificationMethod = methods
    plan = promised(pair)
    pair.result.DeidentificationMethod = [methods[0], "Deidgate mark 1/2 " + "x-_9" * 10 + "abc"]
    assert pair.verdict(plan=plan).findings == ()


def test_what_should_have_been_removed_emptied_written_or_kept_is_found(pair):
    plan = promised(pair)
    pair.result.SliceThickness = "2.4"
    pair.result.PatientBirthDate = "19610319"
    pair.result.StudyID = "S1"
    pair.result.StudyDescription = "CT"
    assert found(pair, plan) >= {
        ("kept-value-changed", "(0018,0050) SliceThickness"),
        ("not-as-planned", "(0010,0030) PatientBirthDate"),
        ("not-as-planned", "(0020,0010) StudyID"),
        ("not-removed", "(0008,1030) StudyDescription"),
    }


def test_what_got_lost_is_found(pair):
    plan = promised(pair)
    del pair.result.SliceThickness
    del pair.result.DeidentificationMethod
    assert found(pair, plan) >= {
        ("lost", "(0018,0050) SliceThickness"),
        ("lost", "(0012,0063) DeidentificationMethod"),
    }


def test_an_element_that_the_plan_does_not_know_is_found(pair):
    plan = promised(pair)
    plan = replace(plan, decisions=tuple(d for d in plan.decisions if d.path.tag != 0x00180050))
    assert ("not-in-plan", "(0018,0050) SliceThickness") in found(pair, plan)


def test_what_is_below_a_removed_sequence_is_gone_with_it(pair):
    plan = promised(pair)
    sequence = ElementPath.top(0x00081140)
    below = [d for d in plan.decisions if d.path.parents]
    plan = replace(plan, decisions=tuple(d for d in plan.decisions if d not in below))
    plan = with_decision(plan, sequence.tag, action=Action.REMOVE)
    assert ("not-removed", str(sequence)) in found(pair, plan)


def test_a_numeric_value_is_compared_as_a_number(pair):
    pair.original.Rows = pair.result.Rows
    plan = with_decision(promised(pair), 0x00280010, action=Action.CLEAN, value="16")
    assert pair.verdict(plan=plan).findings == ()
    plan = with_decision(plan, 0x00280010, action=Action.CLEAN, value="17")
    assert ("not-as-planned", "(0028,0010) Rows") in found(pair, plan)


def test_only_a_written_rule_excuses_a_kept_identifier(pair):
    pair.result.InstitutionName = pair.original.InstitutionName
    plan = promised(pair)
    institution = 0x00080080
    assert {("row-not-met", "(0008,0080) InstitutionName")} <= found(pair, plan)
    written = with_decision(plan, institution, because=Reason("policy [elements] InstitutionName"))
    assert found(pair, written) == set()
    default = with_decision(plan, institution, because=Reason("policy [defaults] text"))
    assert found(pair, default) == found(pair, plan)


def test_an_identifier_that_a_written_rule_keeps_in_one_place_is_found_in_none_else_that_is_not_its_own(pair):
    pair.result.InstitutionName = pair.original.InstitutionName
    plan = with_decision(promised(pair), 0x00080080, because=Reason("policy [elements] InstitutionName"))
    pair.result.ManufacturerModelName = "Quillfeather"
    assert ("name-left", "(0008,1090) ManufacturerModelName") in found(pair, plan)


@pytest.mark.parametrize("word", ["keep", "truncate"])
def test_a_date_may_stay_when_the_plan_names_a_rule_that_may_leave_it(pair, word):
    pair.result.StudyDate = pair.original.StudyDate
    plan = with_decision(promised(pair), 0x00080020, action=Action.CLEAN, value=None)
    assert ("date-not-modified", "(0008,0020) StudyDate") in found(pair, plan)
    plan = with_decision(plan, 0x00080020, because=Reason("E.1-1 option 113107 C", f"policy [dates] study {word}"))
    assert found(pair, plan) == set()


def test_codes_are_exactly_those_of_the_plan(pair):
    plan = promised(pair)
    assert ("claim-missing", "(0012,0064)") in found(pair, replace(plan, codes=(*CODES, "113108")))
    assert ("claim-not-planned", "(0012,0064)") in found(pair, replace(plan, codes=CODES[:-1]))


@pytest.mark.parametrize("option", ["113106", "113108", "113109", "113110", "113112"])
def test_what_somebody_else_has_retained_is_not_claimed_by_a_plan_that_does_not(pair, option):
    plan = promised(pair)
    retained = code(option, "DCM", CID_7050[option])
    pair.original.DeidentificationMethodCodeSequence = Sequence([retained])
    pair.result.DeidentificationMethodCodeSequence.append(retained)
    assert ("claim-too-bold", "(0012,0064)") in found(pair, plan)


def test_what_somebody_else_has_cleaned_may_be_claimed(pair):
    plan = promised(pair)
    cleaned = code("113105", "DCM", CID_7050["113105"])
    pair.original.DeidentificationMethodCodeSequence = Sequence([cleaned])
    pair.result.DeidentificationMethodCodeSequence.append(cleaned)
    assert {one for one, _ in found(pair, plan) if one.startswith("claim")} == set()


def test_the_identity_is_that_of_the_plan(pair):
    plan = replace(promised(pair), sop_instance_uid="2.25.5")
    assert ("identity-not-as-planned", "(0008,0018)") in found(pair, plan)


@pytest.mark.parametrize("risk", ["review", "high"])
def test_identity_is_not_claimed_removed_over_pixels_that_nobody_reviewed(pair, risk):
    plan = replace(promised(pair), pixels=PixelPlan(risk=risk))
    assert ("claim-too-bold", "(0012,0062)") in found(pair, plan)
    assert found(pair, plan, Outcome("clean")) == set()


def test_clean_pixels_are_not_claimed_without_a_look(pair):
    plan = replace(promised(pair), codes=("113100", "113101", "113107", "113111"))
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = "113101", "DCM", CID_7050["113101"]
    pair.result.DeidentificationMethodCodeSequence.append(item)
    assert ("claim-too-bold", "(0012,0064)") in found(pair, plan)


def test_a_wrong_policy_name_is_found(pair):
    plan = replace(promised(pair), policy="basic 1 ffffffffffff")
    assert ("claim-missing", "(0012,0063)") in found(pair, plan)


def test_the_plan_excuses_no_needle(pair):
    pair.result.SoftwareVersions = "Quillfeather"
    plan = promised(pair)
    plan = replace(plan, added=(*plan.added, Added(ElementPath.top(0x00181020), "LO", "Quillfeather", TABLE)))
    assert ("name-left", "(0018,1020) SoftwareVersions") in found(pair, plan)


def test_a_pseudonym_may_stay_when_our_own_result_is_run_again(pair):
    plan = promised(pair)
    pair.original.PatientName = pair.original.PatientID = "P-7HK2M9QC"
    assert "row-not-met" in {code for code, _ in found(pair, plan)}
    pair.original.DeidentificationMethod = "Deidgate basic 1"
    plan = promised(pair)
    assert found(pair, plan) == set()
    assert found(pair, replace(plan, patient_id="P-other")) >= {("row-not-met", "(0010,0020) PatientID")}


def test_claims_of_an_earlier_de_identification_may_be_replaced(pair):
    plan = promised(pair)
    pair.original.DeidentificationMethod = "Somebody else"
    pair.original.DeidentificationMethodCodeSequence = pair.result.DeidentificationMethodCodeSequence[:1]
    gone = Decision(ElementPath.top(0x00120064), "SQ", Action.REMOVE, None, TABLE)
    also = Decision(ElementPath.top(0x00120063), "LO", Action.REMOVE, None, TABLE)
    assert found(pair, replace(plan, decisions=(gone, also, *plan.decisions))) == set()
