# SPDX-License-Identifier: Apache-2.0
"""The mapping table as people use it. Everything here is audited before it answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from deidgate.pseudonym import PseudonymStyle
from deidgate.store.model import Found, ImportReport, PatientRow


class Custody:
    """Look-ups, imports, exports, purge and rotation. `by` and `why` must not be blank."""

    def look_up(self, value: str, by: str, why: str, project: str | None = None) -> list[Found]:
        """Every mapping with this Patient ID, accession number, UID or pseudonym, original or new."""
        raise NotImplementedError

    def import_patients(
        self, rows: Iterable[PatientRow], style: PseudonymStyle, by: str, why: str, *, dry_run: bool
    ) -> ImportReport:
        """Pre-assigned pseudonyms: all lines are written, or none and the report says why."""
        raise NotImplementedError

    def export_patients(self, by: str, why: str, project: str | None = None) -> Iterator[tuple[str, str]]:
        """(original Patient ID, pseudonym) of every patient."""
        raise NotImplementedError

    def export_uids(self, by: str, why: str, project: str | None = None) -> Iterator[tuple[str, str]]:
        """(original UID, new UID) of every study, series and instance that was delivered."""
        raise NotImplementedError

    def purge_patient(self, project: str, pseudonym: str, by: str, why: str) -> int:
        """Forget who a pseudonym was; the number of UIDs forgotten with it. Cannot be undone."""
        raise NotImplementedError

    def rotate_encryption_key(self, old: str, new: str, by: str, why: str) -> int:
        """Re-encrypt every row under key id `old` with key id `new`; the number of values.

        In batches of one transaction each: may be interrupted and run again. Workers that
        still run with the old key write rows under it until they are restarted; run again then.
        """
        raise NotImplementedError

    def values_under(self, key_id: str) -> int:
        """How many encrypted values need this key: at 0 its file may be destroyed."""
        raise NotImplementedError
