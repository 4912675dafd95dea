# SPDX-License-Identifier: Apache-2.0
"""The audit trail: a chain in which a changed, missing, reordered or cut-off line shows."""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select

from deidgate.store.context import Context
from deidgate.store.model import AuditEntry, AuditFinding
from deidgate.store.schema import audit, audit_head
from deidgate.store.trail import GENESIS

_PAGE = 1000


class Audit:
    """Who did what, when and why. Object ids only; never an identifying value."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def record(self, who: str, action: str, objects: Sequence[str] = (), why: str = "") -> int:
        """Append a line that no other part of the store writes (a policy change); its number."""
        with self._context.database.write() as connection:
            return self._context.trail.append(connection, self._context.clock(), who, action, objects, why)

    def entries(self, after: int = 0) -> Iterator[AuditEntry]:
        """The trail from the line after `after`."""
        for row in self._rows(after):
            line = json.loads(row.body)
            at = datetime.fromisoformat(line["at"])
            yield AuditEntry(row.seq, at, line["who"], line["action"], tuple(line["objects"]), line["why"])

    def head(self) -> tuple[int, str]:
        """Number and seal of the last line: note it elsewhere to prove later that nothing was cut off."""
        with self._context.database.read() as connection:
            row = connection.execute(select(audit_head.c.seq, audit_head.c.seal)).one_or_none()
        return (row.seq, row.seal.hex()) if row else (0, "")

    def verify(self, noted: tuple[int, str] | None = None) -> list[AuditFinding]:
        """Everything that is wrong with the trail; with a head that was noted before, also against that."""
        trail = self._context.trail
        with self._context.database.read() as connection:
            # Read first: lines that are appended while we read come after it.
            head = connection.execute(select(audit_head)).one_or_none()
        findings: list[AuditFinding] = []
        seals = {0: GENESIS}  # of the lines that somebody still has to compare with
        wanted = {noted[0] if noted else 0, head.seq if head else 0}
        expected, previous = 1, GENESIS
        for row in self._rows(0):
            if row.seq != expected:
                findings.append(AuditFinding("missing", expected))
            elif not hmac.compare_digest(row.previous, previous):
                findings.append(AuditFinding("reordered", row.seq))
            if not hmac.compare_digest(row.seal, trail.seal(row.previous, row.body)):
                findings.append(AuditFinding("changed", row.seq))
            elif json.loads(row.body)["seq"] != row.seq:
                findings.append(AuditFinding("reordered", row.seq))
            if row.seq in wanted:
                seals[row.seq] = row.seal
            expected, previous = row.seq + 1, row.seal
        last = expected - 1
        if head is None:
            findings.append(AuditFinding("head-missing", last))
        elif not hmac.compare_digest(head.anchor, trail.anchor(head.seq, head.seal)):
            findings.append(AuditFinding("head-changed", head.seq))
        else:
            findings += _against(head.seq, head.seal, last, seals)
        if noted:
            findings += _against(noted[0], bytes.fromhex(noted[1]), last, seals)
        return findings

    def _rows(self, after: int) -> Iterator[Row[Any]]:
        # In pages of short transactions: a long one would keep SQLite's log from being emptied.
        while True:
            query = (
                select(audit.c.seq, audit.c.previous, audit.c.body, audit.c.seal)
                .where(audit.c.seq > after)
                .order_by(audit.c.seq)
                .limit(_PAGE)
            )
            with self._context.database.read() as connection:
                page: list[Row[Any]] = list(connection.execute(query))
            yield from page
            if len(page) < _PAGE:
                return
            after = page[-1].seq


def _against(seq: int, seal: bytes, last: int, seals: dict[int, bytes]) -> list[AuditFinding]:
    if seq > last:
        return [AuditFinding("truncated", last + 1)]
    if not hmac.compare_digest(seals.get(seq, b""), seal):
        return [AuditFinding("changed", seq)]
    return []
