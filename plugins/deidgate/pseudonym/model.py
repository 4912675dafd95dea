# SPDX-License-Identifier: Apache-2.0
"""The pseudonyms of one patient in one project, as a plan needs them."""

from __future__ import annotations

from dataclasses import dataclass, field

from deidgate.pseudonym.uids import new_uid


@dataclass(frozen=True, slots=True)
class Pseudonyms:
    """What replaces the identity of one patient in one project. All ASCII."""

    patient_id: str  # for (0010,0020) PatientID
    patient_name: str  # for (0010,0010) PatientName
    shift_days: int  # whole days by which dates move BACK: a date d becomes d - shift_days; negative moves forward
    uid_key: bytes = field(repr=False)  # the project's key for UIDs

    def uid(self, original: str) -> str:
        """The UID that stands for `original` in this project."""
        return new_uid(self.uid_key, original)
