# SPDX-License-Identifier: Apache-2.0
"""Counts and lists: what the dashboard, the metrics and the reconciliation read. Names no patient."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from deidgate.store.model import Balance, Count, Event, ItemFilter, ItemView
from deidgate.store.states import State


class Reports:
    """Reads only."""

    def counts(self) -> list[Count]:
        """Number of items by state, site, project and reason code."""
        raise NotImplementedError

    def oldest_open(self) -> datetime | None:
        """When the oldest item that is in flight was received."""
        raise NotImplementedError

    def reconcile(self, site: str | None = None) -> list[Balance]:
        """One balance per site (`study_key` None) followed by one per study of that site."""
        raise NotImplementedError

    def holds(self, selection: ItemFilter | None = None, limit: int = 200, after: int = 0) -> list[ItemView]:
        """Held items in order of id, from the one after `after`."""
        raise NotImplementedError

    def items(self, selection: ItemFilter, limit: int = 200, after: int = 0) -> list[ItemView]:
        """Items in order of id, from the one after `after`."""
        raise NotImplementedError

    def item(self, item_id: int) -> ItemView | None:
        """One item."""
        raise NotImplementedError

    def history(self, item_id: int) -> list[Event]:
        """Everything that happened to one item, oldest first."""
        raise NotImplementedError

    def states_of(self, sop_instance_uids: Sequence[str]) -> dict[str, State]:
        """The state of the latest item of each SOP Instance UID that was ever received.

        For storage commitment: also answers after the original was purged.
        """
        raise NotImplementedError
