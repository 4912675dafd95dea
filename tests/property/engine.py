# SPDX-License-Identifier: Apache-2.0
"""The engine from bytes to bytes, as batch and gateway run it, without their surroundings."""

from __future__ import annotations

from functools import cache
from io import BytesIO
from pathlib import Path

from pydicom import Dataset, dcmread

from deidgate.apply.elements import apply
from deidgate.dicom.structure import check_structure
from deidgate.plan.model import Plan
from deidgate.plan.planner import plan
from deidgate.policy.load import load_policy
from deidgate.policy.model import Policy
from deidgate.pseudonym.model import Pseudonyms
from deidgate.verify.gate import verify

POLICIES = Path(__file__).parents[2] / "orthanc-ingest" / "policies"
SHIFT_DAYS = 35
PSEUDONYMS = Pseudonyms("P-7HK2M9QC", "P-7HK2M9QC", SHIFT_DAYS, b"k" * 32)


@cache
def policy(name: str) -> Policy:
    """A policy that the project ships."""
    return load_policy(POLICIES / f"{name}.toml")


def names() -> list[str]:
    """Names of the shipped policies."""
    return sorted(path.stem for path in POLICIES.glob("*.toml"))


def deidentify(original: bytes, chosen: Policy, pseudonyms: Pseudonyms = PSEUDONYMS) -> tuple[Plan, bytes]:
    """Plan and result.

    Raises
    ------
    CannotDeidentify
        The instance is held.
    """
    check_structure(original, whole=True)
    dataset = dcmread(BytesIO(original))
    made = plan(dataset, chosen, pseudonyms)
    buffer = BytesIO()
    apply(dataset, made).save_as(buffer, enforce_file_format=True)
    return made, buffer.getvalue()


def passed(original: bytes, chosen: Policy) -> tuple[Plan, Dataset]:
    """Plan and result, which the gate has let pass."""
    made, result = deidentify(original, chosen)
    assert [str(finding) for finding in verify(original, result, made).findings] == []
    return made, dcmread(BytesIO(result))
