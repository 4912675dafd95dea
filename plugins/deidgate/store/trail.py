# SPDX-License-Identifier: Apache-2.0
"""How a line of the audit trail is written and sealed.

Each line is sealed with a key over the seal of the line before and its own text, and the last
seal is anchored with a second key in a row of its own. Without the keys nobody can change,
remove, insert, reorder or cut off lines unseen. Who can write the database and has an old copy
of it can put the whole old copy back: `Audit.head`, noted elsewhere, shows that too.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from deidgate.errors import ConfigurationError
from deidgate.pseudonym.keys import derived
from deidgate.store.keys import Keys
from deidgate.store.schema import audit, audit_head

GENESIS = bytes(32)


class Trail:
    """Appends lines inside the transaction of the action that they tell of."""

    def __init__(self, keys: Keys) -> None:
        self._seal_key = derived(keys.pseudonym, "audit-seal")
        self._anchor_key = derived(keys.pseudonym, "audit-anchor")

    def append(
        self, connection: Connection, at: datetime, who: str, action: str, objects: Sequence[str], why: str
    ) -> int:
        """The number of the new line.

        Raises
        ------
        ConfigurationError
            ``audit-head-missing``: somebody has removed it; nothing audited is done any more.
        """
        # The row lock puts the writers of other processes in a queue.
        head = connection.execute(select(audit_head).with_for_update()).one_or_none()
        if head is None or not hmac.compare_digest(head.anchor, self.anchor(head.seq, head.seal)):
            raise ConfigurationError("audit-head-missing" if head is None else "audit-head-changed")
        seq = int(head.seq) + 1
        body = canonical(seq, at, who, action, objects, why)
        seal = self.seal(head.seal, body)
        connection.execute(insert(audit).values(seq=seq, previous=head.seal, body=body, seal=seal))
        connection.execute(update(audit_head).values(seq=seq, seal=seal, anchor=self.anchor(seq, seal)))
        return seq

    def begin(self, connection: Connection) -> None:
        """Write the head of an empty trail, in a new database."""
        connection.execute(insert(audit_head).values(id=1, seq=0, seal=GENESIS, anchor=self.anchor(0, GENESIS)))

    def seal(self, previous: bytes, body: str) -> bytes:
        """The seal of a line."""
        return hmac.digest(self._seal_key, previous + body.encode(), "sha256")

    def anchor(self, seq: int, seal: bytes) -> bytes:
        """The anchor of a head."""
        return hmac.digest(self._anchor_key, seq.to_bytes(8, "big") + seal, "sha256")


def canonical(seq: int, at: datetime, who: str, action: str, objects: Sequence[str], why: str) -> str:
    """The text of a line: JSON with sorted names and no spaces, ASCII."""
    line = {"action": action, "at": at.isoformat(), "objects": list(objects), "seq": seq, "who": who, "why": why}
    return json.dumps(line, sort_keys=True, separators=(",", ":"))
