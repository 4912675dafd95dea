# SPDX-License-Identifier: Apache-2.0
"""What an ingest server has stored: written once, however often it is told.

The same instance is told of by a callback, by the list of changes and by a full listing.
Only the changes carry a number that tells one storing of an instance from the next, so a
telling without a number (generation 0) means whatever storing is known, and is given the
number when it comes.

An index that was lost counts from 1 again, and one that forgot its last changes in a power cut gives their numbers to
others. So a number that an instance has already means the same storing only if it was received at the same time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, insert, select, update

from deidgate.store.context import Context
from deidgate.store.dialect import chunks, insert_new
from deidgate.store.model import Received
from deidgate.store.schema import cursors, events, items
from deidgate.store.states import Original, State
from deidgate.store.turns import turns


@dataclass(slots=True)
class _Storing:
    """One storing of an instance that the ledger knows, or will know after this batch."""

    generation: int
    received_at: datetime
    original: Original
    row_id: int | None  # None: inserted by this batch

    def is_before_its_number(self, row: Received) -> bool:
        """Whether `row` tells the number of this storing."""
        return self.generation == 0 < row.generation and self.received_at == row.received_at


class Feeder:
    """The feeder's side of the ledger."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def record_received(self, rows: Sequence[Received], *, cursor: tuple[str, int] | None = None) -> int:
        """How many of `rows` were new to the ledger; the others are ignored.

        `cursor` is (source, sequence number) to be set in the same transaction. A row is
        known if its (source, orthanc_id, generation, received_at) is; with generation 0 also if
        any generation of it is known whose original is not purged.
        """
        sources = sorted({row.source for row in rows} | ({cursor[0]} if cursor else set()))
        with self._context.database.write() as connection:
            insert_new(connection, cursors, [{"source": source, "seq": 0} for source in sources])
            # One feeder at a time per source: what is known must not change under us.
            locked = select(cursors.c.source).where(cursors.c.source.in_(sources)).order_by(cursors.c.source)
            connection.execute(locked.with_for_update()).all()
            new = [row for source in sources for row in _new(connection, source, rows)]
            self._insert(connection, new)
            if cursor:
                _set_cursor(connection, *cursor)
        return len(new)

    def cursor(self, source: str) -> int:
        """The sequence number up to which the changes of `source` are in the ledger; 0 at first."""
        with self._context.database.read() as connection:
            seq = connection.execute(select(cursors.c.seq).where(cursors.c.source == source)).scalar_one_or_none()
        return seq or 0

    def set_cursor(self, source: str, seq: int) -> None:
        """Set the cursor alone, where a batch of changes held no new instance."""
        self.record_received((), cursor=(source, seq))

    def known(self, source: str, orthanc_ids: Iterable[str]) -> set[str]:
        """Those of `orthanc_ids` that the ledger has with their original not purged."""
        found: set[str] = set()
        with self._context.database.read() as connection:
            for some in chunks(sorted(set(orthanc_ids))):
                query = select(items.c.orthanc_id).where(
                    items.c.source == source, items.c.orthanc_id.in_(some), items.c.original != Original.PURGED
                )
                found.update(connection.execute(query).scalars())
        return found

    def _insert(self, connection: Connection, rows: Sequence[Received]) -> None:
        if not rows:
            return
        now, index = self._context.clock(), self._context.ledger_index
        # In the order in which they came, whatever order they are told in.
        rows = sorted(rows, key=lambda row: row.received_at)
        given = turns(connection, (row.site for row in rows), now)
        values = [
            {
                "source": row.source,
                "orthanc_id": row.orthanc_id,
                "generation": row.generation,
                "site": row.site,
                "calling_aet": _aet(row.calling_aet),
                "called_aet": _aet(row.called_aet),
                "received_at": row.received_at,
                "state": State.RECEIVED,
                "original": Original.PRESENT,
                "due_at": min(row.received_at, now),  # a clock of ingest that is ahead keeps nobody waiting
                "turn": turn,
                "token": 0,
                "attempts": 0,
                "lapses": 0,
                "changed_at": now,
                "digest": row.digest,
                "study_key": index.study(row.study_instance_uid) if row.study_instance_uid else None,
                "instance_key": index.instance(row.sop_instance_uid) if row.sop_instance_uid else None,
            }
            for row, turn in zip(rows, given, strict=True)
        ]
        inserted = connection.execute(insert(items).returning(items.c.id, sort_by_parameter_order=True), values)
        told = [
            {"item": item, "at": now, "event": "received", "by": row.source, "to_state": State.RECEIVED}
            for item, row in zip(inserted.scalars(), rows, strict=True)
        ]
        connection.execute(insert(events), told)


def _new(connection: Connection, source: str, rows: Sequence[Received]) -> list[Received]:
    """The rows of `source` that are new; generations in the ledger are set right on the way."""
    ours = [row for row in rows if row.source == source]
    known = _known(connection, source, sorted({row.orthanc_id for row in ours}))
    new: list[Received] = []
    renumbered: dict[int, int] = {}
    for row in ours:
        storings = known[row.orthanc_id]
        if row.generation == 0:
            if any(s.original is not Original.PURGED for s in storings):
                continue
        elif _is_known(row, storings):
            continue
        unnumbered = next((s for s in storings if s.is_before_its_number(row)), None)
        for storing in storings:
            if storing.row_id and storing.generation in (0, row.generation) and storing is not unnumbered:
                # Its number never came, or is of an index that is lost; this storing needs the place.
                storing.generation = renumbered[storing.row_id] = -storing.row_id
        if unnumbered and unnumbered.row_id:
            unnumbered.generation = renumbered[unnumbered.row_id] = row.generation
            continue
        storings.append(_Storing(row.generation, row.received_at, Original.PRESENT, None))
        new.append(row)
    if renumbered:
        statement = update(items).where(items.c.id == bindparam("row")).values(generation=bindparam("number"))
        connection.execute(statement, [{"row": row_id, "number": number} for row_id, number in renumbered.items()])
    return new


def _is_known(row: Received, storings: Sequence[_Storing]) -> bool:
    same = next((s for s in storings if s.generation == row.generation), None)
    if same is None:
        return False
    # An instance that was stored twice is described as it is now, also where the log tells of the first time.
    return same.row_id is None or any(s.received_at == row.received_at for s in storings)


def _known(connection: Connection, source: str, orthanc_ids: Sequence[str]) -> defaultdict[str, list[_Storing]]:
    known: defaultdict[str, list[_Storing]] = defaultdict(list)
    for some in chunks(orthanc_ids):
        query = select(items.c.orthanc_id, items.c.generation, items.c.received_at, items.c.original, items.c.id).where(
            items.c.source == source, items.c.orthanc_id.in_(some)
        )
        for row in connection.execute(query):
            known[row.orthanc_id].append(_Storing(row.generation, row.received_at, Original(row.original), row.id))
    return known


def _set_cursor(connection: Connection, source: str, seq: int) -> None:
    connection.execute(update(cursors).where(cursors.c.source == source).values(seq=seq))


def _aet(title: str) -> str:
    """An AE title as the ledger can hold it; what a peer calls itself must never stop the feed."""
    return "".join(character for character in title if character.isascii() and character.isprintable())[:16]
