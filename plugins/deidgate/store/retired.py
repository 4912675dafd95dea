# SPDX-License-Identifier: Apache-2.0
"""Keys that nothing is encrypted with any more, whoever still has them.

A process that was started before the encryption key was changed has the old one as its present key. So each transaction
that writes encrypted values asks first. Who asked in time is waited for by `retire`; who asks later is refused. When
no row needs a retired key, none ever will.
"""

from __future__ import annotations

from sqlalchemy import Connection, delete, select

from deidgate.errors import Unavailable
from deidgate.store.dialect import Lock, insert_new, queue_up
from deidgate.store.schema import meta


def require_current(connection: Connection, key_id: str) -> None:
    """Return if the key may be used in the write transaction of `connection`; it may until that ends.

    Raises
    ------
    Unavailable
        ``encryption-key-retired``: it passes when the process is started again, with the new key.
    """
    queue_up(connection, Lock.KEYS, shared=True)
    if connection.execute(select(meta.c.name).where(meta.c.name == _name(key_id))).first() is not None:
        raise Unavailable("encryption-key-retired", f"encryption-{key_id}.key")


def retire(connection: Connection, key_id: str) -> None:
    """From the end of the write transaction of `connection` on, nothing more is encrypted with the key."""
    queue_up(connection, Lock.KEYS)
    insert_new(connection, meta, [{"name": _name(key_id), "value": ""}])


def reinstate(connection: Connection, key_id: str) -> None:
    """The key may be used, even if it was retired before."""
    connection.execute(delete(meta).where(meta.c.name == _name(key_id)))


def _name(key_id: str) -> str:
    return f"retired-key-{key_id}"
