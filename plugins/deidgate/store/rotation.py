# SPDX-License-Identifier: Apache-2.0
"""Change the key that identifying columns are encrypted with, row by row, while others work."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, Table, func, select, update

from deidgate.store.context import Context
from deidgate.store.epoch import next_epoch
from deidgate.store.retired import reinstate, retire
from deidgate.store.schema import patients, studies, uids

_BATCH = 1000  # rows in one transaction: workers wait for it some ten milliseconds


@dataclass(frozen=True, slots=True)
class _Encrypted:
    """A table with encrypted columns, and the column that their ciphertexts are bound to."""

    table: Table
    row: str
    columns: tuple[str, ...]


_ENCRYPTED = (
    _Encrypted(patients, "patient_key", ("patient_id", "issuer", "patient_name", "birth_date")),
    _Encrypted(studies, "study_key", ("uid", "accession")),
    _Encrypted(uids, "uid_key", ("uid",)),
)


def rotate(context: Context, old: str, new: str, by: str, why: str) -> int:
    """Re-encrypt every row under `old` with `new`; the number of rows.

    Raises
    ------
    ConfigurationError
        ``encryption-key-missing``: one of the two is not among the keys.
    """
    context.cipher.require(old)
    context.cipher.require(new)
    with context.database.write() as connection:
        retire(connection, old)
        reinstate(connection, new)
        context.trail.append(connection, context.clock(), by, "rotate-begin", [f"key:{old}", f"key:{new}"], why)
    rows = 0
    for encrypted in _ENCRYPTED:
        after = 0
        while True:
            with context.database.write() as connection:
                last = _batch(context, connection, encrypted, old, new, after)
            if last is None:
                break
            after, number = last
            rows += number
    with context.database.write() as connection:
        # Who has the old key alone is to find out before the next delivery, and not when that is settled.
        next_epoch(connection)
        objects = [f"key:{old}", f"key:{new}", f"rows:{rows}"]
        context.trail.append(connection, context.clock(), by, "rotate-end", objects, why)
    return rows


def values_under(connection: Connection, key_id: str) -> int:
    """How many rows are encrypted with the key `key_id`."""
    counts = (
        select(func.count()).select_from(encrypted.table).where(encrypted.table.c.key_id == key_id)
        for encrypted in _ENCRYPTED
    )
    return sum(connection.execute(query).scalar_one() for query in counts)


def keys_in(snapshot: Path) -> frozenset[str]:
    """Ids of the keys that the rows of a SQLite copy of a ledger are encrypted with. The copy is not changed."""
    query = " UNION ".join(f"SELECT key_id FROM {encrypted.table.name}" for encrypted in _ENCRYPTED)  # noqa: S608
    with closing(sqlite3.connect(f"{snapshot.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        return frozenset(key_id for (key_id,) in connection.execute(query))


def _batch(
    context: Context, connection: Connection, encrypted: _Encrypted, old: str, new: str, after: int
) -> tuple[int, int] | None:
    """Re-encrypt the next rows after id `after`: the last id and their number, or None at the end."""
    table = encrypted.table
    query = select(table).where(table.c.id > after, table.c.key_id == old).order_by(table.c.id).limit(_BATCH)
    rows = connection.execute(query.with_for_update()).all()
    for row in rows:
        values = _again(context, encrypted, row, new) | {"key_id": new}
        connection.execute(update(table).where(table.c.id == row.id).values(values))
    return (rows[-1].id, len(rows)) if rows else None


def _again(context: Context, encrypted: _Encrypted, row: Row[Any], new: str) -> dict[str, bytes]:
    values = {}
    bound_to = getattr(row, encrypted.row)
    for column in encrypted.columns:
        sealed = getattr(row, f"{column}_enc")
        if sealed is not None:
            place = f"{encrypted.table.name}.{column}"
            value = context.cipher.decrypt(sealed, place, bound_to, row.key_id)
            values[f"{column}_enc"] = context.cipher.encrypt(value, place, bound_to, new)
    return values
