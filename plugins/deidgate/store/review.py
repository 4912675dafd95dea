# SPDX-License-Identifier: Apache-2.0
"""What people decide about items: release, reject, recall, process again. All audited."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from deidgate.store.context import Context
from deidgate.store.dialect import chunks
from deidgate.store.model import ItemFilter, ItemView
from deidgate.store.reasons import stated
from deidgate.store.schema import events, items
from deidgate.store.states import Original, State
from deidgate.store.turns import served
from deidgate.store.views import VIEW, described, matching, view

_TO_WITHDRAW = (items.c.state == State.RECALLED) & items.c.withdrawn_at.is_(None)
_REFUSED = (
    items.c.state.in_((State.HELD, State.REJECTED)) & items.c.research_id.is_not(None) & items.c.withdrawn_at.is_(None)
)
"""What was recalled, withdrawn, processed again and held since has the time of its withdrawal."""


class Review:
    """Decisions of people. `by` and `why` must not be blank.

    `token` is `ItemView.token`; if it is given and the item has moved on, nothing happens
    and False comes back, so that two people cannot overwrite each other.
    """

    def __init__(self, context: Context) -> None:
        self._context = context

    def see(self, item_id: int, by: str, why: str) -> ItemView | None:
        """A held item whose original somebody is about to see; None if it is not held, and then nothing is recorded."""
        stated(by, why)
        with self._context.database.write() as connection:
            row = connection.execute(VIEW.where(items.c.id == item_id, items.c.state == State.HELD)).one_or_none()
            if row is None:
                return None
            self._context.trail.append(
                connection, self._context.clock(), by, "see-original", [f"item:{item_id}", row.reason_code], why
            )
        return view(row)

    def release(
        self,
        item_id: int,
        by: str,
        why: str,
        *,
        accept: bool = False,
        instructions: Mapping[str, object] | None = None,
        token: int | None = None,
    ) -> bool:
        """Hand a held item back to the workers.

        `accept` lets the reason it was held for pass from now on (`Claim.accepted`). `instructions` reach the worker
        as `Claim.instructions`, in the place of those of earlier releases; without any, those stay: what was once to
        be hidden is not shown because something else held the item in between. They name no patient: the audit trail
        has them.
        """
        stated(by, why)
        now = self._context.clock()
        with self._context.database.write() as connection:
            row = _held(connection, item_id, token)
            if row is None:
                return False
            accepted = set((row.accepted or "").split()) | ({row.reason_code} if accept else set())
            values: dict[str, Any] = {
                "state": State.RECEIVED,
                "due_at": now,
                "turn": served(connection, now),  # somebody waits for it: next
                "token": row.token + 1,
                "attempts": 0,
                "accepted": " ".join(sorted(accepted)) or None,
                "instructions": json.dumps(instructions, sort_keys=True) if instructions else row.instructions,
                "changed_at": now,
            }
            connection.execute(update(items).where(items.c.id == item_id).values(values))
            told = _event("released", item_id, by, row.state, State.RECEIVED) | {"at": now, "code": row.reason_code}
            connection.execute(insert(events), told)
            action = "release-accepting" if accept else "release"
            objects = [f"item:{item_id}", row.reason_code, *_told(instructions or {})]
            self._context.trail.append(connection, now, by, action, objects, why)
        return True

    def reject(self, item_id: int, by: str, why: str, *, code: str = "by-person", token: int | None = None) -> bool:
        """Decide that a held item is not delivered."""
        stated(by, why)
        now = self._context.clock()
        with self._context.database.write() as connection:
            row = _held(connection, item_id, token)
            if row is None:
                return False
            values = {"state": State.REJECTED, "reason_code": code, "token": row.token + 1, "changed_at": now}
            connection.execute(update(items).where(items.c.id == item_id).values(values))
            told = _event("rejected", item_id, by, row.state, State.REJECTED) | {"at": now, "code": code}
            connection.execute(insert(events), told)
            self._context.trail.append(connection, now, by, "reject", [f"item:{item_id}", row.reason_code], why)
        return True

    def recall(self, selection: ItemFilter, by: str, why: str) -> list[ItemView]:
        """Take back delivered items: they are `recalled` now and still have to be deleted at research."""
        stated(by, why)
        condition = matching(selection) & (items.c.state == State.DELIVERED)
        values: dict[str, Any] = {"state": State.RECALLED, "withdrawn_at": None}
        return self._move(condition, State.DELIVERED, State.RECALLED, values, selection, by, why, "recall")

    def to_withdraw(self, limit: int) -> list[ItemView]:
        """Recalled items whose deletion at research is not confirmed: for resuming after a crash."""
        return self._first(_TO_WITHDRAW, limit)

    def refused(self, limit: int) -> list[ItemView]:
        """Items that the ledger refused when research had them, whose file there is not known to be gone."""
        return self._first(_REFUSED, limit)

    def number_to_withdraw(self) -> int:
        """How many instances are still to be deleted at research, recalled or refused."""
        query = select(func.count()).select_from(items).where(_TO_WITHDRAW | _REFUSED)
        with self._context.database.read() as connection:
            return int(connection.execute(query).scalar_one())

    def _first(self, condition: Any, limit: int) -> list[ItemView]:
        with self._context.database.read() as connection:
            return [view(row) for row in connection.execute(VIEW.where(condition).order_by(items.c.id).limit(limit))]

    def withdrawn(self, item_ids: Sequence[int], by: str = "gateway") -> None:
        """Record that research has deleted these, recalled or refused."""
        now = self._context.clock()
        waiting = _TO_WITHDRAW | _REFUSED
        with self._context.database.write() as connection:
            for some in chunks(sorted(set(item_ids))):
                statement = update(items).where(items.c.id.in_(some), waiting)
                statement = statement.values(withdrawn_at=now, changed_at=now)
                rows = connection.execute(statement.returning(items.c.id, items.c.state)).all()
                told = [_event("withdrawn", row.id, by, row.state, State(row.state)) | {"at": now} for row in rows]
                if told:
                    connection.execute(insert(events), told)

    def reprocess(self, selection: ItemFilter, by: str, why: str) -> int:
        """Put recalled and withdrawn items whose original is present back to work; how many."""
        stated(by, why)
        waiting = items.alias("waiting")
        condition = (
            matching(selection)
            & (items.c.state == State.RECALLED)
            & items.c.withdrawn_at.is_not(None)
            & (items.c.original == Original.PRESENT)
        )
        # Behind all that waits now, in the old order; who sends something new is not kept waiting: see `turns`.
        last = select(func.coalesce(func.max(waiting.c.turn), 0)).where(waiting.c.due_at.is_not(None))
        values = {
            "state": State.RECEIVED,
            "due_at": self._context.clock(),
            "attempts": 0,
            "reason_code": "reprocess",
            "turn": last.scalar_subquery() + items.c.id,
        }
        moved = self._move(condition, State.RECALLED, State.RECEIVED, values, selection, by, why, "reprocess")
        return len(moved)

    def _move(
        self,
        condition: Any,
        old: State,
        new: State,
        values: Mapping[str, Any],
        selection: ItemFilter,
        by: str,
        why: str,
        action: str,
    ) -> list[ItemView]:
        now = self._context.clock()
        with self._context.database.write() as connection:
            statement = update(items).where(condition).values(**values, token=items.c.token + 1, changed_at=now)
            moved = [view(row) for row in connection.execute(statement.returning(*VIEW.selected_columns))]
            moved.sort(key=lambda item: item.id)
            if moved:
                told = [_event(new.value, item.id, by, old, new) | {"at": now} for item in moved]
                connection.execute(insert(events), told)
            objects = [*described(selection), f"items:{len(moved)}"]
            self._context.trail.append(connection, now, by, action, objects, why)
        return moved


def _held(connection: Connection, item_id: int, token: int | None) -> Row[Any] | None:
    query = select(items).where(items.c.id == item_id, items.c.state == State.HELD).with_for_update()
    row = connection.execute(query).one_or_none()
    return row if row is not None and token in (None, row.token) else None


def _told(instructions: Mapping[str, object]) -> list[str]:
    return [f"{name}:{json.dumps(what, separators=(',', ':'))}" for name, what in sorted(instructions.items())]


def _event(event: str, item: int, by: str, old: str, new: State) -> dict[str, Any]:
    return {"item": item, "event": event, "by": by, "from_state": old, "to_state": new}
