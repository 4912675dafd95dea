# SPDX-License-Identifier: Apache-2.0
"""The mapping table as the engine uses it: stored first, used second."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from deidgate.pseudonym import ProjectKey, PseudonymStyle
from deidgate.store.model import Bound, Conflict, Identity, PatientMapping, UidPair


class Mapping:
    """Patients, studies and UIDs of every project. Calls are safe from several processes."""

    def project_key(self, project: str) -> ProjectKey:
        """The derived keys of `project` (cached)."""
        raise NotImplementedError

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
        raise NotImplementedError

    def bind_study(
        self, project: str, site: str, study_uid: str, patient: int, accession: str = ""
    ) -> Bound | Conflict:
        """Bind an original study to the patient seen in it first; tell if that was another."""
        raise NotImplementedError

    def known_instance(self, project: str, sop_uid: str) -> str | None:
        """The digest of the original that was delivered under this SOP Instance UID last."""
        raise NotImplementedError

    def known_instances(self, project: str, sop_uids: Iterable[str]) -> dict[str, str]:
        """As `known_instance`, for many in one query; those never delivered are absent."""
        raise NotImplementedError

    def record_uids(self, project: str, patient: int, uid_pairs: Sequence[UidPair]) -> None:
        """Record UID pairs without an item of the ledger (folders): many in one commit."""
        raise NotImplementedError

    def patient_index(self, project: str, patient: int) -> int:
        """1, 2, 3 … in the order in which patients of the project were first asked for; stable."""
        raise NotImplementedError

    def image_numbers(self, project: str, patient: int, sop_uids: Sequence[str]) -> list[int]:
        """1, 2, 3 … per patient in the order first asked for; the same UID gets the same number."""
        raise NotImplementedError
