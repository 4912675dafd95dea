# SPDX-License-Identifier: Apache-2.0
"""Every row of Table E.1-1, in the outermost dataset and in a sequence, for the Basic Profile and every Option."""

from __future__ import annotations

import pytest
from pydicom import DataElement, Dataset
from pydicom.datadict import dictionary_VR
from pydicom.sequence import Sequence
from pydicom.uid import CTImageStorage
from tests.data.instances import dataset, elements, file_bytes, read, uid
from tests.data.policies import PSEUDONYMS, with_options

from deidgate.apply.elements import apply
from deidgate.plan.model import Action, Decision
from deidgate.plan.planner import plan
from deidgate.policy.model import Option
from deidgate.standard.confidentiality import confidentiality_table
from deidgate.standard.types import iod_of

TABLE = confidentiality_table()
# File meta, commands and directories are no part of a dataset; masked rows have tests of their own.
ROWS = [row for row in TABLE if "xx" not in row.tag and "odd" not in row.tag and int(row.tag[1:5], 16) >= 8]
# An attribute of the standard that no row names, to stand around the others.
AROUND = 0x00081115  # Referenced Series Sequence

# What a value of each VR says that must not be said.
VALUES = {
    "AE": "QZXWVU", "AS": "042Y", "CS": "QZXWVU", "DA": "20190517", "DS": "7.25", "DT": "20190517101500.123",
    "IS": "7", "LO": "Qzxwvu Qwertz", "LT": "Qzxwvu Qwertz", "OB": b"\7" * 8, "PN": "Qzxwvu^Qwertz", "SH": "Qzxwvu",
    "ST": "Qzxwvu Qwertz", "TM": "101500", "UC": "Qzxwvu Qwertz", "UI": uid(7, 7, 7), "UN": b"\7" * 8,
    "UR": "http://qzxwvu.example/", "US": 7, "UT": "Qzxwvu Qwertz",
}  # fmt: skip

# Timezone Offset From UTC is no free text.
OF_ONE_FORM = {0x00080201: "+0530"}


def tag_of(row) -> int:
    return int(row.tag.strip("()").replace(",", ""), 16)


def vr_of(row) -> str:
    try:
        return dictionary_VR(tag_of(row))
    except KeyError:
        # Newer than pydicom's dictionary: a reader of Explicit VR learns the VR from the file.
        words = {"Sequence": "SQ", "DateTime": "DT", "URI": "UR", "Comment": "UT"}
        return next((vr for word, vr in words.items() if row.name.endswith(word)), "LO")


def element(row) -> DataElement:
    vr = vr_of(row)
    if vr == "SQ":
        return DataElement(
            tag_of(row), "SQ", Sequence([elements(ReferencedSOPInstanceUID=uid(8, 8), NumericValue="3")])
        )
    return DataElement(tag_of(row), vr, OF_ONE_FORM.get(tag_of(row), VALUES[vr]))


def with_row(row, depth: int) -> Dataset:
    made = dataset()
    if depth == 0:
        made.add(element(row))
    else:
        item = Dataset()
        item.add(element(row))
        made.add(DataElement(AROUND, "SQ", Sequence([item])))
    return read(file_bytes(made))


def type_of(header: Dataset, decision: Decision) -> str:
    iod = iod_of(CTImageStorage)
    types = iod.types(iod.evident(header.keys()))
    for tag, _ in decision.path.parents:
        types = types.below(tag)
    return types.type_of(decision.path.tag)


def expected(code: str, type_: str, vr: str) -> set[Action]:
    """Actions that carry out a code of Table E.1-1a for an attribute of this Type."""
    one, two = type_ in ("1", "1C"), type_ in ("2", "2C")
    if code == "X/Z/U*":
        return {Action.KEEP}
    if code == "U" and vr == "UI":
        return {Action.UID}
    if code == "D":
        return {Action.UID} if vr == "UI" else {Action.DUMMY}
    if code == "Z":
        return {Action.DUMMY} if one else {Action.EMPTY}
    if code == "X":
        return {Action.DUMMY} if type_ == "1" else {Action.EMPTY} if type_ == "2" else {Action.REMOVE}
    if one:
        return {Action.DUMMY}
    return {Action.EMPTY} if two or code == "Z/D" else {Action.REMOVE}


def decided(row, depth: int, options=()) -> tuple[Dataset, Decision]:
    header = with_row(row, depth)
    made = plan(header, with_options(options), PSEUDONYMS)
    found = [d for d in made.decisions if d.path.tag == tag_of(row) and d.path.depth == depth]
    assert len(found) == 1
    result = read(file_bytes_of(apply(header, made)))
    here = result
    for tag, number in found[0].path.parents:
        here = here[tag].value[number]
    return here, found[0]


def file_bytes_of(result: Dataset) -> bytes:
    return file_bytes(result, result.file_meta.TransferSyntaxUID)


# Patient's Name and Patient ID of the outermost dataset are pseudonyms: test_identity.py.
BASIC = [(row, depth) for row in ROWS for depth in (0, 1) if depth or tag_of(row) not in (0x00100010, 0x00100020)]


@pytest.mark.parametrize(("row", "depth"), BASIC, ids=[f"{row.tag} {row.basic} {depth}" for row, depth in BASIC])
def test_basic_profile_does_what_the_row_says(row, depth):
    here, decision = decided(row, depth)
    assert decision.action in expected(row.basic, type_of(with_row(row, depth), decision), vr_of(row))
    if decision.action is Action.REMOVE:
        assert tag_of(row) not in here
    elif decision.action is Action.EMPTY:
        assert not here[tag_of(row)].value
    elif vr_of(row) == "SQ":
        assert uid(8, 8) not in str(here[tag_of(row)])
        assert here[tag_of(row)].value
    else:
        assert here[tag_of(row)].value not in (None, "", VALUES[vr_of(row)])


# Content trees have rules of their own: tests/unit/plan/structured.
OPTION_ROWS = [(row, code, what) for row in ROWS for code, what in row.options if code != "113104"]


@pytest.mark.parametrize("depth", [0, 1])
@pytest.mark.parametrize(
    ("row", "code", "what"), OPTION_ROWS, ids=[f"{row.tag} {code} {what}" for row, code, what in OPTION_ROWS]
)
def test_option_does_what_its_column_says(row, code, what, depth):
    here, decision = decided(row, depth, [Option(code)])
    vr = vr_of(row)
    if what == "K":
        assert here[tag_of(row)].value == element(row).value or (vr == "SQ" and here[tag_of(row)].value)
        assert decision.action in ({Action.KEEP, Action.CLEAN} if vr in ("DA", "DT", "TM") else {Action.KEEP})
    elif vr == "SQ":
        assert decision.action is Action.KEEP
        assert here[tag_of(row)].value and uid(8, 8) not in str(here[tag_of(row)])
    elif vr in ("DA", "DT"):
        assert str(here[tag_of(row)].value).startswith("20190206")
    elif vr in ("OB", "UN") or (code == "113107" and vr not in ("TM", "SH")):
        # Not text and no date: the option cannot clean it, and the Basic Profile speaks.
        assert decision.action in expected(row.basic, type_of(with_row(row, depth), decision), vr)
    else:
        assert decision.because.source == f"E.1-1 option {code} C"
