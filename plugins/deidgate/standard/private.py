# SPDX-License-Identifier: Apache-2.0
"""Private attributes that are known to be safe.

Source: PS3.15 Table E.3.10-1 Safe Private Attributes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from deidgate.standard.resource import table


@dataclass(frozen=True, slots=True)
class SafePrivate:
    """One safe private attribute.

    Attributes
    ----------
    creator : str
        Private Creator, without padding.
    group, element : int
        Group, and the low byte of the element number.
    vr : str
        As the table gives it; empty when it does not, two joined by ``/`` when either occurs.
    meaning : str
    """

    creator: str
    group: int
    element: int
    vr: str
    meaning: str


@lru_cache(maxsize=1)
def safe_private() -> dict[tuple[str, int, int], SafePrivate]:
    """The table by (creator, group, low byte of the element)."""
    found: dict[tuple[str, int, int], SafePrivate] = {}
    for tag, creator, vr, _vm, meaning in table("table_e_3_10_1")["rows"]:
        group, element = tag.strip("()").lower().split(",")
        line = SafePrivate(creator.strip(), int(group, 16), int(element.replace("xx", ""), 16), vr, meaning)
        found[line.creator, line.group, line.element] = line
    return found
