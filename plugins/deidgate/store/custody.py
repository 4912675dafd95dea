# SPDX-License-Identifier: Apache-2.0
"""The mapping table as people use it. Everything here is audited before it answers."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, or_, select, update

from deidgate.pseudonym import PseudonymStyle
from deidgate.store.approvals import required, use
from deidgate.store.context import Context
from deidgate.store.epoch import next_epoch
from deidgate.store.importing import import_patients
from deidgate.store.model import Found, Identity, ImportReport, PatientRow, UidKind, UidPair
from deidgate.store.reasons import stated
from deidgate.store.rotation import rotate, values_under
from deidgate.store.schema import images, patients, projects, studies, uids

_PAGE = 2000


class Custody:
    """Look-ups, imports, exports, purge and rotation. `by` and `why` must not be blank."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def look_up(self, value: str, by: str, why: str, project: str | None = None) -> list[Found]:
        """Every mapping with this Patient ID, accession number, UID or pseudonym, original or new.

        The audit trail keeps the pseudonyms that were found; not what was asked for, which may
        be an identity.
        """
        stated(by, why)
        with self._context.database.write() as connection:
            found = [
                answer
                for name in _projects(connection, project)
                for answer in self._look_up(connection, name, value.strip())
            ]
            objects = sorted({f"patient:{answer.project}:{answer.pseudonym}" for answer in found})
            self._context.trail.append(connection, self._context.clock(), by, "look-up", objects, why)
        return found

    def import_patients(
        self, rows: Iterable[PatientRow], style: PseudonymStyle, by: str, why: str, *, dry_run: bool
    ) -> ImportReport:
        """Pre-assigned pseudonyms: all lines are written, or none and the report says why."""
        stated(by, why)
        return import_patients(self._context, list(rows), style, by, why, dry_run=dry_run)

    def export_patients(
        self, by: str, why: str, project: str | None = None, *, approval: int | None = None
    ) -> Iterator[tuple[str, str]]:
        """(original Patient ID, pseudonym) of every patient that is not purged.

        Raises
        ------
        NotApproved
            Two people are required (`Approvals.require`) and `approval` is not one for this.
        """
        query = select(
            patients.c.id, patients.c.patient_id_enc, patients.c.patient_key, patients.c.key_id, patients.c.pseudonym
        ).where(patients.c.purged_at.is_(None))
        if project is not None:
            query = query.where(patients.c.project == project)
        self._audit_export("export-patients", by, why, project, approval)
        return (
            (self._decrypted(row.patient_id_enc, "patients.patient_id", row.patient_key, row.key_id), row.pseudonym)
            for row in self._pages(query, patients.c.id)
        )

    def export_uids(
        self, by: str, why: str, project: str | None = None, *, approval: int | None = None
    ) -> Iterator[tuple[str, str]]:
        """(original UID, new UID) of every study, series and instance that was delivered.

        Raises
        ------
        NotApproved
            As for `export_patients`.
        """
        query = select(uids.c.id, uids.c.uid_enc, uids.c.uid_key, uids.c.key_id, uids.c.new_uid)
        if project is not None:
            query = query.where(uids.c.project == project)
        self._audit_export("export-uids", by, why, project, approval)
        return (
            (self._decrypted(row.uid_enc, "uids.uid", row.uid_key, row.key_id), row.new_uid)
            for row in self._pages(query, uids.c.id)
        )

    def knows(self, project: str, pseudonym: str) -> bool:
        """True if somebody has the pseudonym and is not purged: what `purge_patient` would forget. Names nobody."""
        with self._context.database.read() as connection:
            query = select(patients.c.id).where(
                patients.c.project == project, patients.c.pseudonym == pseudonym, patients.c.purged_at.is_(None)
            )
            return connection.execute(query).first() is not None

    def purge_patient(self, project: str, pseudonym: str, by: str, why: str) -> int | None:
        """Forget who a pseudonym was; the number of UIDs forgotten with it, None if nobody has it. Cannot be undone.

        The pseudonym stays taken, so that nobody else gets it; the same patient, sent again,
        is a new one. The ledger keeps counts, states and new UIDs.
        """
        stated(by, why)
        now = self._context.clock()
        with self._context.database.write() as connection:
            row = connection.execute(
                select(patients.c.id)
                .where(
                    patients.c.project == project,
                    patients.c.pseudonym == pseudonym,
                    patients.c.purged_at.is_(None),
                )
                .with_for_update()
            ).one_or_none()
            if row is None:
                return None
            forgotten = int(connection.execute(delete(uids).where(uids.c.patient == row.id)).rowcount)
            connection.execute(delete(studies).where(studies.c.patient == row.id))
            connection.execute(delete(images).where(images.c.patient == row.id))
            values: dict[str, Any] = dict.fromkeys(
                ("patient_id_enc", "issuer_enc", "patient_name_enc", "birth_date_enc")
            )
            # Index values that no patient has: the row is found by its pseudonym only.
            values |= {"patient_key": secrets.token_bytes(16), "id_key": secrets.token_bytes(16), "purged_at": now}
            connection.execute(update(patients).where(patients.c.id == row.id).values(values))
            next_epoch(connection)
            objects = [f"patient:{project}:{pseudonym}", f"uids:{forgotten}"]
            self._context.trail.append(connection, now, by, "purge-patient", objects, why)
        return forgotten

    def rotate_encryption_key(self, old: str, new: str, by: str, why: str) -> int:
        """Re-encrypt every row under key id `old` with key id `new`; the number of rows.

        In batches of one transaction each: may be interrupted and run again. From its beginning on,
        processes that still run with the old key write nothing under it: `Unavailable` until they are restarted.
        """
        stated(by, why)
        return rotate(self._context, old, new, by, why)

    def values_under(self, key_id: str) -> int:
        """How many rows need this encryption key: at 0 its file may be destroyed."""
        with self._context.database.read() as connection:
            return values_under(connection, key_id)

    def _look_up(self, connection: Connection, project: str, value: str) -> list[Found]:
        index = self._context.project(project).index
        by_uid = select(uids).where(
            uids.c.project == project, or_(uids.c.uid_key == index.uid(value), uids.c.new_uid == value)
        )
        pairs = {row.patient: self._pair(row) for row in connection.execute(by_uid)}
        by_study = select(studies.c.patient).where(
            studies.c.project == project,
            or_(
                studies.c.study_key == self._context.ledger_index.study(value),
                studies.c.accession_key == index.accession(value),
            ),
        )
        owners = {*pairs, *connection.execute(by_study).scalars()}
        query = select(patients).where(
            patients.c.project == project,
            patients.c.purged_at.is_(None),
            or_(
                patients.c.id_key == index.patient_id(value),
                patients.c.pseudonym == value,
                patients.c.id.in_(sorted(owners)),
            ),
        )
        return [self._found(row, pairs.get(row.id)) for row in connection.execute(query.order_by(patients.c.id))]

    def _found(self, row: Row[Any], pair: UidPair | None) -> Found:
        values = {
            column: self._decrypted(getattr(row, f"{column}_enc"), f"patients.{column}", row.patient_key, row.key_id)
            for column in ("patient_id", "issuer", "patient_name", "birth_date")
        }
        return Found(
            project=row.project,
            site=row.site,
            pseudonym=row.pseudonym,
            patient_id=values["patient_id"],
            issuer=values["issuer"],
            identity=Identity(values["patient_name"], values["birth_date"]),
            shift_days=row.shift_days,
            uid=pair,
        )

    def _pair(self, row: Row[Any]) -> UidPair:
        original = self._decrypted(row.uid_enc, "uids.uid", row.uid_key, row.key_id)
        return UidPair(UidKind(row.kind), original, row.new_uid)

    def _decrypted(self, value: bytes, column: str, row: bytes, key_id: str) -> str:
        return self._context.cipher.decrypt(value, column, row, key_id)

    def _audit_export(self, action: str, by: str, why: str, project: str | None, approval: int | None) -> None:
        stated(by, why)
        with self._context.database.write() as connection:
            objects = [f"project:{project}"] if project is not None else ["all-projects"]
            if required(connection):
                objects.append(use(connection, self._context.clock(), action, project, by, approval))
            self._context.trail.append(connection, self._context.clock(), by, action, objects, why)

    def _pages(self, query: Select[Any], row_id: Any) -> Iterator[Row[Any]]:
        # In pages of short transactions: a long one would keep SQLite's log from being emptied.
        after = 0
        while True:
            with self._context.database.read() as connection:
                rows = connection.execute(query.where(row_id > after).order_by(row_id).limit(_PAGE)).all()
            yield from rows
            if len(rows) < _PAGE:
                return
            after = rows[-1].id


def _projects(connection: Connection, project: str | None) -> list[str]:
    if project is not None:
        return [project]
    return list(connection.execute(select(projects.c.name).order_by(projects.c.name)).scalars())
