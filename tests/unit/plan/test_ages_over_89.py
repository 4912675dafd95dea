# SPDX-License-Identifier: Apache-2.0
"""Where a policy shows years only, no year of birth tells an age over 89."""

from __future__ import annotations

import dataclasses

import pytest
from pydicom import Dataset
from tests.data.instances import dataset, file_bytes
from tests.property.engine import deidentify, names, passed, policy

from deidgate.plan.model import Action, Plan, Reason
from deidgate.verify.gate import verify

pytestmark = pytest.mark.filterwarnings("ignore")

BIRTH_DATE = 0x00100030


def aged(**keywords: object) -> bytes:
    return file_bytes(dataset(Rows=16, Columns=16, PixelData=bytes(512), **keywords))


def carried(original: bytes, name: str) -> tuple[Plan, Dataset]:
    return passed(original, policy(name))


@pytest.mark.parametrize(
    ("birth", "study", "age"),
    [
        ("19250321", "20190517", "094Y"),
        ("19250321", "20190517", ""),
        ("19290101", "20190517", ""),
        ("19291231", "20190517", "089Y"),
        ("19500321", "20190517", "090Y"),
        ("1925.03.21", "20190517", ""),
    ],
)
def test_a_birth_date_that_tells_an_age_over_89_is_emptied(birth: str, study: str, age: str) -> None:
    plan, after = carried(aged(PatientBirthDate=birth, StudyDate=study, PatientAge=age), "safe-harbor")
    assert after.PatientBirthDate == ""
    assert after.StudyDate == "20190101"
    assert after.PatientAge == {"094Y": "090Y"}.get(age, age)
    (decision,) = [one for one in plan.decisions if one.path.tag == BIRTH_DATE]
    assert decision.action is Action.EMPTY
    assert decision.because.source == "45 CFR 164.514(b)(2)(i)(C)"


def test_any_date_of_the_instance_counts() -> None:
    original = aged(PatientBirthDate="19280321", StudyDate="20170517", AcquisitionDateTime="20190517101500")
    assert carried(original, "safe-harbor")[1].PatientBirthDate == ""


@pytest.mark.parametrize(("birth", "age"), [("19300321", "089Y"), ("19650321", "054Y"), ("20190301", "010W")])
def test_a_birth_date_of_a_younger_patient_is_cut_to_its_year(birth: str, age: str) -> None:
    _, after = carried(aged(PatientBirthDate=birth, StudyDate="20190517", PatientAge=age), "safe-harbor")
    assert (after.PatientBirthDate, after.PatientAge) == (f"{birth[:4]}0101", age)


@pytest.mark.parametrize("name", sorted(set(names()) - {"safe-harbor", "basic", "keep-list"}))
def test_policies_that_show_more_than_years_do_with_birth_dates_what_they_say(name: str) -> None:
    _, after = carried(aged(PatientBirthDate="19250321", StudyDate="20190517", PatientAge="094Y"), name)
    assert after.PatientBirthDate


def test_a_date_that_is_none_is_no_reason_to_fail() -> None:
    _, after = carried(aged(PatientBirthDate="unknown", StudyDate="20190517", PatientAge="054Y"), "safe-harbor")
    assert after.PatientBirthDate == ""


def test_the_gate_finds_a_birth_year_that_a_plan_would_leave() -> None:
    original = aged(PatientBirthDate="19250321", StudyDate="20190517", PatientAge="094Y")
    young, _ = deidentify(aged(PatientBirthDate="19650321", StudyDate="20190517"), policy("safe-harbor"))
    (cut,) = [one for one in young.decisions if one.path.tag == BIRTH_DATE]
    assert cut.because == Reason("policy [dates] birth", "empty for an age over 89, else truncate")
    plan, result = deidentify(original, policy("safe-harbor"))
    wrong = dataclasses.replace(cut, value="19250101")
    forged_plan = dataclasses.replace(
        plan, decisions=tuple(wrong if one.path.tag == BIRTH_DATE else one for one in plan.decisions)
    )
    forged = result.replace(b"\x10\x00\x30\x00DA\x00\x00", b"\x10\x00\x30\x00DA\x08\x0019250101")
    assert forged != result
    assert verify(original, forged, forged_plan).codes == ("birth-year-left",)
