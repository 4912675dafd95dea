# SPDX-License-Identifier: Apache-2.0
"""Dates, times and ages: what becomes of one value under one operation.

Rules

* `Keep` changes nothing, `Remove` leaves nothing, `Shift` moves by whole days, `Truncate` keeps a year, or a
  year and a month, and puts the rest on a fixed day.
* A value keeps its VR and its precision: ``2001`` stays four digits, a fraction and a zone stay as they are.
* A time of day (TM) does not change under `Shift` and `Truncate`; a whole-day shift cannot move it.
* A date time (DT) that knows only its year or its month is shifted from the middle of what it knows (2 July, the
  15th) and cut to its own precision again. So earlier stays earlier or becomes equal, never later, among values of
  one precision, and nothing is made up that the original did not know.
* `Truncate` leaves the time of day of a DT alone, as it leaves a TM alone.
* What is no date is never passed on, not even by `Keep`: `InvalidDate`.

Which operation an element gets is the policy's business, not this module's.
"""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

from deidgate.errors import CannotDeidentify, ConfigurationError


class InvalidDate(CannotDeidentify):
    """The value is no date, time or age of its VR: remove it, give it a dummy, or hold the instance."""

    def __init__(self, path: str = "") -> None:
        super().__init__("invalid-date", path)


@dataclass(frozen=True, slots=True)
class Keep:
    """Leave the date as it is."""


@dataclass(frozen=True, slots=True)
class Shift:
    """Move the date by whole days.

    Attributes
    ----------
    days : int
        Added to the date: negative moves into the past. One number for all dates of a patient keeps intervals.
    """

    days: int


@dataclass(frozen=True, slots=True)
class Truncate:
    """Keep the year, or year and month, and put the rest on a fixed day.

    Attributes
    ----------
    to : {'year', 'month'}
        What stays. With ``year`` the month becomes January.
    day : int
        Day of the month (1 to 28, so that every month has it) of the result.
    """

    to: Literal["year", "month"]
    day: int = 15

    def __post_init__(self) -> None:
        if not 1 <= self.day <= 28:
            raise ConfigurationError("day-not-in-every-month")


@dataclass(frozen=True, slots=True)
class Remove:
    """Leave no date."""


DateOperation: TypeAlias = Keep | Shift | Truncate | Remove


_DATE = re.compile(r"(\d{4})(\.?)(\d{2})\2(\d{2})", re.ASCII)
_TIME = re.compile(r"(\d{2})(?:(:?)(\d{2})(?:\2(\d{2})(?:\.\d{1,6})?)?)?", re.ASCII)
_DATE_TIME = re.compile(
    r"(?P<year>\d{4})(?:(?P<month>\d{2})(?:(?P<day>\d{2})"
    r"(?P<time>(?P<hour>\d{2})(?:(?P<minute>\d{2})(?:(?P<second>\d{2})(?:\.\d{1,6})?)?)?)?)?)?"
    r"(?P<zone>[+-]\d{4})?",
    re.ASCII,
)
_AGE = re.compile(r"(\d{1,3})([DWMY])", re.ASCII)
_DUMMIES = {"DA": "19000101", "TM": "000000", "DT": "19000101000000", "AS": "000Y"}
_OLDEST_YEARS = 89  # 45 CFR 164.514(b)(2)(i)(C): ages over 89 are one category


def change_date(vr: str, value: str, operation: DateOperation) -> str | None:
    r"""Value of the DA, TM or DT element after `operation`; None when no value is left.

    Parameters
    ----------
    vr : str
        ``DA``, ``TM`` or ``DT``.
    value : str
        One or more values with ``\`` between them; empty values stay empty.
    operation : DateOperation

    Raises
    ------
    InvalidDate
        A value is not a date of this VR (or is a query range), or would leave the years 1 to 9999.

    Source: PS3.5 Table 6.2-1 (DA, TM, DT, and the spellings of ACR-NEMA 2.0 that PS3.5 asks readers to accept).
    """
    if isinstance(operation, Remove):
        return None
    parts = (one.strip(" \0") for one in value.split("\\"))
    if vr == "TM":  # a time of day moves with no date
        return "\\".join(_checked_tm(part) if part else "" for part in parts)
    change = {"DA": _change_da, "DT": _change_dt}[vr]
    return "\\".join(change(part, operation) if part else "" for part in parts)


def change_age(value: str) -> str:
    """Value of the AS element with ages over 89 years as ``090Y``; younger ages unchanged.

    Only years can exceed that: 999 months are 83 years.

    Raises
    ------
    InvalidDate
        The value is no age string.
    """
    return "\\".join(_change_as(part) if (part := one.strip(" \0")) else "" for one in value.split("\\"))


def dummy_date(vr: str) -> str:
    """A valid value of DA, TM, DT or AS that says nothing (action D)."""
    return _DUMMIES[vr]


def _change_da(value: str, operation: Keep | Shift | Truncate) -> str:
    match = _DATE.fullmatch(value)
    if not match:
        raise InvalidDate
    year, dot, month, day = match.groups()
    moved = _moved(_date(year, month, day), operation)
    return f"{moved.year:04d}{dot}{moved.month:02d}{dot}{moved.day:02d}"


def _checked_tm(value: str) -> str:
    match = _TIME.fullmatch(value)
    if not match:
        raise InvalidDate
    _check_time(match[1], match[3], match[4])
    return value


def _change_dt(value: str, operation: Keep | Shift | Truncate) -> str:
    match = _DATE_TIME.fullmatch(value)
    if not match:
        raise InvalidDate
    year, month, day, zone = match["year"], match["month"], match["day"], match["zone"] or ""
    _check_time(match["hour"], match["minute"], match["second"])
    if zone and not (-1200 <= int(zone) <= 1400 and int(zone[3:]) < 60):
        raise InvalidDate
    middle = _date(year, month or "07", day or ("15" if month else "02"))
    moved = _moved(middle, operation)
    result = f"{moved.year:04d}"
    if month:
        result += f"{moved.month:02d}"
    if day:
        result += f"{moved.day:02d}"
    return result + (match["time"] or "") + zone


def _change_as(value: str) -> str:
    match = _AGE.fullmatch(value)
    if not match:
        raise InvalidDate
    return f"{_OLDEST_YEARS + 1:03d}Y" if match[2] == "Y" and int(match[1]) > _OLDEST_YEARS else value


def _moved(date: datetime.date, operation: Keep | Shift | Truncate) -> datetime.date:
    if isinstance(operation, Shift):
        try:
            return date + datetime.timedelta(days=operation.days)
        except OverflowError:
            raise InvalidDate from None
    if isinstance(operation, Truncate):
        return date.replace(month=1 if operation.to == "year" else date.month, day=operation.day)
    return date


def _date(year: str, month: str, day: str) -> datetime.date:
    try:
        return datetime.date(int(year), int(month), int(day))
    except ValueError:
        # `from None`: the message of the ValueError speaks of the value.
        raise InvalidDate from None


def _check_time(hour: str | None, minute: str | None, second: str | None) -> None:
    # 60 is a leap second (PS3.5 Table 6.2-1, TM).
    if int(hour or 0) > 23 or int(minute or 0) > 59 or int(second or 0) > 60:
        raise InvalidDate
