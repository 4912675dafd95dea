# SPDX-License-Identifier: Apache-2.0
"""Originals leave ingest: only after research was asked again, recorded before and after, and safe to repeat.

The order is: research still holds what was delivered; the ledger says *purging*; ingest, read once more, has that
content and no other; it deletes; the ledger says *purged*. What a crash leaves in the middle is looked at some minutes
later: an original that is still there is present again and takes the whole way anew; one that is gone, or in whose
place another content has come, was purged.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from deidgate.errors import CannotDeidentify, Unavailable
from deidgate.gateway.original import digest_of
from deidgate.store.model import ItemView
from deidgate.store.store import Store

_log = logging.getLogger(__name__)

_BATCH = 200
_UNDER_WAY = timedelta(minutes=5)
"""A mark that is younger may be of a round that still runs."""


class Originals(Protocol):
    """The ingest server."""

    def read(self, orthanc_id: str) -> bytes:
        """The stored file.

        Raises
        ------
        CannotDeidentify
            ``original-missing``, or it is there and cannot be read.
        """
        ...

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
    purged, unconfirmed = _finish(store, ingest, now - _UNDER_WAY)
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


def _finish(store: Store, ingest: Originals, marked_before: datetime) -> tuple[int, int]:
    """Settle what earlier rounds left; how many originals are gone, and of how many it cannot be said."""
    gone: list[int] = []
    there: list[int] = []
    unclear = after = 0
    try:
        while items := store.retention.left(marked_before, _BATCH, after):
            after = items[-1].id
            for item in items:
                still = _still_there(ingest, item)
                if still is None:
                    _log.error("purge-unclear", extra={"ids": {"item": item.id}})
                    unclear += 1
                else:
                    (there if still else gone).append(item.id)
    finally:
        store.retention.purged(gone)
        store.retention.not_purged(there, "interrupted")
    return len(gone), unclear


def _still_there(ingest: Originals, item: ItemView) -> bool | None:
    """Whether ingest has the original of `item`, and not another content that came after it; None if it cannot tell."""
    if item.digest is None:
        return None
    try:
        return digest_of(ingest.read(item.orthanc_id)) == item.digest
    except CannotDeidentify as error:
        return False if error.code == "original-missing" else None


def _is_sure(store: Store, item: ItemView, research: Shelf) -> bool:
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
    """Number of purged items, and the ids of those that were not."""
    ids = [item.id for item in due]
    replaced = store.retention.stored_again(ids, why)
    may = store.retention.purging(ids, why)
    gone: list[int] = []
    refused: list[int] = []
    try:
        for item in due:
            if item.id not in may:
                continue
            still = _still_there(ingest, item)
            if still is None:
                # Stays marked: a later round says so, and each that follows.
                continue
            # Another content that is there came later, and the ledger has not read of it yet.
            (gone if not still or ingest.delete(item.orthanc_id) else refused).append(item.id)
    except Unavailable:
        # What is marked and was not reached stays marked: a later round looks at it.
        _log.warning("purge-interrupted", extra={"ids": {"purged": len(gone)}})
        raise
    finally:
        store.retention.purged(gone)
        store.retention.not_purged(refused, "ingest-refused")
    return len(gone) + len(replaced), set(ids) - replaced - set(gone)
