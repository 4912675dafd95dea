# SPDX-License-Identifier: Apache-2.0
"""What a birth date that is not kept may not be read from.

* its time of day, and the same date in another calendar;
* the same day in any other date, at any depth, that says it as the original does, unless it is a day on which the
  patient was examined, or (for attributes with a meaning of their own, not for content items) one of its first weeks:
  newborns are admitted and examined on the day of their birth. That other dates of the result are this day excuses
  nothing;
* its year, where the policy makes one category of ages over 89;
* an age over 89 in a content item: which item is one its concept says, or the header, when it shows such an age.

Source: PS3.3 C.7.1.1 (Patient Module); PS3.15 Table E.1-1 (Patient's Birth Time X); 45 CFR 164.514(b)(2)(i)(C).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date

from deidgate.dicom.path import Parents
from deidgate.verify.compare import same_value, says_nothing
from deidgate.verify.content import concept_of
from deidgate.verify.model import Finding
from deidgate.verify.promise import Promise
from deidgate.verify.view import View
from deidgate.verify.walk import Element

# Patient's Birth Time; Patient's Birth Date, Death Date and Calendar in the alternative calendar.
_BESIDE_THE_DATE = frozenset({0x00100032, 0x00100033, 0x00100034, 0x00100035})
_BIRTH_DATE, _AGE = 0x00100030, 0x00101010
_OLDEST = 89
# Study, Series, Acquisition, Content and Instance Creation Date, Acquisition DateTime.
_EXAMINED = (0x00080020, 0x00080021, 0x00080022, 0x00080023, 0x00080012, 0x0008002A)
_CONTENT_DATES = frozenset({0x0040A120, 0x0040A121})
_FIRST_WEEKS = 28
_NO_DAY = "19000101"
_NUMBERS = frozenset({0x0040A30A, 0x0040A161, 0x0040A162, 0x0040A163})
_NUMERIC_VALUE, _MEASURED, _UNITS = 0x0040A30A, 0x0040A300, 0x004008EA
# Years of one unit, by code of UCUM, and by what other schemes call it.
_UCUM_YEARS = {"a": 1.0, "mo": 1 / 12, "wk": 7 / 365.25, "d": 1 / 365.25, "h": 1 / 8766, "min": 1 / 525_960}
_CALLED = {"a": "y yr year", "mo": "mo month", "wk": "wk week", "d": "day", "h": "hr hour", "min": "min minute"}
_NAMED_YEARS = {name: _UCUM_YEARS[code] for code, names in _CALLED.items() for name in names.split()}


def check(original: View, result: View, promise: Promise) -> Iterator[Finding]:
    """A finding for each of these that says something although no written rule keeps it."""
    ages = _old_ages(original)
    joins = bool(ages) and promise.joins_old_ages(((), _BIRTH_DATE))
    for element in result.elements:
        if element.start == element.stop or element.items is not None:
            continue
        if element.tag in _BESIDE_THE_DATE:
            if not says_nothing(element, result) and not promise.keeps_birth(element.key):
                yield Finding("birth-date-left", element.path)
        elif element.tag in _NUMBERS and _is_old_age(element, original, result, ages):
            yield Finding("age-left", element.path)
    birth_date = result.get(_BIRTH_DATE)
    if joins and birth_date is not None and result.text(_BIRTH_DATE) and not says_nothing(birth_date, result):
        yield Finding("birth-year-left", birth_date.path)
    yield from _in_dates(original, result, promise, joins)


def _in_dates(original: View, result: View, promise: Promise, joins: bool) -> Iterator[Finding]:
    """Findings for dates that say the day of birth, or its year where `joins`, as the original does at their place."""
    born, far_born = _days_of_birth(original, result)
    years = _years_in(original.text(_BIRTH_DATE)) if joins else frozenset()
    # A picture of thousands of frames has as many dates, and hardly one of them is of such a year.
    worth_reading = [year.encode() for year in years | {day[:4] for day in born}]
    for element in result.elements:
        if element.vr not in ("DA", "DT") or not any(year in result.value(element) for year in worth_reading):
            continue
        if element.key in promise.kept or element.key == ((), _BIRTH_DATE) or says_nothing(element, result):
            continue
        now, then = (view.text(element.tag, element.parents) for view in (result, original))
        if years & _years_in(now) & _years_in(then):
            yield Finding("birth-year-left", element.path)
        if (born if element.tag in _CONTENT_DATES else far_born) & _days(now) & _days(then):
            yield Finding("birth-date-left", element.path)


def _days_of_birth(original: View, result: View) -> tuple[frozenset[str], frozenset[str]]:
    """Days of birth that are not kept: those without an examination, and those without one in the weeks after."""
    kept = _days(result.text(_BIRTH_DATE))
    examined = {day for tag in _EXAMINED for day in _days(original.text(tag))}
    born = frozenset(day for day in _days(original.text(_BIRTH_DATE)) - kept - examined if day > _NO_DAY)
    newborn = {day for day in born for one in examined if 0 <= _days_between(day, one) <= _FIRST_WEEKS}
    return born, born - newborn


def _days_between(one: str, other: str) -> float:
    try:
        return (date.fromisoformat(other) - date.fromisoformat(one)).days
    except ValueError:
        return math.inf


def _dates(text: str) -> list[str]:
    """Digits of the values of a DA or DT, as far as its day."""
    return ["".join(c for c in value.strip()[:10] if c != ".")[:8] for value in text.split("\\")]


def _days(text: str) -> frozenset[str]:
    return frozenset(day for day in _dates(text) if len(day) == 8 and day.isdecimal())


def _years_in(text: str) -> frozenset[str]:
    return frozenset(day[:4] for day in _dates(text) if day[:4].isdecimal())


def _old_ages(original: View) -> frozenset[int]:
    """Ages over 89 that the outermost dataset tells: by Patient's Age, and by the years from birth to its dates."""
    said = [age.strip()[:-1] for age in original.text(_AGE).split("\\") if age.strip().endswith("Y")]
    ages = {int(age) for age in said if age.isdecimal()}
    born = _years(original.text(_BIRTH_DATE))
    dates = [e.tag for e in original.elements if not e.parents and e.vr in ("DA", "DT") and e.tag != _BIRTH_DATE]
    between = {one - other for tag in dates for one in _years(original.text(tag)) for other in born}
    return frozenset(age for age in ages | between | {age - 1 for age in between} if age > _OLDEST)


def _years(text: str) -> list[int]:
    return [int(value.strip()[:4]) for value in text.split("\\") if value.strip()[:4].isdecimal()]


def _is_old_age(element: Element, original: View, result: View, ages: frozenset[int]) -> bool:
    """True for a number of a content item that says, as the original does, an age of more than 90."""
    before = original.get(element.tag, element.parents)
    if before is None or not same_value(original, before, result, element) or says_nothing(element, result):
        return False
    item = element.parents[:-1] if element.parents and element.parents[-1][0] == _MEASURED else element.parents
    concept = concept_of(original, item)
    is_age = concept is not None and concept.is_age
    if not (is_age or ages):
        return False
    unit = _years_of_unit(original, element.parents)
    if unit is None:
        return is_age
    try:
        years = max(float(one) for one in original.text(_NUMERIC_VALUE, element.parents).split("\\")) * unit
    except ValueError:
        return is_age
    if not years > _OLDEST + 1:
        return False
    return is_age or (math.isfinite(years) and int(years) in ages)


def _years_of_unit(view: View, holder: Parents) -> float | None:
    units = (*holder, (_UNITS, 0))
    code, scheme = view.text(0x00080100, units), view.text(0x00080102, units)
    if scheme == "UCUM" and code.partition("_")[0] in _UCUM_YEARS:
        return _UCUM_YEARS[code.partition("_")[0]]
    names = (name.casefold().removesuffix("s") for name in (view.text(0x00080104, units), code))
    return next((_NAMED_YEARS[name] for name in names if name in _NAMED_YEARS), None)
