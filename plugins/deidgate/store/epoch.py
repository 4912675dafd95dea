# SPDX-License-Identifier: Apache-2.0
"""A number that grows whenever rows of the mapping table are taken away, or have been encrypted with another key.

Processes remember rows of the mapping table. Rows do not change once they are there, but a
patient may be purged; then the number grows in the same transaction, and every process
forgets what it remembered before it answers again. It looks once a second; whoever settles a
delivery looks in the transaction itself. What was read before another thread looked is not
remembered after (`Recent.put`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, insert, select, update

from deidgate.store.database import Database
from deidgate.store.recent import Recent
from deidgate.store.schema import meta

_NAME = "mapping-epoch"
_LOOK_S = 1.0  # how long a purge by another process may go unnoticed


class Epoch:
    """What this process remembers of the mapping table, and whether it may still."""

    def __init__(self, database: Database, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._monotonic = monotonic
        self._remembered: list[Recent[Any, Any]] = []
        self._number: int | None = None
        self._looked = float("-inf")

    def recent(self, size: int) -> Recent[Any, Any]:
        """A memory that is emptied when the epoch changes."""
        memory: Recent[Any, Any] = Recent(size)
        self._remembered.append(memory)
        return memory

    def look(self) -> None:
        """Forget everything if the epoch has changed since the last look."""
        if self._monotonic() - self._looked >= _LOOK_S:
            with self._database.read() as connection:
                self.look_in(connection)

    def look_in(self, connection: Connection) -> None:
        """As `look`, now, in the transaction of `connection`."""
        number = read_epoch(connection)
        if number != self._number:
            for memory in self._remembered:
                memory.clear()
        self._number, self._looked = number, self._monotonic()


def begin_epoch(connection: Connection) -> None:
    """Write the first number, in a new database."""
    connection.execute(insert(meta).values(name=_NAME, value="0"))


def read_epoch(connection: Connection) -> int:
    """The present number."""
    return int(connection.execute(select(meta.c.value).where(meta.c.name == _NAME)).scalar_one())


def next_epoch(connection: Connection) -> None:
    """Grow, in the transaction that takes rows away or ends a change of their key."""
    query = select(meta.c.value).where(meta.c.name == _NAME).with_for_update()
    value = int(connection.execute(query).scalar_one()) + 1
    connection.execute(update(meta).where(meta.c.name == _NAME).values(value=str(value)))
