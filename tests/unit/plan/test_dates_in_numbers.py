# SPDX-License-Identifier: Apache-2.0
"""A number does not tell a date that the policy does not keep: it would give away birth, or the patient's shift."""

from __future__ import annotations

import pytest
from pydicom import Dataset
from tests.property.datasets import minimal, to_bytes
from tests.property.engine import names, passed, policy

pytestmark = pytest.mark.filterwarnings("ignore")

HIDING_STUDY_DATES = ["basic", "longitudinal", "safe-harbor"]


def carried(ds: Dataset, name: str) -> Dataset:
    """The result under a policy, which the gate has let pass."""
    return passed(to_bytes(ds), policy(name))[1]


@pytest.fixture
def ct() -> Dataset:
    ds = minimal("Quillfeather^Ursa", "QF-774120")
    ds.StudyDate, ds.PatientBirthDate = "20230405", "19430817"
    ds.SeriesNumber, ds.InstanceNumber = "3", "7"
    return ds


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize(
    "written", ["19430817", "17081943", "8171943", "19430817.0", "1.9430817E7", "430817", "170843"]
)
def test_no_policy_leaves_the_birth_date_in_a_number(ct: Dataset, name: str, written: str) -> None:
    ct.SeriesNumber = 3
    ct["SeriesNumber"]._value = written
    assert carried(ct, name).SeriesNumber is None


@pytest.mark.parametrize("name", HIDING_STUDY_DATES)
@pytest.mark.parametrize(
    "keyword",
    ["SeriesNumber", "InstanceNumber", "AcquisitionNumber", "DistanceSourceToDetector", "WindowCenter", "ExposureTime"],
)
def test_a_number_does_not_give_away_how_far_dates_were_moved(ct: Dataset, name: str, keyword: str) -> None:
    setattr(ct, keyword, "20230405")
    assert carried(ct, name).get(keyword) in (None, "0", 0)


@pytest.mark.parametrize("name", ["mammography", "full-dates"])
def test_a_number_that_is_a_date_that_is_kept_stays(ct: Dataset, name: str) -> None:
    ct.SeriesNumber = "20230405"
    result = carried(ct, name)
    assert (result.StudyDate, result.SeriesNumber) == ("20230405", 20230405)


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("number", ["1E999999999", "20230406", "19991231", "120230405", "2023", "202304", "0.20230405"])
def test_a_number_that_is_no_date_of_the_instance_stays(ct: Dataset, name: str, number: str) -> None:
    ct.DistanceSourceToDetector = number
    if name != "keep-list":
        assert str(carried(ct, name).DistanceSourceToDetector) == number


@pytest.mark.parametrize("name", HIDING_STUDY_DATES)
def test_a_measurement_among_others_is_no_date_of_two_digits_for_the_year(ct: Dataset, name: str) -> None:
    ct.add_new(0x00181065, "DS", ["230405", "230406"])  # FrameTimeVector
    assert list(carried(ct, name).FrameTimeVector) == [230405, 230406]


@pytest.mark.parametrize("name", ["longitudinal", "full-dates"])
def test_a_safe_private_number_tells_no_birth_date(ct: Dataset, name: str) -> None:
    block = ct.private_block(0x0019, "SIEMENS MR HEADER", create=True)
    block.add_new(0x0C, "IS", "19430817")
    block.add_new(0x0A, "IS", "12")
    result = carried(ct, name)
    assert [element.value for element in result.group_dataset(0x0019)][1:] in ([12], [])
    assert 0x0019100C not in result


@pytest.mark.parametrize("name", HIDING_STUDY_DATES)
def test_a_date_of_an_item_is_looked_for_outside_of_it(ct: Dataset, name: str) -> None:
    item = Dataset()
    item.ScheduledProcedureStepStartDate = "20230402"
    ct.RequestAttributesSequence = [item]
    ct.AcquisitionNumber = "20230402"
    assert carried(ct, name).get("AcquisitionNumber") in (None, "")
