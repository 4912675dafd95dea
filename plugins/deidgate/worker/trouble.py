# SPDX-License-Identifier: Apache-2.0
"""Whose fault it is that instances fail: the servers', or their own.

Few errors tell. Orthanc answers 500 to an instance that it cannot parse and to everything when its disk is full, and a
time that has run out may be a dead server or one large instance. Others tell:

* The servers are away when several different instances have failed in a row.
* A failure counts against its instance when another was delivered since that one failed before. A server that is away,
  for however long, counts against nobody.

What is known here is one process's own, and gone with it: an instance is then given up later, and never earlier.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from deidgate.gateway.outcome import Delivered, Outcome, Postponed
from deidgate.store.model import Claim
from deidgate.store.recent import Recent

_SEVERAL = 8
"""Instances that fail by themselves come together: a study is of one device."""
_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class _Failed:
    """An instance that failed, at its attempt number `attempts`, when so many had been `delivered`."""

    attempts: int
    delivered: int
    counted: int


class Trouble:
    """What the ends of stories say of the servers and of the instances."""

    def __init__(self) -> None:
        self._in_a_row: set[int] = set()
        self._delivered = 0
        self._failed: Recent[int, _Failed] = Recent(_REMEMBERED)

    @property
    def is_general(self) -> bool:
        """Whether the servers are away, as far as one can tell."""
        return len(self._in_a_row) >= _SEVERAL

    def counted(self, claim: Claim) -> int:
        """How many failures count against the instance, if it has failed once more."""
        before = self._failed.get(claim.item_id)
        if before is None or before.attempts >= claim.attempts:
            # New to us, or a person has let it begin anew.
            return 0
        return before.counted + (self._delivered > before.delivered)

    def note(self, ended: Iterable[tuple[Claim, Outcome]]) -> None:
        """Take in what ended at about the same time."""
        failed = []
        others = 0
        for claim, end in ended:
            if isinstance(end, Postponed):
                failed.append(claim)
            else:
                others += 1
                self._delivered += isinstance(end, Delivered)
        for claim in failed:
            now = _Failed(claim.attempts, self._delivered, self.counted(claim))
            self._failed.put(claim.item_id, now)
        if others:
            self._in_a_row.clear()
        elif not self.is_general:
            self._in_a_row.update(claim.item_id for claim in failed)
