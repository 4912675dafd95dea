# SPDX-License-Identifier: Apache-2.0
"""The tables. What they refuse beyond this is in the migrations, as triggers.

Columns that end in ``_enc`` hold AES-GCM ciphertext under the key that ``key_id`` names;
columns that end in ``_key`` hold keyed index values (`crypto.LedgerIndex`, `crypto.ProjectIndex`).
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from deidgate.store.types import Instant, RowId

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# What an index is for that is about work to be done.
_WHILE_DUE: Any = {"sqlite_where": text("due_at IS NOT NULL"), "postgresql_where": text("due_at IS NOT NULL")}

# Facts about the database itself, by name: the check value of the pseudonym key, the mapping's epoch, retired keys.
meta = Table(
    "meta",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)

# How far the changes of each ingest server are in the ledger.
cursors = Table(
    "cursors",
    metadata,
    Column("source", String(64), primary_key=True),
    Column("seq", BigInteger, nullable=False),
)

# -- mapping table ------------------------------------------------------------------------

# One row per project: its counter, and the lock under which patients are created.
projects = Table(
    "projects",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("patients_indexed", Integer, nullable=False),
)

patients = Table(
    "patients",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("project", ForeignKey("projects.name"), nullable=False),
    Column("site", String(64), nullable=False),  # that sent the patient first
    Column("patient_key", LargeBinary(16), nullable=False),  # of issuer or site, and Patient ID
    Column("id_key", LargeBinary(16), nullable=False),  # of the Patient ID alone
    Column("patient_id_enc", LargeBinary),  # the _enc columns are null once purged
    Column("issuer_enc", LargeBinary),
    Column("patient_name_enc", LargeBinary),
    Column("birth_date_enc", LargeBinary),
    Column("key_id", String(16), nullable=False),
    Column("pseudonym", String(64), nullable=False),
    Column("pseudonym_name", String(64), nullable=False),
    Column("shift_days", Integer, nullable=False),
    Column("patient_index", Integer),  # null until somebody asked for it
    Column("images_numbered", Integer, nullable=False, server_default="0"),
    Column("origin", String(16), nullable=False),  # drawn | imported
    Column("created_at", Instant, nullable=False),
    Column("purged_at", Instant),
    UniqueConstraint("project", "patient_key"),
    UniqueConstraint("project", "pseudonym"),
    UniqueConstraint("project", "patient_index"),
    CheckConstraint("origin IN ('drawn', 'imported')", name="origin"),
    Index(None, "project", "id_key"),
)

studies = Table(
    "studies",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("project", ForeignKey("projects.name"), nullable=False),
    Column("site", String(64), nullable=False),
    Column("study_key", LargeBinary(16), nullable=False),  # the same as in `items`
    Column("patient", ForeignKey("patients.id"), nullable=False),
    Column("uid_enc", LargeBinary, nullable=False),
    Column("accession_enc", LargeBinary),
    Column("accession_key", LargeBinary(16)),
    Column("key_id", String(16), nullable=False),
    Column("created_at", Instant, nullable=False),
    UniqueConstraint("project", "study_key"),
    Index(None, "project", "accession_key"),
    Index(None, "patient"),
)

uids = Table(
    "uids",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("project", ForeignKey("projects.name"), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("uid_key", LargeBinary(16), nullable=False),
    Column("new_uid", String(64), nullable=False),
    Column("uid_enc", LargeBinary, nullable=False),
    Column("key_id", String(16), nullable=False),
    Column("patient", ForeignKey("patients.id"), nullable=False),
    Column("digest", String(128)),  # of the original that was delivered last; instances only
    UniqueConstraint("project", "uid_key"),
    CheckConstraint("kind IN ('study', 'series', 'instance')", name="kind"),
    Index(None, "new_uid"),
    Index(None, "patient"),
)

images = Table(
    "images",
    metadata,
    Column("patient", ForeignKey("patients.id"), primary_key=True),
    Column("uid_key", LargeBinary(16), primary_key=True),
    Column("number", Integer, nullable=False),
    UniqueConstraint("patient", "number"),
)

# -- ledger -------------------------------------------------------------------------------

items = Table(
    "items",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("source", String(64), nullable=False),
    Column("orthanc_id", String(64), nullable=False),
    Column("generation", BigInteger, nullable=False),
    Column("site", String(64), nullable=False),
    Column("calling_aet", String(16), nullable=False),
    Column("called_aet", String(16), nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("state", String(16), nullable=False),
    Column("original", String(16), nullable=False),
    # When a worker may take the item: `received` not before this, `claimed` when the lease ends; else null.
    Column("due_at", Instant),
    Column("turn", BigInteger, nullable=False, server_default="0"),  # order of serving among sites: `turns`
    Column("lease_owner", String(128)),
    Column("token", BigInteger, nullable=False),  # fencing: grows with every claim and every decision
    Column("attempts", Integer, nullable=False),
    Column("lapses", Integer, nullable=False),  # leases in a row that ran out
    Column("reason_code", String(128)),
    Column("reason_path", Text),
    Column("claimed_at", Instant),
    Column("delivered_at", Instant),
    Column("withdrawn_at", Instant),  # research confirmed the deletion after a recall
    Column("changed_at", Instant, nullable=False),
    Column("project", String(64)),
    Column("policy_name", String(64)),
    Column("policy_version", String(64)),
    Column("policy_hash", String(128)),
    Column("patient", ForeignKey("patients.id")),
    Column("study_key", LargeBinary(16)),
    Column("instance_key", LargeBinary(16)),
    Column("digest", String(128)),
    Column("result_digest", String(128)),
    Column("research_id", String(64)),
    Column("research_study_uid", String(64)),
    Column("research_series_uid", String(64)),
    Column("research_sop_uid", String(64)),
    Column("accepted", Text),  # reason codes that a person accepted, separated by spaces
    Column("instructions", Text),  # JSON: what the person decided
    UniqueConstraint("source", "orthanc_id", "generation"),
    CheckConstraint(
        "state IN ('received', 'claimed', 'delivered', 'held', 'rejected', 'recalled')",
        name="state",
    ),
    CheckConstraint("original IN ('present', 'purging', 'purged')", name="original"),
    CheckConstraint("(state IN ('received', 'claimed')) = (due_at IS NOT NULL)", name="due"),
    CheckConstraint("(state = 'claimed') = (lease_owner IS NOT NULL)", name="lease"),
    CheckConstraint("state NOT IN ('held', 'rejected') OR reason_code IS NOT NULL", name="reason"),
    CheckConstraint(
        "state NOT IN ('delivered', 'recalled') OR (delivered_at IS NOT NULL AND research_id IS NOT NULL"
        " AND research_sop_uid IS NOT NULL AND project IS NOT NULL AND patient IS NOT NULL AND digest IS NOT NULL)",
        name="delivered",
    ),
    CheckConstraint("original = 'present' OR state IN ('delivered', 'recalled')", name="purge"),
    Index(
        "ix_items_turn",
        "turn",
        "id",
        "due_at",
        **_WHILE_DUE,
    ),
    Index(
        "ix_items_site_turn",
        "site",
        "turn",
        **_WHILE_DUE,
    ),
    Index(
        "ix_items_open",
        "received_at",
        **_WHILE_DUE,
    ),
    Index("ix_items_counts", "state", "site", "project", "reason_code"),
    Index(None, "study_key"),
    Index(None, "instance_key"),
    Index(None, "patient"),
    Index(None, "research_study_uid"),
)

events = Table(
    "events",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("item", ForeignKey("items.id"), nullable=False),
    Column("at", Instant, nullable=False),
    Column("event", String(32), nullable=False),
    Column("by", String(128), nullable=False),
    Column("from_state", String(16)),
    Column("to_state", String(16), nullable=False),
    Column("code", String(128)),
    Column("path", Text),
    Index(None, "item"),
)

# -- further destinations -------------------------------------------------------------------

# What of the delivered items is handed on to which further destination; no row, no further destination.
forwards = Table(
    "forwards",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("item", ForeignKey("items.id"), nullable=False),
    Column("destination", String(64), nullable=False),
    Column("digest", String(128), nullable=False),  # of the file that is meant: as `items.result_digest`
    Column("state", String(16), nullable=False),
    # When a courier may take it: `waiting` not before this, `claimed` when the lease ends; else null.
    Column("due_at", Instant),
    Column("lease_owner", String(128)),
    Column("token", BigInteger, nullable=False),  # fencing: grows with every claim and every decision
    Column("attempts", Integer, nullable=False),  # 0: nothing can have left
    Column("reason_code", String(128)),
    Column("reason_path", Text),
    Column("confirmation", String(32)),  # what it is confirmed by
    Column("confirmed_at", Instant),
    Column("changed_at", Instant, nullable=False),
    UniqueConstraint("item", "destination"),
    CheckConstraint(
        "state IN ('waiting', 'claimed', 'confirmed', 'held', 'recalled', 'withdrawn')",
        name="state",
    ),
    CheckConstraint("(state IN ('waiting', 'claimed')) = (due_at IS NOT NULL)", name="due"),
    CheckConstraint("(state = 'claimed') = (lease_owner IS NOT NULL)", name="lease"),
    CheckConstraint("state NOT IN ('held', 'recalled') OR reason_code IS NOT NULL", name="reason"),
    CheckConstraint("(state = 'confirmed') = (confirmation IS NOT NULL)", name="confirmation"),
    Index(
        "ix_forwards_due",
        "destination",
        "due_at",
        "id",
        **_WHILE_DUE,
    ),
    Index("ix_forwards_counts", "destination", "state", "reason_code"),
)

# -- audit --------------------------------------------------------------------------------

audit = Table(
    "audit",
    metadata,
    Column("seq", RowId, primary_key=True, autoincrement=False),
    Column("previous", LargeBinary(32), nullable=False),
    Column("body", Text, nullable=False),  # canonical JSON
    Column("seal", LargeBinary(32), nullable=False),  # keyed, over `previous` and `body`
)

# What needs two people: asked for by one, approved by another, used once by the first.
approvals = Table(
    "approvals",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("action", String(32), nullable=False),
    Column("project", String(64)),  # null: all projects
    Column("asked_by", String(128), nullable=False),
    Column("asked_at", Instant, nullable=False),
    Column("why", Text, nullable=False),
    Column("approved_by", String(128)),
    Column("approved_at", Instant),
    Column("used_at", Instant),
    CheckConstraint("approved_by IS NULL OR approved_by <> asked_by", name="two_people"),
    CheckConstraint("(approved_by IS NULL) = (approved_at IS NULL)", name="approved"),
    CheckConstraint("used_at IS NULL OR approved_at IS NOT NULL", name="used"),
)

# One row: the last line of the trail, sealed, so that cutting off the end shows.
audit_head = Table(
    "audit_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    Column("seal", LargeBinary(32), nullable=False),
    Column("anchor", LargeBinary(32), nullable=False),  # keyed, over `seq` and `seal`
    CheckConstraint("id = 1", name="one"),
)
