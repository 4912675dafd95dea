# SPDX-License-Identifier: Apache-2.0
"""The audit trail: a chain in which a changed, missing, reordered or cut-off line shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from deidgate.store.model import AuditEntry, AuditFinding


class Audit:
    """Who did what, when and why. Object ids only; never an identifying value."""

    def record(self, who: str, action: str, objects: Sequence[str] = (), why: str = "") -> int:
        """Append a line that no other part of the store writes (a policy change); its number."""
        raise NotImplementedError

    def entries(self, after: int = 0) -> Iterator[AuditEntry]:
        """The trail from the line after `after`."""
        raise NotImplementedError

    def head(self) -> tuple[int, str]:
        """Number and seal of the last line: note it elsewhere to prove later that nothing was cut off."""
        raise NotImplementedError

    def verify(self, noted: tuple[int, str] | None = None) -> list[AuditFinding]:
        """Everything that is wrong with the trail; with a head that was noted before, also against that."""
        raise NotImplementedError
