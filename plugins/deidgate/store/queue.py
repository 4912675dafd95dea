# SPDX-License-Identifier: Apache-2.0
"""The worker's side of the ledger: claim a batch, settle a batch, one commit each.

The commit is what costs (a full sync to disk), not the rows: a worker that claims and settles
a hundred items at a time pays a fiftieth of a commit per item.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Connection,
    Integer,
    Row,
    bindparam,
    case,
    func,
    insert,
    or_,
    select,
    update,
)

from deidgate.store.context import Context
from deidgate.store.deliveries import Deliveries
from deidgate.store.dialect import chunks
from deidgate.store.model import (
    Claim,
    Deliver,
    Delivered,
    Hold,
    Outcome,
    Reject,
    Retry,
    Settled,
)
from deidgate.store.schema import events, items
from deidgate.store.states import State
from deidgate.store.turns import served

_LONGEST_DELAY_S = 60.0
"""Nobody puts an item off for longer (`deidgate.worker.patience`)."""
_LEASES = 3
"""Clocks of several machines differ by less than this many leases."""


class Queue:
    """Items to work on. Every settling is refused if the claim is no longer ours."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._deliveries = Deliveries(context)

    def claim(self, owner: str, limit: int, lease_s: float, now: datetime) -> list[Claim]:
        """Up to `limit` items that are due, ours for `lease_s` seconds: site by site in turn, the oldest of each first.

        Items whose lease has run out are due again. So are those that would be due later than any lease or delay
        lasts: the clock has been put back since.
        """
        return self._claim((items.c.turn, items.c.id), owner, limit, lease_s, now)

    def claim_last(self, owner: str, lease_s: float, now: datetime) -> list[Claim]:
        """As `claim`, one item: the one whose turn would come after all others'."""
        return self._claim((items.c.turn.desc(), items.c.id.desc()), owner, 1, lease_s, now)

    def _claim(
        self, order: Sequence[ColumnElement[int]], owner: str, limit: int, lease_s: float, now: datetime
    ) -> list[Claim]:
        beyond = now + timedelta(seconds=max(_LONGEST_DELAY_S, _LEASES * lease_s))
        due = (
            select(items.c.id)
            # The first condition is the index's own, which is not used without it.
            .where(items.c.due_at.is_not(None), or_(items.c.due_at <= now, items.c.due_at > beyond))
            .order_by(*order)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .cte("due")
        )
        statement = (
            update(items)
            .where(items.c.id.in_(select(due.c.id)))
            .values(
                state=State.CLAIMED,
                lease_owner=owner,
                due_at=now + timedelta(seconds=lease_s),
                token=items.c.token + 1,
                attempts=items.c.attempts + 1,
                lapses=case((items.c.state == State.CLAIMED, items.c.lapses + 1), else_=0),
                claimed_at=now,
                changed_at=now,
            )
            .returning(items)
        )
        with self._context.database.write() as connection:
            rows = sorted(connection.execute(statement), key=lambda row: (row.turn, row.id))
            if rows:
                connection.execute(insert(events), [_claimed(row) for row in rows])
        return [_claim(row) for row in rows]

    def heartbeat(self, claims: Sequence[Claim], lease_s: float, now: datetime) -> frozenset[int]:
        """Extend the leases; the item ids among `claims` that are no longer ours."""
        until = now + timedelta(seconds=lease_s)
        with self._context.database.write() as connection:
            ours = _ours(connection, claims)
            for some in chunks(sorted(ours)):
                connection.execute(update(items).where(items.c.id.in_(some)).values(due_at=until))
        return frozenset(claim.item_id for claim in claims) - ours

    def settle(self, outcomes: Sequence[Outcome]) -> Settled:
        """Record the outcomes of a batch, all in one transaction with mapping and events.

        Raises
        ------
        ValueError
            Two outcomes are about one item.
        """
        ids = [outcome.claim.item_id for outcome in outcomes]
        if len(set(ids)) != len(ids):
            raise ValueError("one item has two outcomes")
        now = self._context.clock()
        with self._context.database.write() as connection:
            sent_back = any(isinstance(outcome, Retry) and outcome.turns for outcome in outcomes)
            present = served(connection, now) if sent_back else 0
            ours = _ours(connection, [outcome.claim for outcome in outcomes])
            mine = [outcome for outcome in outcomes if outcome.claim.item_id in ours]
            recorded = self._deliveries.record(connection, [o for o in mine if isinstance(o, Deliver)])
            final = [recorded.refused.get(outcome.claim.item_id, outcome) for outcome in mine]
            if final:
                connection.execute(_SETTLE, [self._values(outcome, present, now) for outcome in final])
                connection.execute(insert(events), [_settled(outcome, now) for outcome in final])
        self._deliveries.committed(recorded)
        conflicts = frozenset(recorded.refused)
        return Settled(done=frozenset(ours) - conflicts, lost=frozenset(ids) - ours, conflicts=conflicts)

    def _values(self, outcome: Outcome, present: int, now: datetime) -> dict[str, Any]:
        index, facts = self._context.ledger_index, outcome.facts
        values: dict[str, Any] = {
            "b_id": outcome.claim.item_id,
            "b_now": now,
            "b_due_at": None,
            "b_present": present,
            "b_turns": 0,
            "b_left": False,
            "b_reason_code": None,
            "b_reason_path": None,
            "b_delivered_at": None,
            "b_research_id": None,
            "b_research_study_uid": None,
            "b_research_series_uid": None,
            "b_research_sop_uid": None,
            "b_result_digest": None,
            "b_site": facts.site,
            "b_project": facts.project,
            "b_policy_name": facts.policy_name,
            "b_policy_version": facts.policy_version,
            "b_policy_hash": facts.policy_hash,
            "b_digest": facts.digest,
            "b_patient": facts.patient,
            "b_study_key": index.study(facts.study_instance_uid) if facts.study_instance_uid else None,
            "b_instance_key": index.instance(facts.sop_instance_uid) if facts.sop_instance_uid else None,
            "b_state": _state(outcome),
        }
        match outcome:
            case Deliver(delivered=delivered):
                values |= {"b_delivered_at": now, **_at_research(delivered)}
            case Hold(code=code, path=path, left=Delivered() as left):
                values |= {"b_reason_code": code, "b_reason_path": path, "b_left": True, **_at_research(left)}
            case Hold(code=code, path=path) | Reject(code=code, path=path):
                values |= {"b_reason_code": code, "b_reason_path": path}
            case Retry(code=code, path=path, not_before=not_before, turns=turns):
                values |= {"b_reason_code": code, "b_reason_path": path, "b_due_at": not_before, "b_turns": turns}
        return values


def _at_research(delivered: Delivered) -> dict[str, str]:
    return {
        "b_research_id": delivered.research_id,
        "b_research_study_uid": delivered.study_instance_uid,
        "b_research_series_uid": delivered.series_instance_uid,
        "b_research_sop_uid": delivered.sop_instance_uid,
        "b_result_digest": delivered.result_digest,
    }


def _given(name: str) -> Any:
    """The value that is given, or what the ledger has."""
    return func.coalesce(bindparam(f"b_{name}", type_=items.c[name].type), items.c[name])


def _behind(turns: ColumnElement[int], present: ColumnElement[int]) -> ColumnElement[int]:
    """The item's place, or so many turns after the one that is served and after its own."""
    later = case((items.c.turn > present, items.c.turn), else_=present) + turns
    return case((turns > 0, later), else_=items.c.turn)


_SETTLE = (
    update(items)
    .where(items.c.id == bindparam("b_id"))
    .values(
        state=bindparam("b_state"),
        lease_owner=None,
        due_at=bindparam("b_due_at"),
        turn=_behind(bindparam("b_turns", type_=Integer), bindparam("b_present", type_=BigInteger)),
        changed_at=bindparam("b_now"),
        reason_code=bindparam("b_reason_code"),
        reason_path=bindparam("b_reason_path"),
        withdrawn_at=case((bindparam("b_left", type_=Boolean), None), else_=items.c.withdrawn_at),
        **{
            name: _given(name)
            for name in (
                "delivered_at",
                "research_id",
                "research_study_uid",
                "research_series_uid",
                "research_sop_uid",
                "result_digest",
                "site",
                "project",
                "policy_name",
                "policy_version",
                "policy_hash",
                "digest",
                "patient",
                "study_key",
                "instance_key",
            )
        },
    )
)


def _ours(connection: Connection, claims: Sequence[Claim]) -> set[int]:
    """The items whose present claim is among `claims`; locked until the transaction ends."""
    tokens = {claim.item_id: claim.token for claim in claims}
    ours: set[int] = set()
    for some in chunks(sorted(tokens)):
        query = (
            select(items.c.id, items.c.token)
            .where(items.c.id.in_(some), items.c.state == State.CLAIMED)
            .order_by(items.c.id)
            .with_for_update()
        )
        ours.update(row.id for row in connection.execute(query) if tokens[row.id] == row.token)
    return ours


def _claim(row: Row[Any]) -> Claim:
    return Claim(
        item_id=row.id,
        token=row.token,
        owner=row.lease_owner,
        source=row.source,
        orthanc_id=row.orthanc_id,
        site=row.site,
        calling_aet=row.calling_aet,
        called_aet=row.called_aet,
        digest=row.digest,
        attempts=row.attempts,
        lapses=row.lapses,
        received_at=row.received_at,
        accepted=frozenset((row.accepted or "").split()),
        instructions=json.loads(row.instructions) if row.instructions else {},
    )


def _claimed(row: Row[Any]) -> dict[str, Any]:
    return {
        "item": row.id,
        "at": row.claimed_at,
        "event": "lease-expired" if row.lapses else "claimed",
        "by": row.lease_owner,
        "from_state": State.CLAIMED if row.lapses else State.RECEIVED,
        "to_state": State.CLAIMED,
        "code": None,
        "path": None,
    }


def _state(outcome: Outcome) -> State:
    match outcome:
        case Deliver():
            return State.DELIVERED
        case Hold():
            return State.HELD
        case Reject():
            return State.REJECTED
        case Retry():
            return State.RECEIVED


def _settled(outcome: Outcome, now: datetime) -> dict[str, Any]:
    state = _state(outcome)
    return {
        "item": outcome.claim.item_id,
        "at": now,
        "event": "retry" if state is State.RECEIVED else state.value,
        "by": outcome.claim.owner,
        "from_state": State.CLAIMED,
        "to_state": state,
        "code": None if isinstance(outcome, Deliver) else outcome.code,
        "path": None if isinstance(outcome, Deliver) else outcome.path,
    }
