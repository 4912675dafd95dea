# SPDX-License-Identifier: Apache-2.0
"""Originals leave ingest: only after research was asked again, recorded before and after, and safe to repeat.

The order is: research still holds what was delivered; the ledger says *purging*; ingest deletes; the ledger says
*purged*. A crash between any two of them is made good by the next round.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from deidgate.errors import Unavailable
from deidgate.store.model import ItemView
from deidgate.store.states import Original
from deidgate.store.store import Store

_log = logging.getLogger(__name__)

_BATCH = 200


class Originals(Protocol):
    """The ingest server."""

    def delete(self, orthanc_id: str) -> bool:
        """Whether the original is gone; False when the server would not delete it."""
        ...


class Shelf(Protocol):
    """The research server."""

    def holds(self, orthanc_id: str, md5: str) -> bool:
        """Whether a file of this MD5 is stored under `orthanc_id`, and can be read from the disk."""
        ...


def purge_originals(
    store: Store, ingest: Originals, research: Shelf, days: Mapping[str, int], now: datetime
) -> tuple[int, int]:
    """Purge what is due in each project of `days`; how many were purged, and how many were not confirmed.

    Parameters
    ----------
    days : mapping of project to days
        Originals go when they were delivered longer ago than this. A project that is not named keeps its originals.

    Raises
    ------
    Unavailable
        A server or the ledger does not answer.
    """
    purged = unconfirmed = 0
    for project, after_days in sorted(days.items()):
        skipped: set[int] = set()
        while True:
            limit = _BATCH + len(skipped)
            due = store.retention.purgeable(now - timedelta(days=after_days), limit, project)
            fresh = [item for item in due if item.id not in skipped]
            if not fresh:
                break
            sure = [item for item in fresh if _is_sure(store, item, research)]
            skipped |= {item.id for item in fresh} - {item.id for item in sure}
            gone, refused = _purge(store, ingest, sure, f"retention:{after_days}-days")
            skipped |= refused
            purged += gone
        unconfirmed += len(skipped)
    return purged, unconfirmed


def _is_sure(store: Store, item: ItemView, research: Shelf) -> bool:
    # What a crash left in the middle was sure before; its original may be gone already.
    if item.original is Original.PURGING:
        return True
    if _holds(research, item):
        return True
    instead = store.retention.replaced_by(item)
    if instead is not None and _holds(research, instead):
        return True
    _log.error("purge-not-confirmed", extra={"ids": {"item": item.id}})
    return False


def _holds(research: Shelf, item: ItemView) -> bool:
    algorithm, _, digest = (item.result_digest or "").partition(":")
    return algorithm == "md5" and bool(item.research_id) and research.holds(str(item.research_id), digest)


def _purge(store: Store, ingest: Originals, due: Sequence[ItemView], why: str) -> tuple[int, set[int]]:
    """Number of purged items, and the ids of those that ingest would not delete."""
    may = store.retention.purging([item.id for item in due], why)
    gone: list[int] = []
    refused: list[int] = []
    try:
        for item in due:
            if item.id in may:
                (gone if ingest.delete(item.orthanc_id) else refused).append(item.id)
    except Unavailable:
        # What is marked and was not reached stays marked: the next round goes on there.
        _log.warning("purge-interrupted", extra={"ids": {"purged": len(gone)}})
        raise
    finally:
        store.retention.purged(gone)
        store.retention.not_purged(refused, "ingest-refused")
    return len(gone), set(refused) | ({item.id for item in due} - may)
