# SPDX-License-Identifier: Apache-2.0
"""A number that grows whenever rows of the mapping table are taken away.

Processes remember rows of the mapping table; a changed number tells them to forget.
"""

from __future__ import annotations

from sqlalchemy import Connection, insert, select, update

from deidgate.store.schema import meta

_NAME = "mapping-epoch"


def begin_epoch(connection: Connection) -> None:
    """Write the first number, in a new database."""
    connection.execute(insert(meta).values(name=_NAME, value="0"))


def read_epoch(connection: Connection) -> int:
    """The present number."""
    return int(connection.execute(select(meta.c.value).where(meta.c.name == _NAME)).scalar_one())


def next_epoch(connection: Connection) -> None:
    """Grow, in the transaction that takes rows away."""
    query = select(meta.c.value).where(meta.c.name == _NAME).with_for_update()
    value = int(connection.execute(query).scalar_one()) + 1
    connection.execute(update(meta).where(meta.c.name == _NAME).values(value=str(value)))
