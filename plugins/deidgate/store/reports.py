# SPDX-License-Identifier: Apache-2.0
"""Counts and lists: what commands, the metrics and the reconciliation read. Names no patient.

That the ledger adds up is no proof by itself: every item is in one state. The proof is to
compare with what the servers have: `at_ingest` and `at_research` list what they must have.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, select

from deidgate.store.context import Context
from deidgate.store.dialect import chunks
from deidgate.store.model import Balance, Count, ItemFilter, ItemView
from deidgate.store.schema import items
from deidgate.store.states import OPEN, Original, State
from deidgate.store.views import VIEW, page, view

_PAGE = 5000


class Reports:
    """Reads only."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def counts(self) -> list[Count]:
        """Number of items by state, site, project and reason code."""
        columns = (items.c.state, items.c.site, items.c.project, items.c.reason_code)
        query = select(*columns, func.count()).group_by(*columns).order_by(*columns)
        with self._context.database.read() as connection:
            rows = connection.execute(query).all()
        return [Count(State(state), site, project, code, number) for state, site, project, code, number in rows]

    def backlog(self) -> int:
        """Number of items in flight; reads these only, however many were ever delivered."""
        query = select(func.count()).select_from(items).where(items.c.due_at.is_not(None))
        with self._context.database.read() as connection:
            return connection.execute(query).scalar_one()

    def oldest_open(self) -> datetime | None:
        """When the oldest item that is in flight was received."""
        query = select(items.c.received_at).where(items.c.due_at.is_not(None)).order_by(items.c.received_at).limit(1)
        with self._context.database.read() as connection:
            return connection.execute(query).scalar_one_or_none()

    def reconcile(self, site: str | None = None) -> list[Balance]:
        """One balance per site (`study_key` None) followed by one per study of that site."""
        columns = (items.c.site, items.c.study_key, items.c.state, items.c.reason_code)
        query = select(*columns, func.count().label("number"), func.max(items.c.research_study_uid).label("uid"))
        if site is not None:
            query = query.where(items.c.site == site)
        tallies: dict[tuple[str, str | None], _Tally] = {}
        with self._context.database.read() as connection:
            # One statement, so that the sums are of one moment on both databases.
            for row in connection.execute(query.group_by(*columns)):
                study = row.study_key.hex() if row.study_key else ""
                for name in ((row.site, None), (row.site, study)):
                    tally = tallies.setdefault(name, _Tally())
                    tally.states[State(row.state)] += row.number
                    if row.state in (State.HELD, State.REJECTED):
                        tally.codes[row.reason_code] += row.number
                tally.uid = tally.uid or row.uid
        ordered = sorted(tallies.items(), key=lambda item: (item[0][0], item[0][1] is not None, item[0][1] or ""))
        return [tally.balance(*name) for name, tally in ordered]

    def holds(self, selection: ItemFilter | None = None, limit: int = 200, after: int = 0) -> list[ItemView]:
        """Held items in order of id, from the one after `after`."""
        query = page(selection or ItemFilter(), limit, after).where(items.c.state == State.HELD)
        with self._context.database.read() as connection:
            return [view(row) for row in connection.execute(query)]

    def items(self, selection: ItemFilter, limit: int = 200, after: int = 0) -> list[ItemView]:
        """Items in order of id, from the one after `after`."""
        with self._context.database.read() as connection:
            return [view(row) for row in connection.execute(page(selection, limit, after))]

    def item(self, item_id: int) -> ItemView | None:
        """One item."""
        with self._context.database.read() as connection:
            row = connection.execute(VIEW.where(items.c.id == item_id)).one_or_none()
        return view(row) if row else None

    def same_instance(self, sop_instance_uid: str) -> list[ItemView]:
        """Every item of one original SOP Instance UID, in order of id."""
        query = VIEW.where(items.c.instance_key == self._context.ledger_index.instance(sop_instance_uid))
        with self._context.database.read() as connection:
            return [view(row) for row in connection.execute(query.order_by(items.c.id))]

    def states_of(self, sop_instance_uids: Sequence[str]) -> dict[str, dict[str, State]]:
        """Of each SOP Instance UID that was ever received: by Orthanc ID, the state of the latest item.

        There are several Orthanc IDs where another content came under the UID, and is kept beside the first. For
        storage commitment: also answers after the original was purged.
        """
        index = self._context.ledger_index
        by_key = {index.instance(uid): uid for uid in sop_instance_uids}
        states: defaultdict[str, dict[str, State]] = defaultdict(dict)
        columns = (items.c.instance_key, items.c.orthanc_id, items.c.state)
        with self._context.database.read() as connection:
            for some in chunks(list(by_key)):
                query = select(*columns).where(items.c.instance_key.in_(some))
                for row in connection.execute(query.order_by(items.c.id)):
                    states[by_key[row.instance_key]][row.orthanc_id] = State(row.state)
        return dict(states)

    def at_ingest(self, source: str) -> Iterator[str]:
        """Orthanc IDs that `source` must still have: every original that is not purged or being purged."""
        condition = (items.c.source == source) & (items.c.original == Original.PRESENT)
        yield from self._column("orthanc_id", condition)

    def at_research(self) -> Iterator[str]:
        """New SOP Instance UIDs that research must have: delivered and not recalled."""
        yield from self._column("research_sop_uid", items.c.state == State.DELIVERED)

    def research_ids(self) -> Iterator[str]:
        """Orthanc IDs of the same instances at research: what its own list is compared with."""
        yield from self._column("research_id", items.c.state == State.DELIVERED)

    def _column(self, name: str, condition: object) -> Iterator[str]:
        after = 0
        while True:
            query = select(items.c.id, items.c[name]).where(condition, items.c.id > after)  # type: ignore[arg-type]
            with self._context.database.read() as connection:
                rows = connection.execute(query.order_by(items.c.id).limit(_PAGE)).all()
            yield from (row[1] for row in rows)
            if len(rows) < _PAGE:
                return
            after = rows[-1].id


@dataclass(slots=True)
class _Tally:
    states: Counter[State] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    uid: str | None = None

    def balance(self, site: str, study: str | None) -> Balance:
        return Balance(
            site=site,
            study_key=study,
            received=self.states.total(),
            delivered=self.states[State.DELIVERED],
            held=self.states[State.HELD],
            rejected=self.states[State.REJECTED],
            recalled=self.states[State.RECALLED],
            in_flight=sum(self.states[state] for state in OPEN),
            research_study_uid=self.uid if study is not None else None,
            codes=dict(self.codes),
        )
