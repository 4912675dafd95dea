# SPDX-License-Identifier: Apache-2.0
"""The statement that each database spells in its own way, and how many values one may hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, Table

T = TypeVar("T")

_VALUES = 500  # in one IN list: far under the limit of either database, and long enough to be quick


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
