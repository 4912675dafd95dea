# SPDX-License-Identifier: Apache-2.0
"""What a content item says of the patient's birth, age, name and identifier is not more than the header says."""

from __future__ import annotations

import pytest
from content_trees import code, item
from pydicom import Dataset
from pydicom.sequence import Sequence
from tests.data.instances import dataset, file_bytes
from tests.property.engine import names, passed, policy

from deidgate.standard.resource import table

pytestmark = pytest.mark.filterwarnings("ignore")

REPORT, CT, ECG = "1.2.840.10008.5.1.4.1.1.88.33", "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.9.1.1"
BORN = "19270817"
BIRTH_DATE = ("121031", "DCM"), ("21112-8", "LN"), ("184099003", "SCT"), ("F-04583", "SRT"), ("DOB", "99LOCAL")
AGE = ("121033", "DCM"), ("30525-0", "LN"), ("29553-5", "LN"), ("397669002", "SCT"), ("424144002", "SCT"), ("A", "99X")
YEAR = ("a", "UCUM", "year")


def instance(tag: int, items: list[Dataset], **keywords: object) -> bytes:
    """An instance whose sequence `tag` has these content items."""
    sop_class = {0x0040A730: REPORT, 0x00400555: CT, 0x0040B020: ECG}[tag]
    header: dict[str, object] = {"PatientBirthDate": BORN, "PatientAge": "096Y", "StudyDate": "20230905", **keywords}
    if sop_class == CT:
        header |= {"Rows": 16, "Columns": 16, "PixelData": bytes(512)}
    ds = dataset(sop_class=sop_class, **header)
    ds.add_new(tag, "SQ", Sequence(items))
    return file_bytes(ds)


def carried(original: bytes, name: str) -> Dataset:
    """The result, which the gate lets pass."""
    return passed(original, policy(name))[1]


def number(
    concept: tuple[str, str], value: str, units: tuple[str, str, str] = YEAR, *, direct: bool = False
) -> Dataset:
    measured = Dataset()
    measured.NumericValue = value
    measured.MeasurementUnitsCodeSequence = Sequence([code(*units)])
    one = item("NUMERIC" if direct else "NUM", code(*concept))
    if direct:
        one.update(measured)
    else:
        one.MeasuredValueSequence = Sequence([measured])
    return one


def numbers(result: Dataset) -> list[str]:
    return [str(element.value) for element in result.iterall() if element.keyword == "NumericValue"]


def said(result: Dataset) -> list[str]:
    return [str(element.value) for element in result.iterall() if element.keyword in ("Date", "DateTime")]


@pytest.mark.parametrize("concept", BIRTH_DATE)
@pytest.mark.parametrize(("keyword", "value"), [("Date", BORN), ("DateTime", f"{BORN}1200"), ("DateTime", BORN)])
@pytest.mark.parametrize("name", names())
def test_no_policy_leaves_a_birth_date_of_the_header_in_an_item(name, keyword, value, concept):
    birth = item(keyword.upper(), code(*concept), **{keyword: value})
    for tag in (0x0040A730, 0x00400555, 0x0040B020):
        result = carried(instance(tag, [item("CONTAINER", None, [birth]) if tag == 0x0040A730 else birth]), name)
        assert [one for one in said(result) if one.startswith(BORN)] == []
        if name == "safe-harbor":
            assert result.PatientBirthDate == ""
            assert [one for one in said(result) if one.startswith(BORN[:4])] == []


@pytest.mark.parametrize("name", names())
def test_a_date_in_an_item_that_is_to_say_a_name_does_not_stay(name):
    named = item("DATE", code("121029", "DCM"), Date="20230905")
    for tag in (0x0040A730, 0x00400555, 0x0040B020):
        result = carried(instance(tag, [item("CONTAINER", None, [named]) if tag == 0x0040A730 else named]), name)
        assert "20230905" not in said(result)


def test_a_birth_date_in_an_item_follows_the_birth_rule():
    birth = item("DATE", code("DOB", "99LOCAL"), Date=BORN)
    assert said(carried(instance(0x0040A730, [birth]), "mammography")) == ["19270815"]
    assert said(carried(instance(0x0040A730, [birth]), "full-dates")) == ["19270115"]


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("studied", ["20230405", "20230409"])
def test_what_is_of_a_newborn_is_delivered_with_its_dates(name, studied):
    day = "20230405"
    items = [
        item("DATE", code("111060", "DCM"), Date=studied),
        item("DATETIME", code("111526", "DCM"), DateTime=studied + "1011"),
        item("TEXT", code("121071", "DCM"), TextValue="Lung", ObservationDateTime=studied + "1011"),
    ]
    header = {"PatientBirthDate": day, "StudyDate": studied, "ContentDate": studied, "PatientAge": "000D"}
    result = carried(instance(0x0040A730, items, AdmittingDate=day, **header), name)
    if name == "mammography":
        assert (result.StudyDate, result.AdmittingDate) == (studied, day)
        assert [one[:8] for one in said(result)] == [studied, studied]


@pytest.mark.parametrize("name", names())
def test_the_day_of_birth_of_an_adult_in_another_attribute_is_no_date_that_is_kept(name):
    result = carried(instance(0x0040A730, [], AdmittingDate=BORN), name)
    assert BORN not in str(result)


@pytest.mark.parametrize("concept", AGE)
@pytest.mark.parametrize(
    ("value", "units"),
    [
        ("96", YEAR),
        ("1152", ("mo", "UCUM", "month")),
        ("96", ("Y", "99X", "years")),
        ("35064", ("d", "UCUM", "day")),
        ("840960", ("h", "UCUM", "hour")),
        ("50457600", ("min", "UCUM", "minute")),
        ("5010", ("wk", "UCUM", "week")),
    ],
)
def test_an_age_over_89_is_told_in_no_unit_and_under_no_concept(concept, value, units):
    for tag, direct in ((0x0040A730, False), (0x00400555, True), (0x0040B020, True)):
        for name in ("mammography", "safe-harbor", "longitudinal"):
            (now,) = numbers(carried(instance(tag, [number(concept, value, units, direct=direct)]), name))
            assert float(now) / float(value) == pytest.approx(90 / 96, rel=0.01)


@pytest.mark.parametrize("concept", AGE[:5])
def test_an_age_of_which_the_unit_is_not_known_is_left_out(concept):
    assert numbers(carried(instance(0x0040A730, [number(concept, "96", ("u", "99X", "annus"))]), "mammography")) == []
    direct = number(concept, "96", ("u", "99X", "annus"), direct=True)
    assert numbers(carried(instance(0x00400555, [direct]), "mammography")) == ["0"]


@pytest.mark.parametrize("name", names())
def test_numbers_that_are_no_age_of_the_header_stay(name):
    items = [number(("A", "99X"), "96", ("mm", "UCUM", "mm")), number(("A", "99X"), "99"), number(("A", "99X"), "45")]
    assert numbers(carried(instance(0x0040A730, items), name)) == ["96", "99", "45"]


def test_an_age_of_a_younger_patient_stays():
    younger = {"PatientBirthDate": "19610412", "PatientAge": "062Y"}
    for direct, tag in ((False, 0x0040A730), (True, 0x00400555)):
        items = [number(AGE[1], "62", direct=direct), number(("A", "99X"), "96", direct=direct)]
        assert numbers(carried(instance(tag, items, **younger), "mammography")) == ["62", "96"]


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("row", table("subject_concepts")["rows"], ids=lambda row: f"{row[1]} {row[0]}")
def test_a_text_that_is_of_the_subject_by_its_concept_does_not_stay(name, row):
    original = instance(0x0040A730, [item("TEXT", code(*row[:3]), TextValue="Quorxby 4711")])
    assert "Quorxby" not in str(carried(original, name))


def test_every_concept_of_the_subject_has_a_like_in_the_table():
    listed = {row[1] for row in table("table_e_3_4_1")["rows"]}
    assert {row[3] for row in table("subject_concepts")["rows"]} <= listed
