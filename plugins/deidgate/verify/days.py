# SPDX-License-Identifier: Apache-2.0
"""Days of the original where they are no date elements, in spellings that are no words.

* In numbers, which have no letters and drop their zeros.
* In texts with one or two digits for day, month and year (``17.8.43``, ``43-08-17``), and without a year where they
  can be nothing else: a day above 12 with a dot behind the month or a slash, at the end of what is said.

Only days that the original itself has are looked for. A number of eight digits that could be a date is a number,
and 3.2.10 a version.
"""

from __future__ import annotations

import re
from collections.abc import Collection

_NUMBER = re.compile(rb"[ \0]*[+-]?(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,3}))?[ \0]*")
_LONG = re.compile(rb"[0-9]{7}(?<![0-9.][0-9]{7})")
_THREE = re.compile(r"(?<!\d)(?<!\d\.)(\d{1,4})([./-]) ?(\d{1,2})\2 ?'?(\d{1,4})(?!\d|\.\d)", re.ASCII)
_TWO = re.compile(
    r"(?<![^\W_])(?<!\d[.,/-])(\d{1,2})(?:/(\d{1,2})|\.(\d{1,2})\.)(?=[ \0]*(?:[,;)\]\\\r\n]|\Z))", re.ASCII
)
_MONTHS = 12
_LONGEST = len("YYYYMMDDHHMMSS")


def is_day(text: str) -> bool:
    """True for eight digits that are a day of the twentieth or twenty-first century."""
    return (
        len(text) == 8
        and text.isascii()
        and text.isdigit()
        and "1900" <= text[:4] < "2100"
        and "01" <= text[4:6] <= "12"
        and "01" <= text[6:] <= "31"
    )


def day_in_numbers(value: bytes, days: Collection[str]) -> str:
    r"""The first of `days` (YYYYMMDD) that one of the numbers in `value` is; empty when none is.

    A number is compared as a whole: ``20230405``, ``5042023`` (the fifth of April, without its zero), ``20230405.0``
    and ``20230405101112`` are that day, ``120230405`` is a number. With two digits of the year a number is a day only
    where it stands alone and has six digits: among measurements that would be chance.
    """
    if len(value) < 6 or not days:
        return ""
    # Contours have many thousands of numbers, and hardly ever one that is long before its decimal point.
    may_be = _LONG.search(value) or b"E" in value or b"e" in value
    for number in value.split(b"\\") if may_be else ():
        whole = _whole(number)
        if len(whole) in (7, 8):
            spelled = whole.zfill(8)
            for day in (spelled, spelled[4:] + spelled[2:4] + spelled[:2], spelled[4:] + spelled[:4]):
                if day in days:
                    return day
        elif len(whole) in (10, 12, _LONGEST) and whole[:8] in days:
            return whole[:8]
    alone = value.strip(b" \0").decode("latin_1")
    if len(alone) == 6 and alone.isascii() and alone.isdigit():
        for day in days:
            if day[2:] in (alone, alone[4:] + alone[2:4] + alone[:2], alone[4:] + alone[:4]):
                return day
    return ""


def day_in_text(text: str, days: Collection[str]) -> str:
    """The first of `days` (YYYYMMDD) that stands in a folded text in a short spelling; empty when none does."""
    for match in _THREE.finditer(text):
        first, second, third = match[1], match[3], match[4]
        for year, month, day in ((third, second, first), (third, first, second), (first, second, third)):
            found = _with_year(year, month, day, days)
            if found:
                return found
    for match in _TWO.finditer(text):
        one, two = int(match[1]), int(match[2] or match[3])
        pairs = ((one, two), (two, one)) if match[2] else ((two, one),)
        for month, number in pairs:
            if number > _MONTHS:
                wanted = f"{month:02}{number:02}"
                found = next((day for day in days if day[4:] == wanted), "")
                if found:
                    return found
    return ""


def _with_year(year: str, month: str, day: str, days: Collection[str]) -> str:
    if len(year) not in (2, 4) or len(month) > 2 or len(day) > 2:
        return ""
    wanted = f"{year}{int(month):02}{int(day):02}"
    return next((one for one in days if one[-len(wanted) :] == wanted), "")


def _whole(number: bytes) -> str:
    """Digits before the decimal point, without zeros in front; empty for what is no number."""
    if len(number) < len("YYYYMDD"):
        return ""
    match = _NUMBER.fullmatch(number)
    if match is None:
        return ""
    whole, fraction = match[1] or b"", match[2] or b""
    if match[3]:
        moved = int(match[3])
        if not 0 <= moved <= _LONGEST:
            # What is divided by a power of ten is no day that anybody wrote.
            return ""
        whole += fraction[:moved].ljust(moved, b"0")
    return whole.lstrip(b"0").decode()
