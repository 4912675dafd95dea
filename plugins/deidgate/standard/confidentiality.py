# SPDX-License-Identifier: Apache-2.0
"""Table E.1-1: what the Basic Profile and its Options do with each attribute.

Four rows name no single tag: ``(50xx,xxxx)``, ``(60xx,3000)``, ``(60xx,4000)`` and all private attributes.

Source: PS3.15 Table E.1-1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from deidgate.standard.resource import table

# Column of the table -> code of the Option in CID 7050.
# Source: PS3.16 CID 7050 De-identification Method; PS3.15 E.3.
COLUMN_OF_OPTION = MappingProxyType(
    {
        "113103": "cleanGraphOpt",
        "113104": "cleanStructContOpt",
        "113105": "cleanDescOpt",
        "113106": "rtnLongFullDatesOpt",
        "113107": "rtnLongModifDatesOpt",
        "113108": "rtnPatCharsOpt",
        "113109": "rtnDevIdOpt",
        "113110": "rtnUIDsOpt",
        "113111": "rtnSafePrivOpt",
        "113112": "rtnInstIdOpt",
    }
)
_OPTION_OF_COLUMN = {column: code for code, column in COLUMN_OF_OPTION.items()}
_PRIVATE = "(gggg,eeee) where gggg is odd"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table.

    Attributes
    ----------
    name : str
        Attribute name.
    tag : str
        As the table spells it, for example ``(0008,0050)`` or ``(60xx,3000)``.
    basic : str
        Code of the Basic Profile, for example ``X/Z``.
    options : tuple of (str, str)
        CID 7050 code of each Option that says something, and what it says (``K`` or ``C``).
    """

    name: str
    tag: str
    basic: str
    options: tuple[tuple[str, str], ...]


class ConfidentialityTable:
    """All rows, found by tag."""

    def __init__(self, content: dict[str, Any]) -> None:
        self.edition: str = content["edition"]
        self.rows: tuple[Row, ...] = tuple(_row(row) for row in content["rows"])
        self._by_tag: dict[int, Row] = {}
        self._by_mask: dict[str, Row] = {}
        for row in self.rows:
            digits = row.tag.strip("()").replace(",", "")
            try:
                self._by_tag[int(digits, 16)] = row
            except ValueError:
                self._by_mask[row.tag] = row

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def row(self, tag: int) -> Row | None:
        """The row that speaks about `tag`, or None."""
        found = self._by_tag.get(tag)
        if found is not None:
            return found
        group = tag >> 16
        if group & 1:
            return self._by_mask.get(_PRIVATE)
        if group & 0xFF00 == 0x5000:
            return self._by_mask.get("(50xx,xxxx)")
        if group & 0xFF00 == 0x6000:
            return self._by_mask.get(f"(60xx,{tag & 0xFFFF:04X})")
        return None


def _row(fields: dict[str, str]) -> Row:
    return Row(
        name=fields["name"],
        tag=fields["tag"],
        basic=fields["basicProfile"],
        options=tuple((code, fields[column]) for column, code in _OPTION_OF_COLUMN.items() if fields[column]),
    )


@lru_cache(maxsize=1)
def confidentiality_table() -> ConfidentialityTable:
    """The packaged table."""
    return ConfidentialityTable(table("table_e_1_1"))
