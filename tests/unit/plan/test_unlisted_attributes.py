# SPDX-License-Identifier: Apache-2.0
"""Attributes that Table E.1-1 forgets name nobody and no machine, where those that it has may not."""

from __future__ import annotations

import pytest
from pydicom import Dataset
from tests.property.datasets import minimal, to_bytes
from tests.property.engine import names, passed, policy

from deidgate.plan.unlisted import LISTED_AS
from deidgate.standard.confidentiality import confidentiality_table
from deidgate.verify.facts import row_of

pytestmark = pytest.mark.filterwarnings("ignore")

RETAINING_DEVICES = {"longitudinal", "full-dates"}
RT_IMAGE, RT_PLAN = "1.2.840.10008.5.1.4.1.1.481.1", "1.2.840.10008.5.1.4.1.1.481.5"


def carried(ds: Dataset, name: str) -> Dataset:
    """The result under a policy, which the gate has let pass."""
    return passed(to_bytes(ds), policy(name))[1]


@pytest.mark.parametrize("tag", sorted(LISTED_AS))
def test_the_table_still_forgets_it_and_the_gate_knows_it_too(tag: int) -> None:
    table = confidentiality_table()
    assert table.row(tag) is None
    row, seen = table.row(LISTED_AS[tag]), row_of(tag)
    assert row is not None
    assert seen is not None
    assert (seen.name, seen.basic) == (row.name, row.basic)


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("keyword", ["ContactDisplayName", "ContactURI", "FileAccessURI", "FilenameInContainer"])
def test_a_contact_and_a_file_name_do_not_leave(name: str, keyword: str) -> None:
    ds = minimal("Quillfeather^Ursa", "QF-774120")
    setattr(ds, keyword, "file:/pacs/Flurbacher_Max/1")
    assert keyword not in carried(ds, name)


@pytest.mark.parametrize("name", names())
def test_a_contact_is_not_repeated_in_a_text(name: str) -> None:
    ds = minimal("Quillfeather^Ursa", "QF-774120")
    ds.ContactDisplayName, ds.StudyDescription = "Flurbacher", "Thorax Flurbacher"
    assert "lurbacher" not in carried(ds, name).get("StudyDescription", "")


@pytest.mark.parametrize("name", names())
def test_a_radiation_machine_is_named_where_devices_are_retained_only(name: str) -> None:
    ds = minimal("Quillfeather^Ursa", "QF-774120")
    ds.SOPClassUID = RT_IMAGE
    ds.RadiationMachineName = "TrueBeam2 KX4471"
    machine = carried(ds, name).RadiationMachineName
    assert (machine or "") == ("TrueBeam2 KX4471" if name in RETAINING_DEVICES else "")


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("text", ["TrueBeam2 6X", "LinacKX44 arc", "arc"])
def test_a_plan_that_repeats_the_name_of_its_machine_is_not_held(name: str, text: str) -> None:
    ds = minimal("Quillfeather^Ursa", "QF-774120")
    ds.SOPClassUID, ds.Modality = RT_PLAN, "RTPLAN"
    del ds.PixelData
    beam = Dataset()
    beam.BeamNumber, beam.BeamName, beam.BeamDescription = 1, text, text
    beam.TreatmentMachineName = text.partition(" ")[0] if " " in text else "LinacKX44"
    ds.BeamSequence = [beam]
    result = carried(ds, name)
    for item in result.get("BeamSequence", []):
        assert beam.TreatmentMachineName not in str(item.get("BeamDescription", ""))


def test_a_strict_policy_leaves_no_path_of_a_file() -> None:
    ds = minimal("Quillfeather^Ursa", "QF-774120")
    ds.RetrieveURL = "smb:flurbacher_max/1"
    assert "flurbacher" not in (carried(ds, "safe-harbor").get("RetrieveURL") or "")
