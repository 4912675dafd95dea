# SPDX-License-Identifier: Apache-2.0
"""The engine over its own output: the same patient, and no text that was clean is touched again."""

from __future__ import annotations

from io import BytesIO

import pytest
from hypothesis import HealthCheck, assume, given, settings
from pydicom import dcmread
from pydicom.dataset import Dataset, FileDataset
from tests.property.datasets import Person, instances, to_bytes
from tests.property.engine import deidentify, names, policy

from deidgate.errors import CannotDeidentify
from deidgate.verify.gate import verify

pytestmark = pytest.mark.filterwarnings("ignore")
# UIDs are new for every run, and dates move again under a shift.
CHANGING = frozenset({"UI", "DA", "DT", "TM"})


def texts(ds: Dataset) -> dict[str, str]:
    """Values of all other elements, by their place."""
    found: dict[str, str] = {}

    def walk(inner: Dataset, place: str) -> None:
        for element in inner:
            here = f"{place}/{element.tag}"
            if element.VR == "SQ":
                for number, item in enumerate(element.value):
                    walk(item, f"{here}[{number}]")
            elif element.VR not in CHANGING:
                found[here] = str(element.value)

    walk(ds, "")
    return found


@pytest.mark.parametrize("name", names())
@given(made=instances())
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_a_second_run_changes_nothing_but_uids_and_dates(name: str, made: tuple[Person, FileDataset]) -> None:
    original = to_bytes(made[1])
    try:
        plan, first = deidentify(original, policy(name))
        assume(verify(original, first, plan).ok)
        again, second = deidentify(first, policy(name))
    except CannotDeidentify:
        assume(False)
    assert [str(finding) for finding in verify(first, second, again).findings] == []
    assert texts(dcmread(BytesIO(second))) == texts(dcmread(BytesIO(first)))
