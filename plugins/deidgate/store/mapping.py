# SPDX-License-Identifier: Apache-2.0
"""The mapping table as the engine uses it: stored first, used second.

What is committed is remembered in the process, so that the next instance of the same patient
costs no query. Rows of the mapping never change once they are there, except when a patient is
purged; see `epoch`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import select

from deidgate.pseudonym import ProjectKey, PseudonymStyle
from deidgate.store.bindings import Bindings
from deidgate.store.context import Context
from deidgate.store.deliveries import uid_row
from deidgate.store.dialect import chunks, insert_new
from deidgate.store.model import Bound, Conflict, Identity, PatientMapping, UidKind, UidPair
from deidgate.store.numbers import Numbers
from deidgate.store.patients import Patients
from deidgate.store.retired import require_current
from deidgate.store.schema import uids


class Mapping:
    """Patients, studies and UIDs of every project. Calls are safe from several processes."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._patients = Patients(context)
        self._bindings = Bindings(context)
        self._numbers = Numbers(context)

    def project_key(self, project: str) -> ProjectKey:
        """The derived keys of `project`."""
        return self._context.project(project).key

    def pseudonyms_for(
        self, project: str, site: str, issuer: str, patient_id: str, identity: Identity, style: PseudonymStyle
    ) -> PatientMapping:
        """The patient's mapping, created and committed on the first call of any process.

        A patient is (project, site, Patient ID), or (project, issuer, Patient ID) if `issuer` is not blank. Nobody
        passes one: see docs/decisions/2026-11-21-the-issuer-decides-nothing.md. `identity` is kept encrypted; the
        first non-blank values stay, and `differs` tells what differed.

        Raises
        ------
        CannotDeidentify
            ``patient-id-blank``.
        """
        return self._patients.pseudonyms_for(project, site, issuer, patient_id, identity, style)

    def made(self, project: str, pseudonym: str, new_uids: Collection[str]) -> PatientMapping | None:
        """The patient with this pseudonym, if all of `new_uids` were made for that patient; else None."""
        return self._patients.made(project, pseudonym, frozenset(new_uids))

    def bind_study(
        self, project: str, site: str, study_uid: str, patient: int, accession: str = ""
    ) -> Bound | Conflict:
        """Bind an original study to the patient seen in it first; tell if that was another."""
        return self._bindings.bind_study(project, site, study_uid, patient, accession)

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
            require_current(connection, self._context.cipher.key_id)
            insert_new(connection, uids, [rows[key] for key in sorted(rows)])

    def patient_index(self, project: str, patient: int) -> int:
        """1, 2, 3 … in the order in which patients of the project were first asked for; stable."""
        return self._numbers.patient_index(project, patient)

    def image_numbers(self, project: str, patient: int, sop_uids: Sequence[str]) -> list[int]:
        """1, 2, 3 … per patient in the order first asked for; the same UID gets the same number."""
        return self._numbers.image_numbers(project, patient, sop_uids)
