# SPDX-License-Identifier: Apache-2.0
"""Types of attributes at their paths in the IOD of a SOP Class."""

import json

import pytest

from deidgate.standard import generate_types
from deidgate.standard.families import families, family_of_sop_class
from deidgate.standard.resource import table
from deidgate.standard.types import iod_of

CT, ENHANCED_CT, PET = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.2.1", "1.2.840.10008.5.1.4.1.1.128"
KEY_OBJECT = "1.2.840.10008.5.1.4.1.1.88.59"


def types(sop_class: str, *tags: int):
    iod = iod_of(sop_class)
    return iod.types(iod.evident(frozenset(tags)))


def test_the_packaged_types_are_what_the_generator_makes():
    generated = json.loads(json.dumps(generate_types.generated()))
    assert {key: generated[key] for key in generated if key != "source"} == {
        key: value for key, value in table("types").items() if key != "source"
    }


@pytest.mark.parametrize(
    ("sop_class", "tag", "expected"),
    [
        (CT, 0x00080020, "2"),  # Study Date
        (CT, 0x00080060, "1"),  # Modality
        (CT, 0x00081030, "3"),  # Study Description
        (CT, 0x00080022, "3"),  # Acquisition Date
        (PET, 0x00080022, "2"),
        (PET, 0x00080021, "1"),  # Series Date
        (CT, 0x00080023, "2C"),  # Content Date
        (ENHANCED_CT, 0x00080023, "1"),
        (CT, 0x00091001, "3"),  # of no IOD
    ],
)
def test_the_type_is_that_of_the_iod(sop_class, tag, expected):
    assert types(sop_class).type_of(tag) == expected


def test_the_type_in_a_sequence_is_that_of_its_path():
    referenced_image = types(CT, 0x00081140).below(0x00081140)
    assert referenced_image.type_of(0x00081155) == "1"
    assert types(CT).type_of(0x00081155) == "3"


def test_an_optional_module_counts_only_when_something_shows_that_it_is_there():
    sponsor, protocol = 0x00120010, 0x00120020
    assert types(CT).type_of(sponsor) == "3"
    assert types(CT, protocol).type_of(sponsor) == "1"


def test_overlay_planes_have_types_in_every_group():
    overlay_rows = 0x60000010
    assert types(CT, overlay_rows).type_of(0x60020010) == types(CT, overlay_rows).type_of(overlay_rows) == "1"


def test_a_sequence_in_itself_has_the_types_of_itself_at_every_depth():
    content = 0x0040A730
    first = types(KEY_OBJECT, content).below(content)
    assert first.below(content).below(content).type_of(0x0040A040) == first.type_of(0x0040A040) != "3"


def test_a_sop_class_of_no_table_has_no_types():
    assert types("1.2.3.4").type_of(0x00100010) == "3"


def test_every_sop_class_of_the_iod_tables_has_a_family():
    assert set(table("types")["sop_classes"]) <= set(family_of_sop_class())


def test_no_sop_class_has_two_families():
    # One UID in two lists would make the fate depend on the order of the file.
    content = family_of_sop_class()
    assert len(content) == sum(list(content.values()).count(name) for name in families())
