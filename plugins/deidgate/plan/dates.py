# SPDX-License-Identifier: Apache-2.0
"""Dates, times and ages: what becomes of one value under one operation.

Rules

* `Keep` changes nothing, `Remove` leaves nothing, `Shift` moves by whole days, `Truncate` keeps a year, or a
  year and a month, and puts the rest on a fixed day.
* A value keeps its VR and its precision: ``2001`` stays four digits, a fraction and a zone stay as they are.
* A time of day (TM) does not change under `Shift` and `Truncate`; a whole-day shift cannot move it.
* What is no date is never passed on: `InvalidDate`.

Which operation an element gets is the policy's business, not this module's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from deidgate.errors import CannotDeidentify


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
    day : int
        Day of the month (1 to 28) of the result.
    """

    to: Literal["year", "month"]
    day: int = 15


@dataclass(frozen=True, slots=True)
class Remove:
    """Leave no date."""


DateOperation: TypeAlias = Keep | Shift | Truncate | Remove


def change_date(vr: str, value: str, operation: DateOperation) -> str | None:
    """Value of the DA, TM or DT element after `operation`; None when no value is left.

    Parameters
    ----------
    vr : str
        ``DA``, ``TM`` or ``DT``.
    value : str
        One or more values with ``\\`` between them; empty values stay empty.
    operation : DateOperation

    Raises
    ------
    InvalidDate
        A value is not a date of this VR (or is a query range), or would leave the years 1 to 9999.
    """
    raise NotImplementedError


def change_age(value: str) -> str:
    """Value of the AS element with ages over 89 years as ``090Y``; younger ages unchanged.

    Raises
    ------
    InvalidDate
        The value is no age string.
    """
    raise NotImplementedError


def dummy_date(vr: str) -> str:
    """A valid value of DA, TM, DT or AS that says nothing (action D)."""
    raise NotImplementedError
