# SPDX-License-Identifier: Apache-2.0
"""The statement that each database spells in its own way, and how many values one may hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

T = TypeVar("T")

_VALUES = 500  # in one IN list: far under the limit of either database, and long enough to be quick


def insert_new(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert those of `rows` that break no unique constraint; leave the others as they are."""
    if not rows:
        return
    # A table's insert has one spelling per database although both mean the same.
    if connection.dialect.name == "postgresql":
        connection.execute(postgresql.insert(table).on_conflict_do_nothing(), rows)
    else:
        connection.execute(sqlite.insert(table).on_conflict_do_nothing(), rows)


def chunks(values: Sequence[T], size: int = _VALUES) -> Iterator[Sequence[T]]:
    """`values` in pieces that one statement can hold."""
    for start in range(0, len(values), size):
        yield values[start : start + size]
