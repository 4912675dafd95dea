# SPDX-License-Identifier: Apache-2.0
"""Each decision on a date says what the policy does with it, and the gate holds an unchanged date to that word."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from tests.property.datasets import minimal, to_bytes
from tests.property.engine import POLICIES, deidentify, policy

from deidgate.policy.load import load_policy
from deidgate.policy.model import Policy
from deidgate.verify.gate import verify

pytestmark = pytest.mark.filterwarnings("ignore")


def dated(day: str) -> bytes:
    ds = minimal("Quillfeather^Ursa", "QF-774120")
    ds.StudyDate = ds.SeriesDate = ds.PatientBirthDate = day
    return to_bytes(ds)


def truncating(tmp_path: Path, day: int) -> Policy:
    text = (POLICIES / "safe-harbor.toml").read_text(encoding="utf-8")
    path = tmp_path / "own.toml"
    path.write_text(text.replace("day = 1 }", f"day = {day} }}").replace('"year"', '"month"'), encoding="utf-8")
    return load_policy(path)


@pytest.mark.parametrize("day", [1, 7, 28])
def test_a_date_that_a_truncation_leaves_as_it_was_is_delivered(tmp_path: Path, day: int) -> None:
    original = dated(f"200107{day:02d}")
    plan, result = deidentify(original, truncating(tmp_path, day))
    assert verify(original, result, plan).findings == ()


@pytest.mark.parametrize(
    ("name", "word"), [("longitudinal", "shift"), ("full-dates", "keep"), ("safe-harbor", "truncate")]
)
def test_the_reason_has_the_rules_word(name: str, word: str) -> None:
    plan, _ = deidentify(dated("20010705"), policy(name))
    details = [decision.because.detail for decision in plan.decisions if decision.path.keyword == "StudyDate"]
    assert [detail.split()[-1] for detail in details] == [word]


def test_a_date_that_was_to_be_shifted_and_was_not_is_held() -> None:
    original = dated("20010115")
    plan, result = deidentify(original, policy("longitudinal"))
    unmoved = dataclasses.replace(
        plan,
        decisions=tuple(
            dataclasses.replace(one, value=None) if one.path.keyword == "StudyDate" else one for one in plan.decisions
        ),
    )
    moved = next(one.value for one in plan.decisions if one.path.keyword == "StudyDate")
    assert isinstance(moved, str)
    forged = result.replace(b"\x08\x00\x20\x00DA\x08\x00" + moved.encode(), b"\x08\x00\x20\x00DA\x08\x0020010115")
    assert "date-not-modified" in verify(original, forged, unmoved).codes
