# SPDX-License-Identifier: Apache-2.0
"""Timezone Offset From UTC is kept as an offset, and as nothing else."""

from __future__ import annotations

import pytest
from pydicom import Dataset
from tests.data.instances import dataset, file_bytes
from tests.property.engine import names, passed, policy
from tests.unit.verify.made import Pair

pytestmark = pytest.mark.filterwarnings("ignore")


def carried(written: str, name: str) -> Dataset:
    original = file_bytes(dataset(Rows=16, Columns=16, PixelData=bytes(512), TimezoneOffsetFromUTC=written))
    return passed(original, policy(name))[1]


@pytest.mark.parametrize("name", ["mammography", "full-dates", "longitudinal"])
@pytest.mark.parametrize("written", ["+0530", "-0500", "+0000"])
def test_an_offset_stays_where_dates_stay(name: str, written: str) -> None:
    assert carried(written, name).TimezoneOffsetFromUTC == written


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize(
    "written", ["Ostrander", "MRN 5508123", "0530", "+5:30", "+9900", "Europe/Vaduz", "+0530 Vaduz"]
)
def test_any_other_text_goes_under_every_policy(name: str, written: str) -> None:
    assert "TimezoneOffsetFromUTC" not in carried(written, name)


def test_the_gate_finds_a_text_in_its_place() -> None:
    pair = Pair()
    for written, found in (("Ostrander", True), ("+0530", False)):
        pair.original.TimezoneOffsetFromUTC = pair.result.TimezoneOffsetFromUTC = written
        assert (("row-not-met", "(0008,0201) TimezoneOffsetFromUTC") in pair.found()) is found
