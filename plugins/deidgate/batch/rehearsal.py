# SPDX-License-Identifier: Apache-2.0
"""Identities of a dry run: nothing is asked of the mapping table and nothing is written to it."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace

from deidgate.batch.identities import KnownPatient, Noted
from deidgate.errors import CannotDeidentify
from deidgate.gateway.identity import STUDY_HAS_TWO_PATIENTS
from deidgate.gateway.ports import Person
from deidgate.pseudonym import Pseudonyms, PseudonymStyle
from deidgate.pseudonym.draw import draw_patient_id, draw_shift_days
from deidgate.store.model import UidKind


class RehearsedIdentities:
    """Satisfies `deidgate.batch.identities.Book`; its pseudonyms live as long as it does."""

    def __init__(self, style: PseudonymStyle) -> None:
        self._style = style
        self._patients: dict[str, tuple[KnownPatient, Person]] = {}
        self._studies: dict[str, int] = {}
        self._key = secrets.token_bytes(32)

    @property
    def key(self) -> bytes:
        """A key for this run alone."""
        return self._key

    def patient(self, person: Person) -> KnownPatient:
        """The patient, with pseudonyms drawn for this run alone."""
        if person.patient_id not in self._patients:
            index = len(self._patients) + 1
            drawn = draw_patient_id(self._style, secrets.randbelow)
            shift = draw_shift_days(self._style, secrets.randbelow)
            patient = KnownPatient(index, Pseudonyms(drawn, drawn, shift, self._key), index)
            self._patients[person.patient_id] = patient, person
        patient, first = self._patients[person.patient_id]
        pairs = ((first.name, person.name), (first.birth_date, person.birth_date))
        return replace(patient, collides=any(ours and theirs and ours != theirs for ours, theirs in pairs))

    def made(self, pseudonym: str, new_uids: Sequence[str]) -> KnownPatient | None:
        """Nobody: it asks no mapping table."""
        return None

    def check_study(self, study_uid: str, patient: KnownPatient, accession: str) -> None:
        """As the real ones do, within this run."""
        if self._studies.setdefault(study_uid, patient.id) != patient.id:
            raise CannotDeidentify(STUDY_HAS_TWO_PATIENTS, "PatientID")

    def note_uids(self, patient: KnownPatient, pairs: tuple[tuple[UidKind, str, str], ...]) -> None:
        """Nothing is remembered."""

    def noted(self) -> Noted:
        """Nothing."""
        return {}

    def record(self, noted: Noted) -> None:
        """Nothing is written."""

    def image_numbers(self, patient: int, sop_uids: list[str]) -> list[int]:
        """No numbers."""
        return [0] * len(sop_uids)
