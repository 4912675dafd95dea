# SPDX-License-Identifier: Apache-2.0
"""Content trees of Structured Reports and Key Object Selections: a Decision for every element in them.

Source: PS3.15 E.3.4, Table E.3.4-1 (Clean Structured Content Option, 113104) and E.1-1 (Content Sequence: D).

No content item is taken out of the tree: an item whose action is X gets a value that says nothing. So no
by-reference relationship (Referenced Content Item Identifier) loses its target, no Type 1 container becomes
empty, and every Decision names a Data Element, which both executors can carry out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from pydicom.dataset import Dataset

from deidgate.plan.dates import DateOperation
from deidgate.plan.model import Decision


class Pseudonyms(Protocol):
    """What a content tree needs of the patient's new identity."""

    patient_id: str

    def uid(self, uid: str) -> str:
        """New UID; a UID of the standard (1.2.840.10008) is returned unchanged."""


def structured_decisions(
    dataset: Dataset,
    options: frozenset[str],
    pseudonyms: Pseudonyms,
    dates: DateOperation,
    clean: Callable[[str, str], str],
) -> Iterator[Decision]:
    """Decisions for Content Sequence (0040,A730) of `dataset` (not changed) and every element below it.

    Parameters
    ----------
    dataset : Dataset
        The whole instance; nothing is yielded when it has no Content Sequence at its top level.
    options : frozenset of str
        CID 7050 codes of the options in force; without ``113104`` all text is replaced (Basic Profile: D).
    pseudonyms : Pseudonyms
    dates : DateOperation
        For all dates of the tree but the birth date, when 113106 or 113107 is in force.
    clean : callable
        ``(text, vr) -> text``: `deidgate.plan.text.clean_text` bound to this instance.
    """
    raise NotImplementedError
    yield
