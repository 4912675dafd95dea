# SPDX-License-Identifier: Apache-2.0
"""The couriers' side of the ledger: claim for one destination, settle. Every settling is refused if no longer ours."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, bindparam, case, func, or_, select, update

from deidgate.store.context import Context
from deidgate.store.dialect import chunks
from deidgate.store.forward_model import (
    COURIER_DIED,
    RECALL_BY_HAND,
    Again,
    Confirmed,
    ForwardCount,
    ForwardOutcome,
    ForwardState,
    ForwardView,
    Parcel,
    Refused,
)
from deidgate.store.reasons import stated
from deidgate.store.schema import forwards, items

_LONGEST_DELAY_S = 900.0
"""Nobody puts anything off for longer (`deidgate.worker.lane`): what is due later was put off by a wrong clock."""

_NOT_THERE = (ForwardState.RECALLED, ForwardState.WITHDRAWN)

_PARCEL = select(
    forwards,
    items.c.research_id,
    items.c.research_study_uid,
    items.c.research_series_uid,
    items.c.research_sop_uid,
).join(items, items.c.id == forwards.c.item)


class Forwards:
    """What is on its way to further destinations. Each destination is a queue of its own."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def claim(
        self,
        destination: str,
        owner: str,
        limit: int,
        lease_s: float,
        now: datetime,
        *,
        only: Collection[int] | None = None,
        but: Collection[int] = (),
    ) -> list[Parcel]:
        """Up to `limit` of one destination that wait and are due, the longest due first; ours for `lease_s` seconds.

        Parameters
        ----------
        only, but : collection of int, optional
            Ids: none but these, and none of these.
        """
        chosen = [forwards.c.state == ForwardState.WAITING, forwards.c.id.not_in(but)]
        if only is not None:
            chosen.append(forwards.c.id.in_(only))
        return self._claim(destination, owner, limit, lease_s, now, chosen, {"attempts": forwards.c.attempts + 1})

    def claim_lapsed(self, destination: str, owner: str, lease_s: float, now: datetime) -> list[Parcel]:
        """One of a destination whose lease has run out, if there is one: the longest first; ours for `lease_s` seconds.

        It is marked, and while nothing else is known of it, its attempts are counted from the first such end.
        """
        again = case((forwards.c.reason_code == COURIER_DIED, forwards.c.attempts + 1), else_=2)
        values = {"attempts": again, "reason_code": COURIER_DIED, "reason_path": None}
        return self._claim(destination, owner, 1, lease_s, now, [forwards.c.state == ForwardState.CLAIMED], values)

    def _claim(
        self,
        destination: str,
        owner: str,
        limit: int,
        lease_s: float,
        now: datetime,
        chosen: Sequence[ColumnElement[bool]],
        values: Mapping[str, Any],
    ) -> list[Parcel]:
        beyond = now + timedelta(seconds=max(_LONGEST_DELAY_S, 3 * lease_s))
        due = (
            select(forwards.c.id)
            .where(
                forwards.c.destination == destination,
                # The index's own condition, which is not used without it.
                forwards.c.due_at.is_not(None),
                or_(forwards.c.due_at <= now, forwards.c.due_at > beyond),
                *chosen,
            )
            .order_by(forwards.c.due_at, forwards.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .cte("due")
        )
        taken = {
            "state": ForwardState.CLAIMED,
            "lease_owner": owner,
            "due_at": now + timedelta(seconds=lease_s),
            "token": forwards.c.token + 1,
            "changed_at": now,
            **values,
        }
        with self._context.database.write() as connection:
            statement = update(forwards).where(forwards.c.id.in_(select(due.c.id))).values(taken)
            ids = sorted(connection.execute(statement.returning(forwards.c.id)).scalars())
            query = _PARCEL.where(forwards.c.id.in_(ids)).order_by(forwards.c.id)
            return [_parcel(row) for row in connection.execute(query)] if ids else []

    def heartbeat(self, parcels: Sequence[Parcel], lease_s: float, now: datetime) -> frozenset[int]:
        """Extend the leases; the ids among `parcels` that are no longer ours."""
        ours: set[int] = set()
        with self._context.database.write() as connection:
            for parcel in parcels:
                statement = update(forwards).where(_is(parcel)).values(due_at=now + timedelta(seconds=lease_s))
                if connection.execute(statement).rowcount:
                    ours.add(parcel.id)
        return frozenset(parcel.id for parcel in parcels) - ours

    def settle(self, outcomes: Sequence[ForwardOutcome]) -> frozenset[int]:
        """Record outcomes in one transaction; the ids of those that were no longer ours: nothing was written there."""
        now = self._context.clock()
        lost: set[int] = set()
        with self._context.database.write() as connection:
            for outcome in sorted(outcomes, key=lambda one: one.parcel.id):
                values = {"lease_owner": None, "due_at": None, "changed_at": now, **_values(outcome, now)}
                if not connection.execute(update(forwards).where(_is(outcome.parcel)).values(values)).rowcount:
                    lost.add(outcome.parcel.id)
        return frozenset(lost)

    def hurry(self, destination: str, but: Collection[int] = ()) -> int:
        """Make due what of a destination was put off, but not the ids `but`, because it answers again; how many."""
        now = self._context.clock()
        condition = (
            (forwards.c.destination == destination)
            & (forwards.c.state == ForwardState.WAITING)
            & forwards.c.due_at.is_not(None)
            & (forwards.c.due_at > now)
            & forwards.c.id.not_in(but)
        )
        with self._context.database.write() as connection:
            return connection.execute(update(forwards).where(condition).values(due_at=now)).rowcount

    def recalled(self, destination: str, limit: int, after: int = 0) -> list[Parcel]:
        """What has to be taken back at a destination, in order of id, from the one after `after`."""
        query = _PARCEL.where(
            forwards.c.destination == destination,
            forwards.c.state == ForwardState.RECALLED,
            forwards.c.id > after,
        )
        with self._context.database.read() as connection:
            return [_parcel(row) for row in connection.execute(query.order_by(forwards.c.id).limit(limit))]

    def unwanted(self, parcels: Sequence[Parcel]) -> list[Parcel]:
        """Those of `parcels` that the destination is not to have, or not in this form."""
        if not parcels:
            return []
        wanted: set[tuple[int, str]] = set()
        query = select(forwards.c.id, forwards.c.digest).where(forwards.c.state.not_in(_NOT_THERE))
        with self._context.database.read() as connection:
            for some in chunks(sorted({parcel.id for parcel in parcels})):
                wanted.update((row.id, row.digest) for row in connection.execute(query.where(forwards.c.id.in_(some))))
        return [parcel for parcel in parcels if (parcel.id, parcel.digest) not in wanted]

    def withdrawn(self, parcels: Sequence[Parcel]) -> None:
        """Record that the destination does not have these any more."""
        now = self._context.clock()
        statement = (
            update(forwards)
            .where(
                forwards.c.id == bindparam("b_id"),
                forwards.c.token == bindparam("b_token"),
                forwards.c.state == ForwardState.RECALLED,
            )
            .values(state=ForwardState.WITHDRAWN, reason_code=None, token=forwards.c.token + 1, changed_at=now)
        )
        if parcels:
            with self._context.database.write() as connection:
                connection.execute(statement, [{"b_id": one.id, "b_token": one.token} for one in parcels])

    def withdrawn_by_hand(self, destination: str, item_ids: Sequence[int], by: str, why: str) -> frozenset[int]:
        """Record that a person removed these at the destination; the items of which that was to be done."""
        values = {"state": ForwardState.WITHDRAWN, "reason_code": None, "reason_path": None}
        return self._decide(destination, item_ids, ForwardState.RECALLED, values, by, why, "destination-withdrawn")

    def again(self, destination: str, item_ids: Sequence[int] | None, by: str, why: str) -> frozenset[int]:
        """Have what is held tried again, anew from its first try: these items or all; which."""
        # It counts as tried once: something may have left.
        values = {"state": ForwardState.WAITING, "due_at": self._context.clock(), "reason_code": None, "attempts": 1}
        return self._decide(destination, item_ids, ForwardState.HELD, values, by, why, "destination-retry")

    def counts(self) -> list[ForwardCount]:
        """Number by destination, state and reason code."""
        columns = (forwards.c.destination, forwards.c.state, forwards.c.reason_code)
        query = select(*columns, func.count()).group_by(*columns).order_by(*columns)
        with self._context.database.read() as connection:
            rows = connection.execute(query).all()
        return [ForwardCount(name, ForwardState(state), code, number) for name, state, code, number in rows]

    def oldest_waiting(self) -> dict[str, datetime]:
        """For each destination with something to send, when the oldest of it was delivered to research."""
        query = (
            select(forwards.c.destination, func.min(items.c.delivered_at))
            .join(items, items.c.id == forwards.c.item)
            .where(forwards.c.due_at.is_not(None))
            .group_by(forwards.c.destination)
        )
        with self._context.database.read() as connection:
            return {name: at for name, at in connection.execute(query) if at is not None}

    def view(
        self, states: Sequence[ForwardState], destination: str | None = None, limit: int = 200
    ) -> list[ForwardView]:
        """Some of those in `states`, in order of destination and item."""
        query: Select[Any] = _PARCEL.where(forwards.c.state.in_(states))
        if destination is not None:
            query = query.where(forwards.c.destination == destination)
        query = query.order_by(forwards.c.destination, forwards.c.item).limit(limit)
        with self._context.database.read() as connection:
            rows = connection.execute(query).all()
        return [
            ForwardView(
                item_id=row.item,
                destination=row.destination,
                state=ForwardState(row.state),
                code=row.reason_code,
                path=row.reason_path,
                attempts=row.attempts,
                sop_instance_uid=row.research_sop_uid,
                changed_at=row.changed_at,
            )
            for row in rows
        ]

    def _decide(
        self,
        destination: str,
        item_ids: Sequence[int] | None,
        state: ForwardState,
        values: dict[str, Any],
        by: str,
        why: str,
        action: str,
    ) -> frozenset[int]:
        stated(by, why)
        now = self._context.clock()
        done: set[int] = set()
        condition = (forwards.c.destination == destination) & (forwards.c.state == state)
        statement = update(forwards).values(**values, token=forwards.c.token + 1, changed_at=now)
        with self._context.database.write() as connection:
            for some in [None] if item_ids is None else chunks(sorted(set(item_ids))):
                chosen = condition if some is None else condition & forwards.c.item.in_(some)
                done.update(connection.execute(statement.where(chosen).returning(forwards.c.item)).scalars())
            objects = [f"destination:{destination}", f"items:{len(done)}"]
            self._context.trail.append(connection, now, by, action, objects, why)
        return frozenset(done)


def _is(parcel: Parcel) -> Any:
    """The row of `parcel`, if its present claim is this one."""
    return (
        (forwards.c.id == parcel.id) & (forwards.c.token == parcel.token) & (forwards.c.state == ForwardState.CLAIMED)
    )


def _values(outcome: ForwardOutcome, now: datetime) -> dict[str, Any]:
    match outcome:
        case Confirmed(by=by):
            told: dict[str, Any] = {"confirmation": by, "confirmed_at": now, "reason_code": None, "reason_path": None}
            return {"state": ForwardState.CONFIRMED, **told}
        case Refused(code=code, path=path):
            return {"state": ForwardState.HELD, "reason_code": code, "reason_path": path}
        case Again(code=code, path=path, not_before=not_before):
            told = {"reason_code": code, "reason_path": path, "due_at": not_before}
            return {"state": ForwardState.WAITING, **told}


def _parcel(row: Row[Any]) -> Parcel:
    return Parcel(
        id=row.id,
        token=row.token,
        item_id=row.item,
        destination=row.destination,
        attempts=row.attempts,
        last_code=row.reason_code if row.reason_code != RECALL_BY_HAND else None,
        research_id=row.research_id,
        digest=row.digest,
        study_instance_uid=row.research_study_uid,
        series_instance_uid=row.research_series_uid,
        sop_instance_uid=row.research_sop_uid,
    )
