# SPDX-License-Identifier: Apache-2.0
"""What a header tells of its patient's birth and age, for what else the instance says of them.

Ages go by years: a result that shows years only lets its reader reckon with nothing finer, and 90 years between birth
and examination may be an age of 89 or of 90.

A day on which the patient was also examined tells no birth: a newborn is examined on its first day. For attributes that
have a meaning of their own (an admission) that goes for the first weeks of life.

Source: 45 CFR 164.514(b)(2)(i)(C); UCUM (units of time).
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from dataclasses import dataclass
from types import MappingProxyType

from pydicom import Dataset

from deidgate.dicom.charset import Charset
from deidgate.dicom.dictionary import dictionary_vr
from deidgate.dicom.elements import Unreadable, declared_vr, elements_of, text_of
from deidgate.plan.dates import DateOperation

OLDEST_YEARS = 89
_BIRTH_DATE, _AGE = 0x00100030, 0x00101010
# Study, Series, Acquisition, Content and Instance Creation Date, Acquisition DateTime.
_EXAMINED = frozenset({0x00080020, 0x00080021, 0x00080022, 0x00080023, 0x00080012, 0x0008002A})
_NEWBORN_DAYS = 28
# The first day that is taken for one; earlier ones stand where nothing is known.
_NO_DAY = "19000101"
_YEARS = re.compile(r"([0-9]{1,3})Y", re.ASCII)
_YEAR = re.compile(r"[0-9]{4}", re.ASCII)
_DAY = re.compile(r"([0-9]{4})(\.?)([0-9]{2})\2([0-9]{2})", re.ASCII)
# How many of a unit are a year.
_UCUM = MappingProxyType(
    {
        **dict.fromkeys(("a", "a_g", "a_j", "a_t"), 1),
        **dict.fromkeys(("mo", "mo_g", "mo_j", "mo_s"), 12),
        "wk": 52,
        "d": 365,
        "h": 8_760,
        "min": 525_600,
        "s": 31_536_000,
    }
)
_WORDS = MappingProxyType(
    {
        **dict.fromkeys(("y", "yr", "year"), 1),
        **dict.fromkeys(("mo", "month"), 12),
        **dict.fromkeys(("wk", "week"), 52),
        **dict.fromkeys(("day",), 365),
        **dict.fromkeys(("hr", "hour"), 8_760),
        **dict.fromkeys(("min", "minute"), 525_600),
        **dict.fromkeys(("sec", "second"), 31_536_000),
    }
)


@dataclass(frozen=True, slots=True)
class Subject:
    """What the header tells of the patient, for content items that tell the same.

    Attributes
    ----------
    born : frozenset of str
        Days of birth (YYYYMMDD) on which the patient was not examined.
    ages : frozenset of int
        Ages over 89 that the header shows, in years.
    birth : DateOperation or None
        What becomes of a birth date; None when nothing of it may be told.
    """

    born: frozenset[str] = frozenset()
    ages: frozenset[int] = frozenset()
    birth: DateOperation | None = None

    def is_birth(self, value: str) -> bool:
        """True when a DA or DT value tells a birth date of the header: its day, or its year where no year may."""
        if day_of(value) in self.born:
            return True
        if self.birth is not None or not self.ages:
            return False
        year = _YEAR.match(value.strip())
        return year is not None and any(day.startswith(year[0]) for day in self.born)


def ages_over_89(header: Dataset) -> frozenset[int]:
    """The ages in years that Patient's Age and the dates of the outermost dataset may tell, as far as over 89."""
    born: set[int] = set()
    dated: set[int] = set()
    ages: set[int] = set()
    for tag, vr, value in _values(header):
        if tag == _AGE:
            age = _YEARS.fullmatch(value)
            if age:
                ages.add(int(age[1]))
        elif vr in ("DA", "DT"):
            year = _YEAR.match(value)
            if year:
                (born if tag == _BIRTH_DATE else dated).add(int(year[0]))
    for between in {one - other for one in dated for other in born}:
        # The birthday of that year may be still to come.
        ages |= {between, between - 1} if between > OLDEST_YEARS else set()
    return frozenset(age for age in ages if age > OLDEST_YEARS)


def days_of_birth(header: Dataset) -> tuple[frozenset[str], frozenset[str]]:
    """Days of Patient's Birth Date: those on which the patient was not examined, and those not near to it either."""
    born = frozenset(day for day in _days(header, _BIRTH_DATE) if day > _NO_DAY)
    examined = frozenset(day for tag in _EXAMINED for day in _days(header, tag)) if born else frozenset()
    born -= examined
    return born, frozenset(day for day in born if not any(_is_newborn(day, one) for one in examined))


def day_of(value: str) -> str:
    """The day (YYYYMMDD) of one DA or DT value, empty when it has none."""
    match = _DAY.match(value.strip())
    return match[1] + match[3] + match[4] if match else ""


def units_in_a_year(code: str, scheme: str, meaning: str) -> int | None:
    """How many of a unit are a year; None for what is no unit of time, and for units that nobody knows."""
    if scheme == "UCUM" and code in _UCUM:
        return _UCUM[code]
    words = (word.strip().casefold().removesuffix("s") for word in (meaning, code))
    return next((_WORDS[word] for word in words if word in _WORDS), None)


def _is_newborn(born: str, examined: str) -> bool:
    try:
        days = datetime.date.fromisoformat(examined) - datetime.date.fromisoformat(born)
    except ValueError:
        return False
    return 0 <= days.days <= _NEWBORN_DAYS


def _days(header: Dataset, tag: int) -> Iterator[str]:
    element = header.get_item(tag)
    if element is None:
        return
    try:
        text = text_of(element, Charset.declared(""))
    except Unreadable:
        return
    yield from (day for value in text.split("\\") if (day := day_of(value)))


def _values(header: Dataset) -> Iterator[tuple[int, str, str]]:
    ascii_only = Charset.declared("")
    for element in elements_of(header):
        tag = int(element.tag)
        vr = declared_vr(element) or dictionary_vr(tag)
        if tag != _AGE and vr not in ("DA", "DT"):
            continue
        try:
            text = text_of(element, ascii_only)
        except Unreadable:
            # The rules for such an element decide on it, and on whether the instance is held.
            continue
        yield from ((tag, vr, value.strip()) for value in text.split("\\"))
