# SPDX-License-Identifier: Apache-2.0
"""Purging of originals: last, only after confirmed delivery, recorded before and after."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from deidgate.store.model import ItemView


class Retention:
    """Which originals may go, and which went."""

    def purgeable(self, delivered_before: datetime, limit: int, project: str | None = None) -> list[ItemView]:
        """Delivered items whose original may be purged; those left in `purging` come first."""
        raise NotImplementedError

    def purging(self, item_ids: Sequence[int], why: str) -> frozenset[int]:
        """Record the intent; the ids that may now be deleted at ingest."""
        raise NotImplementedError

    def purged(self, item_ids: Sequence[int]) -> None:
        """Record that ingest has deleted these."""
        raise NotImplementedError
