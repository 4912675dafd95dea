# SPDX-License-Identifier: Apache-2.0
"""Private elements: removed, but for safe ones whose block is reserved where they stand."""

import pytest
from pydicom import DataElement, Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from tests.data.instances import dataset, file_bytes, read, uid
from tests.data.policies import PSEUDONYMS, SHIPPED, shipped, with_options

from deidgate.apply.elements import apply
from deidgate.plan.planner import plan
from deidgate.policy.model import Option, PrivateRule
from deidgate.standard.private import safe_private

PET = "Philips PET Private Group"
SAFE = with_options([Option.RETAIN_SAFE_PRIVATE])
SUV = 0x70531000
CREATOR = 0x70530010


def private(*found) -> Dataset:
    made = Dataset()
    for tag, vr, value in found:
        made.add(DataElement(tag, vr, value))
    return made


def result_of(added: Dataset, policy, syntax=ExplicitVRLittleEndian) -> Dataset:
    made = dataset()
    made.update(added)
    header = read(file_bytes(made, syntax))
    return read(file_bytes(apply(header, plan(header, policy, PSEUDONYMS)), syntax))


def private_tags(result: Dataset) -> set[int]:
    return {int(element.tag) for element in result.iterall() if element.tag.is_private}


@pytest.mark.parametrize("policy", [shipped("basic"), with_options([Option.RETAIN_DEVICE_IDENTITY])])
def test_without_the_option_nothing_private_stays(policy):
    assert private_tags(result_of(private((CREATOR, "LO", PET), (SUV, "DS", "0.00061")), policy)) == set()


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_a_safe_element_stays_with_its_creator_and_its_value(syntax):
    result = result_of(private((CREATOR, "LO", PET), (SUV, "DS", "0.00061"), (SUV + 1, "LO", "Doe")), SAFE, syntax)
    assert private_tags(result) == {CREATOR, SUV}
    assert result[SUV].value == 0.00061


def test_the_block_may_be_reserved_anywhere_in_the_group():
    result = result_of(private((CREATOR + 0x23, "LO", PET), (0x70533300, "DS", "1.5")), SAFE)
    assert private_tags(result) == {CREATOR + 0x23, 0x70533300}


@pytest.mark.parametrize(
    "found",
    [
        [(SUV, "DS", "1.5")],  # nobody reserved the block
        [(CREATOR, "LO", "Somebody Else"), (SUV, "DS", "1.5")],
        [(CREATOR + 1, "LO", PET), (SUV, "DS", "1.5")],  # another block
        [(CREATOR, "LO", PET), (0x70550010, "LO", "x"), (0x70551000, "DS", "1.5")],  # another group
    ],
)
def test_an_element_whose_block_is_not_reserved_by_the_creator_is_removed(found):
    assert private_tags(result_of(private(*found), SAFE)) == set()


def test_a_reservation_in_the_dataset_around_an_item_does_not_count():
    made = private((CREATOR, "LO", PET), (SUV, "DS", "1.5"))
    made.add(DataElement(0x00081115, "SQ", Sequence([private((SUV, "DS", "2.5"))])))
    result = result_of(made, SAFE)
    assert private_tags(result) == {CREATOR, SUV}
    assert SUV not in result.ReferencedSeriesSequence[0]


def test_a_reservation_in_the_item_counts():
    made = Dataset()
    made.add(DataElement(0x00081115, "SQ", Sequence([private((CREATOR, "LO", PET), (SUV, "DS", "2.5"))])))
    assert private_tags(result_of(made, SAFE)) == {CREATOR, SUV}


def test_creators_without_anything_left_of_their_block_are_removed():
    made = private((CREATOR, "LO", PET), (CREATOR + 1, "LO", PET), (SUV, "DS", "1.5"), (0x00090010, "LO", "Doe"))
    assert private_tags(result_of(made, SAFE)) == {CREATOR, SUV}


def test_a_uid_in_a_safe_element_is_replaced():
    # NQHeader (0099,xx01) is Version of the type UI. Source: PS3.15 Table E.3.10-1.
    (creator, group, low), _ = next((key, line) for key, line in safe_private().items() if line.vr == "UI")
    reserve, tag = group << 16 | 0x10, group << 16 | 0x1000 | low
    result = result_of(private((reserve, "LO", creator), (tag, "UI", uid(4, 4))), SAFE)
    assert result[tag].value == PSEUDONYMS.uid(uid(4, 4))


def test_text_in_a_safe_element_is_cleaned():
    (creator, group, low), _ = next((key, line) for key, line in safe_private().items() if line.vr == "LO")
    reserve, tag = group << 16 | 0x10, group << 16 | 0x1000 | low
    result = result_of(private((reserve, "LO", creator), (tag, "LO", "knee Patient1 Doe")), SAFE)
    assert "Doe" not in str(result[tag].value)


def test_a_safe_private_sequence_is_walked_into():
    (creator, group, low), _ = next((key, line) for key, line in safe_private().items() if line.vr == "SQ")
    reserve, tag = group << 16 | 0x10, group << 16 | 0x1000 | low
    item = private((0x00081155, "UI", uid(4, 4)), (0x00100010, "PN", "Doe^Jane"), (0x00090010, "LO", "Acme"))
    result = result_of(private((reserve, "LO", creator), (tag, "SQ", Sequence([item]))), SAFE)
    (new,) = result[tag].value
    assert new.ReferencedSOPInstanceUID == PSEUDONYMS.uid(uid(4, 4))
    assert "Doe" not in str(new) and private_tags(new) == set()


def test_a_line_of_the_policy_makes_an_element_safe_for_its_creator_only():
    policy = with_options([Option.RETAIN_SAFE_PRIVATE], private=(PrivateRule("ACME", 0x0019, 0x0C),))
    kept = private((0x00190010, "LO", "ACME"), (0x0019100C, "IS", "1000"), (0x0019100D, "IS", "3"))
    assert private_tags(result_of(kept, policy)) == {0x00190010, 0x0019100C}
    other = private((0x00190010, "LO", "OTHER"), (0x0019100C, "IS", "1000"))
    assert private_tags(result_of(other, policy)) == set()


@pytest.mark.parametrize("name", SHIPPED)
def test_no_private_element_that_is_not_safe_survives_any_policy(name):
    made = private(
        (0x00090010, "LO", "GEMS_IDEN_01"),
        (0x00091001, "LO", "Doe"),
        (0x00131010, "UN", b"Doe "),
        (0x00090000, "UL", 8),
    )
    assert private_tags(result_of(made, shipped(name))) == set()


def test_un_with_a_known_vr_is_judged_by_that_vr():
    made = private((CREATOR, "LO", PET), (SUV, "UN", b"not a number"))
    assert private_tags(result_of(made, SAFE)) == {CREATOR}
    made = private((CREATOR, "LO", PET), (SUV, "UN", b"0.5 "))
    assert result_of(made, SAFE).get_item(SUV).value == b"0.5 "
