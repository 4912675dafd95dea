# SPDX-License-Identifier: Apache-2.0
"""The mapping rows of delivered items, and the two reasons to refuse a delivery after all.

* ``content-changed``: another content was delivered under the same SOP Instance UID before.
* ``patient-purged``: the patient was forgotten while the item was being worked on.

Research holds the file by then. The row says which it is, so that it is taken back there (`Review.refused`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from sqlalchemy import Connection, bindparam, select, update

from deidgate.store.context import Context
from deidgate.store.dialect import chunks, insert_new
from deidgate.store.model import Deliver, Hold, UidKind, UidPair
from deidgate.store.recent import Recent
from deidgate.store.retired import require_current
from deidgate.store.schema import patients, uids

CONTENT_CHANGED = "content-changed"
PATIENT_PURGED = "patient-purged"

_Name = tuple[str, bytes]  # project and index value of a UID

_REMEMBERED = 100_000  # study and series UIDs known to be in the database: 20 MB at most


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a transaction wrote: to be remembered once it is committed."""

    refused: Mapping[int, Hold]
    written: frozenset[_Name] = field(default=frozenset())
    cleared: int = 0
    """`Recent.cleared` when it was written."""


class Deliveries:
    """Writes the UID pairs of delivered items inside the transaction that settles them."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._remembered: Recent[_Name, bool] = context.epoch.recent(_REMEMBERED)

    def record(self, connection: Connection, outcomes: Sequence[Deliver]) -> Recorded:
        """Write the pairs of `outcomes`; the outcomes that must be held instead are `refused`."""
        if not outcomes:
            return Recorded({})
        require_current(connection, self._context.cipher.key_id)
        self._context.epoch.look_in(connection)
        cleared = self._remembered.cleared
        living = _living(connection, {_patient(outcome) for outcome in outcomes})
        refused = {
            outcome.claim.item_id: _refused(outcome, PATIENT_PURGED)
            for outcome in outcomes
            if _patient(outcome) not in living
        }
        alive = [outcome for outcome in outcomes if outcome.claim.item_id not in refused]
        rows = self._rows(alive)
        # Insert first and compare second: whoever inserts a UID later waits for the one who
        # inserts it now, so that two contents cannot both be the first.
        insert_new(connection, uids, [rows[name] for name in sorted(rows)])
        digests = _digests(connection, rows)
        changed: list[dict[str, Any]] = []
        for outcome in alive:
            facts = outcome.facts
            name = (_project(outcome), self._context.project(_project(outcome)).index.uid(str(facts.sop_instance_uid)))
            if digests.get(name) == facts.digest:
                continue
            if digests.get(name) is not None and CONTENT_CHANGED not in outcome.claim.accepted:
                refused[outcome.claim.item_id] = _refused(outcome, CONTENT_CHANGED, "SOPInstanceUID")
                continue
            digests[name] = facts.digest
            changed.append({"b_project": name[0], "b_uid_key": name[1], "b_digest": facts.digest})
        if changed:
            connection.execute(_SET_DIGEST, changed)
        written = frozenset(name for name, row in rows.items() if row["kind"] != UidKind.INSTANCE)
        return Recorded(refused, written, cleared)

    def committed(self, recorded: Recorded) -> None:
        """Remember what is in the database now, so as not to write it again."""
        for name in recorded.written:
            self._remembered.put(name, True, recorded.cleared)

    def _rows(self, outcomes: Sequence[Deliver]) -> dict[_Name, dict[str, Any]]:
        rows: dict[_Name, dict[str, Any]] = {}
        for outcome in outcomes:
            project, patient = _project(outcome), _patient(outcome)
            index = self._context.project(project).index
            for pair in outcome.uid_pairs:
                name = (project, index.uid(pair.original))
                if name in rows or self._remembered.get(name):
                    continue
                digest = outcome.facts.digest if pair.kind is UidKind.INSTANCE else None
                rows[name] = uid_row(self._context, project, patient, pair, name[1], digest)
        return rows


def uid_row(
    context: Context, project: str, patient: int, pair: UidPair, uid_key: bytes, digest: str | None
) -> dict[str, Any]:
    """A row of `uids`."""
    return {
        "project": project,
        "kind": pair.kind,
        "uid_key": uid_key,
        "new_uid": pair.new,
        "uid_enc": context.cipher.encrypt(pair.original, "uids.uid", uid_key),
        "key_id": context.cipher.key_id,
        "patient": patient,
        "digest": digest,
    }


_SET_DIGEST = (
    update(uids)
    .where(uids.c.project == bindparam("b_project"), uids.c.uid_key == bindparam("b_uid_key"))
    .values(digest=bindparam("b_digest"))
)


def _refused(outcome: Deliver, code: str, path: str = "") -> Hold:
    return Hold(outcome.claim, code, path, outcome.facts, left=outcome.delivered)


def _project(outcome: Deliver) -> str:
    return cast(str, outcome.facts.project)  # as below


def _patient(outcome: Deliver) -> int:
    return cast(int, outcome.facts.patient)  # `Deliver` refuses to be made without it


def _living(connection: Connection, wanted: set[int]) -> set[int]:
    """Those patients that are not purged; a purge waits until this transaction ends."""
    living: set[int] = set()
    for some in chunks(sorted(wanted)):
        query = select(patients.c.id).where(patients.c.id.in_(some), patients.c.purged_at.is_(None))
        living.update(connection.execute(query.order_by(patients.c.id).with_for_update(read=True)).scalars())
    return living


def _digests(connection: Connection, rows: Mapping[_Name, Mapping[str, Any]]) -> dict[_Name, str | None]:
    wanted = sorted(name[1] for name, row in rows.items() if row["kind"] == UidKind.INSTANCE)
    digests: dict[_Name, str | None] = {}
    for some in chunks(wanted):
        query = select(uids.c.project, uids.c.uid_key, uids.c.digest).where(uids.c.uid_key.in_(some))
        digests.update({(row.project, row.uid_key): row.digest for row in connection.execute(query)})
    return digests
