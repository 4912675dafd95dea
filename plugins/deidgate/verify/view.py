# SPDX-License-Identifier: Apache-2.0
"""A parsed file with what the checks ask of it: an element by its place, its text, its character set."""

from __future__ import annotations

from functools import cached_property

from deidgate.dicom.path import Parents
from deidgate.verify.text import decode, readings, terms
from deidgate.verify.walk import Element, Parsed

TEXT = frozenset({"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"})
# VRs whose text depends on Specific Character Set. Source: PS3.5 6.1.2.3.
IN_CHARSET = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})
NUMBERS = frozenset({"DS", "IS"})
TIMES = frozenset({"AS", "DA", "DT", "TM"})
# Width of one number, for comparing values of files in different byte order.
WIDTHS = {"AT": 2, "FD": 8, "FL": 4, "OD": 8, "OF": 4, "OL": 4, "OV": 8, "OW": 2, "SL": 4, "SS": 2, "SV": 8}
WIDTHS.update({"UL": 4, "US": 2, "UV": 8})

SPECIFIC_CHARACTER_SET = 0x00080005


class View:
    """One file. Nothing here is changed after it was made."""

    def __init__(self, parsed: Parsed) -> None:
        self.parsed = parsed
        self.elements = parsed.elements
        self.by_key = {(e.parents, e.tag): e for e in parsed.elements}

    def get(self, tag: int, parents: Parents = ()) -> Element | None:
        """The element, or None."""
        return self.by_key.get((parents, tag))

    def value(self, element: Element) -> bytes:
        """The bytes of its value."""
        return self.parsed.data[element.start : element.stop]

    def text(self, tag: int, parents: Parents = ()) -> str:
        """Text of an element without padding; empty when it is not there."""
        element = self.get(tag, parents)
        if element is None or element.items is not None:
            return ""
        return decode(self.value(element), self.charset(element.parents)).strip(" \0")

    def texts(self, element: Element) -> tuple[str, ...]:
        """Every text that its bytes may have been meant to be."""
        return readings(self.value(element).rstrip(b" \0"), self.charset(element.parents))

    def charset(self, parents: Parents) -> tuple[str, ...]:
        """Specific Character Set in force. Source: PS3.3 C.12.1.1.2: an item without one has that around it."""
        declared = self._charsets
        while True:
            if parents in declared:
                return declared[parents]
            if not parents:
                return ()
            parents = parents[:-1]

    @cached_property
    def _charsets(self) -> dict[Parents, tuple[str, ...]]:
        return {
            e.parents: terms(self.value(e))
            for e in self.elements
            if e.tag == SPECIFIC_CHARACTER_SET and e.items is None
        }
