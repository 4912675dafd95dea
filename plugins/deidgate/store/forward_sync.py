# SPDX-License-Identifier: Apache-2.0
"""What further destinations are to have, made from what research has: by comparison, and so repeatable at any time.

* A delivered item of a destination's project without a row gets one, `waiting`.
* A row whose item was recalled, or delivered anew with another content, is `withdrawn` if nothing can have left, else
  `recalled`: it has to be taken back there. What another item still delivers there in the same form stays there.
* A row that is not confirmed and whose project goes to its destination no more is treated in the same way: nothing more
  of it leaves. What is confirmed stays there, because nobody said that it was wrong. A destination that is configured
  no more has nobody who sends, and its rows wait on.
* A `withdrawn` row whose item is delivered (again) is `waiting`: the new content goes out when the old one is gone.

The flow to research takes no part in this: its transactions are the same with and without further destinations.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    case,
    exists,
    false,
    func,
    literal,
    null,
    or_,
    select,
    true,
    update,
)

from deidgate.store.context import Context
from deidgate.store.dialect import chunks, insert
from deidgate.store.forward_model import RECALL_BY_HAND, ForwardState
from deidgate.store.schema import events, forwards, items
from deidgate.store.states import State

_LIVE = (ForwardState.WAITING, ForwardState.CLAIMED, ForwardState.CONFIRMED, ForwardState.HELD)
_UNCONFIRMED = (ForwardState.WAITING, ForwardState.CLAIMED, ForwardState.HELD)
_SLACK = 5_000
"""Events are looked at again so far back: on PostgreSQL, a lower number may become visible after a higher one."""


@dataclass(frozen=True, slots=True)
class Synced:
    """What a comparison changed."""

    new: int = 0
    again: int = 0
    taken_back: int = 0


class ForwardSync:
    """Compares, and writes what is missing."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def everything(self, projects: Mapping[str, Collection[str]]) -> Synced:
        """Compare all: at a start, and now and then. `projects` are those of each destination."""
        return self._compare(projects, None)

    def since(self, projects: Mapping[str, Collection[str]], event: int) -> Synced:
        """Compare the items that something happened to since a little before the event of number `event`."""
        query = (
            select(events.c.item)
            .where(events.c.id > event - _SLACK, events.c.to_state.in_((State.DELIVERED, State.RECALLED)))
            .distinct()
        )
        with self._context.database.read() as connection:
            touched = sorted(connection.execute(query).scalars())
        total = Synced()
        for some in chunks(touched):
            found = self._compare(projects, some)
            total = Synced(total.new + found.new, total.again + found.again, total.taken_back + found.taken_back)
        return total

    def again(self, projects: Mapping[str, Collection[str]]) -> int:
        """Make wait what was withdrawn and is delivered anew; how many. The withdrawal is no event of the item."""
        now = self._context.clock()
        with self._context.database.read() as connection:
            if (
                connection.execute(select(forwards.c.id).where(_is_wanted_again(projects, None)).limit(1)).first()
                is None
            ):
                return 0
        with self._context.database.write() as connection:
            return connection.execute(_again(projects, None, now)).rowcount

    def last_event(self) -> int:
        """Number of the latest event; take it before a comparison, and hand it to `since` after it."""
        with self._context.database.read() as connection:
            return connection.execute(select(func.max(events.c.id))).scalar_one() or 0

    def _compare(self, projects: Mapping[str, Collection[str]], only: Collection[int] | None) -> Synced:
        now = self._context.clock()
        with self._context.database.read() as connection:
            # Nearly always there is nothing to do, and a look takes no lock.
            if not any(connection.execute(query).first() for query in _questions(projects, only)):
                return Synced()
        with self._context.database.write() as connection:
            taken_back = connection.execute(_take_back(projects, only, now)).rowcount
            again = connection.execute(_again(projects, only, now)).rowcount
            new = sum(_begin(connection, name, found, only, now) for name, found in sorted(projects.items()))
        return Synced(new, again, taken_back)


def _questions(projects: Mapping[str, Collection[str]], only: Collection[int] | None) -> list[Any]:
    found = [
        select(forwards.c.id).where(_is_over(projects, only)).limit(1),
        select(forwards.c.id).where(_is_wanted_again(projects, only)).limit(1),
    ]
    found += [_missing(name, wanted, only).limit(1) for name, wanted in sorted(projects.items())]
    return found


def _is_over(projects: Mapping[str, Collection[str]], only: Collection[int] | None) -> ColumnElement[bool]:
    """The row is alive, and its item is not delivered in this form any more or is not to go there."""
    stands = exists().where(
        items.c.id == forwards.c.item, items.c.state == State.DELIVERED, items.c.result_digest == forwards.c.digest
    )
    unconfirmed = forwards.c.state.in_(_UNCONFIRMED)
    condition = or_(forwards.c.state.in_(_LIVE) & ~stands, unconfirmed & _is_taken_off(projects))
    return condition if only is None else condition & forwards.c.item.in_(only)


def _is_taken_off(projects: Mapping[str, Collection[str]]) -> ColumnElement[bool]:
    """The destination is configured, and the project of the row's item is not among its own."""
    return or_(
        false(),
        *(
            and_(
                forwards.c.destination == name,
                ~exists().where(items.c.id == forwards.c.item, items.c.project.in_(sorted(found))),
            )
            for name, found in sorted(projects.items())
        ),
    )


def _take_back(projects: Mapping[str, Collection[str]], only: Collection[int] | None, now: datetime) -> Any:
    mine, other, there = items.alias("mine"), items.alias("other"), forwards.alias("there")
    confirmed = exists().where(
        there.c.item == other.c.id,
        there.c.destination == forwards.c.destination,
        there.c.state == ForwardState.CONFIRMED,
    )
    stays = exists().where(
        mine.c.id == forwards.c.item,
        # The column with the index first.
        other.c.research_study_uid == mine.c.research_study_uid,
        other.c.research_id == mine.c.research_id,
        other.c.id != mine.c.id,
        other.c.state == State.DELIVERED,
        other.c.project == mine.c.project,
        other.c.result_digest == forwards.c.digest,
        # The other one goes there no more either, so that only what is known to be there stays.
        or_(~_is_taken_off(projects), confirmed),
    )
    nothing_left = or_(and_(forwards.c.state == ForwardState.WAITING, forwards.c.attempts == 0), stays)
    return (
        update(forwards)
        .where(_is_over(projects, only))
        .values(
            state=case((nothing_left, ForwardState.WITHDRAWN), else_=ForwardState.RECALLED),
            reason_code=case((nothing_left, null()), else_=RECALL_BY_HAND),
            reason_path=None,
            confirmation=None,
            due_at=None,
            lease_owner=None,
            token=forwards.c.token + 1,
            changed_at=now,
        )
    )


def _is_wanted_again(projects: Mapping[str, Collection[str]], only: Collection[int] | None) -> ColumnElement[bool]:
    wanted = or_(
        false(),
        *(
            and_(forwards.c.destination == name, items.c.project.in_(sorted(found)))
            for name, found in sorted(projects.items())
        ),
    )
    delivered = exists().where(items.c.id == forwards.c.item, items.c.state == State.DELIVERED, wanted)
    # The index of the counts begins with the destination.
    named = forwards.c.destination.in_(sorted(projects))
    condition = named & (forwards.c.state == ForwardState.WITHDRAWN) & delivered
    return condition if only is None else condition & forwards.c.item.in_(only)


def _again(projects: Mapping[str, Collection[str]], only: Collection[int] | None, now: datetime) -> Any:
    digest = select(items.c.result_digest).where(items.c.id == forwards.c.item).scalar_subquery()
    return (
        update(forwards)
        .where(_is_wanted_again(projects, only))
        .values(
            state=ForwardState.WAITING,
            digest=digest,
            due_at=now,
            attempts=0,
            reason_code=None,
            token=forwards.c.token + 1,
            changed_at=now,
        )
    )


def _missing(destination: str, projects: Collection[str], only: Collection[int] | None) -> Any:
    has = exists().where(forwards.c.item == items.c.id, forwards.c.destination == destination)
    query = select(items.c.id, items.c.result_digest).where(
        items.c.state == State.DELIVERED, items.c.project.in_(sorted(projects)), ~has
    )
    return query if only is None else query.where(items.c.id.in_(only))


def _begin(
    connection: Connection, destination: str, projects: Collection[str], only: Collection[int] | None, now: datetime
) -> int:
    missing = _missing(destination, projects, only).subquery()
    instant = forwards.c.due_at.type
    columns = ("item", "digest", "destination", "state", "due_at", "token", "attempts", "changed_at")
    rows = select(
        missing.c.id,
        missing.c.result_digest,
        literal(destination),
        literal(ForwardState.WAITING.value),
        literal(now, instant),
        literal(0),
        literal(0),
        literal(now, instant),
    ).where(true())  # without it SQLite takes ON CONFLICT for a join
    # Another worker's courier may compare at the same time.
    statement = insert(connection, forwards).from_select(columns, rows).on_conflict_do_nothing()
    return connection.execute(statement.execution_options(preserve_rowcount=True)).rowcount
