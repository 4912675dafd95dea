# SPDX-License-Identifier: Apache-2.0
"""Type 1 and Type 2 attributes that the original has and the result lost.

Only what de-identification broke is a finding: a violation that the original has already is none. Mandatory modules
count always; conditional and optional ones count when the original evidently has them, that is, has all their Type 1
attributes and one attribute that no other module of the IOD defines.

Source: PS3.3 A.1.3 (usage of modules), PS3.5 7.4 (Types).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

from deidgate.dicom.path import ElementPath, Parents
from deidgate.verify.model import Finding
from deidgate.verify.view import View
from deidgate.verify.walk import PIXEL_DATA, Element

_SOP_CLASS_UID = 0x00080016
# A node of the table: what is required here, and the nodes below sequences.
Node = tuple[tuple[tuple[int, str], ...], tuple[tuple[int, int], ...]]
Where = tuple[tuple[int, ...], int, str]


@cache
def _tables() -> dict[str, Any]:
    tables: dict[str, Any] = json.loads(files("deidgate.standard").joinpath("types.json").read_text("utf-8"))
    return tables


@cache
def _node(number: int) -> Node:
    required, below = [], []
    for line in _tables()["nodes"][number]:
        tag = int(line[0], 16)
        if line[1] in ("1", "2") and tag != PIXEL_DATA and tag >> 16 != 0x6000:
            required.append((tag, line[1]))
        if len(line) > 2:
            below.append((tag, line[2]))
    return tuple(required), tuple(below)


class Types:
    """Where the IOD of an instance demands an attribute (Type 1, 1C, 2 or 2C), at any depth."""

    def __init__(self, original: View) -> None:
        iod = _tables()["sop_classes"].get(original.text(_SOP_CLASS_UID))
        modules = [key for key, _ in _tables()["iods"][iod]] if iod else []
        self._top = tuple(_tables()["modules"][key] for key in modules)

    def demands(self, element: Element) -> bool:
        """True when some module of the IOD does."""
        numbers = self._top
        for tag, _ in element.parents:
            below = tuple(child for number in numbers for child in _lines(number).get(tag, ("", ()))[1])
            # A sequence that contains itself, such as Content Sequence: the table goes one level deep.
            numbers = below or numbers
        return any(_lines(number).get(element.tag, ("3", ()))[0] != "3" for number in numbers)


@cache
def _lines(number: int) -> dict[int, tuple[str, tuple[int, ...]]]:
    return {int(line[0], 16): (line[1], tuple(line[2:])) for line in _tables()["nodes"][number]}


def check(original: View, result: View) -> Iterator[Finding]:
    """A finding for each kind of violation that the original does not have."""
    sop_class = original.text(_SOP_CLASS_UID)
    iod = _tables()["sop_classes"].get(sop_class)
    if iod is None:
        return
    numbers = _tables()["modules"]
    for key, usage in _tables()["iods"][iod]:
        number = numbers[key]
        if usage != "M" and not _is_evident(key, iod, original):
            continue
        before = set(_violations(original, number, (), ()))
        for where in _violations(result, number, (), ()):
            if where not in before:
                before.add(where)
                tags, tag, what = where
                path = str(ElementPath(tuple((t, 0) for t in tags), tag))
                yield Finding(what, path, key)


def _violations(view: View, number: int, parents: Parents, tags: tuple[int, ...]) -> Iterator[Where]:
    required, below = _node(number)
    for tag, type_ in required:
        element = view.get(tag, parents)
        if element is None:
            yield tags, tag, f"type-{type_}-missing"
        elif type_ == "1" and _is_empty(view, element):
            yield tags, tag, "type-1-empty"
    for tag, child in below:
        sequence = view.get(tag, parents)
        for item in range((sequence.items or 0) if sequence is not None else 0):
            yield from _violations(view, child, (*parents, (tag, item)), (*tags, tag))


def _is_empty(view: View, element: Element) -> bool:
    if element.items is not None:
        return element.items == 0
    return element.start == element.stop or (
        element.stop - element.start <= 64 and not view.value(element).strip(b" \0") and element.vr not in _BINARY
    )


_BINARY = frozenset({"AT", "FD", "FL", "OB", "OD", "OF", "OL", "OV", "OW", "SL", "SS", "SV", "UL", "UN", "US", "UV"})


@cache
def _own_tags(iod: str) -> dict[str, frozenset[int]]:
    """Top-level tags of each module of the IOD that no other of its modules has."""
    tables = _tables()
    tags = {
        key: {int(line[0], 16) for line in tables["nodes"][tables["modules"][key]]} for key, _ in tables["iods"][iod]
    }
    count = Counter(tag for of_module in tags.values() for tag in of_module)
    return {key: frozenset(tag for tag in of_module if count[tag] == 1) for key, of_module in tags.items()}


def _is_evident(key: str, iod: str, original: View) -> bool:
    if not any(original.get(tag) is not None for tag in _own_tags(iod)[key]):
        return False
    required, _ = _node(_tables()["modules"][key])
    ones = [original.get(tag) for tag, type_ in required if type_ == "1"]
    return all(element is not None and not _is_empty(original, element) for element in ones)
