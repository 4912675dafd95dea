# SPDX-License-Identifier: Apache-2.0
"""Content items whose concept Table E.3.4-1 names: what they say may not stay, unless a claimed option says so.

A name, an identifier, a birth date or an age of the patient is one in LOINC and SNOMED CT as well, and in any Value
Type. Of an age only what is said in numbers may stay, and `deidgate.verify.births` judges which.

Source: PS3.15 E.3.4 and Table E.3.4-1; PS3.3 10.2 and C.17.3 (content items); PS3.16 TID 1007.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from deidgate.dicom.path import Parents
from deidgate.verify.compare import same_value, says_nothing
from deidgate.verify.facts import (
    CLEAN_DESCRIPTORS,
    RETAIN_DEVICE,
    RETAIN_FULL_DATES,
    RETAIN_INSTITUTION,
    RETAIN_MODIFIED_DATES,
    RETAIN_PATIENT_CHARACTERISTICS,
    RETAIN_UIDS,
)
from deidgate.verify.model import Finding
from deidgate.verify.view import View
from deidgate.verify.walk import Element

_CONCEPT_NAME = 0x0040A043
_VALUE_TYPE = 0x0040A040
TEXT_VALUE = 0x0040A160
_UID = 0x0040A124
_MEASURED_VALUE = 0x0040A300
_CONCEPT_CODE = 0x0040A168
# Where a content item of each Value Type has its value; references are judged as UIDs (`retained_uids`).
_VALUES = {
    "TEXT": TEXT_VALUE,
    "PNAME": 0x0040A123,
    "DATE": 0x0040A121,
    "TIME": 0x0040A122,
    "DATETIME": 0x0040A120,
}
_NUMERIC_VALUE = 0x0040A30A
_NESTED_VALUES = {"NUM": (_MEASURED_VALUE, 0x0040A30A), "CODE": (_CONCEPT_CODE, 0x00080100)}

_OPTIONS = {
    "Rtn. UIDs Opt.": RETAIN_UIDS,
    "Rtn. Dev. Id. Opt.": RETAIN_DEVICE,
    "Rtn. Inst. Id. Opt.": RETAIN_INSTITUTION,
    "Rtn. Pat. Chars. Opt.": RETAIN_PATIENT_CHARACTERISTICS,
    "Rtn. Long. Full Dates Opt.": RETAIN_FULL_DATES,
    "Rtn. Long. Modif. Dates Opt.": RETAIN_MODIFIED_DATES,
    "Clean Desc. Opt.": CLEAN_DESCRIPTORS,
}


_SUBJECT_AGE = "121033"


class Concept(NamedTuple):
    """One row of the table.

    Attributes
    ----------
    code : str
    value_type : str
        Empty for a concept of the subject, which says the same in every Value Type.
    basic : str
        ``X``, ``D`` or ``X/D``.
    options : frozenset of str
        CID 7050 codes of the options that retain or clean it.
    """

    code: str
    value_type: str
    basic: str
    options: frozenset[str]

    @property
    def is_age(self) -> bool:
        """True for the patient's age."""
        return self.code == _SUBJECT_AGE


@cache
def _concepts() -> dict[tuple[str, str, str], Concept]:
    table = json.loads(files("deidgate.standard").joinpath("table_e_3_4_1.json").read_text("utf-8"))
    found = {}
    for cells in table["rows"]:
        row = dict(zip(table["header"], cells, strict=True))
        # "NCDR [2.0b]" is designator and version.
        scheme = row["Coding Scheme Designator"].split(" ")[0]
        options = frozenset(code for column, code in _OPTIONS.items() if row[column])
        code, value_type = row["Code Value"], row["Value Type"]
        found[code, scheme, value_type] = Concept(code, value_type, row["Basic Prof."], options)
    return found


@cache
def _of_the_subject() -> dict[tuple[str, str], Concept]:
    """What says the patient's name, identifier, birth date or age, by code and scheme."""
    listed = json.loads(files("deidgate.standard").joinpath("subject_concepts.json").read_text("utf-8"))["rows"]
    rows = {code: row for (code, scheme, _), row in _concepts().items() if scheme == "DCM"}
    return {(code, scheme): rows[like]._replace(value_type="") for code, scheme, _, like in listed}


def values_that_must_go(original: View, codes: frozenset[str]) -> Iterator[tuple[Element, Concept]]:
    """Values of content items that no claimed option retains or cleans."""
    for element in original.elements:
        if element.tag != _CONCEPT_NAME or not element.items:
            continue
        concept = concept_of(original, element.parents)
        if concept is None or concept.options & codes:
            continue
        for value in _values_of(original, element.parents, concept):
            if value.start != value.stop:
                yield value, concept


def retained_uids(original: View, codes: frozenset[str]) -> frozenset[tuple[Parents, int]]:
    """Places of UIDs that a claimed option retains by their concept, such as Device Observer UID.

    Table E.1-1 has one row for the UIDs of all content items, and knows no concept.
    """
    return frozenset(
        (element.parents, _UID)
        for element in original.elements
        if element.tag == _CONCEPT_NAME
        and element.items
        and (concept := concept_of(original, element.parents)) is not None
        and concept.value_type == "UIDREF"
        and concept.options & codes
    )


def check(original: View, result: View, codes: frozenset[str]) -> Iterator[Finding]:
    """A finding for each of these values that is still there."""
    for before, concept in values_that_must_go(original, codes):
        now = result.get(before.tag, before.parents)
        if now is not None and same_value(original, before, result, now) and not says_nothing(now, result):
            yield Finding("content-not-cleaned", now.path, f"E.3.4-1 {concept.basic}")


def concept_of(view: View, item: Parents) -> Concept | None:
    """The row for the content item at `item`; None when neither the table nor the list of the subject has it."""
    name = (*item, (_CONCEPT_NAME, 0))
    code, scheme = view.text(0x00080100, name) or view.text(0x00080119, name), view.text(0x00080102, name)
    return _of_the_subject().get((code, scheme)) or _concepts().get((code, scheme, view.text(_VALUE_TYPE, item)))


def _values_of(view: View, item: Parents, concept: Concept) -> Iterator[Element]:
    """The values of an item: that of its Value Type, or all of them where any may say it."""
    for value_type in [concept.value_type] if concept.value_type else [*_VALUES, *_NESTED_VALUES]:
        if value_type in _VALUES:
            found = view.get(_VALUES[value_type], item)
        elif value_type in _NESTED_VALUES:
            sequence, tag = _NESTED_VALUES[value_type]
            found = view.get(tag, (*item, (sequence, 0)))
        else:
            found = None
        if found is not None:
            yield found
    if not concept.value_type and (direct := view.get(_NUMERIC_VALUE, item)) is not None:
        yield direct
