# SPDX-License-Identifier: Apache-2.0
"""What must not be found in a result: taken from the original, by the rows of Table E.1-1.

The plan is not asked what it replaced. Every attribute that carries an identity (a person's name, an identifier,
an address, a UID, a date) yields needles, unless the claimed codes permit its value to stay or a written rule of
the policy keeps it.

What is deliberately not a needle: prose (descriptions are judged by their own rows), values shorter than four
characters except parts of the patient's own name, and identifiers made of nothing but words of the trade.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from deidgate.standard.uids import is_registered
from deidgate.verify import content
from deidgate.verify.days import is_day
from deidgate.verify.facts import (
    CLEAN_DESCRIPTORS,
    RETAIN_DEVICE,
    RETAIN_UIDS,
    Identity,
    Left,
    name_of,
    names_definition,
    row_of,
)
from deidgate.verify.text import canonical_text, fold
from deidgate.verify.view import TEXT, View
from deidgate.verify.words import PLACEHOLDERS, TITLES, is_common, is_placeholder, names_no_one

_SHORTEST = 4
_FEWEST_KANA = 3
_PATIENTS_NAMES = frozenset({0x00100010, 0x00101001, 0x00101005, 0x00101060, 0x00102297})
# Attributes in which a sequence that identifies somebody says who it is.
_CODES = frozenset({0x00080100, 0x00080104, 0x00080119, 0x00080120, 0x00400031, 0x00400032})
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "å": "aa", "ø": "oe", "æ": "ae"})
_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_MANUFACTURER = 0x00080070
_META_TITLES = (0x00020016, 0x00020017, 0x00020018)
_META_SOP_INSTANCE = 0x00020003


class Kind(StrEnum):
    """What a needle is; the value is the code of the finding."""

    NAME = "name-left"
    SHORT_NAME = "short-name-left"
    IDENTIFIER = "identifier-left"
    DEVICE = "device-left"
    DATE = "date-left"


class Needle(NamedTuple):
    """One thing to look for.

    Attributes
    ----------
    kind : Kind
    text : str
        Folded words with single spaces (see `deidgate.verify.text.canonical_text`).
    spelled : str
        As the original spells it, when that is not ASCII: for text without a declared character set. Else empty.
    source : str
        Keyword of the attribute that it comes from.
    """

    kind: Kind
    text: str
    spelled: str
    source: str


class Needles(NamedTuple):
    """All that is looked for.

    Attributes
    ----------
    words : tuple of Needle
    uids : mapping of bytes to str
        Original UIDs, and the keyword that each comes from.
    days : mapping of str to str
        Dates (YYYYMMDD) that no date element of the result shows, and the keyword that each comes from.
    """

    words: tuple[Needle, ...]
    uids: dict[bytes, str]
    days: dict[str, str]


class _Found:
    """Needles under construction, each text once."""

    def __init__(self) -> None:
        self.words: dict[tuple[Kind, str], Needle] = {}
        self.uids: dict[bytes, str] = {}
        self.days: dict[str, str] = {}

    def add(self, kind: Kind, text: str, spelled: str, source: str) -> None:
        key = (kind, text)
        if text and key not in self.words:
            self.words[key] = Needle(kind, text, "" if spelled.isascii() else spelled, source)


def derive(
    original: View, codes: frozenset[str], kept: frozenset[tuple[object, int]], dates_that_stay: frozenset[str]
) -> Needles:
    """The needles of `original`.

    Parameters
    ----------
    original : View
    codes : frozenset of str
        CID 7050 codes that are claimed.
    kept : frozenset
        Keys of elements that a written rule of the policy keeps.
    dates_that_stay : frozenset of str
        Dates (YYYYMMDD) that date elements of the result show with good reason.
    """
    found = _Found()
    identifying = _identifying_sequences(original, codes)
    for element in original.elements:
        if element.stop == element.start or element.items is not None or element.key in kept:
            continue
        row = row_of(element.tag)
        vr = element.vr
        if row is not None and Left.SAME in row.left(codes) and not (vr in ("DA", "DT") and row.only_by_shift(codes)):
            continue
        source = name_of(element.tag)
        if vr == "PN":
            declared, *others = original.texts(element)
            for text in (declared, *filter(_may_be_meant, others)):
                _names(found, text, element.tag in _PATIENTS_NAMES, source)
        elif vr == "UI":
            # Also one that no row names: only UIDs of definitions name nothing of this world.
            if row is not None or not (RETAIN_UIDS in codes or names_definition(element.tag)):
                _uids(found, original.value(element), source)
        elif vr in ("DA", "DT"):
            if row is not None:
                _dates(found, original.value(element), dates_that_stay, source)
        elif vr in TEXT and (
            (row is not None and row.identity is not Identity.NONE)
            or (element.tag in _CODES and element.parents in identifying)
        ):
            device = row is not None and row.identity is Identity.DEVICE
            if device and RETAIN_DEVICE in codes:
                # What an AE title says, the Station Name that is retained says too.
                continue
            person = row is not None and row.identity is Identity.PERSON
            for text in original.texts(element):
                if not person and _is_the_manufacturer(text, original):
                    continue
                _identifiers(found, text, vr, Kind.DEVICE if device else Kind.IDENTIFIER, source)
    for element, concept in content.values_that_must_go(original, codes):
        is_text = element.tag == content.TEXT_VALUE and not concept.is_age
        if is_text and CLEAN_DESCRIPTORS not in concept.options:
            for text in original.texts(element):
                _identifiers(found, text, element.vr, Kind.IDENTIFIER, name_of(element.tag))
    _from_file_meta(found, original, codes)
    return Needles(tuple(found.words.values()), found.uids, found.days)


def _is_the_manufacturer(text: str, original: View) -> bool:
    """A place or station that is called as the maker of the device identifies neither."""
    words = canonical_text(fold(text)).split()
    maker = canonical_text(fold(original.text(_MANUFACTURER))).split()
    return bool(words) and not any(c.isdigit() for c in text) and set(words) <= set(maker)


def _identifying_sequences(original: View, codes: frozenset[str]) -> frozenset[object]:
    """Items of sequences that say who somebody is, such as Person Identification Code Sequence."""
    found: set[object] = set()
    for element in original.elements:
        if not element.items:
            continue
        row = row_of(element.tag)
        if row is not None and row.identity is not Identity.NONE and Left.SAME not in row.left(codes):
            found.update((*element.parents, (element.tag, item)) for item in range(element.items))
    return frozenset(found)


def _names(found: _Found, value: str, of_patient: bool, source: str) -> None:
    for group in re.split(r"[\\=]", value):
        spelled = [part for part in re.split(r"[\s^,;/()]+", group) if part]
        parts = [canonical_text(fold(part)) for part in spelled]
        whole = [p for p in parts if p and p not in PLACEHOLDERS and p not in TITLES]
        if names_no_one(whole):
            continue
        for part, as_spelled in zip(parts, spelled, strict=True):
            if not part or part in TITLES or is_placeholder(part):
                continue
            for variant in _spellings(part, as_spelled):
                kind = _kind_of_name(variant, of_patient)
                if kind is not None:
                    found.add(kind, variant, as_spelled, source)
        if len(whole) > 1 and not is_common(" ".join(whole)):
            first, last = whole[1], whole[0]
            for together in (first + last, last + first):
                if len(together) >= _SHORTEST + 1 or not together.isascii():
                    found.add(Kind.NAME, together, "".join(spelled), source)
                    found.add(Kind.NAME, _other_kana(together), "", source)


def _may_be_meant(reading: str) -> bool:
    """True for a reading, other than the declared one, with letters alone: bytes of Japanese as Latin-1 are signs.

    Needles of such signs fold to next to nothing (``a a a``), which is in every other text of that script.
    """
    return all(c.isascii() or c.isalpha() for c in reading)


def _other_kana(text: str) -> str:
    """Hiragana in katakana and the reverse; empty for what is neither, or too short to be nobody else's word."""
    if len(text) < _FEWEST_KANA or not all("\u3041" <= c <= "\u3096" or "\u30a1" <= c <= "\u30fc" for c in text):
        return ""
    return "".join(c if c >= "\u30f7" else chr(ord(c) + (0x60 if c < "\u30a1" else -0x60)) for c in text)


def _spellings(part: str, spelled: str) -> tuple[str, ...]:
    lower = spelled.lower()
    other = canonical_text(fold(lower.translate(_UMLAUTS)))
    kana = _other_kana(part)
    return tuple(dict.fromkeys(one for one in (part, other, kana) if one))


def _kind_of_name(part: str, of_patient: bool) -> Kind | None:
    if not part.isascii():
        # Two ideographs or syllables are a name; one is a word of the language.
        return Kind.NAME if len(part) >= 2 else None
    if part.isdigit():
        return Kind.IDENTIFIER if len(part) >= _SHORTEST else None
    if len(part) >= _SHORTEST:
        return Kind.NAME
    return Kind.SHORT_NAME if len(part) == 3 and of_patient and not is_common(part) else None


def _identifiers(found: _Found, value: str, vr: str, kind: Kind, source: str) -> None:
    for text in [value] if vr in ("ST", "LT", "UT") else value.split("\\"):
        words = canonical_text(fold(text))
        compact = words.replace(" ", "")
        if len(compact) < _SHORTEST or is_common(words) or len(set(compact)) == 1:
            continue
        found.add(kind, words, text.strip(), source)
        if compact != words and len(compact) >= 6 and sum(c.isdigit() for c in compact) >= 4:
            found.add(kind, compact, "", source)
        if len(words.split()) > 3:
            for line in re.split(r"[,;\r\n]+", text):
                piece = canonical_text(fold(line))
                if len(piece.split()) > 1 and len(piece) >= 10 and not is_common(piece):
                    found.add(kind, piece, line.strip(), source)


def _uids(found: _Found, raw: bytes, source: str) -> None:
    for uid in raw.split(b"\\"):
        uid = uid.strip(b" \0")
        # A UID with fewer components than an organisation's root and a number names nothing in particular.
        names_something = uid.count(b".") >= 3 or uid.startswith(b"2.25.")
        if names_something and not is_registered(uid.decode("ascii", "replace")):
            found.uids.setdefault(uid, source)


def _dates(found: _Found, raw: bytes, dates_that_stay: frozenset[str], source: str) -> None:
    for value in raw.decode("ascii", "replace").split("\\"):
        day = value.strip(" \0")[:8]
        if not (len(day) == 8 and day.isascii() and day.isdigit()) or day in dates_that_stay or day <= "19000101":
            continue
        if is_day(day):
            found.days.setdefault(day, source)
        for spelling in _date_spellings(day):
            found.add(Kind.DATE, spelling, "", source)


def _date_spellings(day: str) -> Iterator[str]:
    year, month, date = day[:4], day[4:6], day[6:]
    yield day
    yield f"{year} {month} {date}"
    yield f"{date} {month} {year}"
    yield f"{month} {date} {year}"
    if not 1 <= int(month) <= 12:
        return
    long = _MONTHS[int(month) - 1]
    for name in {long, long[:3]}:
        for number in {date, str(int(date))}:
            yield f"{number} {name} {year}"
            yield f"{name} {number} {year}"
            yield f"{year} {name} {number}"


def _from_file_meta(found: _Found, original: View, codes: frozenset[str]) -> None:
    for element in original.parsed.meta:
        raw = original.parsed.meta_value(element)
        if element.tag in _META_TITLES and RETAIN_DEVICE not in codes:
            _identifiers(found, raw.decode("ascii", "replace"), "AE", Kind.DEVICE, name_of(element.tag))
        elif element.tag == _META_SOP_INSTANCE and RETAIN_UIDS not in codes:
            _uids(found, raw, name_of(element.tag))
