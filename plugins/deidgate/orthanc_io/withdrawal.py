# SPDX-License-Identifier: Apache-2.0
"""Recalled instances leave research: deleted there first, recorded second, as often as it takes.

The decision is in the ledger before anything is deleted, so a crash anywhere leaves work to do and nothing forgotten.
What the ledger refused when research had it already (the patient was forgotten meanwhile, or another content was
settled first) leaves in the same way.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Protocol

from deidgate.store.model import ItemFilter, ItemView
from deidgate.store.states import State
from deidgate.store.store import Store

_log = logging.getLogger(__name__)

_BATCH = 200
_PAGE = 1000


class Shelf(Protocol):
    """The research server."""

    def withdraw(self, orthanc_id: str) -> None:
        """Return when the server does not hold `orthanc_id` any more."""
        ...

    def digest_of(self, orthanc_id: str) -> str | None:
        """MD5 of what the server holds under `orthanc_id`; None if it holds nothing."""
        ...


def withdraw_recalled(store: Store, research: Shelf) -> int:
    """Delete everything that is recalled or was refused, and is not withdrawn; how many instances.

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
    return number + _withdraw_refused(store, research)


def _withdraw_refused(store: Store, research: Shelf) -> int:
    number = 0
    while refused := store.review.refused(_BATCH):
        done: list[int] = []
        try:
            for item in refused:
                now = store.reports.item(item.id)
                if now is None or now.token != item.token:
                    # A person has let it pass since: what research holds may be what that led to.
                    continue
                _take_back(store, research, item)
                done.append(item.id)
        finally:
            store.review.withdrawn(done)
        number += len(done)
    return number


def _take_back(store: Store, research: Shelf, item: ItemView) -> None:
    """Withdraw what was refused, if research holds that and it was not delivered for another item."""
    research_id = str(item.research_id)
    if f"md5:{research.digest_of(research_id)}" != item.result_digest:
        return
    delivered = [one for one in _delivered_with(store, item) if one.research_id == research_id]
    if any(one.result_digest == item.result_digest for one in delivered):
        return
    for one in delivered:
        # The refused one has taken its place. `reconcile` misses it from now on.
        _log.error("delivered-replaced", extra={"ids": {"item": one.id, "by": item.id}})
    research.withdraw(research_id)


def _delivered_with(store: Store, item: ItemView) -> Iterator[ItemView]:
    """Delivered items of the same study."""
    selection = ItemFilter(states=frozenset({State.DELIVERED}), research_study_uid=item.research_study_uid)
    after = 0
    while page := store.reports.items(selection, _PAGE, after):
        yield from page
        after = page[-1].id


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
