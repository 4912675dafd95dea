# SPDX-License-Identifier: Apache-2.0
"""From rows of `items` to what a person sees, and from a selection to a condition."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, select, true

from deidgate.store.model import ItemFilter, ItemView
from deidgate.store.schema import items, patients
from deidgate.store.states import Original, State

VIEW = select(
    *(
        items.c[name]
        for name in (
            "id",
            "token",
            "source",
            "orthanc_id",
            "site",
            "calling_aet",
            "called_aet",
            "project",
            "policy_name",
            "policy_version",
            "policy_hash",
            "state",
            "original",
            "reason_code",
            "reason_path",
            "attempts",
            "received_at",
            "due_at",
            "claimed_at",
            "delivered_at",
            "changed_at",
            "digest",
            "result_digest",
            "patient",
            "study_key",
            "research_id",
            "research_study_uid",
            "research_series_uid",
            "research_sop_uid",
        )
    )
)


def view(row: Row[Any]) -> ItemView:
    """A row of `VIEW` as a value."""
    fields = dict(row._mapping)
    fields["state"] = State(row.state)
    fields["original"] = Original(row.original)
    due_at = fields.pop("due_at")
    fields["not_before"] = due_at if row.state == State.RECEIVED else None
    fields["study_key"] = row.study_key.hex() if row.study_key else None
    return ItemView(**fields)


def matching(selection: ItemFilter) -> ColumnElement[bool]:
    """The condition that `selection` means."""
    conditions: list[ColumnElement[bool]] = [
        items.c[column] == value
        for column, value in (
            ("site", selection.site),
            ("project", selection.project),
            ("reason_code", selection.code),
            ("study_key", bytes.fromhex(selection.study_key) if selection.study_key else None),
            ("policy_name", selection.policy_name),
            ("policy_version", selection.policy_version),
            ("original", selection.original),
            ("research_study_uid", selection.research_study_uid),
            ("research_series_uid", selection.research_series_uid),
        )
        if value is not None
    ]
    if selection.states:
        conditions.append(items.c.state.in_(sorted(selection.states)))
    if selection.item_ids:
        conditions.append(items.c.id.in_(sorted(selection.item_ids)))
    if selection.pseudonym is not None:
        named = select(patients.c.id).where(patients.c.pseudonym == selection.pseudonym)
        conditions.append(items.c.patient.in_(named))
    if selection.received_before is not None:
        conditions.append(items.c.received_at < selection.received_before)
    if selection.received_since is not None:
        conditions.append(items.c.received_at >= selection.received_since)
    return and_(true(), *conditions)


def page(selection: ItemFilter, limit: int, after: int) -> Select[Any]:
    """Items of `selection` in order of id, from the one after `after`."""
    return VIEW.where(matching(selection), items.c.id > after).order_by(items.c.id).limit(limit)


def described(selection: ItemFilter) -> list[str]:
    """`selection` for the audit trail."""
    words = []
    for name in ItemFilter.__dataclass_fields__:
        value = getattr(selection, name)
        if value is None or value == frozenset():
            continue
        shown = ",".join(str(v) for v in sorted(value)) if isinstance(value, frozenset) else str(value)
        words.append(f"{name}:{shown}")
    return words
