# SPDX-License-Identifier: Apache-2.0
"""The mapping table as the story uses it."""

from __future__ import annotations

from deidgate.errors import ConfigurationError, Unavailable
from deidgate.gateway.ports import Patient, Person
from deidgate.pseudonym import PseudonymStyle
from deidgate.store.mapping import Mapping
from deidgate.store.model import Bound, Identity

_KEYWORDS = {"patient_name": "PatientName", "birth_date": "PatientBirthDate"}


class MappedPatients:
    """Satisfies `deidgate.gateway.ports.Patients` with the store's mapping table."""

    def __init__(self, mapping: Mapping) -> None:
        self._mapping = mapping

    def patient(self, project: str, site: str, person: Person, style: PseudonymStyle) -> Patient:
        """The patient's pseudonyms, stored before they are answered for the first time.

        Raises
        ------
        Unavailable
            ``encryption-key-missing``: another host's worker has a newer key. It passes when this one is started
            again with that key, and says nothing of the instance.
        """
        identity = Identity(person.name, person.birth_date)
        try:
            # No issuer: that attribute is free text which two clinics may fill alike.
            found = self._mapping.pseudonyms_for(project, site, "", person.patient_id, identity, style)
        except ConfigurationError as error:
            if error.code != "encryption-key-missing":
                raise
            raise Unavailable(error.code, error.path) from error
        return Patient(found.id, found.pseudonyms, frozenset(_KEYWORDS[field] for field in found.differs))

    def binds(self, project: str, site: str, study_uid: str, patient: int, accession: str) -> bool:
        """Whether the study belongs to this patient."""
        return isinstance(self._mapping.bind_study(project, site, study_uid, patient, accession), Bound)

    def delivered_digest(self, project: str, sop_instance_uid: str) -> str | None:
        """Digest of the original that was delivered under this SOP Instance UID last."""
        return self._mapping.known_instance(project, sop_instance_uid)
