# SPDX-License-Identifier: Apache-2.0
"""The first schema: ledger, mapping table, audit trail and what they refuse.

Revision ID: 0001
Revises: nothing

A copy of its own and not an import of `schema`, `states` or `types`: those follow the
program, and this must stay what it was.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_LEGAL = (
    ("received", "claimed"),
    ("claimed", "received"),
    ("claimed", "delivered"),
    ("claimed", "held"),
    ("claimed", "rejected"),
    ("held", "received"),
    ("held", "rejected"),
    ("delivered", "recalled"),
    ("recalled", "received"),
)
_LEGAL_ORIGINAL = (
    ("present", "purging"),
    ("purging", "present"),
    ("purging", "purged"),
)


def _pairs(column: str, legal: tuple[tuple[str, str], ...]) -> str:
    return " OR ".join(f"(OLD.{column} = '{old}' AND NEW.{column} = '{new}')" for old, new in legal)


def _row_id() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


# What a trigger refuses: table, event, condition, message. The condition is the same on both
# databases; a row is refused where it is true.
_REFUSED = (
    (
        "items",
        "INSERT",
        "NEW.state <> 'received' OR NEW.original <> 'present' OR NEW.token <> 0",
        "an item begins as received",
    ),
    (
        "items",
        "UPDATE",
        f"OLD.state <> NEW.state AND NOT ({_pairs('state', _LEGAL)})",
        "illegal transition of an item",
    ),
    (
        "items",
        "UPDATE",
        f"OLD.original <> NEW.original AND NOT ({_pairs('original', _LEGAL_ORIGINAL)})",
        "illegal transition of an original",
    ),
    (
        "items",
        "UPDATE",
        "NEW.token < OLD.token OR (NEW.state = 'claimed' AND OLD.state <> 'claimed' AND NEW.token = OLD.token)",
        "a fencing token only grows",
    ),
    (
        "items",
        "UPDATE",
        "NEW.source <> OLD.source OR NEW.orthanc_id <> OLD.orthanc_id OR NEW.received_at <> OLD.received_at",
        "what was received does not change",
    ),
    ("items", "DELETE", "TRUE", "an item is never deleted"),
    ("events", "UPDATE", "TRUE", "an event never changes"),
    ("events", "DELETE", "TRUE", "an event is never deleted"),
    ("audit", "UPDATE", "TRUE", "a line of the audit trail never changes"),
    ("audit", "DELETE", "TRUE", "a line of the audit trail is never deleted"),
)


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("seq", _row_id(), autoincrement=False, nullable=False),
        sa.Column("previous", sa.LargeBinary(length=32), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("seal", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_audit"),
    )
    op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("seal", sa.LargeBinary(length=32), nullable=False),
        sa.Column("anchor", sa.LargeBinary(length=32), nullable=False),
        sa.CheckConstraint("id = 1", name="ck_audit_head_one"),
        sa.PrimaryKeyConstraint("id", name="pk_audit_head"),
    )
    op.create_table(
        "cursors",
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", name="pk_cursors"),
    )
    op.create_table(
        "meta",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_meta"),
    )
    op.create_table(
        "projects",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("patients_indexed", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_projects"),
    )
    op.create_table(
        "patients",
        sa.Column("id", _row_id(), nullable=False),
        sa.Column("project", sa.String(length=64), nullable=False),
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("patient_key", sa.LargeBinary(length=16), nullable=False),
        sa.Column("id_key", sa.LargeBinary(length=16), nullable=False),
        sa.Column("patient_id_enc", sa.LargeBinary(), nullable=True),
        sa.Column("issuer_enc", sa.LargeBinary(), nullable=True),
        sa.Column("patient_name_enc", sa.LargeBinary(), nullable=True),
        sa.Column("birth_date_enc", sa.LargeBinary(), nullable=True),
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.Column("pseudonym", sa.String(length=64), nullable=False),
        sa.Column("pseudonym_name", sa.String(length=64), nullable=False),
        sa.Column("shift_days", sa.Integer(), nullable=False),
        sa.Column("patient_index", sa.Integer(), nullable=True),
        sa.Column("images_numbered", sa.Integer(), server_default="0", nullable=False),
        sa.Column("origin", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("purged_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("origin IN ('drawn', 'imported')", name="ck_patients_origin"),
        sa.ForeignKeyConstraint(["project"], ["projects.name"], name="fk_patients_project"),
        sa.PrimaryKeyConstraint("id", name="pk_patients"),
        sa.UniqueConstraint("project", "patient_index", name="uq_patients_project_patient_index"),
        sa.UniqueConstraint("project", "patient_key", name="uq_patients_project_patient_key"),
        sa.UniqueConstraint("project", "pseudonym", name="uq_patients_project_pseudonym"),
    )
    op.create_index("ix_patients_project_id_key", "patients", ["project", "id_key"], unique=False)
    op.create_table(
        "images",
        sa.Column("patient", _row_id(), nullable=False),
        sa.Column("uid_key", sa.LargeBinary(length=16), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["patient"], ["patients.id"], name="fk_images_patient"),
        sa.PrimaryKeyConstraint("patient", "uid_key", name="pk_images"),
        sa.UniqueConstraint("patient", "number", name="uq_images_patient_number"),
    )
    op.create_table(
        "items",
        sa.Column("id", _row_id(), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("orthanc_id", sa.String(length=64), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("calling_aet", sa.String(length=16), nullable=False),
        sa.Column("called_aet", sa.String(length=16), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("original", sa.String(length=16), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("lease_owner", sa.String(length=128), nullable=True),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lapses", sa.Integer(), nullable=False),
        sa.Column("reason_code", sa.String(length=128), nullable=True),
        sa.Column("reason_path", sa.Text(), nullable=True),
        sa.Column("claimed_at", sa.BigInteger(), nullable=True),
        sa.Column("delivered_at", sa.BigInteger(), nullable=True),
        sa.Column("withdrawn_at", sa.BigInteger(), nullable=True),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("project", sa.String(length=64), nullable=True),
        sa.Column("policy_name", sa.String(length=64), nullable=True),
        sa.Column("policy_version", sa.String(length=64), nullable=True),
        sa.Column("policy_hash", sa.String(length=128), nullable=True),
        sa.Column("patient", _row_id(), nullable=True),
        sa.Column("study_key", sa.LargeBinary(length=16), nullable=True),
        sa.Column("instance_key", sa.LargeBinary(length=16), nullable=True),
        sa.Column("digest", sa.String(length=128), nullable=True),
        sa.Column("result_digest", sa.String(length=128), nullable=True),
        sa.Column("research_id", sa.String(length=64), nullable=True),
        sa.Column("research_study_uid", sa.String(length=64), nullable=True),
        sa.Column("research_series_uid", sa.String(length=64), nullable=True),
        sa.Column("research_sop_uid", sa.String(length=64), nullable=True),
        sa.Column("accepted", sa.Text(), nullable=True),
        sa.Column("instructions", sa.Text(), nullable=True),
        sa.CheckConstraint("(state = 'claimed') = (lease_owner IS NOT NULL)", name="ck_items_lease"),
        sa.CheckConstraint("(state IN ('received', 'claimed')) = (due_at IS NOT NULL)", name="ck_items_due"),
        sa.CheckConstraint("original = 'present' OR state IN ('delivered', 'recalled')", name="ck_items_purge"),
        sa.CheckConstraint("original IN ('present', 'purging', 'purged')", name="ck_items_original"),
        sa.CheckConstraint(
            "state IN ('received', 'claimed', 'delivered', 'held', 'rejected', 'recalled')", name="ck_items_state"
        ),
        sa.CheckConstraint(
            "state NOT IN ('delivered', 'recalled') OR (delivered_at IS NOT NULL AND research_id IS NOT NULL "
            "AND research_sop_uid IS NOT NULL AND project IS NOT NULL AND patient IS NOT NULL AND digest IS NOT NULL)",
            name="ck_items_delivered",
        ),
        sa.CheckConstraint("state NOT IN ('held', 'rejected') OR reason_code IS NOT NULL", name="ck_items_reason"),
        sa.ForeignKeyConstraint(["patient"], ["patients.id"], name="fk_items_patient"),
        sa.PrimaryKeyConstraint("id", name="pk_items"),
        sa.UniqueConstraint("source", "orthanc_id", "generation", name="uq_items_source_orthanc_id_generation"),
    )
    op.create_index("ix_items_counts", "items", ["state", "site", "project", "reason_code"], unique=False)
    op.create_index(
        "ix_items_due",
        "items",
        ["due_at", "id"],
        unique=False,
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_index("ix_items_instance_key", "items", ["instance_key"], unique=False)
    op.create_index(
        "ix_items_open",
        "items",
        ["received_at"],
        unique=False,
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_index("ix_items_patient", "items", ["patient"], unique=False)
    op.create_index("ix_items_research_study_uid", "items", ["research_study_uid"], unique=False)
    op.create_index("ix_items_study_key", "items", ["study_key"], unique=False)
    op.create_table(
        "studies",
        sa.Column("id", _row_id(), nullable=False),
        sa.Column("project", sa.String(length=64), nullable=False),
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("study_key", sa.LargeBinary(length=16), nullable=False),
        sa.Column("patient", _row_id(), nullable=False),
        sa.Column("uid_enc", sa.LargeBinary(), nullable=False),
        sa.Column("accession_enc", sa.LargeBinary(), nullable=True),
        sa.Column("accession_key", sa.LargeBinary(length=16), nullable=True),
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["patient"], ["patients.id"], name="fk_studies_patient"),
        sa.ForeignKeyConstraint(["project"], ["projects.name"], name="fk_studies_project"),
        sa.PrimaryKeyConstraint("id", name="pk_studies"),
        sa.UniqueConstraint("project", "study_key", name="uq_studies_project_study_key"),
    )
    op.create_index("ix_studies_patient", "studies", ["patient"], unique=False)
    op.create_index("ix_studies_project_accession_key", "studies", ["project", "accession_key"], unique=False)
    op.create_table(
        "uids",
        sa.Column("id", _row_id(), nullable=False),
        sa.Column("project", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("uid_key", sa.LargeBinary(length=16), nullable=False),
        sa.Column("new_uid", sa.String(length=64), nullable=False),
        sa.Column("uid_enc", sa.LargeBinary(), nullable=False),
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.Column("patient", _row_id(), nullable=False),
        sa.Column("digest", sa.String(length=128), nullable=True),
        sa.CheckConstraint("kind IN ('study', 'series', 'instance')", name="ck_uids_kind"),
        sa.ForeignKeyConstraint(["patient"], ["patients.id"], name="fk_uids_patient"),
        sa.ForeignKeyConstraint(["project"], ["projects.name"], name="fk_uids_project"),
        sa.PrimaryKeyConstraint("id", name="pk_uids"),
        sa.UniqueConstraint("project", "uid_key", name="uq_uids_project_uid_key"),
    )
    op.create_index("ix_uids_new_uid", "uids", ["new_uid"], unique=False)
    op.create_index("ix_uids_patient", "uids", ["patient"], unique=False)
    op.create_table(
        "events",
        sa.Column("id", _row_id(), nullable=False),
        sa.Column("item", _row_id(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("event", sa.String(length=32), nullable=False),
        sa.Column("by", sa.String(length=128), nullable=False),
        sa.Column("from_state", sa.String(length=16), nullable=True),
        sa.Column("to_state", sa.String(length=16), nullable=False),
        sa.Column("code", sa.String(length=128), nullable=True),
        sa.Column("path", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["item"], ["items.id"], name="fk_events_item"),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
    )
    op.create_index("ix_events_item", "events", ["item"], unique=False)

    if op.get_bind().dialect.name == "postgresql":
        _guard_postgresql()
    else:
        _guard_sqlite()


def _guard_sqlite() -> None:
    for number, (table, event, condition, message) in enumerate(_REFUSED):
        op.execute(
            f"CREATE TRIGGER refuse_{number}_{table} BEFORE {event} ON {table} WHEN {condition}"
            f" BEGIN SELECT RAISE(ABORT, '{message}'); END"
        )


def _guard_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'integrity_constraint_violation'; END $$"
    )
    for number, (table, event, condition, message) in enumerate(_REFUSED):
        op.execute(
            f"CREATE TRIGGER refuse_{number}_{table} BEFORE {event} ON {table} FOR EACH ROW WHEN ({condition})"
            f" EXECUTE FUNCTION refuse('{message}')"
        )
    for table in ("items", "events", "audit"):
        op.execute(
            f"CREATE TRIGGER refuse_truncate_{table} BEFORE TRUNCATE ON {table} FOR EACH STATEMENT"
            f" EXECUTE FUNCTION refuse('{table} is never emptied')"
        )
