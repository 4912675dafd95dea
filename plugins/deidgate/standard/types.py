# SPDX-License-Identifier: Apache-2.0
"""Types of attributes in the IOD of a SOP Class, at every path.

The Type of an attribute is the strictest that a module of the IOD gives it, where a module counts when it is
mandatory, or when an attribute that only it can have brought is in the instance.

Source: PS3.3 Annex A (IODs, usage of modules) and Annex C (modules); Types in PS3.5 7.4.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from deidgate.standard.resource import table

# Strictest first. An attribute that is not in the file is Type 3 or not of the IOD.
_ORDER = ("1", "1C", "2", "2C", "3")

Node = dict[int, tuple[str, int]]
"""Tag -> Type and number of the node below it (-1: none)."""


@dataclass(frozen=True, slots=True)
class TypesHere:
    """Types of the attributes of one dataset or item of an IOD."""

    tables: _Tables
    nodes: tuple[int, ...]
    own_tag: int = 0

    def type_of(self, tag: int) -> str:
        """``1``, ``1C``, ``2``, ``2C`` or ``3``; the last also for what the IOD does not know."""
        tag = _masked(tag)
        found = {self.tables.nodes[number][tag][0] for number in self.nodes if tag in self.tables.nodes[number]}
        return next((type_ for type_ in _ORDER if type_ in found), "3")

    def below(self, tag: int) -> TypesHere:
        """Types inside the sequence `tag`."""
        numbers = (self.tables.nodes[number].get(tag, ("", -1))[1] for number in self.nodes)
        nodes = tuple(dict.fromkeys(number for number in numbers if number >= 0))
        if not nodes and tag == self.own_tag:
            # A sequence that contains itself, such as Content Sequence: the table goes one level deep.
            nodes = self.nodes
        return TypesHere(self.tables, nodes, tag)


@dataclass(frozen=True, slots=True)
class Iod:
    """One IOD: its mandatory modules, and the others with what shows that they are there."""

    name: str
    tables: _Tables
    mandatory: tuple[int, ...]
    others: tuple[tuple[int, frozenset[int]], ...]

    def evident(self, tags: Container[int]) -> tuple[int, ...]:
        """Nodes of the modules that count for an instance with these tags in its outermost dataset."""
        return self.mandatory + tuple(node for node, signs in self.others if any(sign in tags for sign in signs))

    def types(self, nodes: tuple[int, ...]) -> TypesHere:
        """Types in the outermost dataset, given what `evident` returned."""
        return TypesHere(self.tables, nodes)


class _Tables:
    def __init__(self, content: dict[str, Any]) -> None:
        self.edition: str = content["edition"]
        self.nodes: list[Node] = [
            {int(line[0], 16): (line[1], line[2] if len(line) > 2 else -1) for line in node}
            for node in content["nodes"]
        ]
        self.sop_classes: dict[str, str] = content["sop_classes"]
        self._modules: dict[str, int] = content["modules"]
        self._iods: dict[str, list[list[str]]] = content["iods"]

    def iod(self, name: str) -> Iod:
        usage = self._iods[name]
        mandatory = tuple(self._modules[key] for key, how in usage if how == "M")
        required = {tag for number in mandatory for tag in self.nodes[number]}
        others = []
        for key, how in usage:
            if how != "M":
                node = self.nodes[self._modules[key]]
                signs = frozenset(tag for tag in node if tag not in required)
                others.append((self._modules[key], signs))
        return Iod(name, self, mandatory, tuple(others))


_NOTHING = Iod("", _Tables({"edition": "", "nodes": [], "sop_classes": {}, "modules": {}, "iods": {}}), (), ())


@lru_cache(maxsize=1)
def _tables() -> _Tables:
    return _Tables(table("types"))


@lru_cache(maxsize=512)
def iod_of(sop_class_uid: str) -> Iod:
    """The IOD of a SOP Class; one that knows no attribute when the SOP Class is not in the tables."""
    tables = _tables()
    name = tables.sop_classes.get(sop_class_uid)
    return tables.iod(name) if name else _NOTHING


def _masked(tag: int) -> int:
    # Overlay planes are in the file as of group 6000.
    return (tag & 0xFFFF) | 0x60000000 if tag >> 24 == 0x60 else tag
