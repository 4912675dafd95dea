# SPDX-License-Identifier: Apache-2.0
"""A plan is a function of header, policy and pseudonyms; every set of options works and says what it does."""

from __future__ import annotations

import re
from copy import deepcopy
from io import BytesIO
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import FileDataset
from tests.property.datasets import Person, instances, minimal, to_bytes
from tests.property.engine import POLICIES, PSEUDONYMS, deidentify, names, policy

from deidgate.errors import CannotDeidentify
from deidgate.plan.planner import plan
from deidgate.policy.load import load_policy
from deidgate.policy.model import Option
from deidgate.verify.gate import verify

pytestmark = pytest.mark.filterwarnings("ignore")

DATES = {
    "remove": frozenset[Option](),
    "keep": frozenset({Option.RETAIN_FULL_DATES}),
    "shift": frozenset({Option.RETAIN_MODIFIED_DATES}),
}
OTHERS = sorted(
    set(Option) - {Option.CLEAN_RECOGNIZABLE_VISUAL_FEATURES, Option.RETAIN_FULL_DATES, Option.RETAIN_MODIFIED_DATES}
)
SUBSETS = [frozenset(chosen) for size in range(len(OTHERS) + 1) for chosen in combinations(OTHERS, size)]


def with_options(folder: Path, options: frozenset[Option], dates: str) -> Path:
    """A policy file like the shipped `basic`, with other options and a rule for dates."""
    text = (POLICIES / "basic.toml").read_text("utf-8")
    words = ", ".join(f'"{option.word}"' for option in sorted(options | DATES[dates]))
    text, count = re.subn(r"(?ms)^options = \[.*?\]$", f"options = [{words}]", text)
    text, dated = re.subn(r'(?m)^(birth|study|other) = ("[a-z]+"|\{.*\})$', rf'\1 = "{dates}"', text)
    assert (count, dated) == (1, 3)
    path = folder / "policy.toml"
    path.write_text(text, "utf-8")
    return path


@pytest.mark.parametrize("name", names())
@given(made=instances())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_a_plan_is_the_same_every_time_and_leaves_the_header_alone(name: str, made: tuple[Person, FileDataset]) -> None:
    data = to_bytes(made[1])
    first, second = dcmread(BytesIO(data)), dcmread(BytesIO(data))
    untouched = deepcopy(second)
    try:
        one = plan(first, policy(name), PSEUDONYMS)
    except CannotDeidentify as held:
        with pytest.raises(CannotDeidentify) as again:
            plan(second, policy(name), PSEUDONYMS)
        assert (again.value.code, again.value.path) == (held.code, held.path)
        return
    assert plan(second, policy(name), PSEUDONYMS) == one
    assert second == untouched


@pytest.mark.parametrize("dates", DATES)
def test_all_512_sets_of_options_load_and_write_their_codes(dates: str, tmp_path: Path) -> None:
    assert len(SUBSETS) == 512
    ds = minimal("Quillfeather^Ursa", "QF-774120")
    ds.StudyDate, ds.ContentDate, ds.PatientBirthDate = "20010705", "20010706", "19610412"
    ds.SeriesDescription, ds.InstitutionName, ds.DeviceSerialNumber = "CHEST", "Northgate Infirmary", "SN55081"
    block = ds.private_block(0x2001, "Philips Imaging DD 001", create=True)
    block.add_new(0x02, "IS", "3")
    original = to_bytes(ds)
    for chosen in SUBSETS:
        made, result = deidentify(original, load_policy(with_options(tmp_path, chosen, dates)))
        # What is claimed about pixels follows when they were looked at, see `finish_claims`.
        expected = {"113100", *(o.value for o in (chosen | DATES[dates]) - {Option.CLEAN_PIXEL_DATA})}
        new = dcmread(BytesIO(result))
        written = [item.CodeValue for item in new.DeidentificationMethodCodeSequence]
        assert set(written) == expected
        assert len(written) == len(expected)
        assert made.pixels.clean == (Option.CLEAN_PIXEL_DATA in chosen)
        assert (new.StudyDate == "20010705") == (dates == "keep")
        assert ("InstitutionName" in new) == (Option.RETAIN_INSTITUTION_IDENTITY in chosen)
        assert ("SeriesDescription" in new) == (Option.CLEAN_DESCRIPTORS in chosen)
        assert (0x2001, 0x1002) in new or Option.RETAIN_SAFE_PRIVATE not in chosen
        assert (new.SOPInstanceUID == ds.SOPInstanceUID) == (Option.RETAIN_UIDS in chosen)
        assert [str(f) for f in verify(original, result, made).findings] == []


@given(made=instances(), name=st.sampled_from(names()))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_two_projects_share_no_uid(made: tuple[Person, FileDataset], name: str) -> None:
    from deidgate.pseudonym.model import Pseudonyms

    assume(name != "keep-list")
    other = Pseudonyms("P-2", "P-2", 35, b"q" * 32)
    data = to_bytes(made[1])
    try:
        one, another = deidentify(data, policy(name))[0], deidentify(data, policy(name), other)[0]
    except CannotDeidentify:
        assume(False)
    assert one.sop_instance_uid != another.sop_instance_uid
    assert one.study_instance_uid != another.study_instance_uid
