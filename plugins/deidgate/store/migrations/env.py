# SPDX-License-Identifier: Apache-2.0
"""Alembic runs this; the connection, its transaction and the lock are the caller's."""

from alembic import context

from deidgate.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite changes a table by copying it.
    render_as_batch=True,
    # The caller's transaction holds all versions: half an upgrade does not exist.
    transaction_per_migration=False,
)
context.run_migrations()
