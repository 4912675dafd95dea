# SPDX-License-Identifier: Apache-2.0
"""What stands in a researcher's copy in the place of an identity.

Pure: keys are arguments, chance comes from a source that the caller hands in,
and nothing here knows where a pseudonym is kept (`deidgate.store` does).
"""

from deidgate.pseudonym.draw import PseudonymStyle, draw_patient_id, draw_shift_days
from deidgate.pseudonym.keys import ProjectKey
from deidgate.pseudonym.model import Pseudonyms
from deidgate.pseudonym.uids import new_uid, normalised

__all__ = [
    "ProjectKey",
    "PseudonymStyle",
    "Pseudonyms",
    "draw_patient_id",
    "draw_shift_days",
    "new_uid",
    "normalised",
]
