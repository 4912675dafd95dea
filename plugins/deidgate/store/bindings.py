# SPDX-License-Identifier: Apache-2.0
"""Which patient a study belongs to: the one that it was seen with first.

Whoever is bound, whatever site sent it: two patients in one study, or one study from two
sites under two Patient IDs, are one study at research and must not be two patients there.
"""

from __future__ import annotations

from sqlalchemy import select

from deidgate.store.context import Context
from deidgate.store.crypto import plain
from deidgate.store.dialect import insert_new
from deidgate.store.model import Bound, Conflict
from deidgate.store.recent import Recent
from deidgate.store.retired import require_current
from deidgate.store.schema import studies

_REMEMBERED = 50_000  # studies: some 15 MB at most


class Bindings:
    """Binds studies. What is committed is remembered in the process."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._remembered: Recent[tuple[str, bytes], tuple[int, int]] = context.epoch.recent(_REMEMBERED)

    def bind_study(
        self, project: str, site: str, study_uid: str, patient: int, accession: str = ""
    ) -> Bound | Conflict:
        """See `Mapping.bind_study`."""
        self._context.epoch.look()
        study_key = self._context.ledger_index.study(study_uid)
        bound = self._remembered.get((project, study_key))
        if bound is None:
            cleared = self._remembered.cleared
            bound = self._bound(project, site, study_uid, study_key, patient, accession)
            self._remembered.put((project, study_key), bound, cleared)
        study, owner = bound
        return Bound(study) if owner == patient else Conflict(study, owner)

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
                require_current(connection, cipher.key_id)
                insert_new(connection, studies, [values])
                row = connection.execute(query).one()
        return row.id, row.patient
