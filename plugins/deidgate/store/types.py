# SPDX-License-Identifier: Apache-2.0
"""Column types that mean the same on every database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Dialect, Integer
from sqlalchemy.types import TypeDecorator

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Instant(TypeDecorator[datetime]):
    """An aware time as microseconds since 1970 in UTC: exact, ordered, without a zone to forget."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """An aware `value` as a number; a naive one is a TypeError."""
        return None if value is None else (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        """The time of a number."""
        return None if value is None else _EPOCH + value * _MICROSECOND


# SQLite numbers rows by itself only if the column's type is exactly INTEGER.
RowId = BigInteger().with_variant(Integer, "sqlite")
