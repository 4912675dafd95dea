# SPDX-License-Identifier: Apache-2.0
"""Numbers and ranges as a person types them."""

from __future__ import annotations

import re

_PART = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9}))?")


def numbers(text: str, most: int) -> list[int]:
    """Numbers from 1 to `most` that ``1,3-5`` or ``1 3 - 5`` names, in its order; none if anything in it is wrong."""
    found: list[int] = []
    for part in re.split(r"[,\s]+", re.sub(r"\s*-\s*", "-", text.strip())):
        match = _PART.fullmatch(part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
        # Before the range is made: 1-9999999999 is none that anybody wants in memory.
        if not 1 <= first <= last <= most:
            return []
        found += range(first, last + 1)
    return found
