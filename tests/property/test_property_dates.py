# SPDX-License-Identifier: Apache-2.0
"""Intervals between dates survive a shift, in every element, precision and depth."""

from __future__ import annotations

from datetime import date, timedelta
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from tests.property.datasets import minimal, to_bytes
from tests.property.engine import PSEUDONYMS, deidentify, policy

from deidgate.pseudonym.model import Pseudonyms
from deidgate.verify.gate import verify

pytestmark = pytest.mark.filterwarnings("ignore")
DAYS = st.dates(date(1920, 1, 1), date(2030, 12, 31))
TOP = ("StudyDate", "SeriesDate", "ContentDate", "AcquisitionDate", "PatientBirthDate")


def text(day: date) -> str:
    return f"{day.year:04}{day.month:02}{day.day:02}"


def day(value: str) -> date:
    return date(int(value[:4]), int(value[4:6]), int(value[6:8]))


@given(
    days=st.lists(DAYS, min_size=len(TOP), max_size=len(TOP)),
    nested=DAYS,
    moment=st.sampled_from(["", "10", "1015", "101500", "101500.123456", "101500+0130"]),
    shift=st.integers(1, 365),
)
@settings(max_examples=120, deadline=None)
def test_intervals_survive_a_shift(days: list[date], nested: date, moment: str, shift: int) -> None:
    ds = minimal("Quillfeather^Ursa", "QF-774120")
    for keyword, when in zip(TOP, days, strict=True):
        setattr(ds, keyword, text(when))
    ds.AcquisitionDateTime = text(nested) + moment
    item = Dataset()
    item.PerformedProcedureStepStartDate = text(nested)
    item.ScheduledProcedureStepStartDateTime = text(nested) + moment
    ds.ReferencedInstanceSequence = Sequence([item])
    original = to_bytes(ds)
    pseudonyms = Pseudonyms(PSEUDONYMS.patient_id, PSEUDONYMS.patient_name, shift, PSEUDONYMS.uid_key)
    plan, result = deidentify(original, policy("longitudinal"), pseudonyms)
    assert [str(f) for f in verify(original, result, plan).findings] == []
    new = dcmread(BytesIO(result))
    moved = timedelta(days=shift)
    for keyword, when in zip(TOP, days, strict=True):
        assert when - day(getattr(new, keyword)) == moved
    assert nested - day(str(new.AcquisitionDateTime)) == moved
    assert str(new.AcquisitionDateTime)[8:] == moment
    inner = new.ReferencedInstanceSequence[0]
    assert nested - day(inner.PerformedProcedureStepStartDate) == moved
    assert nested - day(str(inner.ScheduledProcedureStepStartDateTime)) == moved


@given(when=DAYS, birth=DAYS)
@settings(max_examples=60, deadline=None)
def test_a_birth_date_is_cut_to_the_15th_and_study_dates_stay_under_the_default_policy(when: date, birth: date) -> None:
    ds = minimal("Quillfeather^Ursa", "QF-774120")
    ds.StudyDate, ds.PatientBirthDate = text(when), text(birth)
    original = to_bytes(ds)
    plan, result = deidentify(original, policy("mammography"))
    assert [str(f) for f in verify(original, result, plan).findings] == []
    new = dcmread(BytesIO(result))
    assert new.StudyDate == text(when)
    assert new.PatientBirthDate == text(birth.replace(day=15))
