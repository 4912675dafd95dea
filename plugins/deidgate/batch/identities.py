# SPDX-License-Identifier: Apache-2.0
"""Patients, studies and numbers of one run, out of the mapping table, remembered where that is safe."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from deidgate.errors import CannotDeidentify
from deidgate.gateway.identity import STUDY_HAS_TWO_PATIENTS
from deidgate.gateway.ports import Person
from deidgate.pseudonym import Pseudonyms, PseudonymStyle
from deidgate.store.mapping import Mapping
from deidgate.store.model import Conflict, Identity, PatientMapping, UidKind, UidPair

_REMEMBERED = 20_000
Key = TypeVar("Key")
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class KnownPatient:
    """One patient of the project: row of the mapping table, pseudonyms, index."""

    id: int
    pseudonyms: Pseudonyms
    index: int
    collides: bool = False
    """Whether this Patient ID came with another name or birth date before."""


Noted = dict[int, dict[str, UidPair]]
"""Pairs of UIDs by patient and original UID."""


class Book(Protocol):
    """What a worker asks about patients: the mapping table, or the stand-in of a dry run."""

    @property
    def key(self) -> bytes:
        """From which UIDs and names of files are made."""
        ...

    def patient(self, person: Person) -> KnownPatient:
        """The patient."""
        ...

    def made(self, pseudonym: str, new_uids: Sequence[str]) -> KnownPatient | None:
        """The patient with this pseudonym, if all of `new_uids` were made for that patient."""
        ...

    def check_study(self, study_uid: str, patient: KnownPatient, accession: str) -> None:
        """Return if the study belongs to this patient, else raise CannotDeidentify."""
        ...

    def note_uids(self, patient: KnownPatient, pairs: tuple[tuple[UidKind, str, str], ...]) -> None:
        """Remember pairs of original and new UIDs until they are `noted`."""
        ...

    def noted(self) -> Noted:
        """What was noted since the last time, to be given to `record`."""
        ...

    def record(self, noted: Noted) -> None:
        """Write pairs of UIDs down; safe while another thread notes others."""
        ...

    def image_numbers(self, patient: int, sop_uids: list[str]) -> list[int]:
        """Image numbers of original instances of one patient."""
        ...


class Recent(Generic[Key, Value]):
    """The values of the keys asked for last; older ones are forgotten, so that a run of years needs no more memory."""

    def __init__(self, most: int = _REMEMBERED) -> None:
        self._most = most
        self._values: OrderedDict[Key, Value] = OrderedDict()

    def get(self, key: Key, make: Callable[[], Value]) -> Value:
        """The value of `key`, made if it is not remembered."""
        if key in self._values:
            self._values.move_to_end(key)
            return self._values[key]
        value = self._values[key] = make()
        if len(self._values) > self._most:
            self._values.popitem(last=False)
        return value

    def __contains__(self, key: object) -> bool:
        return key in self._values


class Identities:
    """The mapping table as one worker of a run uses it.

    Parameters
    ----------
    mapping : Mapping
    project, site : str
    style : PseudonymStyle
    """

    def __init__(self, mapping: Mapping, project: str, site: str, style: PseudonymStyle) -> None:
        self._mapping = mapping
        self._project = project
        self._site = site
        self._style = style
        self._patients: Recent[Person, KnownPatient] = Recent()
        self._bound: Recent[tuple[str, int], bool] = Recent()
        self._pairs: Noted = {}
        self._recorded: Recent[tuple[int, str], bool] = Recent()

    @property
    def key(self) -> bytes:
        """The project's key for UIDs, from which names of files are made too."""
        return self._mapping.project_key(self._project).uid_key

    def patient(self, person: Person) -> KnownPatient:
        """The patient, stored before it is answered for the first time."""
        return self._patients.get(person, lambda: self._ask(person))

    def _ask(self, person: Person) -> KnownPatient:
        # No issuer: that attribute is free text which two clinics may fill alike.
        found = self._mapping.pseudonyms_for(
            self._project,
            self._site,
            "",
            person.patient_id,
            Identity(person.name, person.birth_date),
            self._style,
        )
        return self._known(found)

    def made(self, pseudonym: str, new_uids: Sequence[str]) -> KnownPatient | None:
        """The patient with this pseudonym, if all of `new_uids` were made for that patient."""
        found = self._mapping.made(self._project, pseudonym, new_uids)
        return None if found is None else self._known(found)

    def _known(self, found: PatientMapping) -> KnownPatient:
        index = self._mapping.patient_index(self._project, found.id)
        return KnownPatient(found.id, found.pseudonyms, index, bool(found.differs))

    def check_study(self, study_uid: str, patient: KnownPatient, accession: str) -> None:
        """Make sure that the study belongs to this patient.

        Raises
        ------
        CannotDeidentify
            ``study-has-two-patients``.
        """

        def ask() -> bool:
            bound = self._mapping.bind_study(self._project, self._site, study_uid, patient.id, accession)
            return not isinstance(bound, Conflict)

        if not self._bound.get((study_uid, patient.id), ask):
            raise CannotDeidentify(STUDY_HAS_TWO_PATIENTS, "PatientID")

    def note_uids(self, patient: KnownPatient, pairs: tuple[tuple[UidKind, str, str], ...]) -> None:
        """Remember pairs of original and new UIDs until they are `noted`."""
        waiting = self._pairs.setdefault(patient.id, {})
        for kind, original, new in pairs:
            if kind is UidKind.INSTANCE or (patient.id, original) not in self._recorded:
                waiting[original] = UidPair(kind, original, new)

    def noted(self) -> Noted:
        """What was noted since the last time, to be given to `record`."""
        noted, self._pairs = self._pairs, {}
        return noted

    def record(self, noted: Noted) -> None:
        """Write pairs of UIDs down; safe while another thread notes others."""
        for patient, pairs in noted.items():
            if pairs:
                self._mapping.record_uids(self._project, patient, tuple(pairs.values()))
            for pair in pairs.values():
                if pair.kind is not UidKind.INSTANCE:
                    self._recorded.get((patient, pair.original), lambda: True)

    def image_numbers(self, patient: int, sop_uids: list[str]) -> list[int]:
        """Image numbers of original instances of one patient; those asked for before keep theirs."""
        return self._mapping.image_numbers(self._project, patient, sop_uids)
