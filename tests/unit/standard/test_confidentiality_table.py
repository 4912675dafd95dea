# SPDX-License-Identifier: Apache-2.0
"""The packaged Table E.1-1 is whole and found by tag."""

import collections

import pytest

from deidgate.standard.codes import CID_7050
from deidgate.standard.confidentiality import COLUMN_OF_OPTION, confidentiality_table
from deidgate.standard.private import safe_private
from deidgate.standard.resource import table

TABLE = confidentiality_table()


def test_the_table_has_every_row_of_the_edition_it_names():
    assert TABLE.edition == "2026c"
    assert len(TABLE.rows) == 656
    assert collections.Counter(row.basic for row in TABLE) == {
        "X": 416, "D": 93, "U": 55, "Z": 42, "X/D": 23, "X/Z": 11, "X/Z/D": 8, "Z/D": 6, "X/Z/U*": 2,
    }  # fmt: skip


def test_every_code_is_defined_by_table_e_1_1a():
    defined = {row[0] for row in table("table_e_1_1a")["rows"]}
    assert {row.basic for row in TABLE} <= defined
    assert {what for row in TABLE for _, what in row.options} <= defined


def test_every_option_column_has_a_code_of_cid_7050():
    columns = {key for row in table("table_e_1_1")["rows"] for key in row if key.endswith("Opt")}
    assert set(COLUMN_OF_OPTION.values()) == columns
    assert set(COLUMN_OF_OPTION) <= set(CID_7050)


@pytest.mark.parametrize("row", TABLE.rows, ids=lambda row: row.tag)
def test_every_row_is_found_by_a_tag_it_names(row):
    digits = row.tag.strip("()").replace(",", "").replace("xx", "02", 1).replace("xxxx", "1234")
    tag = 0x00111001 if "odd" in row.tag else int(digits, 16)
    assert TABLE.row(tag) is row


@pytest.mark.parametrize("group", [0x6000, 0x6002, 0x600E, 0x601E])
def test_overlay_data_and_comments_are_found_in_every_group(group):
    assert TABLE.row(group << 16 | 0x3000).name == "Overlay Data"
    assert TABLE.row(group << 16 | 0x4000).name == "Overlay Comments"


@pytest.mark.parametrize("tag", [0x50000005, 0x50041001, 0x50FE3000])
def test_curves_are_found_in_every_even_group_and_element(tag):
    assert TABLE.row(tag).name == "Curve Data"


def test_an_attribute_that_no_row_names_is_not_found():
    assert TABLE.row(0x00280010) is None
    assert TABLE.row(0x60000010) is None


def test_safe_private_attributes_are_found_whatever_the_case_of_their_digits():
    assert len(safe_private()) == 479
    assert safe_private()["Philips PET Private Group", 0x7053, 0x00].vr == "DS"
    assert all(group & 1 and 0 <= element <= 0xFF for _, group, element in safe_private())
