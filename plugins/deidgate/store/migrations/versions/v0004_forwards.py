# SPDX-License-Identifier: Apache-2.0
"""Further destinations: what is handed on to each of them, and what became of it.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_LEGAL = (
    ("waiting", "claimed"),
    ("waiting", "recalled"),
    ("waiting", "withdrawn"),
    ("claimed", "waiting"),
    ("claimed", "confirmed"),
    ("claimed", "held"),
    ("claimed", "recalled"),
    ("claimed", "withdrawn"),
    ("confirmed", "recalled"),
    ("confirmed", "withdrawn"),
    ("held", "waiting"),
    ("held", "recalled"),
    ("held", "withdrawn"),
    ("recalled", "withdrawn"),
    ("withdrawn", "waiting"),
)
_PAIRS = " OR ".join(f"(OLD.state = '{old}' AND NEW.state = '{new}')" for old, new in _LEGAL)

# Event, condition, message: a row is refused where the condition is true.
_REFUSED = (
    ("INSERT", "NEW.state <> 'waiting' OR NEW.token <> 0 OR NEW.attempts <> 0", "a forward begins as waiting"),
    ("UPDATE", f"OLD.state <> NEW.state AND NOT ({_PAIRS})", "illegal transition of a forward"),
    (
        "UPDATE",
        "NEW.token < OLD.token OR (NEW.state = 'claimed' AND OLD.state <> 'claimed' AND NEW.token = OLD.token)",
        "a fencing token only grows",
    ),
    ("UPDATE", "NEW.item <> OLD.item OR NEW.destination <> OLD.destination", "what is handed on does not change"),
    ("DELETE", "TRUE", "a forward is never deleted"),
)


def upgrade() -> None:
    row_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "forwards",
        sa.Column("id", row_id, nullable=False),
        sa.Column("item", row_id, nullable=False),
        sa.Column("destination", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=128), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("lease_owner", sa.String(length=128), nullable=True),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("reason_code", sa.String(length=128), nullable=True),
        sa.Column("reason_path", sa.Text(), nullable=True),
        sa.Column("confirmation", sa.String(length=32), nullable=True),
        sa.Column("confirmed_at", sa.BigInteger(), nullable=True),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "state IN ('waiting', 'claimed', 'confirmed', 'held', 'recalled', 'withdrawn')", name="ck_forwards_state"
        ),
        sa.CheckConstraint("(state IN ('waiting', 'claimed')) = (due_at IS NOT NULL)", name="ck_forwards_due"),
        sa.CheckConstraint("(state = 'claimed') = (lease_owner IS NOT NULL)", name="ck_forwards_lease"),
        sa.CheckConstraint("state NOT IN ('held', 'recalled') OR reason_code IS NOT NULL", name="ck_forwards_reason"),
        sa.CheckConstraint("(state = 'confirmed') = (confirmation IS NOT NULL)", name="ck_forwards_confirmation"),
        sa.ForeignKeyConstraint(["item"], ["items.id"], name="fk_forwards_item"),
        sa.PrimaryKeyConstraint("id", name="pk_forwards"),
        sa.UniqueConstraint("item", "destination", name="uq_forwards_item_destination"),
    )
    owed = sa.text("due_at IS NOT NULL")
    op.create_index(
        "ix_forwards_due", "forwards", ["destination", "due_at", "id"], sqlite_where=owed, postgresql_where=owed
    )
    op.create_index("ix_forwards_counts", "forwards", ["destination", "state", "reason_code"])
    postgresql = op.get_bind().dialect.name == "postgresql"
    for number, (event, condition, message) in enumerate(_REFUSED):
        begins = f"CREATE TRIGGER refuse_{number}_forwards BEFORE {event} ON forwards"
        if postgresql:
            op.execute(f"{begins} FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION refuse('{message}')")
        else:
            op.execute(f"{begins} WHEN {condition} BEGIN SELECT RAISE(ABORT, '{message}'); END")
