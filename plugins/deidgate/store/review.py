# SPDX-License-Identifier: Apache-2.0
"""What people decide about items: release, reject, recall, process again. All audited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from deidgate.store.model import ItemFilter, ItemView


class Review:
    """Decisions of people. `by` and `why` must not be blank.

    `token` is `ItemView.token`; if it is given and the item has moved on, nothing happens
    and False comes back, so that two people cannot overwrite each other.
    """

    def release(
        self,
        item_id: int,
        by: str,
        why: str,
        *,
        accept: bool = False,
        instructions: Mapping[str, object] | None = None,
        token: int | None = None,
    ) -> bool:
        """Hand a held item back to the workers.

        `accept` lets the reason it was held for pass this time (`Claim.accepted`);
        `instructions` reach the worker as `Claim.instructions`.
        """
        raise NotImplementedError

    def reject(self, item_id: int, by: str, why: str, *, code: str = "by-person", token: int | None = None) -> bool:
        """Decide that a held item is not delivered."""
        raise NotImplementedError

    def recall(self, selection: ItemFilter, by: str, why: str) -> list[ItemView]:
        """Take back delivered items: they are `recalled` now and still have to be deleted at research."""
        raise NotImplementedError

    def to_withdraw(self, limit: int) -> list[ItemView]:
        """Recalled items whose deletion at research is not confirmed: for resuming after a crash."""
        raise NotImplementedError

    def withdrawn(self, item_ids: Sequence[int]) -> None:
        """Record that research has deleted these."""
        raise NotImplementedError

    def reprocess(self, selection: ItemFilter, by: str, why: str) -> int:
        """Put recalled and withdrawn items whose original is present back to work."""
        raise NotImplementedError
