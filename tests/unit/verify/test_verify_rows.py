# SPDX-License-Identifier: Apache-2.0
"""Every row of Table E.1-1, at the top and inside a sequence: what may be left is left, what may not is found."""

from __future__ import annotations

import json
from importlib.resources import files

import pytest
from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from deidgate.standard.codes import CID_7050

# Read by the test itself: the code under test has its own reading of the table.
TABLE = json.loads(files("deidgate.standard").joinpath("table_e_1_1.json").read_text("utf-8"))["rows"]
COLUMNS = {
    "rtnUIDsOpt": "113110",
    "rtnDevIdOpt": "113109",
    "rtnInstIdOpt": "113112",
    "rtnPatCharsOpt": "113108",
    "rtnLongFullDatesOpt": "113106",
    "cleanDescOpt": "113105",
    "cleanStructContOpt": "113104",
    "cleanGraphOpt": "113103",
}
VALUES: dict[str, object] = {
    "AE": "ZQXVTITLE",
    "AS": "045Y",
    "CS": "ZQXV",
    "DA": "19990203",
    "DS": "77.25",
    "DT": "19990203112233",
    "IS": "4711",
    "LO": "Zqxv Plonk",
    "LT": "Zqxv Plonk",
    "OB": b"Zqxv Plonk",
    "PN": "Zqxvplonk^Ursa",
    "SH": "Zqxv Plonk",
    "ST": "Zqxv Plonk",
    "TM": "112233",
    "UC": "Zqxv Plonk",
    "UI": "1.2.826.0.1.55.1",
    "UN": b"Zqxv Plonk",
    "UR": "http://zqxv.example",
    "US": 7,
    "UT": "Zqxv Plonk",
}
# Commands and the media header are no part of a dataset; test_structure has them.
ROWS = [row for row in TABLE if not row["tag"].startswith(("(0000", "(0002", "(gggg"))]


def tag_of(row: dict[str, str]) -> int:
    if row["tag"] == "(50xx,xxxx)":
        return 0x50003000
    return int(row["tag"].strip("()").replace(",", "").replace("xx", "02"), 16)


def element_of(row: dict[str, str], ds: Dataset) -> int:
    tag = tag_of(row)
    try:
        vr = dictionary_VR(tag)
    except KeyError:
        vr = "SQ" if row["name"].endswith("Sequence") else "LO"
    vr = vr.split(" or ")[0]
    if vr == "SQ":
        item = Dataset()
        item.CodeMeaning = "Zqxv Plonk"
        ds.add_new(tag, "SQ", Sequence([item]))
    else:
        # Timezone Offset From UTC is no free text.
        ds.add_new(tag, vr, "+0530" if tag == 0x00080201 else VALUES[vr])
    return tag


def keep(pair, row: dict[str, str], depth: int, codes: tuple[str, ...]) -> str:
    """Give original and result the same element; the path under which it is found."""
    places = []
    for ds in (pair.original, pair.result):
        if depth:
            inner = Dataset()
            ds.ReferencedInstanceSequence = Sequence([inner])
            places.append(inner)
        else:
            places.append(ds)
    for place in places:
        tag = element_of(row, place)
    claimed = Dataset()
    pair.result.DeidentificationMethodCodeSequence = Sequence([claimed] * 0)
    for code in ("113100", *codes):
        item = Dataset()
        item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code, "DCM", CID_7050[code]
        pair.result.DeidentificationMethodCodeSequence.append(item)
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def reported(pair, tag: str) -> set[str]:
    return {code for code, path in pair.found() if path.split(" > ")[-1].startswith(tag)}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("depth", [0, 1], ids=["top", "nested"])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["tag"])
def test_an_attribute_of_the_table_that_was_kept_without_a_claim_is_found(pair, row, depth):
    tag = keep(pair, row, depth, ())
    allowed_as_sequence = row["name"].endswith("Sequence") and row["basicProfile"] not in ("X",)
    found = reported(pair, tag) & {"row-not-met", "overlay-left"}
    if allowed_as_sequence:
        # Z, D and their combinations keep the items of a sequence; what is in them has rows of its own.
        assert found <= {"row-not-met"}
    else:
        assert found


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("depth", [0, 1], ids=["top", "nested"])
@pytest.mark.parametrize(
    ("row", "code"),
    [
        pytest.param(row, code, id=f"{row['tag']}-{code}")
        for row in ROWS
        for column, code in COLUMNS.items()
        if row[column]
    ],
)
def test_an_attribute_that_a_claimed_option_retains_or_cleans_may_be_kept(pair, row, code, depth):
    tag = keep(pair, row, depth, (code,))
    assert not reported(pair, tag) & {"row-not-met", "overlay-left", "date-not-modified"}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "row",
    [row for row in ROWS if row["rtnLongModifDatesOpt"] and not row["rtnDevIdOpt"]],
    ids=lambda row: row["tag"],
)
def test_a_date_that_stayed_although_modified_dates_are_claimed_is_found(pair, row):
    tag = keep(pair, row, 0, ("113107",))
    is_date = dictionary_vr_or_empty(tag_of(row)) in ("DA", "DT")
    is_version = row["name"] in (
        "Context Group Version",
        "Context Group Local Version",
        "Template Version",
        "Template Local Version",
    )
    assert ("date-not-modified" in reported(pair, tag)) == (is_date and not is_version)


def dictionary_vr_or_empty(tag: int) -> str:
    try:
        return dictionary_VR(tag)
    except KeyError:
        return ""


def test_private_attributes_without_the_option_are_found(pair):
    item = pair.result.DeidentificationMethodCodeSequence
    pair.result.DeidentificationMethodCodeSequence = Sequence([i for i in item if i.CodeValue != "113111"])
    assert pair.found() == {("private-left", "(2001,0010)"), ("private-left", "(2001,1002)")}


def test_private_attributes_that_nobody_declared_safe_are_found(pair):
    for ds in (pair.original, pair.result):
        ds.add_new(0x200110B0, "LO", "x")
    assert pair.found() == {("private-not-safe", "(2001,10B0)")}


def test_a_private_creator_of_another_name_is_found(pair):
    pair.result[0x20010010].value = "Philips PET Private Group"
    assert {"private-creator-changed", "private-not-safe"} <= pair.codes()


def test_a_safe_private_number_that_changed_is_found(pair):
    pair.result[0x20011002].value = "4"
    assert pair.found() == {("kept-value-changed", "(2001,1002)")}


def test_a_persons_name_that_no_row_names_is_found(pair):
    for ds in (pair.original, pair.result):
        ds.EvaluatorName = "Zqxvplonk"
    assert ("name-kept", "(0014,2006) EvaluatorName") in pair.found()


def test_a_uid_that_no_row_names_is_found(pair):
    for ds in (pair.original, pair.result):
        ds.TargetFrameOfReferenceUID = "1.2.826.0.1.55.9"
    assert {"uid-kept", "uid-left"} <= pair.codes()


def test_overlays_and_curves_are_found(pair):
    for ds in (pair.original, pair.result):
        ds.add_new(0x60000010, "US", 16)
        ds.add_new(0x60023000, "OW", b"\1\0")
        ds.add_new(0x50003000, "OW", b"\1\0")
    assert {("overlay-left", "(6000,0010) OverlayRows"), ("row-not-met", "(6002,3000) OverlayData")} <= pair.found()
    assert ("row-not-met", "(5000,3000) CurveData") in pair.found()
