# SPDX-License-Identifier: Apache-2.0
"""Sites take turns: a backlog of one does not make the others wait.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("items", sa.Column("turn", sa.BigInteger(), nullable=False, server_default="0"))
    # What waits already keeps its order.
    op.execute("UPDATE items SET turn = id")
    op.drop_index("ix_items_due", table_name="items")
    waiting = sa.text("due_at IS NOT NULL")
    op.create_index("ix_items_turn", "items", ["turn", "id", "due_at"], sqlite_where=waiting, postgresql_where=waiting)
    op.create_index("ix_items_site_turn", "items", ["site", "turn"], sqlite_where=waiting, postgresql_where=waiting)
