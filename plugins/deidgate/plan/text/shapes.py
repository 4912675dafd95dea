# SPDX-License-Identifier: Apache-2.0
"""What looks like a date, a telephone number, an address or an identifier, whoever it belongs to.

Every pattern is bounded (no unbounded repetition next to another one), so that the time is
proportional to the length of the text. Patterns are tried on folded text.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator

from deidgate.plan.text.spans import Kind, Span
from deidgate.standard.uids import is_registered

_MONTHS = (
    r"(?:jan(?:uar[yio]?|vier|eiro)?|january|feb(?:ruar[yi]?)?|fev(?:rier|ereiro)?|febrero|febbraio|mar(?:ch|zo|co|s)?|maerz|marz|mrz|maart|"
    r"apr(?:il|ile)?|avr(?:il)?|abr(?:il)?|may|mai|mayo|maggio|maio|mei|jun[ei]?|juin|junio|junho|giugno|"
    r"jul[yi]?|juillet|julio|julho|luglio|aug(?:ust|ustus)?|aout|agosto|ago|sept?(?:ember)?|septembre|septiembre|settembre|setembro|"
    r"oct(?:ober|obre)?|okt(?:ober)?|octubre|ottobre|outubro|out|nov(?:ember|embre|iembre|embro)?|dec(?:ember|embre)?|dez(?:ember|embro)?|"
    r"dic(?:iembre|embre)?)(?![a-z])"
)
# Months whose names are nothing else: a day beside them is a date even without a year.
_PLAIN_MONTHS = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|march|apr(?:il)?|june?|july?|aug(?:ust)?|september|oct(?:ober)?|nov(?:ember)?|december|"
    r"januar|februar|maerz|juni|juli|oktober|dezember|janvier|fevrier|juin|juillet|aout|septembre|octobre|novembre|decembre)(?![a-z])"
)
_GAP = r"[\s_.,/\-^]{0,3}"
_D = r"(?:0?[1-9]|[12]\d|3[01])"
_M = r"(?:0?[1-9]|1[0-2])"
_Y = r"(?:1[89]|2[01])\d{2}"
_NTH = r"(?:st|nd|rd|th)?"
_CLOCK = r"(?:[\s,t_@\-]{0,3}(?:at\s)?\d{1,2}[:h]\d{2}(?::\d{2})?(?:\.\d{1,6})?(?:\s?[ap]\.?m\b\.?)?)?"
_NO_DIGIT_BEFORE = r"(?<!\d)(?<!\d[.,])"
_NO_DIGIT_AFTER = r"(?!\d)(?![.,]\d)"

_WORDED_DATES = [
    re.compile(p + _CLOCK)
    for p in (
        rf"(?<![a-z\d]){_D}{_NTH}{_GAP}(?:of\s)?{_MONTHS}{_GAP}'?(?:{_Y}|\d{{2}})(?![\d.]\d?)",
        rf"(?<!\d)\d\d{_MONTHS}(?:{_Y}|\d{{2}})(?!\d)",
        rf"(?<!\d){_Y}{_GAP}{_MONTHS}{_GAP}{_D}{_NTH}(?!\d)",
        rf"(?<![a-z]){_MONTHS}{_GAP}{_D}{_NTH}[\s,_.\-^]{{1,3}}'?(?:{_Y}|\d{{2}})(?!\d)(?![.,]\d)",
        rf"(?<![a-z]){_MONTHS}{_GAP}'?{_Y}(?!\d)",
        rf"(?<![a-z\d.]){_D}{_NTH}{_GAP}(?:of\s)?{_PLAIN_MONTHS}",
        rf"(?<![a-z]){_PLAIN_MONTHS}{_GAP}{_D}{_NTH}(?![\d.])",
        rf"(?<![a-z]){_MONTHS}\s{{0,2}}{_D}(?:st|nd|rd|th)(?![a-z])",
        rf"(?<![a-z])(?:on|since|dated|until|am|vom|le)\s(?:{_MONTHS}\s?{_D}|{_D}\.?\s?{_MONTHS})(?![\d.])",
    )
]
_NUMBER_DATES = [
    re.compile(p + _CLOCK)
    for p in (
        rf"{_NO_DIGIT_BEFORE}{_Y}([-/._ :]){_M}\1{_D}{_NO_DIGIT_AFTER}",
        rf"{_NO_DIGIT_BEFORE}{_D}([-/._ ]){_D}\1{_Y}{_NO_DIGIT_AFTER}",
        rf"(?<![\d/.]){_M}[/-]{_Y}(?![\d/])",
        rf"(?<!\d){_Y}{_M}{_D}(?!\d)t?\d{{0,6}}",
        rf"(?<![a-z])(?:on|since|dated|am|vom|le|until)\s({_D}[/.]{_D})\.?(?![\d/.])",
        rf"(?<![a-z])(?:on|since|dated|am|vom|le|until|of|from|seit)\s({_D}\.{_D}\.\d\d)(?![\d.])",
    )
]
_SHORT_DATE = re.compile(rf"(?<![\d/.\-])({_D})([-/.])({_D})\2'?(\d{{2}})(?![\d/\-%])(?!\.\d)" + _CLOCK)
_CLOCK_ALONE = re.compile(r"(?<![\d:])(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?(?![\d:])")
_DATE_WORDS = re.compile(
    r"(?<![a-z])(?:d\.?o\.?b\.?|date of birth|birth ?date|birthday|born(?: on)?|geb(?:oren)?\.?(?: am)?|geburtsdatum|"
    r"nee? le|nat[oa] il|nacid[oa](?: el)?|fecha de nacimiento|data di nascita|date de naissance|d\.?o\.?s\.?|"
    r"dated?|datum|fecha)(?![a-z])[\s:=#.\-]{0,3}(\d[\d./\- ]{2,11}\d)"
)
_OLD = r"(?:9\d|1[0-3]\d)"
_YEARS_OLD = r"(?:y(?:ea)?rs?\.?[\s\-]?(?:of age|old)?|y/?\.?o\.?|year[\s\-]old|jahre|ans|anos|anni)(?![a-z])"
_OLD_AGE = re.compile(
    rf"(?<![\d.])(?:aged?\s{{0,2}}[:=]?\s{{0,2}})?{_OLD}\s?-?\s?{_YEARS_OLD}"
    rf"|(?<![a-z])aged?\s{{0,2}}[:=]?\s{{0,2}}{_OLD}(?!\d)|(?<!\d)(?:09\d|1[0-3]\d)y(?![a-z\d])"
)

_PHONES = [
    re.compile(p)
    for p in (
        # +49 30 1234567, 001-555-123-4567x12
        r"(?<![\w.])(?:\+|00)\d{1,3}[\s./()\-]{0,3}\d{1,5}[\s./()\-]{0,3}\d{2,5}(?:[\s./()\-]{0,2}\d{2,5}){0,4}(?:\s?(?:x|ext\.?)\s?\d{1,6})?(?!\d)",
        # (555)123-4567, 555-123-4567x89, 1 555.123.4567
        r"(?<![\d.])(?:1[\s.\-])?\(?[2-9]\d{2}\)?[\s.\-/]{0,2}\d{3}[\s.\-]\d{4}(?![\d.]\d)(?!\d)(?:\s?(?:x|ext\.?)\s?\d{1,6})?",
        r"(?<![\d.])\(\d{2,5}\)[\s.\-/]{0,2}\d{3,4}[\s.\-]?\d{3,5}(?!\d)(?:\s?(?:x|ext\.?)\s?\d{1,6})?",
        # 0221/123456, 01 23 45 67 89, 020 7946 0958
        r"(?<![\d.,])0\d{1,4}[\s/\-.]\d{2,4}[\s\-.]?\d{2,4}(?:[\s\-.]?\d{2,4}){0,3}(?![\d.])",
    )
]
_LOCAL_PHONE = re.compile(r"(?<![\d.\-/])(?<!b)([2-9]\d{2})-(\d{4})(?![\d.\-])")
_CALLED = re.compile(
    r"(?<![a-z])(?:tel(?:ephone|efon|efono)?|phone|fax|cell|mobile|mob|handy|pager|beeper|bleep|call(?:ed|s)?|contact|extension|ext(?=[.:#])|"
    r"telefax|rufnummer|fon|phon)(?![a-z])[\s.:=#]{0,3}(?:(?:no|number|nr|at|on)(?![a-z])[\s.:#]{0,3})?(\+?\(?\d[\d\s().\-/x+]{2,24}\d)"
)
_SSN = re.compile(r"(?<![\d.\-])\d{3}-\d{2}-\d{4}(?![\d\-])")
_URL = re.compile(r"(?:https?|s?ftp|dicom)://[^\s<>\"]{1,400}|(?<![a-z0-9])www\.[^\s<>\"]{2,400}")
_HOST = re.compile(
    r"(?<![a-z0-9.\-])(?:[a-z0-9\-]{1,40}\.){1,5}(?:com|org|net|edu|gov|mil|info|local|lan|de|at|ch|fr|es|it|nl|be|uk|eu|ca|au|jp|dk|se|fi|pl)"
    r"(?![a-z0-9])(?:/[^\s]{0,200})?"
)
_ADDRESS_IP = re.compile(r"(?<![\d.a-z])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])")
_HARDWARE = re.compile(
    r"(?<![0-9a-f:\-])(?:[0-9a-f]{2}[:\-]){5}[0-9a-f]{2}(?![0-9a-f:\-])|(?<![0-9a-f:])(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}"
)
_UID = re.compile(r"(?<![\d.])\d{1,10}(?:\.\d{1,40}){4,}+(?![\d])")
_STREET = re.compile(
    r"(?<![\d.])\d{1,6}[a-z]?\s(?:[a-z'.\-]{2,20}\s){1,3}(?:street|avenue|ave|road|rd|drive|lane|boulevard|blvd|parkway|highway|square|terrace)(?![a-z])\.?"
    r"(?:,?\s(?:suite|apt\.?|unit|floor)\s?\d{1,5})?"
    r"|(?<![a-z])(?:suite|apt\.?|p\.?\s?o\.?\sbox|postfach)\s?#?\d{1,6}(?!\d)"
    r"|(?<![a-z])[a-z\-]{2,30}(?:strasse|str\.|gasse|weg|platz|allee)\s?\d{1,4}[a-z]?(?![a-z\d])"
)
_ZIP = re.compile(
    r"(?<![a-z])(?:a[klrz]|c[aot]|d[ce]|fl|ga|hi|i[adln]|k[sy]|la|m[adeinost]|n[cdehjmvy]|o[hkr]|pa|ri|s[cd]|t[nx]|ut|v[at]|w[aivy])[\s,]{1,2}(\d{5}(?:-\d{4})?)(?!\d)"
)
_NUMBERED = re.compile(
    r"(?<![a-z])(?:mrn|m\.r\.n\.?|mr\s?(?:#|no\b|nr\b|number)|med(?:ical)?\.?\s?rec(?:ord)?(?:\s?(?:#|no|number))?|record|chart|pid|pat(?:ient)?\.?[\s_\-]?(?:id|nr|no|number|#)|"
    r"fall(?:nummer|nr)?|hosp(?:ital)?\.?\s?(?:id|no|nr|number|#)|acc(?:n|ession)?(?:\s?(?:no|nr|num|number))?|ssn|nhs|case\s?(?:id|no|number|#)|order\s?(?:id|no|number|#)|"
    r"req(?:uisition)?\s?(?:id|no|number|#)|acc(?:oun)?t\s?(?:no|number|#)?|visit\s?(?:id|no|number|#)|encounter|study\s?id|exam\s?id|subj(?:ect)?\.?\s?(?:id|no|nr|#)?|id|ident|"
    r"serial|sn|s/n|license|licence|policy|member|insurance)"
    r"(?![a-z])[\s:=#.\-]{0,4}([a-z]{0,6}[\-_/.]?\d[a-z0-9\-_/.]{1,24})"
)
_HASHED = re.compile(r"#\s?\d{4,}(?![\d.])")
_GROUPS = re.compile(r"(?<![\w.\-])\d{1,5}(?:-\d{1,5}){1,4}(?![\w.\-])")
_RUN = re.compile(r"[a-z0-9]{5,}")
_DASHED = re.compile(r"(?<![a-z0-9])[a-z0-9]{1,12}(?:[\-/][a-z0-9]{1,12}){1,6}(?![a-z0-9])")

# What long runs of letters and digits are when they are no identifiers.
_EXPLAINED = re.compile(
    r"\d{1,4}(?:x\d{1,4}){1,3}(?:mm|cm|[a-z]{0,2})?"  # 512x512, 320x240x64mm
    # tr5000te90, fov240p2
    r"|(?:(?:(?:t[reid12]|fov|dfov|fa|bw|st|sl|thk|nex|nsa|etl|esp|kv|kvp|ma|mas|hu|wl|ww|gap|mtx|res|gr|mb|ph|v[abde]|"
    r"dose|iso|flip|matrix|slice|slices|thick|delay|phase)\d{1,5}|[bprsixzndmwhv]\d{1,4})(?:p\d{1,3})?){1,6}[a-z]{0,6}"
    # 3000hu, 120kv
    r"|\d{1,7}(?:mm|cm|um|ml|cc|mg|g|kg|mgi|mci|[mgk]bq|"
    r"c?gy|mgy|[um]sv|kvp?|[km]ev|mas?|[km]?hz|m?sec|m?s|us|usec|min|hu|bpm|deg|ppm|bq|bqml|t)"
    r"|[1-9]0{4,}|0{5,}|(?:iec|iso|ieee|din|astm|pk)\d{4,5}"
)
# Stand right before or behind a number that is a quantity.
_PARAMETER = re.compile(
    r"(?:t[reid12]|b|bw|fov|matrix|dose|delay|flow|window|width|level|ptv|gtv|hz|nex|bandwidth|values?|iec|iso|ieee|din|astm)[\s:=]{0,3}\Z"
)
_UNIT = re.compile(
    r"\s?(?:mm|cm|um|ml|cc|mg|g|kg|mgi|mci|[mgk]bq|c?gy|mgy|[um]sv|kvp?|[km]ev|mas?|[km]?hz|m?sec|m?s|us|min|"
    r"hu|bpm|deg|ppm|bq|counts|x\d)(?![a-z])"
)
# A quick look before the slow ones: no date in words without the beginning of a month.
_ANY_MONTH = re.compile(
    r"jan|feb|fev|mar|mrz|maer|maa|apr|avr|abr|ma[iygj]|mei|jun|jui|jul|gi[ul]|lug|aug|ago|aou|sep|set|oct|okt|ott|out|nov|de[cz]|dic"
)
_FEWEST_DATE, _FEWEST_CONTACT, _FEWEST_NUMBERED = 4, 4, 3  # digits in the whole text
_FEWEST_MIXED = 5  # digits that make a number, or a run of letters and digits, an identifier
_FEWEST_DASHED = 7  # digits that make numbers with dashes between them an identifier
_LONGEST_WHOLE_PART = 6  # digits before the decimal point of a quantity


def shapes(text: str) -> Iterator[Span]:
    """Spans of the folded `text` that look like dates, contacts or identifiers."""
    if "@" in text:
        yield from _mails(text)
    if "." in text or "/" in text:
        yield from _all(_URL, text, Kind.CONTACT)
        yield from _all(_HOST, text, Kind.CONTACT)
    digits = _digits(text)
    if not digits:
        return
    yield from _all(_STREET, text, Kind.PLACE)
    yield from _dates(text, digits)
    if digits >= _FEWEST_CONTACT:
        yield from _contacts(text)
    if digits >= _FEWEST_NUMBERED:
        yield from _identifiers(text)


def _all(
    pattern: re.Pattern[str], text: str, kind: Kind, accept: Callable[[re.Match[str]], bool] | None = None
) -> Iterator[Span]:
    for match in pattern.finditer(text):
        if accept is None or accept(match):
            yield Span(match.start(), match.end(), kind)


def _dates(text: str, digits: int) -> Iterator[Span]:
    if _ANY_MONTH.search(text):
        for pattern in _WORDED_DATES:
            yield from _all(pattern, text, Kind.DATE)
    if digits >= _FEWEST_DATE:
        for pattern in _NUMBER_DATES:
            yield from _all(pattern, text, Kind.DATE)
        yield from _all(_SHORT_DATE, text, Kind.DATE, _is_short_date)
        yield from _all(_DATE_WORDS, text, Kind.DATE)
    if ":" in text:
        yield from _all(_CLOCK_ALONE, text, Kind.DATE)
    yield from _all(_OLD_AGE, text, Kind.DATE)


def _is_short_date(match: re.Match[str]) -> bool:
    first, mark, second, year = match[1], match[2], match[3], match[4]
    one, two, three = int(first), int(second), int(year)
    if min(one, two) > 12 and not (one <= 31 and two <= 12):
        return False
    if mark == "/":
        return True
    # 3.2.10 is a version and 10-20-30 are delays: dates are written with two digits, and their steps are not equal.
    if len(first) != 2 or len(second) != 2:
        return mark == "-" and two - one != three - two
    return mark == "." or two - one != three - two or two == one


def _contacts(text: str) -> Iterator[Span]:
    for pattern in _PHONES:
        yield from _all(pattern, text, Kind.CONTACT, _is_phone)
    yield from _all(_LOCAL_PHONE, text, Kind.CONTACT, _is_local_phone)
    yield from _all(_CALLED, text, Kind.CONTACT, lambda m: _digits(m[1]) >= 4)
    yield from _all(_SSN, text, Kind.CODE)
    yield from _all(_ADDRESS_IP, text, Kind.CONTACT, lambda m: all(int(p) < 256 for p in m[0].split(".")))
    yield from _all(_HARDWARE, text, Kind.CONTACT)
    yield from _all(_UID, text, Kind.CODE, lambda m: not is_registered(m[0]))
    for match in _ZIP.finditer(text):
        yield Span(match.start(1), match.end(1), Kind.PLACE)


def _is_phone(match: re.Match[str]) -> bool:
    if _digits(match[0]) < 8:
        return False
    # 256 256 1024 is a matrix; b-values and matrices come in round numbers.
    parts = re.findall(r"\d+", match[0])
    return not all(int(p) % 8 == 0 or int(p) % 50 == 0 for p in parts)


def _is_local_phone(match: re.Match[str]) -> bool:
    return not (int(match[1]) % 50 == 0 and int(match[2]) % 50 == 0)


def _identifiers(text: str) -> Iterator[Span]:
    for match in _NUMBERED.finditer(text):
        if _digits(match[1]) >= 3 and not _EXPLAINED.fullmatch(match[1]):
            yield Span(match.start(), match.end(), Kind.CODE)
    yield from _all(_HASHED, text, Kind.CODE)
    yield from _all(_GROUPS, text, Kind.CODE, _is_number_in_groups)
    runs = [m.span() for m in _RUN.finditer(text) if _is_identifier(text, m)]
    for start, stop in runs:
        yield Span(start, stop, Kind.CODE)
    if "-" in text or "/" in text:
        for match in _DASHED.finditer(text):
            if _is_dashed_identifier(match, runs):
                yield from _numbered_parts(match)


def _is_dashed_identifier(match: re.Match[str], runs: list[tuple[int, int]]) -> bool:
    """A number written to an identifier with a dash is part of it (2001-123456), and so are long ones (S01-12345)."""
    first = bisect_left(runs, match.span())
    if first < len(runs) and runs[first][1] <= match.end():
        return True
    return _digits(match[0]) >= _FEWEST_DASHED and any(
        part.isdecimal() and len(part) > 3 and int(part) % 8 and int(part) % 50 for part in re.split(r"[\-/]", match[0])
    )


def _is_number_in_groups(match: re.Match[str]) -> bool:
    """A number written in groups, and no list of b-values or sizes, which are round."""
    groups = match[0].split("-")
    return _digits(match[0]) >= 8 and not all(int(g) % 8 == 0 or int(g) % 50 == 0 for g in groups)


def _numbered_parts(match: re.Match[str]) -> Iterator[Span]:
    at = match.start()
    for part in re.split(r"([\-/])", match[0]):
        if any(c.isdecimal() for c in part) and not _EXPLAINED.fullmatch(part):
            yield Span(at, at + len(part), Kind.CODE)
        at += len(part)


def _is_identifier(text: str, match: re.Match[str]) -> bool:
    run = match[0]
    digits = _digits(run)
    if digits < _FEWEST_MIXED or _EXPLAINED.fullmatch(run):
        return False
    if digits < len(run):
        return True
    before, after = text[max(0, match.start() - 2) : match.start()], text[match.end() : match.end() + 2]
    is_fraction = before[-1:] in (".", ",") and before[:1].isdecimal()
    is_whole_part = after[:1] == "." and after[1:].isdecimal() and digits <= _LONGEST_WHOLE_PART
    if is_fraction or is_whole_part or digits < _FEWEST_MIXED:
        return False
    if digits > _FEWEST_MIXED:
        return True
    # Five digits: an identifier or a postal code, unless round or a quantity.
    is_round = int(run) % 8 == 0 or int(run) % 50 == 0
    is_quantity = _UNIT.match(text, match.end()) or _PARAMETER.search(text, max(0, match.start() - 12), match.start())
    return not (is_round or is_quantity)


def _digits(text: str) -> int:
    return sum(map(text.count, "0123456789"))


def _mails(text: str) -> Iterator[Span]:
    """From the signs outwards, because a pattern would try every beginning."""
    at = text.find("@")
    while at >= 0:
        start, stop = at, at + 1
        while start and (text[start - 1].isalnum() or text[start - 1] in "._+-%") and at - start < 64:
            start -= 1
        while stop < len(text) and (text[stop].isalnum() or text[stop] in ".-") and stop - at < 255:
            stop += 1
        if start < at and stop > at + 1 and any(c.isalpha() for c in text[at:stop]):
            yield Span(start, stop, Kind.CONTACT)
        at = text.find("@", at + 1)
