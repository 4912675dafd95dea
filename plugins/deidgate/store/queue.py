# SPDX-License-Identifier: Apache-2.0
"""The worker's side of the ledger: claim a batch, settle a batch, one commit each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from deidgate.store.model import Claim, Delivered, Facts, Outcome, Settled, UidPair


class Queue:
    """Items to work on. Every settling is refused if the claim is no longer ours."""

    def claim(self, owner: str, limit: int, lease_s: float, now: datetime) -> list[Claim]:
        """Up to `limit` items that are due, oldest first, ours for `lease_s` seconds.

        Items whose lease has run out are due again.
        """
        raise NotImplementedError

    def heartbeat(self, claims: Sequence[Claim], lease_s: float, now: datetime) -> frozenset[int]:
        """Extend the leases; the item ids among `claims` that are no longer ours."""
        raise NotImplementedError

    def settle(self, outcomes: Sequence[Outcome]) -> Settled:
        """Record the outcomes of a batch, all in one transaction with mapping and events.

        This is the fast path: the cost is the commit, not the rows.
        """
        raise NotImplementedError

    def deliver(self, claim: Claim, delivered: Delivered, facts: Facts, uid_pairs: Sequence[UidPair]) -> Settled:
        """Settle one item as delivered. Raises `ClaimLost`."""
        raise NotImplementedError

    def hold(self, claim: Claim, code: str, path: str = "", facts: Facts | None = None) -> None:
        """Settle one item as held. Raises `ClaimLost`."""
        raise NotImplementedError

    def reject(self, claim: Claim, code: str, path: str = "", facts: Facts | None = None) -> None:
        """Settle one item as rejected by a rule. Raises `ClaimLost`."""
        raise NotImplementedError

    def retry(self, claim: Claim, not_before: datetime, code: str = "unavailable") -> None:
        """Give one item back, not to be claimed before `not_before`. Raises `ClaimLost`."""
        raise NotImplementedError
