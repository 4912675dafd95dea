# SPDX-License-Identifier: Apache-2.0
"""Does a header show that its patient was over 89?

By years: a result that shows years only lets its reader reckon with nothing finer, and 90 years between birth and
examination may be an age of 89 or of 90.

Source: 45 CFR 164.514(b)(2)(i)(C).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pydicom import Dataset

from deidgate.dicom.charset import Charset
from deidgate.dicom.dictionary import dictionary_vr
from deidgate.dicom.elements import Unreadable, declared_vr, elements_of, text_of

_BIRTH_DATE, _AGE = 0x00100030, 0x00101010
_OLDEST = 89
_YEARS = re.compile(r"([0-9]{1,3})Y", re.ASCII)
_YEAR = re.compile(r"[0-9]{4}", re.ASCII)


def shows_age_over_89(header: Dataset) -> bool:
    """True when Patient's Age says so, or the years between birth and any date of the outermost dataset."""
    born: set[int] = set()
    dated: set[int] = set()
    for tag, vr, value in _values(header):
        if tag == _AGE:
            age = _YEARS.fullmatch(value)
            if age and int(age[1]) > _OLDEST:
                return True
        elif vr in ("DA", "DT"):
            year = _YEAR.match(value)
            if year:
                (born if tag == _BIRTH_DATE else dated).add(int(year[0]))
    return bool(born and dated) and max(dated) - min(born) > _OLDEST


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
