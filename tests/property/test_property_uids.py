# SPDX-License-Identifier: Apache-2.0
"""The graph of references among results is the graph among originals, whatever order they came in."""

from __future__ import annotations

from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import Dataset, FileDataset
from pydicom.sequence import Sequence
from tests.property.datasets import CT, minimal, to_bytes
from tests.property.engine import deidentify, policy

from deidgate.verify.gate import verify

pytestmark = pytest.mark.filterwarnings("ignore")
ROOT = "1.2.826.0.1.999"


def reference(uid: str, depth: int) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = CT, uid
    for _ in range(depth):
        outer = Dataset()
        outer.ReferencedInstanceSequence = Sequence([item])
        item = outer
    return item


@st.composite
def graphs(draw: st.DrawFn) -> list[FileDataset]:
    """Instances of one patient that refer to each other, to themselves and to instances that never came."""
    size = draw(st.integers(1, 4))
    instances = []
    for number in range(size):
        ds = minimal("Quillfeather^Ursa", "QF-774120")
        ds.SOPInstanceUID = f"{ROOT}.4.{number}"
        ds.StudyInstanceUID = f"{ROOT}.2.{draw(st.integers(0, 1))}"
        ds.SeriesInstanceUID = f"{ds.StudyInstanceUID}.{draw(st.integers(0, 1))}"
        ds.FrameOfReferenceUID = f"{ROOT}.6.{draw(st.integers(0, 1))}"
        targets = draw(st.lists(st.integers(0, size + 1), max_size=4))
        ds.ReferencedInstanceSequence = Sequence(
            [reference(f"{ROOT}.4.{target}", draw(st.integers(0, 3))) for target in targets]
        )
        instances.append(ds)
    return draw(st.permutations(instances))


def uids(ds: Dataset) -> list[str]:
    """All UIDs of the dataset in its order."""
    found: list[str] = []
    for element in ds.iterall():
        if element.VR == "UI":
            found += [str(element.value)]
    return found


@pytest.mark.parametrize("name", ["basic", "longitudinal", "keep-list"])
@given(graph=graphs())
@settings(max_examples=40, deadline=None)
def test_references_among_results_are_those_among_originals(name: str, graph: list[FileDataset]) -> None:
    forward: dict[str, str] = {}
    for ds in graph:
        original = to_bytes(ds)
        plan, result = deidentify(original, policy(name))
        assert [str(f) for f in verify(original, result, plan).findings] == []
        if name == "keep-list":
            pairs = [(getattr(ds, k), getattr(dcmread(BytesIO(result)), k)) for k in IDENTITY]
        else:
            before, after = uids(ds), uids(dcmread(BytesIO(result)))
            assert len(before) == len(after)
            pairs = list(zip(before, after, strict=True))
        for old, new in pairs:
            assert forward.setdefault(str(old), str(new)) == new
    assert len(set(forward.values())) == len(forward)
    for old, new in forward.items():
        assert (old == new) == old.startswith("1.2.840.10008.")


IDENTITY = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")
