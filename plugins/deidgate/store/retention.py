# SPDX-License-Identifier: Apache-2.0
"""Purging of originals: last, only after confirmed delivery, recorded before and after."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, insert, update

from deidgate.store.context import Context
from deidgate.store.dialect import chunks
from deidgate.store.model import ItemView
from deidgate.store.schema import events, items
from deidgate.store.states import Original, State
from deidgate.store.views import VIEW, view


class Retention:
    """Which originals may go, and which went. Call `purging`, delete at ingest, call `purged`."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def purgeable(self, delivered_before: datetime, limit: int, project: str | None = None) -> list[ItemView]:
        """Delivered items whose original may be purged."""
        query = VIEW.where(
            items.c.state == State.DELIVERED,
            items.c.original == Original.PRESENT,
            items.c.delivered_at < delivered_before,
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
        condition = (items.c.state == State.DELIVERED) & (items.c.original == Original.PRESENT)
        return self._mark(item_ids, condition, Original.PURGING, by, why)

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
