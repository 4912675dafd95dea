# SPDX-License-Identifier: Apache-2.0
"""A birth date that is not kept is not told by its time of day or in another calendar either."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom import Dataset
from tests.data.instances import dataset, elements, file_bytes
from tests.property.engine import POLICIES, deidentify, names, passed, policy
from tests.unit.verify.made import Pair

from deidgate.policy.load import load_policy
from deidgate.policy.model import Policy

pytestmark = pytest.mark.filterwarnings("ignore")

CALENDARS = [
    ("1344/12/30", "PERSIAN"),
    ("13441230", "PERSIAN"),
    ("25080321", "THAI"),
    ("S40.03.21", "JAPANESE"),
    ("昭和40年3月21日", "JAPANESE"),
    ("18 Dhu al-Qidah 1384", "ISLAMIC"),
]
KEYWORDS = (
    "PatientBirthDateInAlternativeCalendar",
    "PatientDeathDateInAlternativeCalendar",
    "PatientAlternativeCalendar",
)


def born(value: str, calendar: str, **keywords: object) -> Dataset:
    return dataset(
        SpecificCharacterSet="ISO_IR 192",
        PatientBirthTime="1122",
        PatientBirthDateInAlternativeCalendar=value,
        PatientDeathDateInAlternativeCalendar=value,
        PatientAlternativeCalendar=calendar,
        Rows=16,
        Columns=16,
        PixelData=bytes(512),
        **keywords,
    )


def carried(ds: Dataset, chosen: Policy) -> Dataset:
    return passed(file_bytes(ds), chosen)[1]


def keeping(tmp_path: Path, elements_table: str = "") -> Policy:
    text = (POLICIES / "mammography.toml").read_text(encoding="utf-8")
    text = text.replace('birth = { truncate = "month", day = 15 }', 'birth = "keep"') if not elements_table else text
    path = tmp_path / "own.toml"
    path.write_text(text.replace("[elements]\n", f"[elements]\n{elements_table}\n"), encoding="utf-8")
    return load_policy(path)


@pytest.mark.parametrize("name", names())
def test_dates_in_another_calendar_and_the_birth_time_go_under_every_policy(name: str) -> None:
    for value, calendar in CALENDARS:
        after = carried(born(value, calendar), policy(name))
        assert [keyword for keyword in (*KEYWORDS, "PatientBirthTime") if keyword in after] == []


@pytest.mark.parametrize("name", ["mammography", "longitudinal", "basic"])
def test_they_go_at_every_depth(name: str) -> None:
    inner = elements(PatientBirthTime="1122", PatientBirthDateInAlternativeCalendar="1344/12/30")
    after = carried(born("1344/12/30", "PERSIAN", ReferencedPatientPhotoSequence=[inner]), policy(name))
    assert not {"PatientBirthTime", *KEYWORDS} & {element.keyword for element in after.iterall()}


def test_they_stay_with_a_birth_date_that_stays(tmp_path: Path) -> None:
    after = carried(born("1344/12/30", "PERSIAN"), keeping(tmp_path))
    assert (after.PatientBirthDate, after.PatientBirthTime) == ("19650321", "1122")
    assert [after[keyword].value for keyword in KEYWORDS] == ["1344/12/30", "1344/12/30", "PERSIAN"]


def test_a_line_of_the_policy_goes_before(tmp_path: Path) -> None:
    chosen = keeping(tmp_path, 'PatientAlternativeCalendar = "keep"\nPatientBirthTime = "keep"')
    after = carried(born("1344/12/30", "PERSIAN"), chosen)
    assert (after.PatientAlternativeCalendar, after.PatientBirthTime) == ("PERSIAN", "1122")
    assert KEYWORDS[0] not in after


def test_a_removal_says_where_the_attribute_is_described() -> None:
    plan, _ = deidentify(file_bytes(born("1344/12/30", "PERSIAN")), policy("mammography"))
    reasons = {d.because.source for d in plan.decisions if d.path.keyword in KEYWORDS}
    assert reasons == {"PS3.3 C.7.1.1"}


@pytest.mark.parametrize(
    ("keyword", "value"), [(KEYWORDS[0], "1340/01/23"), (KEYWORDS[1], "1380/01/23"), ("PatientBirthTime", "1122")]
)
def test_the_gate_finds_what_a_plan_would_leave(keyword: str, value: str) -> None:
    pair = Pair()
    setattr(pair.original, keyword, value)
    setattr(pair.result, keyword, value)
    assert "birth-date-left" in pair.codes()


def test_the_gate_lets_a_birth_date_alone_pass() -> None:
    assert "birth-date-left" not in Pair().codes()
