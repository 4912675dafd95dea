# SPDX-License-Identifier: Apache-2.0
"""What a birth date that is not kept may not be read from: its time of day, and the same date in another calendar.

Source: PS3.3 C.7.1.1 (Patient Module); PS3.15 Table E.1-1 (Patient's Birth Time X).
"""

from __future__ import annotations

from collections.abc import Iterator

from deidgate.verify.compare import says_nothing
from deidgate.verify.model import Finding
from deidgate.verify.promise import Promise
from deidgate.verify.view import View

# Patient's Birth Time; Patient's Birth Date, Death Date and Calendar in the alternative calendar.
_BESIDE_THE_DATE = frozenset({0x00100032, 0x00100033, 0x00100034, 0x00100035})


def check(result: View, promise: Promise) -> Iterator[Finding]:
    """A finding for each of these that says something although no written rule keeps it."""
    for element in result.elements:
        if element.tag not in _BESIDE_THE_DATE or element.start == element.stop:
            continue
        if not says_nothing(element, result) and not promise.keeps_birth(element.key):
            yield Finding("birth-date-left", element.path)
