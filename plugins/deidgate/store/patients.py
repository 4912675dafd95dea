# SPDX-License-Identifier: Apache-2.0
"""Patients and their pseudonyms: created once, whoever meets the patient first."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from deidgate.errors import CannotDeidentify, ConfigurationError
from deidgate.pseudonym import Pseudonyms, PseudonymStyle, draw_patient_id, draw_shift_days
from deidgate.store.context import Context
from deidgate.store.crypto import plain
from deidgate.store.identity import encrypted_identity, fingerprints
from deidgate.store.model import Identity, PatientMapping
from deidgate.store.projects import locked_project
from deidgate.store.recent import Recent
from deidgate.store.retired import require_current
from deidgate.store.schema import patients, uids

_REMEMBERED = 50_000  # patients: some 40 MB at most
_DRAWS = 20  # of a pseudonym that nobody has; more means that the alphabet or length is too small


@dataclass(frozen=True, slots=True)
class _Patient:
    """A patient as remembered: identity as keyed index values only."""

    mapping: PatientMapping
    name: bytes
    birth_date: bytes

    def lacks(self, identity: Identity) -> bool:
        """Whether `identity` knows something that was blank so far."""
        return bool(
            (plain(identity.patient_name) and not self.name) or (plain(identity.birth_date) and not self.birth_date)
        )


class Patients:
    """Finds and creates patients. What is committed is remembered in the process."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._remembered: Recent[tuple[str, bytes], _Patient] = context.epoch.recent(_REMEMBERED)

    def pseudonyms_for(
        self, project: str, site: str, issuer: str, patient_id: str, identity: Identity, style: PseudonymStyle
    ) -> PatientMapping:
        """See `Mapping.pseudonyms_for`."""
        if not plain(patient_id):
            raise CannotDeidentify("patient-id-blank", "PatientID")
        self._context.epoch.look()
        patient_key = self._context.project(project).index.patient(site, issuer, patient_id)
        found = self._remembered.get((project, patient_key))
        if found is None or found.lacks(identity):
            cleared = self._remembered.cleared
            found = self._stored(project, site, issuer, patient_id, patient_key, identity, style)
            self._remembered.put((project, patient_key), found, cleared)
        name, birth_date = fingerprints(self._context, project, identity)
        differs = {
            field
            for field, ours, theirs in (
                ("patient_name", name, found.name),
                ("birth_date", birth_date, found.birth_date),
            )
            if ours and theirs and ours != theirs
        }
        return replace(found.mapping, differs=frozenset(differs)) if differs else found.mapping

    def made(self, project: str, pseudonym: str, new_uids: frozenset[str]) -> PatientMapping | None:
        """See `Mapping.made`."""
        of_pseudonym = select(patients).where(patients.c.project == project, patients.c.pseudonym == pseudonym)
        with self._context.database.read() as connection:
            row = connection.execute(of_pseudonym.where(patients.c.purged_at.is_(None))).first()
            if row is None:
                return None
            theirs = select(uids.c.new_uid).where(uids.c.patient == row.id, uids.c.new_uid.in_(sorted(new_uids)))
            found = frozenset(connection.execute(theirs).scalars())
        return self._patient(row).mapping if found == new_uids else None

    def _stored(
        self,
        project: str,
        site: str,
        issuer: str,
        patient_id: str,
        patient_key: bytes,
        identity: Identity,
        style: PseudonymStyle,
    ) -> _Patient:
        """The patient from the database, put there first if need be."""
        with self._context.database.read() as connection:
            row = _patient_row(connection, project, patient_key)
        if row is None:
            row = self._put(project, site, issuer, patient_id, patient_key, identity, style)
        found = self._patient(row)
        return self._patient(self._completed(project, patient_key, identity)) if found.lacks(identity) else found

    def _put(
        self,
        project: str,
        site: str,
        issuer: str,
        patient_id: str,
        patient_key: bytes,
        identity: Identity,
        style: PseudonymStyle,
    ) -> Row[Any]:
        """The row of a patient who is met for the first time."""
        with self._context.database.write() as connection:
            require_current(connection, self._context.cipher.key_id)
            # Two workers who meet a patient for the first time queue up here, and the second
            # finds what the first has written.
            locked_project(connection, project)
            row = _patient_row(connection, project, patient_key)
            if row is None:
                values = {
                    "project": project,
                    "site": site,
                    "patient_key": patient_key,
                    "shift_days": draw_shift_days(style, secrets.randbelow),
                    **dict.fromkeys(("pseudonym", "pseudonym_name"), _free_pseudonym(connection, project, style)),
                    "origin": "drawn",
                    "created_at": self._context.clock(),
                    **encrypted_identity(self._context, project, patient_key, issuer, patient_id, identity),
                }
                connection.execute(insert(patients), values)
                row = _patient_row(connection, project, patient_key)
        return _there(row)

    def _completed(self, project: str, patient_key: bytes, identity: Identity) -> Row[Any]:
        """The row, with what was blank in it when the patient was first seen or imported."""
        # Without the lock of the project: who numbers a patient's images has the patient first.
        with self._context.database.write() as connection:
            require_current(connection, self._context.cipher.key_id)
            row = _there(_patient_row(connection, project, patient_key, lock=True))
            found = self._patient(row)
            if found.lacks(identity):
                self._complete(connection, row, found, identity)
                row = _there(_patient_row(connection, project, patient_key))
        return row

    def _patient(self, row: Row[Any]) -> _Patient:
        key = self._context.project(row.project).key
        pseudonyms = Pseudonyms(row.pseudonym, row.pseudonym_name, row.shift_days, key.uid_key)
        identity = Identity(
            *(
                self._context.cipher.decrypt(value, f"patients.{column}", row.patient_key, row.key_id)
                for column, value in (("patient_name", row.patient_name_enc), ("birth_date", row.birth_date_enc))
            )
        )
        name, birth_date = fingerprints(self._context, row.project, identity)
        return _Patient(PatientMapping(row.id, row.project, pseudonyms), name, birth_date)

    def _complete(self, connection: Connection, row: Row[Any], found: _Patient, identity: Identity) -> None:
        """Fill in what was blank when the patient was first seen or imported."""
        cipher = self._context.cipher
        values = {}
        for column, value, have in (
            ("patient_name", identity.patient_name, found.name),
            ("birth_date", identity.birth_date, found.birth_date),
        ):
            if plain(value) and not have:
                sealed = cipher.encrypt(plain(value), f"patients.{column}", row.patient_key, row.key_id)
                values[f"{column}_enc"] = sealed
        connection.execute(update(patients).where(patients.c.id == row.id).values(values))


def _patient_row(connection: Connection, project: str, patient_key: bytes, *, lock: bool = False) -> Row[Any] | None:
    """The patient's row; with `lock` nobody purges or re-encrypts it until the transaction ends."""
    query = select(patients).where(patients.c.project == project, patients.c.patient_key == patient_key)
    return connection.execute(query.with_for_update() if lock else query).one_or_none()


def _there(row: Row[Any] | None) -> Row[Any]:
    if row is None:
        raise ConfigurationError("mapping-row-vanished")
    return row


def _free_pseudonym(connection: Connection, project: str, style: PseudonymStyle) -> str:
    for _ in range(_DRAWS):
        drawn = draw_patient_id(style, secrets.randbelow)
        query = select(patients.c.id).where(patients.c.project == project, patients.c.pseudonym == drawn)
        if connection.execute(query).one_or_none() is None:
            return drawn
    raise ConfigurationError("pseudonyms-exhausted", "pseudonym.length")
