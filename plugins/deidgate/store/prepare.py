# SPDX-License-Identifier: Apache-2.0
"""Make a database ready for this program and these keys, or refuse it."""

from __future__ import annotations

import hmac

from sqlalchemy import Connection, insert, select

from deidgate.errors import ConfigurationError
from deidgate.pseudonym.keys import derived
from deidgate.store.context import Context
from deidgate.store.epoch import begin_epoch
from deidgate.store.keys import Keys
from deidgate.store.schema import meta
from deidgate.store.upgrade import HEAD, upgrade, version

_KEY_CHECK = "pseudonym-key-check"


def prepare(context: Context) -> None:
    """Create or upgrade the schema and check that the pseudonym key is the database's own.

    Raises
    ------
    ConfigurationError
        ``ledger-newer-than-program``, or ``pseudonym-key-differs``: with another key every
        patient would get another identity.
    """
    with context.database.read() as connection:
        ready = version(connection) == HEAD
        if ready:
            _check_key(connection, context.keys)
    if ready:
        return
    with context.database.write() as connection:
        # Another process may have done it while we waited for the lock.
        upgrade(connection)
        if connection.execute(select(meta.c.name)).first() is None:
            connection.execute(insert(meta).values(name=_KEY_CHECK, value=_check_value(context.keys)))
            begin_epoch(connection)
            context.trail.begin(connection)
        _check_key(connection, context.keys)


def _check_key(connection: Connection, keys: Keys) -> None:
    query = select(meta.c.value).where(meta.c.name == _KEY_CHECK)
    value = connection.execute(query).scalar_one_or_none() or ""
    if not hmac.compare_digest(value, _check_value(keys)):
        raise ConfigurationError("pseudonym-key-differs", "pseudonym.key")


def _check_value(keys: Keys) -> str:
    """A value that only the same key gives, and that gives nothing of the key away."""
    return derived(keys.pseudonym, "key-check").hex()
