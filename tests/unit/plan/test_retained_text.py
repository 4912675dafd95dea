# SPDX-License-Identifier: Apache-2.0
"""What an option retains is the device or the place, and nobody's name or number."""

from __future__ import annotations

import pytest
from pydicom import Dataset
from tests.property.datasets import minimal, to_bytes
from tests.property.engine import passed, policy

pytestmark = pytest.mark.filterwarnings("ignore")


def carried(ds: Dataset, name: str) -> Dataset:
    """The result under a policy, which the gate has let pass."""
    return passed(to_bytes(ds), policy(name))[1]


@pytest.fixture
def ct() -> Dataset:
    ds = minimal("Quillfeather^Ursa", "QF-774120")
    ds.AccessionNumber = "ACC98213X"
    ds.InstitutionName = "Northgate Infirmary"
    return ds


@pytest.mark.parametrize("name", ["longitudinal", "full-dates"])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("CTQUILLFEATHER", "CT"),
        ("Quillfeather, Ursa", None),
        ("CT1 QF774120", "CT1"),
        ("QF-774120", None),
        ("CT ACC98213X", "CT"),
        ("CT20010705", "CT"),
        ("CT-7 north", "CT-7 north"),
    ],
)
def test_a_retained_device_name_loses_persons_and_their_numbers(
    ct: Dataset, name: str, before: str, after: str
) -> None:
    ct.StudyDate = "20010705"
    ct.StationName = ct.DeviceSerialNumber = before
    result = carried(ct, name)
    assert (result.StationName or None, result.DeviceSerialNumber or None) == (after, after)


def test_a_retained_device_keeps_its_name_and_number_although_they_are_codes(ct: Dataset) -> None:
    ct.StationName, ct.DeviceSerialNumber, ct.GantryID = "WARD7CT2", "SN-4711-0815", "G 20011"
    ct.file_meta.SourceApplicationEntityTitle = "WARD7CT2"
    result = carried(ct, "longitudinal")
    assert (result.StationName, result.DeviceSerialNumber, result.GantryID) == ("WARD7CT2", "SN-4711-0815", "G 20011")


def test_a_retained_device_does_not_tell_the_institution(ct: Dataset) -> None:
    ct.StationName = "NORTHGATE CT2"
    assert carried(ct, "longitudinal").StationName == "CT2"
