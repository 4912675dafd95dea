# SPDX-License-Identifier: Apache-2.0
"""UIDs that the standard itself has given away.

They name no patient, and a reader needs them as they are. That a UID begins with the standard's root says nothing:
some devices make the UIDs of their images by writing a date and a number behind a SOP Class UID.

Source: PS3.6 Annex A, Tables A-1 to A-4.
"""

from __future__ import annotations

import re
from functools import lru_cache

from pydicom.config import IGNORE
from pydicom.uid import UID

from deidgate.standard.families import family_of_sop_class

# Context groups are numbered, and dictionaries leave them out. Source: PS3.6 Table A-3.
_CONTEXT_GROUP = re.compile(r"1\.2\.840\.10008\.6\.1\.[1-9][0-9]{0,3}")


@lru_cache(maxsize=1 << 12)
def is_registered(uid: str) -> bool:
    """True when PS3.6 registers exactly `uid`, which has no padding."""
    return (
        UID(uid, validation_mode=IGNORE).type != ""
        or uid in family_of_sop_class()
        or _CONTEXT_GROUP.fullmatch(uid) is not None
    )
