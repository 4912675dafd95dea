# SPDX-License-Identifier: Apache-2.0
"""Purging of originals: last, only after confirmed delivery, recorded before and after.

Ingest has one file under one Orthanc ID, and the ledger may have several rows of it: the instance was stored again
after the first original had gone, with the disk or by itself. The file is then the latest row's; an earlier row has
none.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, insert, update

from deidgate.store.context import Context
from deidgate.store.dialect import chunks
from deidgate.store.model import ItemView
from deidgate.store.schema import events, items
from deidgate.store.states import Original, State
from deidgate.store.views import VIEW, view

_other = items.alias("other")
_SAME_FILE = (_other.c.source == items.c.source) & (_other.c.orthanc_id == items.c.orthanc_id)
_STORED_AGAIN = exists().where(_SAME_FILE, _other.c.id > items.c.id)
_DUE = (items.c.state == State.DELIVERED) & (items.c.original == Original.PRESENT)
_NEEDED = exists().where(
    # Sent again with the same content, it may be what an earlier row waits for.
    _SAME_FILE,
    _other.c.id < items.c.id,
    _other.c.original != Original.PURGED,
    _other.c.state != State.REJECTED,
)


class Retention:
    """Which originals may go, and which went. Call `stored_again`, `purging`, delete at ingest, call `purged`."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def purgeable(self, delivered_before: datetime, limit: int, project: str | None = None) -> list[ItemView]:
        """Delivered items whose original may be purged."""
        query = VIEW.where(
            items.c.state == State.DELIVERED,
            items.c.original == Original.PRESENT,
            items.c.delivered_at < delivered_before,
            _STORED_AGAIN | ~_NEEDED,
        )
        if project is not None:
            query = query.where(items.c.project == project)
        return self._views(query.order_by(items.c.id).limit(limit))

    def left(self, marked_before: datetime, limit: int, after: int = 0) -> list[ItemView]:
        """Items, from the one after `after`, that were marked `purging`, and nobody has recorded what came of it."""
        query = VIEW.where(items.c.original == Original.PURGING, items.c.changed_at < marked_before, items.c.id > after)
        return self._views(query.order_by(items.c.id).limit(limit))

    def replaced_by(self, item: ItemView) -> ItemView | None:
        """The item that was delivered later in the place of `item`: a person let another content pass."""
        query = VIEW.where(
            items.c.state == State.DELIVERED,
            # One Orthanc ID is of one study, and that is what is indexed.
            items.c.research_study_uid == item.research_study_uid,
            items.c.research_id == item.research_id,
            items.c.delivered_at > item.delivered_at,
        )
        with self._context.database.read() as connection:
            row = connection.execute(query.order_by(items.c.delivered_at.desc()).limit(1)).one_or_none()
        return None if row is None else view(row)

    def purging(self, item_ids: Sequence[int], why: str, by: str = "retention") -> frozenset[int]:
        """Record the intent; the ids that may now be deleted at ingest."""
        return self._mark(item_ids, _DUE & ~_STORED_AGAIN & ~_NEEDED, Original.PURGING, by, why)

    def stored_again(self, item_ids: Sequence[int], why: str, by: str = "retention") -> frozenset[int]:
        """Record of those whose Orthanc ID has a later row that their originals are gone: nothing is to be deleted."""
        marked = self._mark(item_ids, _DUE & _STORED_AGAIN, Original.PURGING, by, why)
        self.purged(sorted(marked), by)
        return marked

    def purged(self, item_ids: Sequence[int], by: str = "retention") -> None:
        """Record that ingest has deleted these."""
        self._mark(item_ids, items.c.original == Original.PURGING, Original.PURGED, by, None)

    def not_purged(self, item_ids: Sequence[int], code: str, by: str = "retention") -> None:
        """Record that these were not deleted: their originals are there and may be tried again."""
        self._mark(item_ids, items.c.original == Original.PURGING, Original.PRESENT, by, code)

    def _views(self, query: Select[Any]) -> list[ItemView]:
        with self._context.database.read() as connection:
            return [view(row) for row in connection.execute(query)]

    def _mark(
        self, item_ids: Sequence[int], condition: ColumnElement[bool], to: Original, by: str, code: str | None
    ) -> frozenset[int]:
        now = self._context.clock()
        marked: set[int] = set()
        with self._context.database.write() as connection:
            for some in chunks(sorted(set(item_ids))):
                statement = update(items).where(items.c.id.in_(some), condition).values(original=to, changed_at=now)
                rows = connection.execute(statement.returning(items.c.id, items.c.state)).all()
                if rows:
                    told = [
                        {
                            "item": row.id,
                            "at": now,
                            "event": f"original-{to}",
                            "by": by,
                            "from_state": row.state,
                            "to_state": row.state,
                            "code": code,
                        }
                        for row in rows
                    ]
                    connection.execute(insert(events), told)
                marked |= {row.id for row in rows}
        return frozenset(marked)
