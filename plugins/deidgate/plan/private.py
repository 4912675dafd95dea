# SPDX-License-Identifier: Apache-2.0
"""Which private elements of one dataset or item are safe.

An element (gggg,bbee) is safe when its block is reserved in the same dataset or item, by a Private Creator for whom
Table E.3.10-1 or the policy lists (gggg,ee). A reservation elsewhere does not count. A Private Creator stays when
something of its block stays.

Source: PS3.5 7.8.1, PS3.15 E.3.10.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from deidgate.dicom.charset import Charset
from deidgate.dicom.elements import Element, Unreadable, text_of
from deidgate.policy.model import Option, Policy
from deidgate.standard.private import safe_private


@dataclass(frozen=True, slots=True)
class Safe:
    """Why a private element is safe.

    Attributes
    ----------
    vr : str
        VR that the table gives; empty when it gives none.
    source : str
    """

    vr: str
    source: str


def is_creator(tag: int) -> bool:
    """True for the elements (gggg,0010-00FF) of odd groups, which reserve blocks."""
    return bool((tag >> 16) & 1) and 0x10 <= tag & 0xFFFF <= 0xFF


def safe_elements(elements: Iterable[tuple[int, Element]], policy: Policy, charset: Charset) -> dict[int, Safe]:
    """Tags of the safe private elements and of the creators that they need, each with the reason."""
    if Option.RETAIN_SAFE_PRIVATE not in policy.options:
        return {}
    table = safe_private()
    own = {(rule.creator, rule.group, rule.element) for rule in policy.private}
    creators: dict[int, str] = {}
    safe: dict[int, Safe] = {}
    for tag, element in elements:
        if is_creator(tag):
            try:
                creators[tag] = text_of(element, charset).strip()
            except Unreadable:
                continue
        elif (tag >> 16) & 1:
            reserved_by = (tag & 0xFFFF0000) | ((tag >> 8) & 0xFF)
            key = (creators.get(reserved_by, ""), tag >> 16, tag & 0xFF)
            if key in table:
                safe[tag] = Safe(table[key].vr, "E.3.10-1")
            elif key in own:
                safe[tag] = Safe("", "policy [[private]]")
            else:
                continue
            safe[reserved_by] = Safe("LO", "creator of a safe block")
    return safe
