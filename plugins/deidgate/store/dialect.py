# SPDX-License-Identifier: Apache-2.0
"""What each database spells in its own way, and how many values one statement may hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import IntEnum
from typing import Any, TypeVar

from sqlalchemy import Connection, Table, text

T = TypeVar("T")

_VALUES = 500  # in one IN list: far under the limit of either database, and long enough to be quick


class Lock(IntEnum):
    """What write transactions queue up for. Any numbers will do that nothing else in the database uses."""

    UPGRADE = 0x64656964
    """The schema."""
    KEYS = 0x64656965
    """Which keys are retired (`deidgate.store.retired`)."""


def queue_up(connection: Connection, lock: Lock, *, shared: bool = False) -> None:
    """Have `lock` until the write transaction of `connection` ends, alone or with others that are `shared`."""
    # On SQLite a write transaction is alone anyway. A statement of its own: the next one sees what was waited for.
    if connection.dialect.name == "postgresql":
        function = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
        connection.execute(text(f"SELECT {function}(:number)"), {"number": int(lock)})


def insert_new(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert those of `rows` that break no unique constraint; leave the others as they are."""
    if rows:
        connection.execute(insert(connection, table).on_conflict_do_nothing(), rows)


def insert(connection: Connection, table: Table) -> Any:
    """An insert that knows ``on_conflict_do_nothing``: each database has a class for what both spell alike."""
    # Loading the other database's takes longer than many a command.
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)
    from sqlalchemy.dialects import sqlite

    return sqlite.insert(table)


def chunks(values: Sequence[T], size: int = _VALUES) -> Iterator[Sequence[T]]:
    """`values` in pieces that one statement can hold."""
    for start in range(0, len(values), size):
        yield values[start : start + size]
