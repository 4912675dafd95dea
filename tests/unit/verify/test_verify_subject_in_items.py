# SPDX-License-Identifier: Apache-2.0
"""The gate finds what a plan would leave of birth and age in content items."""

from __future__ import annotations

from copy import deepcopy

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from tests.unit.verify.made import Pair, code

from deidgate.standard.codes import CID_7050

BORN = "19610412"


def say(pair: Pair, **values: object) -> tuple[Dataset, Dataset]:
    """The same item in the original and the result, under claims that let dates and ages stay."""
    item = Dataset()
    item.ConceptNameCodeSequence = Sequence([code("DOB", "99LOCAL", "Local")])
    for keyword, value in values.items():
        setattr(item, keyword, value)
    for ds in (pair.original, pair.result):
        ds.AcquisitionContextSequence = Sequence([deepcopy(item)])
    for option in ("113104", "113106", "113108"):
        pair.result.DeidentificationMethodCodeSequence.append(code(option, "DCM", CID_7050[option]))
    return pair.original.AcquisitionContextSequence[0], pair.result.AcquisitionContextSequence[0]


@pytest.mark.parametrize(("keyword", "value"), [("Date", BORN), ("DateTime", BORN), ("DateTime", BORN + "1011+0100")])
def test_a_birth_date_is_found_whatever_its_concept_is(pair, keyword, value):
    _, now = say(pair, **{keyword: value})
    assert "birth-date-left" in pair.codes()
    setattr(now, keyword, "19610315")
    assert "birth-date-left" not in pair.codes()


def test_a_birth_date_is_found_also_where_another_date_shows_the_day(pair):
    say(pair, Date=BORN)
    pair.original.DateOfLastCalibration = pair.result.DateOfLastCalibration = BORN
    assert {path.split()[-1] for code, path in pair.found() if code == "birth-date-left"} == {
        "Date",
        "DateOfLastCalibration",
    }


def test_a_birth_date_that_stays_in_the_header_may_stay_in_an_item(pair):
    say(pair, Date=BORN)
    pair.result.PatientBirthDate = BORN
    assert "birth-date-left" not in pair.codes()


def test_a_study_on_the_day_of_birth_is_no_birth_date(pair):
    say(pair, Date=BORN)
    for ds in (pair.original, pair.result):
        ds.StudyDate = ds.ContentDate = ds.AdmittingDate = BORN
    assert "birth-date-left" not in pair.codes()


def test_an_admission_on_the_day_of_birth_is_no_birth_date_in_the_first_weeks(pair):
    for ds in (pair.original, pair.result):
        ds.AdmittingDate = BORN
    assert "birth-date-left" in pair.codes()
    pair.original.StudyDate = "19610420"
    assert "birth-date-left" not in pair.codes()


@pytest.mark.parametrize(
    ("value", "units", "is_found"),
    [
        ("96", ("a", "UCUM", "year"), True),
        ("1152", ("mo", "UCUM", "month"), True),
        ("840960", ("h", "UCUM", "hour"), True),
        ("96", ("x", "99X", "annus"), True),
        ("96", ("Y", "99X", "Years"), True),
        ("90", ("a", "UCUM", "year"), False),
        ("45", ("a", "UCUM", "year"), False),
        ("1000", ("mo", "UCUM", "month"), False),
    ],
)
def test_an_age_over_89_is_found(pair, value, units, is_found):
    then, now = say(pair, NumericValue=value, MeasurementUnitsCodeSequence=Sequence([code(*units)]))
    for item in (then, now):
        item.ConceptNameCodeSequence = Sequence([code("30525-0", "LN", "Age")])
    assert ("age-left" in pair.codes()) is is_found
    now.NumericValue = "1"
    assert "age-left" not in pair.codes()


def test_a_number_of_years_that_is_the_age_of_the_header_is_found(pair):
    say(pair, NumericValue="96", MeasurementUnitsCodeSequence=Sequence([code("a", "UCUM", "year")]))
    assert "age-left" not in pair.codes()
    pair.original.PatientAge = "096Y"
    assert "age-left" in pair.codes()


@pytest.mark.parametrize("concept", [("46106-1", "LN", "MRN"), ("54125-0", "LN", "Name"), ("45966-9", "LN", "SSN")])
def test_an_identifier_by_its_concept_is_found(pair, concept):
    then, now = say(pair, TextValue="Quorxby 4711")
    for item in (then, now):
        item.ConceptNameCodeSequence = Sequence([code(*concept)])
    assert "content-not-cleaned" in pair.codes()
    now.TextValue = "REMOVED"
    assert "content-not-cleaned" not in pair.codes()
    pair.original.StudyComments = pair.result.StudyComments = "see Quorxby 4711"
    assert "identifier-left" in pair.codes()
