# SPDX-License-Identifier: Apache-2.0
"""Bulk exports may need a second person.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "approvals",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("action", sa.String(length=32), nullable=False),
        sa.Column("project", sa.String(length=64), nullable=True),
        sa.Column("asked_by", sa.String(length=128), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("approved_by", sa.String(length=128), nullable=True),
        sa.Column("approved_at", sa.BigInteger(), nullable=True),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("approved_by IS NULL OR approved_by <> asked_by", name="ck_approvals_two_people"),
        sa.CheckConstraint("(approved_by IS NULL) = (approved_at IS NULL)", name="ck_approvals_approved"),
        sa.CheckConstraint("used_at IS NULL OR approved_at IS NOT NULL", name="ck_approvals_used"),
        sa.PrimaryKeyConstraint("id", name="pk_approvals"),
    )
