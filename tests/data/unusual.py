# SPDX-License-Identifier: Apache-2.0
"""Values that nothing else on earth contains, to be looked for where they must not be."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping

PART = 8
"""A part of this many characters is unusual by itself."""


def unusual() -> dict[str, str]:
    """Names, IDs and a UID of nobody, by keyword; others with every call."""
    unique = secrets.token_hex(4).upper().translate(str.maketrans("0123456789", "GHJKLMNPQR"))
    return {
        "PatientName": f"Zyxolt{unique}^Quimbert",
        "PatientID": f"PELIKAN-{unique}",
        "AccessionNumber": f"AC{unique}",
        "InstitutionName": f"Vantorzel{unique} Klinik",
        "ReferringPhysicianName": f"Hokkentrop{unique}^Xenia",
        "StudyDescription": f"seen by Dr. Hokkentrop{unique}",
        "StudyInstanceUID": f"1.2.826.0.1.3680043.8.498.77.{time.time_ns()}.1",
    }


def telling_parts(values: Mapping[str, str]) -> list[bytes]:
    """What is looked for, in small letters: every part of the values that is unusual by itself."""
    parts = {part for value in values.values() for part in value.replace("^", " ").split() if len(part) >= PART}
    return sorted(part.lower().encode() for part in parts)
