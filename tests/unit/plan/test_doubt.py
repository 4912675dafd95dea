# SPDX-License-Identifier: Apache-2.0
"""What cannot be judged is removed or held, as the policy says, and never passed."""

import dataclasses

import pytest
from pydicom import Dataset
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag
from pydicom.uid import ImplicitVRLittleEndian
from tests.data.instances import dataset, elements, file_bytes, instance, read
from tests.data.policies import PSEUDONYMS, changed, shipped

from deidgate.apply.elements import apply
from deidgate.errors import CannotDeidentify
from deidgate.plan.planner import plan
from deidgate.policy.model import Doubt

HOLD = changed(
    defaults=dataclasses.replace(
        shipped("basic").defaults, unknown=Doubt.HOLD, malformed=Doubt.HOLD, deep=Doubt.HOLD, depth=4
    )
)
REMOVE = changed(
    defaults=dataclasses.replace(
        shipped("basic").defaults, unknown=Doubt.REMOVE, malformed=Doubt.REMOVE, deep=Doubt.REMOVE, depth=4
    )
)

# Optional attributes of a CT with bytes that are no value of them: tag, VR in the file, bytes, reason code.
ODD = [
    pytest.param(0x00081110 + 0x70, "LO", b"Jane Doe", "unknown-attribute", id="tag of no dictionary"),
    pytest.param(0x00180050, "UN", b"Jane Doe", "vr-is-not-the-attributes", id="UN with a tag of the standard"),
    pytest.param(0x00180050, "LO", b"Jane Doe", "vr-is-not-the-attributes", id="text in the place of a number"),
    pytest.param(0x00180050, "DS", b"Jane Doe", "unreadable-value", id="letters in a number"),
    pytest.param(0x00181151, "IS", b"Jane Doe", "unreadable-value", id="letters in an integer"),
    pytest.param(0x00280106, "US", b"Jane Doe", "unreadable-value", id="a number that swallowed more"),
    pytest.param(0x00281050, "DS", b"1\\\x01\x02Jane", "unreadable-value", id="control characters"),
    pytest.param(0x00185100, "CS", b"HFS\x08\x00\x18\x00", "unreadable-value", id="an element inside a text"),
    pytest.param(0x00082111, "ST", b"Doe\0Jane", "unreadable-value", id="NUL inside a text"),
    pytest.param(0x00281201, "OW", b"\1\0\x10\0\x10\0PN\x08\0Jane Doe", "unreadable-value", id="an element in bulk"),
    pytest.param(0x00080201, "SH", b"+0100\xff\xfe", None, id="bytes above ASCII"),
    pytest.param(0x00081140, "SQ", b"Jane Doe", "sequence-unreadable", id="a sequence without items"),
]


def with_raw(tag: int, vr: str, value: bytes) -> Dataset:
    header = instance()
    # As a reader hands it out: bytes that nobody has looked at.
    found = dict(header.items())
    found[Tag(tag)] = RawDataElement(Tag(tag), vr, len(value), value, 0, False, True)
    odd = Dataset(found)
    odd.file_meta = header.file_meta
    odd.set_original_encoding(False, True)
    return odd


@pytest.mark.parametrize(("tag", "vr", "value", "code"), ODD)
def test_a_policy_that_removes_lets_nothing_of_it_pass(tag, vr, value, code):
    header = with_raw(tag, vr, value)
    result = apply(header, plan(header, REMOVE, PSEUDONYMS))
    assert b"Jane" not in file_bytes(result) and b"Doe" not in file_bytes(result)


@pytest.mark.parametrize(("tag", "vr", "value", "code"), [p for p in ODD if p.values[3] and p.values[0] != 0x00082111])
def test_a_policy_that_holds_says_code_and_path_and_no_value(tag, vr, value, code):
    with pytest.raises(CannotDeidentify) as held:
        plan(with_raw(tag, vr, value), HOLD, PSEUDONYMS)
    assert held.value.code == code
    assert held.value.path.startswith(f"({tag >> 16:04X},{tag & 0xFFFF:04X})")
    assert "Jane" not in str(held.value)


@pytest.mark.parametrize("tag", [0x00280010, 0x00280011, 0x00280100, 0x00080060])
def test_a_value_that_the_iod_demands_is_held_and_not_invented(tag):
    with pytest.raises(CannotDeidentify) as held:
        plan(with_raw(tag, "UN", b"Jane Doe"), REMOVE, PSEUDONYMS)
    assert held.value.code == "vr-is-not-the-attributes"


@pytest.mark.parametrize("tag", [0x00100010, 0x00100020])
def test_an_identity_in_a_wrong_vr_is_held(tag):
    with pytest.raises(CannotDeidentify):
        plan(with_raw(tag, "US", b"Jane"), REMOVE, PSEUDONYMS)


def nested(levels: int) -> Dataset:
    item = elements(ReferencedSOPInstanceUID="1.2.3")
    for _ in range(levels):
        item = elements(ReferencedSeriesSequence=[item])
    made = dataset()
    made.ReferencedSeriesSequence = item.ReferencedSeriesSequence
    return read(file_bytes(made))


def test_a_sequence_deeper_than_the_bound_is_held_or_removed():
    assert plan(nested(4), HOLD, PSEUDONYMS).decisions
    with pytest.raises(CannotDeidentify) as held:
        plan(nested(5), HOLD, PSEUDONYMS)
    assert held.value.code == "sequence-too-deep"
    made = plan(nested(5), REMOVE, PSEUDONYMS)
    assert max(decision.path.depth for decision in made.decisions) == 4


def test_an_unknown_character_set_is_held():
    with pytest.raises(CannotDeidentify) as held:
        plan(with_raw(0x00080005, "CS", b"ISO_IR 999"), REMOVE, PSEUDONYMS)
    assert (held.value.code, held.value.path) == ("unknown-character-set", "(0008,0005) SpecificCharacterSet")


def test_text_that_is_none_in_its_character_set_is_removed_or_held():
    header = with_raw(0x00181400, "LO", b"\xff\xfeDoe")
    found = dict(header.items())
    found[Tag(0x00080005)] = RawDataElement(Tag(0x00080005), "CS", 10, b"ISO_IR 192", 0, False, True)
    odd = Dataset(found)
    odd.file_meta = header.file_meta
    result = apply(odd, plan(odd, REMOVE, PSEUDONYMS))
    assert b"Doe" not in bytes(result.get_item(0x00181400).value if 0x00181400 in result else b"")


def test_group_lengths_and_elements_of_other_groups_are_removed():
    header = with_raw(0x00080000, "UL", b"\x08\0\0\0")
    assert 0x00080000 not in apply(header, plan(header, HOLD, PSEUDONYMS))
    header = with_raw(0x00041130, "CS", b"DOE")
    assert 0x00041130 not in apply(header, plan(header, HOLD, PSEUDONYMS))


def test_pixel_data_in_an_item_is_removed_and_that_of_the_instance_stays():
    made = dataset()
    made.ReferencedSeriesSequence = [elements(BitsAllocated=16, PixelData=b"\1\0\2\0")]
    header = read(file_bytes(made))
    result = apply(header, plan(header, shipped("basic"), PSEUDONYMS))
    assert "PixelData" not in result.ReferencedSeriesSequence[0]
    assert result.PixelData == made.PixelData


def test_what_follows_pixel_data_does_not_leave_even_when_the_plan_has_not_seen_it():
    made = dataset()
    made.add_new(0x7FE10010, "LO", "ACME")
    made.add_new(0x7FE11001, "LO", "Jane Doe")
    made.add_new(0xFFFCFFFC, "OB", b"Jane Doe")
    data = file_bytes(made)
    header = read(data, header_only=True)
    result = apply(read(data), plan(header, shipped("longitudinal"), PSEUDONYMS))
    assert max(int(element.tag) for element in result) == 0x7FE00010


def test_an_element_that_was_read_before_is_judged_as_one_that_was_not():
    data = file_bytes(dataset(SmallestImagePixelValue=3, LargestImagePixelValue=9), ImplicitVRLittleEndian)
    seen = read(data)
    assert [element.tag for element in seen]
    made, fresh = (plan(header, shipped("longitudinal"), PSEUDONYMS) for header in (seen, read(data)))
    assert [(d.path, d.action) for d in made.decisions] == [(d.path, d.action) for d in fresh.decisions]
    assert apply(seen, made).SmallestImagePixelValue == 3
