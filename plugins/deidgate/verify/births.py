# SPDX-License-Identifier: Apache-2.0
"""What a birth date that is not kept may not be read from: its time of day, and the same date in another calendar.

Nor may the year of birth tell an age over 89, where the policy makes one category of these.

Source: PS3.3 C.7.1.1 (Patient Module); PS3.15 Table E.1-1 (Patient's Birth Time X); 45 CFR 164.514(b)(2)(i)(C).
"""

from __future__ import annotations

from collections.abc import Iterator

from deidgate.verify.compare import says_nothing
from deidgate.verify.model import Finding
from deidgate.verify.promise import Promise
from deidgate.verify.view import View

# Patient's Birth Time; Patient's Birth Date, Death Date and Calendar in the alternative calendar.
_BESIDE_THE_DATE = frozenset({0x00100032, 0x00100033, 0x00100034, 0x00100035})
_BIRTH_DATE, _AGE = 0x00100030, 0x00101010
_LOOKED_AT = _BESIDE_THE_DATE | {_BIRTH_DATE}
_OLDEST = 89


def check(original: View, result: View, promise: Promise) -> Iterator[Finding]:
    """A finding for each of these that says something although no written rule keeps it."""
    old = _is_old(original)
    for element in result.elements:
        if element.tag not in _LOOKED_AT or element.start == element.stop or says_nothing(element, result):
            continue
        if element.tag == _BIRTH_DATE and old and promise.joins_old_ages(element.key):
            yield Finding("birth-year-left", element.path)
        if element.tag in _BESIDE_THE_DATE and not promise.keeps_birth(element.key):
            yield Finding("birth-date-left", element.path)


def _is_old(original: View) -> bool:
    """True when the age in years, or the years from birth to some date of the outermost dataset, are more than 89."""
    ages = [age[:-1] for age in original.text(_AGE).split("\\") if age.endswith("Y")]
    if any(age.isdecimal() and int(age) > _OLDEST for age in ages):
        return True
    born = _years(original.text(_BIRTH_DATE))
    dates = [e.tag for e in original.elements if not e.parents and e.vr in ("DA", "DT") and e.tag != _BIRTH_DATE]
    later = [year for tag in dates for year in _years(original.text(tag))]
    return any(one - other > _OLDEST for one in later for other in born)


def _years(text: str) -> list[int]:
    return [int(value.strip()[:4]) for value in text.split("\\") if value.strip()[:4].isdecimal()]
