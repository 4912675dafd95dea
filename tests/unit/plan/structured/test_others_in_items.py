# SPDX-License-Identifier: Apache-2.0
"""What Table E.1-1 lists and is no part of a content item has the same rules in a content tree as everywhere else."""

from __future__ import annotations

import pytest
from pydicom import Dataset
from pydicom.sequence import Sequence
from tests.data.instances import code
from tests.property.datasets import minimal, to_bytes
from tests.property.engine import names, passed, policy

pytestmark = pytest.mark.filterwarnings("ignore")


def text_item(text: str) -> Dataset:
    ds = Dataset()
    ds.RelationshipType, ds.ValueType = "CONTAINS", "TEXT"
    ds.ConceptNameCodeSequence = Sequence([code("121071", "DCM", "Finding")])
    ds.TextValue = text
    return ds


def carried(ds: Dataset, name: str) -> Dataset:
    return passed(to_bytes(ds), policy(name))[1]


@pytest.mark.parametrize("name", names())
def test_a_comment_and_a_title_in_a_content_item_say_nothing(name: str) -> None:
    ds = minimal("Quillfeather^Ursa", "QF-774120")
    ds.AcquisitionContextSequence = Sequence([text_item("lung clear")])
    ds.AcquisitionContextSequence[0].ImageComments = "asked twice"
    ds.AcquisitionContextSequence[0].RetrieveAETitle = "WARD7"
    ds.AcquisitionContextSequence[0].PatientName = "Quillfeather^Ursa"
    for item in carried(ds, name).get("AcquisitionContextSequence", []):
        assert not item.get("RetrieveAETitle")
        assert "Quillfeather" not in str(item)
        assert item.get("ImageComments", "asked twice") == "asked twice"


@pytest.mark.parametrize("name", names())
def test_steps_of_a_specimens_preparation_are_content_items(name: str) -> None:
    ds = minimal("Quillfeather^Ursa", "QF-774120")
    who = text_item("")
    who.ValueType, who.PersonName = "PNAME", "Quillfeather^Ursa"
    del who.TextValue
    who.ConceptNameCodeSequence = Sequence([code("121029", "DCM", "Subject Name")])
    step = Dataset()
    step.SpecimenPreparationStepContentItemSequence = Sequence([text_item("cut for Quillfeather"), who])
    step.RetrieveAETitle = "WARD7"
    specimen = Dataset()
    specimen.SpecimenIdentifier, specimen.SpecimenUID = "S01-9932", "1.2.826.0.1.999.7"
    specimen.SpecimenPreparationSequence = Sequence([step])
    ds.SpecimenDescriptionSequence = Sequence([specimen])
    result = carried(ds, name)
    assert "Quillfeather" not in str(result)
    assert "WARD7" not in str(result)
    for item in result.get("SpecimenDescriptionSequence", []):
        for prepared in item.get("SpecimenPreparationSequence", []):
            first, second = prepared.SpecimenPreparationStepContentItemSequence
            assert first.TextValue in ("cut", "REMOVED")
            assert second.PersonName not in ("", "Quillfeather^Ursa")


def test_a_content_items_own_date_moves() -> None:
    ds = minimal("Quillfeather^Ursa", "QF-774120")
    item = text_item("lung clear")
    item.ObservationDateTime = "20010705101500"
    ds.AcquisitionContextSequence = Sequence([item])
    assert carried(ds, "longitudinal").AcquisitionContextSequence[0].ObservationDateTime == "20010531101500"
