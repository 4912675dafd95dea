# SPDX-License-Identifier: Apache-2.0
"""The mapping table as the engine uses it: stored first, used second.

What is committed is remembered in the process, so that the next instance of the same patient
costs no query. Rows of the mapping never change once they are there, except when a patient is
purged; then the epoch of the mapping grows, and every process forgets what it remembered
before it answers again (it looks at most once per `_EPOCH_S`).
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from deidgate.errors import CannotDeidentify, ConfigurationError
from deidgate.pseudonym import ProjectKey, Pseudonyms, PseudonymStyle, draw_patient_id, draw_shift_days
from deidgate.store.context import Context
from deidgate.store.crypto import index_value, plain
from deidgate.store.deliveries import uid_row
from deidgate.store.dialect import chunks, insert_new
from deidgate.store.epoch import read_epoch
from deidgate.store.model import Bound, Conflict, Identity, PatientMapping, UidKind, UidPair
from deidgate.store.recent import Recent
from deidgate.store.schema import images, patients, projects, studies, uids

_REMEMBERED = 50_000  # patients and studies each: some 40 MB at most
_EPOCH_S = 1.0  # how long a purge by another process may go unnoticed here
_DRAWS = 20  # of a pseudonym that nobody has; more means that the alphabet or length is too small


@dataclass(frozen=True, slots=True)
class _Patient:
    """A patient as remembered: identity as keyed index values only."""

    mapping: PatientMapping
    name: bytes
    birth_date: bytes


class Mapping:
    """Patients, studies and UIDs of every project. Calls are safe from several processes."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._patients: Recent[tuple[str, bytes], _Patient] = Recent(_REMEMBERED)
        self._studies: Recent[tuple[str, bytes], tuple[int, int]] = Recent(_REMEMBERED)
        self._indices: Recent[int, int] = Recent(_REMEMBERED)
        self._epoch = -1
        self._epoch_read = float("-inf")

    def project_key(self, project: str) -> ProjectKey:
        """The derived keys of `project`."""
        return self._context.project(project).key

    def pseudonyms_for(
        self, project: str, site: str, issuer: str, patient_id: str, identity: Identity, style: PseudonymStyle
    ) -> PatientMapping:
        """The patient's mapping, created and committed on the first call of any process.

        A patient is (project, issuer, Patient ID) if `issuer` is not blank, else
        (project, site, Patient ID): pass an issuer only if the policy trusts it. `identity` is
        kept encrypted; the first non-blank values stay, and `differs` tells what differed.

        Raises
        ------
        CannotDeidentify
            ``patient-id-blank``.
        """
        if not plain(patient_id):
            raise CannotDeidentify("patient-id-blank", "PatientID")
        self._forget_if_purged()
        patient_key = self._context.project(project).index.patient(site, issuer, patient_id)
        found = self._patients.get((project, patient_key))
        if found is None or self._adds(found, identity):
            found = self._stored(project, site, issuer, patient_id, patient_key, identity, style)
            self._patients.put((project, patient_key), found)
        name, birth_date = self._fingerprints(project, identity)
        differs = {
            field
            for field, ours, theirs in (
                ("patient_name", name, found.name),
                ("birth_date", birth_date, found.birth_date),
            )
            if ours and theirs and ours != theirs
        }
        return replace(found.mapping, differs=frozenset(differs)) if differs else found.mapping

    def bind_study(
        self, project: str, site: str, study_uid: str, patient: int, accession: str = ""
    ) -> Bound | Conflict:
        """Bind an original study to the patient seen in it first; tell if that was another."""
        self._forget_if_purged()
        study_key = self._context.ledger_index.study(study_uid)
        bound = self._studies.get((project, study_key))
        if bound is None:
            bound = self._bound(project, site, study_uid, study_key, patient, accession)
            self._studies.put((project, study_key), bound)
        study, owner = bound
        return Bound(study) if owner == patient else Conflict(study, owner)

    def known_instance(self, project: str, sop_uid: str) -> str | None:
        """The digest of the original that was delivered under this SOP Instance UID last."""
        return self.known_instances(project, (sop_uid,)).get(sop_uid)

    def known_instances(self, project: str, sop_uids: Iterable[str]) -> dict[str, str]:
        """As `known_instance`, for many in one query; those never delivered are absent."""
        index = self._context.project(project).index
        by_key = {index.uid(uid): uid for uid in sop_uids}
        known: dict[str, str] = {}
        with self._context.database.read() as connection:
            for some in chunks(list(by_key)):
                query = select(uids.c.uid_key, uids.c.digest).where(
                    uids.c.project == project, uids.c.uid_key.in_(some), uids.c.digest.is_not(None)
                )
                known.update({by_key[row.uid_key]: str(row.digest) for row in connection.execute(query)})
        return known

    def record_uids(
        self, project: str, patient: int, uid_pairs: Sequence[UidPair], digests: Sequence[str | None] | None = None
    ) -> None:
        """Record UID pairs without an item of the ledger (folders): many in one commit.

        `digests` are those of the originals, one for each pair; only an instance's is kept.
        """
        index = self._context.project(project).index
        rows = {}
        for pair, digest in zip(uid_pairs, digests or [None] * len(uid_pairs), strict=True):
            key = index.uid(pair.original)
            kept = digest if pair.kind is UidKind.INSTANCE else None
            rows[key] = uid_row(self._context, project, patient, pair, key, kept)
        with self._context.database.write() as connection:
            insert_new(connection, uids, [rows[key] for key in sorted(rows)])

    def patient_index(self, project: str, patient: int) -> int:
        """1, 2, 3 … in the order in which patients of the project were first asked for; stable."""
        known = self._indices.get(patient)
        if known is not None:
            return known
        with self._context.database.write() as connection:
            counter = _locked_project(connection, project)
            query = select(patients.c.patient_index).where(patients.c.id == patient, patients.c.project == project)
            number: int | None = connection.execute(query).scalar_one()
            if number is None:
                number = counter + 1
                connection.execute(update(patients).where(patients.c.id == patient).values(patient_index=number))
                connection.execute(update(projects).where(projects.c.name == project).values(patients_indexed=number))
        self._indices.put(patient, number)
        return number

    def image_numbers(self, project: str, patient: int, sop_uids: Sequence[str]) -> list[int]:
        """1, 2, 3 … per patient in the order first asked for; the same UID gets the same number."""
        index = self._context.project(project).index
        keys = [index.uid(uid) for uid in sop_uids]
        with self._context.database.write() as connection:
            last = connection.execute(
                select(patients.c.images_numbered).where(patients.c.id == patient).with_for_update()
            ).scalar_one()
            numbers: dict[bytes, int] = {}
            for some in chunks(sorted(set(keys))):
                query = select(images.c.uid_key, images.c.number).where(
                    images.c.patient == patient, images.c.uid_key.in_(some)
                )
                numbers.update({row.uid_key: row.number for row in connection.execute(query)})
            new = [key for key in dict.fromkeys(keys) if key not in numbers]
            numbers.update({key: last + place for place, key in enumerate(new, start=1)})
            if new:
                rows = [{"patient": patient, "uid_key": key, "number": numbers[key]} for key in new]
                connection.execute(insert(images), rows)
                values = {"images_numbered": last + len(new)}
                connection.execute(update(patients).where(patients.c.id == patient).values(values))
        return [numbers[key] for key in keys]

    # -- patients -------------------------------------------------------------------------

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
        if row is not None:
            found = self._patient(row)
            if not self._adds(found, identity):
                return found
        with self._context.database.write() as connection:
            # Two workers who meet a patient for the first time queue up here, and the second
            # finds what the first has written.
            _locked_project(connection, project)
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
            elif self._adds(self._patient(row), identity):
                self._complete(connection, row, identity)
            row = _patient_row(connection, project, patient_key)
        if row is None:
            raise ConfigurationError("mapping-row-vanished")
        return self._patient(row)

    def _patient(self, row: Row[Any]) -> _Patient:
        key = self._context.project(row.project).key
        pseudonyms = Pseudonyms(row.pseudonym, row.pseudonym_name, row.shift_days, key.uid_key)
        identity = Identity(
            *(
                self._context.cipher.decrypt(value, f"patients.{column}", row.patient_key, row.key_id)
                for column, value in (("patient_name", row.patient_name_enc), ("birth_date", row.birth_date_enc))
            )
        )
        name, birth_date = self._fingerprints(row.project, identity)
        return _Patient(PatientMapping(row.id, row.project, pseudonyms), name, birth_date)

    def _complete(self, connection: Connection, row: Row[Any], identity: Identity) -> None:
        """Fill in what was blank when the patient was first seen or imported."""
        found, cipher = self._patient(row), self._context.cipher
        values = {}
        for column, value, have in (
            ("patient_name", identity.patient_name, found.name),
            ("birth_date", identity.birth_date, found.birth_date),
        ):
            if plain(value) and not have:
                sealed = cipher.encrypt(plain(value), f"patients.{column}", row.patient_key, row.key_id)
                values[f"{column}_enc"] = sealed
        connection.execute(update(patients).where(patients.c.id == row.id).values(values))

    def _adds(self, found: _Patient, identity: Identity) -> bool:
        """Whether `identity` knows something that was blank so far."""
        return bool(plain(identity.patient_name) and not found.name) or bool(
            plain(identity.birth_date) and not found.birth_date
        )

    def _fingerprints(self, project: str, identity: Identity) -> tuple[bytes, bytes]:
        """Keyed values that are equal if two identities are; empty for what is blank."""
        key = self._context.project(project).key.index_key
        # Empty trailing components and upper case are spelling. Source: PS3.5 6.2.1.
        name = plain(identity.patient_name).casefold().rstrip("^= ")
        birth_date = plain(identity.birth_date)
        return (
            index_value(key, "name", name) if name else b"",
            index_value(key, "birth-date", birth_date) if birth_date else b"",
        )

    # -- studies --------------------------------------------------------------------------

    def _bound(
        self, project: str, site: str, study_uid: str, study_key: bytes, patient: int, accession: str
    ) -> tuple[int, int]:
        query = select(studies.c.id, studies.c.patient).where(
            studies.c.project == project, studies.c.study_key == study_key
        )
        with self._context.database.read() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            cipher, index = self._context.cipher, self._context.project(project).index
            number = plain(accession)
            values = {
                "project": project,
                "site": site,
                "study_key": study_key,
                "patient": patient,
                "uid_enc": cipher.encrypt(study_uid, "studies.uid", study_key),
                "accession_enc": cipher.encrypt(number, "studies.accession", study_key) if number else None,
                "accession_key": index.accession(number) if number else None,
                "key_id": cipher.key_id,
                "created_at": self._context.clock(),
            }
            with self._context.database.write() as connection:
                insert_new(connection, studies, [values])
                row = connection.execute(query).one()
        return row.id, row.patient

    # -- purge by others ------------------------------------------------------------------

    def _forget_if_purged(self) -> None:
        now = time.monotonic()
        if now - self._epoch_read < _EPOCH_S:
            return
        with self._context.database.read() as connection:
            epoch = read_epoch(connection)
        if epoch != self._epoch:
            for remembered in (self._patients, self._studies, self._indices):
                remembered.clear()
        self._epoch, self._epoch_read = epoch, now


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


def _patient_row(connection: Connection, project: str, patient_key: bytes) -> Row[Any] | None:
    query = select(patients).where(patients.c.project == project, patients.c.patient_key == patient_key)
    return connection.execute(query).one_or_none()


def _locked_project(connection: Connection, project: str) -> int:
    """The number of patients that have an index; the project is ours until the transaction ends."""
    query = select(projects.c.patients_indexed).where(projects.c.name == project).with_for_update()
    counter: int | None = connection.execute(query).scalar_one_or_none()
    if counter is None:
        insert_new(connection, projects, [{"name": project, "patients_indexed": 0}])
        return int(connection.execute(query).scalar_one())
    return counter


def _free_pseudonym(connection: Connection, project: str, style: PseudonymStyle) -> str:
    for _ in range(_DRAWS):
        drawn = draw_patient_id(style, secrets.randbelow)
        query = select(patients.c.id).where(patients.c.project == project, patients.c.pseudonym == drawn)
        if connection.execute(query).one_or_none() is None:
            return drawn
    raise ConfigurationError("pseudonyms-exhausted", "pseudonym.length")
