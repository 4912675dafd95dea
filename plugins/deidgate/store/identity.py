# SPDX-License-Identifier: Apache-2.0
"""A patient's identity as columns, and as values that can be compared without it."""

from __future__ import annotations

from typing import Any

from deidgate.store.context import Context
from deidgate.store.crypto import index_value, plain
from deidgate.store.model import Identity


def encrypted_identity(
    context: Context, project: str, patient_key: bytes, issuer: str, patient_id: str, identity: Identity
) -> dict[str, Any]:
    """The identifying columns of a row of `patients`, and what finds it by Patient ID."""
    values = {
        "patient_id": plain(patient_id),
        "issuer": plain(issuer),
        "patient_name": plain(identity.patient_name),
        "birth_date": plain(identity.birth_date),
    }
    sealed: dict[str, Any] = {
        f"{column}_enc": context.cipher.encrypt(value, f"patients.{column}", patient_key)
        for column, value in values.items()
    }
    return sealed | {
        "key_id": context.cipher.key_id,
        "id_key": context.project(project).index.patient_id(patient_id),
    }


def fingerprints(context: Context, project: str, identity: Identity) -> tuple[bytes, bytes]:
    """Keyed values of name and birth date that are equal if two identities are; empty for what is blank."""
    key = context.project(project).key.index_key
    # Empty trailing components and letter case are spelling. Source: PS3.5 6.2.1.
    name = plain(identity.patient_name).casefold().rstrip("^= ")
    birth_date = plain(identity.birth_date)
    return (
        index_value(key, "name", name) if name else b"",
        index_value(key, "birth-date", birth_date) if birth_date else b"",
    )
