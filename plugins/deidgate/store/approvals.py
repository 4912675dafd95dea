# SPDX-License-Identifier: Apache-2.0
"""Four eyes: one person asks for a bulk export, another approves it, the first does it once.

Off at first. Switched on by one person; switched off only by two, so that nobody can switch
it off to act alone. Who somebody is, is for the caller to know (the log-in); a program on the
gateway's machine that lies about it is beyond this.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, Row, delete, insert, select, update

from deidgate.store.context import Context
from deidgate.store.model import Approval, NotApproved
from deidgate.store.reasons import stated
from deidgate.store.schema import approvals, meta

SWITCH_OFF = "four-eyes-off"
ACTIONS = frozenset({"export-patients", "export-uids", SWITCH_OFF})

_VALID = timedelta(hours=24)  # from the approval: who approves today must not be surprised next year
_NAME = "four-eyes"


class Approvals:
    """Asks, approvals and the switch. `by` and `why` must not be blank; everything is audited."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def required(self) -> bool:
        """Whether a bulk export needs two people."""
        with self._context.database.read() as connection:
            return required(connection)

    def require(self, by: str, why: str) -> None:
        """From now on a bulk export needs two people."""
        stated(by, why)
        with self._context.database.write() as connection:
            if not required(connection):
                connection.execute(insert(meta).values(name=_NAME, value="required"))
                self._context.trail.append(connection, self._context.clock(), by, "four-eyes-on", [], why)

    def require_no_more(self, by: str, why: str, approval: int) -> None:
        """From now on one person is enough; takes two to decide.

        Raises
        ------
        NotApproved
            `approval` is not an approved ask for ``four-eyes-off`` by this person.
        """
        stated(by, why)
        now = self._context.clock()
        with self._context.database.write() as connection:
            used = use(connection, now, SWITCH_OFF, None, by, approval)
            connection.execute(delete(meta).where(meta.c.name == _NAME))
            self._context.trail.append(connection, now, by, SWITCH_OFF, [used], why)

    def ask(self, action: str, by: str, why: str, project: str | None = None) -> int:
        """The number of a new ask, to be approved by somebody else."""
        stated(by, why)
        if action not in ACTIONS:
            raise ValueError(f"nothing that two people do: {action}")
        now = self._context.clock()
        with self._context.database.write() as connection:
            values = {"action": action, "project": project, "asked_by": by, "asked_at": now, "why": why}
            number = connection.execute(insert(approvals).values(values).returning(approvals.c.id)).scalar_one()
            objects = [f"approval:{number}", action, f"project:{project}" if project else "all-projects"]
            self._context.trail.append(connection, now, by, "ask", objects, why)
        return int(number)

    def approve(self, number: int, by: str, why: str) -> None:
        """Approve what somebody else asked for.

        Raises
        ------
        NotApproved
            ``approval-unknown``, ``approval-given`` already, or ``approval-by-same-person``.
        """
        stated(by, why)
        now = self._context.clock()
        with self._context.database.write() as connection:
            row = _row(connection, number)
            if row.approved_by is not None:
                raise NotApproved("approval-given")
            if row.asked_by.strip().casefold() == by.strip().casefold():
                raise NotApproved("approval-by-same-person")
            statement = update(approvals).where(approvals.c.id == number)
            connection.execute(statement.values(approved_by=by, approved_at=now))
            self._context.trail.append(connection, now, by, "approve", [f"approval:{number}", row.action], why)

    def waiting(self) -> list[Approval]:
        """What was asked for and not used yet, approved or not."""
        query = select(approvals).where(approvals.c.used_at.is_(None)).order_by(approvals.c.id)
        with self._context.database.read() as connection:
            rows = connection.execute(query).all()
        return [
            Approval(
                id=row.id,
                action=row.action,
                project=row.project,
                asked_by=row.asked_by,
                asked_at=row.asked_at,
                why=row.why,
                approved_by=row.approved_by,
                approved_at=row.approved_at,
            )
            for row in rows
        ]


def required(connection: Connection) -> bool:
    """Whether a bulk export needs two people."""
    return connection.execute(select(meta.c.value).where(meta.c.name == _NAME)).one_or_none() is not None


def use(connection: Connection, now: datetime, action: str, project: str | None, by: str, number: int | None) -> str:
    """Use up an approval, in the transaction of the action; its name for the audit trail.

    Raises
    ------
    NotApproved
        ``approval-missing``, ``approval-unknown``, ``approval-used``, ``approval-expired``, or
        ``approval-for-other`` person, action or project.
    """
    if number is None:
        raise NotApproved("approval-missing")
    row = _row(connection, number)
    if row.approved_by is None:
        raise NotApproved("approval-missing")
    if row.used_at is not None:
        raise NotApproved("approval-used")
    if now - row.approved_at > _VALID:
        raise NotApproved("approval-expired")
    if (row.action, row.project, row.asked_by) != (action, project, by):
        raise NotApproved("approval-for-other")
    connection.execute(update(approvals).where(approvals.c.id == number).values(used_at=now))
    return f"approval:{number}"


def _row(connection: Connection, number: int) -> Row[tuple[object, ...]]:
    row = connection.execute(select(approvals).where(approvals.c.id == number).with_for_update()).one_or_none()
    if row is None:
        raise NotApproved("approval-unknown")
    return row
