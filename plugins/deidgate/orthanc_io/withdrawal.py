# SPDX-License-Identifier: Apache-2.0
"""Recalled instances leave research: deleted there first, recorded second, as often as it takes.

The decision is in the ledger before anything is deleted, so a crash anywhere leaves work to do and nothing forgotten.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from deidgate.store.model import ItemFilter, ItemView
from deidgate.store.states import State
from deidgate.store.store import Store

_BATCH = 200
_PAGE = 1000


class Shelf(Protocol):
    """The research server."""

    def withdraw(self, orthanc_id: str) -> None:
        """Return when the server does not hold `orthanc_id` any more."""
        ...


def withdraw_recalled(store: Store, research: Shelf) -> int:
    """Delete everything that is recalled and not withdrawn; how many instances.

    Raises
    ------
    Unavailable
        Research does not answer; what was withdrawn so far is recorded.
    """
    number = 0
    while recalled := store.review.to_withdraw(_BATCH):
        kept = _delivered_again(store, recalled)
        done: list[int] = []
        try:
            for item in recalled:
                # Asked again for each: another content may have been delivered in its place since.
                if item.research_id and item.research_id not in kept and store.retention.replaced_by(item) is None:
                    research.withdraw(item.research_id)
                done.append(item.id)
        finally:
            store.review.withdrawn(done)
        number += len(done)
    return number


def _delivered_again(store: Store, recalled: Sequence[ItemView]) -> frozenset[str]:
    """Research IDs under which another item, that is not recalled, was delivered: the same instance, sent twice."""
    kept: set[str] = set()
    for study in sorted({item.research_study_uid for item in recalled if item.research_study_uid}):
        selection = ItemFilter(states=frozenset({State.DELIVERED}), research_study_uid=study)
        after = 0
        while page := store.reports.items(selection, _PAGE, after):
            kept |= {item.research_id for item in page if item.research_id}
            after = page[-1].id
    return frozenset(kept)
