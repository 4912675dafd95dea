# SPDX-License-Identifier: Apache-2.0
"""How Orthanc names an instance: from its four identifiers, so every server gives it the same name.

Source: Orthanc Book, "Orthanc identifiers".
"""

from __future__ import annotations

import hashlib


def instance_id(patient_id: str, study_instance_uid: str, series_instance_uid: str, sop_instance_uid: str) -> str:
    """The Orthanc ID: SHA-1 of the identifiers joined by ``|``, in five groups of eight digits."""
    joined = "|".join((patient_id, study_instance_uid, series_instance_uid, sop_instance_uid))
    digits = hashlib.sha1(joined.encode(), usedforsecurity=False).hexdigest()
    return "-".join(digits[start : start + 8] for start in range(0, 40, 8))
