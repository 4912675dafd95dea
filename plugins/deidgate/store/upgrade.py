# SPDX-License-Identifier: Apache-2.0
"""Bring a database to the schema of this program: all of the way, once, or not at all."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from deidgate.errors import ConfigurationError
from deidgate.store.dialect import Lock, queue_up

HEAD = "0004"
"""The newest version in `migrations/versions`; a test holds the two together."""


def version(connection: Connection) -> str | None:
    """The version that the database is at; None for an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def upgrade(connection: Connection, to: str = HEAD) -> None:
    """Apply the missing versions in the open write transaction of `connection`.

    The transaction is the lock on SQLite; on PostgreSQL an advisory lock is taken in it.

    Raises
    ------
    ConfigurationError
        ``ledger-newer-than-program``: the version is not one that this program knows.
    """
    queue_up(connection, Lock.UPGRADE)
    present = version(connection)
    if present == to:
        return
    # Alembic takes a quarter of a second to import, and is needed once in a release.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    config.attributes["connection"] = connection
    if present is not None:
        try:
            ScriptDirectory.from_config(config).get_revision(present)
        except CommandError as error:
            raise ConfigurationError("ledger-newer-than-program", present) from error
    command.upgrade(config, to)
