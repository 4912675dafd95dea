# SPDX-License-Identifier: Apache-2.0
"""Numbers that are a day of the instance: a Series Number 20230405 undoes the shift of Study Date 20230405.

Numbers are kept without a look at what they mean, so only these are looked for, as whole values of IS and DS:

* days of this instance's own dates and date times that the policy does not keep; any other number of eight digits is
  a number, also if it could be a date;
* year, month, day in this order, or with the year at the end, and the first one also with a time of day behind it;
* with two digits of the year only where the attribute has the one value and that is a whole number of six digits: in
  lists of measurements one of six digits is a coincidence too often.

Source: PS3.15 E.3.6 (Retain Longitudinal Temporal Information).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation

from pydicom import Dataset

from deidgate.dicom.charset import Charset
from deidgate.dicom.dictionary import dictionary_vr
from deidgate.dicom.elements import Unreadable, declared_vr, elements_of, items_of, text_of
from deidgate.plan.model import Reason
from deidgate.policy.model import DateAction, Policy

OWN_DAY = Reason("E.3.6", "a number that is a date of this instance")
_DAY = re.compile(r"((?:19|20)\d\d)(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])", re.ASCII)
# Devices write it where they know no date.
_NO_DAY = "19000101"
# A quick look first, because of contours with their many thousands of numbers: seven digits that no decimal point is
# before (the first of a day may be a zero that was left out), or an exponent, or nothing but six digits.
_SEVEN_DIGITS = re.compile(rb"[0-9]{7}(?<![0-9.][0-9]{7})")
_SIX_DIGITS = re.compile(rb"[ 0+\0]*[0-9]{6}[ \0]*")
_LONGEST = 16  # characters of a DS; PS3.5 6.2
_BEHIND_A_DAY = frozenset({2, 4, 6})  # digits of hours, minutes and seconds


def days_in_numbers(header: Dataset, policy: Policy) -> frozenset[str]:
    """The days (YYYYMMDD) that `header` (not changed) has in dates at any depth and that the policy does not keep."""
    dates = policy.dates
    kept: set[str] = set()
    gone: set[str] = set()
    for tag, day in _days(header):
        if tag in dates.birth_attributes:
            rule = dates.birth
        else:
            rule = dates.study if tag in dates.study_attributes else dates.other
        (kept if rule.action is DateAction.KEEP else gone).add(day)
    return frozenset(gone - kept)


def is_own_day(value: bytes, days: frozenset[str]) -> bool:
    """True when one of the numbers in a value of IS or DS is one of `days`."""
    if not days or not (_SEVEN_DIGITS.search(value) or b"E" in value or b"e" in value or _SIX_DIGITS.fullmatch(value)):
        return False
    numbers = [number.strip(" \0") for number in value.decode("ascii", "replace").split("\\")]
    short = len(numbers) == 1 and len(numbers[0]) == 6
    return any(_is_day(number, days) for number in numbers) or (
        short and any(numbers[0] in (day[2:], day[6:] + day[4:6] + day[2:4], day[4:] + day[2:4]) for day in days)
    )


def _is_day(number: str, days: frozenset[str]) -> bool:
    try:
        exact = Decimal(number)
        # 1E999999999 has as many digits, and is no day.
        whole = str(abs(int(exact))) if abs(exact.adjusted()) < _LONGEST else ""
    except (InvalidOperation, ValueError, OverflowError):
        return False
    if whole[:8] in days:
        return len(whole) == 8 or len(whole) - 8 in _BEHIND_A_DAY
    spelled = whole.zfill(8)
    return len(spelled) == 8 and any(
        spelled in (day[6:] + day[4:6] + day[:4], day[4:] + day[:4]) for day in days if day[:4] == spelled[4:]
    )


def _days(header: Dataset) -> Iterator[tuple[int, str]]:
    """Tag and day of every date of the outermost dataset and of items at any depth."""
    ascii_only = Charset.declared("")
    waiting = [header]
    while waiting:
        current = waiting.pop()
        for element in elements_of(current):
            vr = declared_vr(element) or dictionary_vr(element.tag)
            try:
                if vr == "SQ":
                    waiting.extend(items_of(current, element))
                elif vr in ("DA", "DT"):
                    for value in text_of(element, ascii_only).split("\\"):
                        match = _DAY.match(value.strip().replace(".", ""))
                        if match and match[0] != _NO_DAY:
                            yield int(element.tag), match[0]
            except Unreadable:
                # Whether the instance is held for it, the walk decides.
                continue
