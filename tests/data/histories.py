# SPDX-License-Identifier: Apache-2.0
"""What the ledger keeps of an item's way, which nothing in the product reads: for people, and for tests."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, select

from deidgate.store import Store
from deidgate.store.schema import events


def history(store: Store, item_id: int) -> list[Row[Any]]:
    """Everything that happened to one item, oldest first."""
    with store._context.database.read() as connection:
        return list(connection.execute(select(events).where(events.c.item == item_id).order_by(events.c.id)))
