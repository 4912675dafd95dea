# SPDX-License-Identifier: Apache-2.0
"""Look for needles in every value of a result.

First all values are joined and searched at once for every needle, which costs little and is almost always the end
of it. Only what that finds is attributed to an element and judged there:

* free text: the needle as words of its own, or, if it is long and no common word, inside a longer word;
* coded strings and meanings of standard codes: as words of their own, but not a word of the vocabulary that the
  original has at the same place ("HEAD" in Body Part Examined of a patient called Head);
* numbers: the whole value, and of up to five digits only if the original has something else there; dates in
  `deidgate.verify.days`, because a number drops zeros and has other forms than a word;
* dates and times: not at all, they are judged by their rows;
* UIDs: only original UIDs, whole or as the beginning of a longer one;
* bytes: as words of their own, in long stretches only if it has six characters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from deidgate.standard.uids import is_registered
from deidgate.verify.codestream import segments
from deidgate.verify.days import day_in_numbers, day_in_text
from deidgate.verify.model import Finding
from deidgate.verify.needles import Kind, Needle, Needles
from deidgate.verify.text import ENCODINGS, canonical, canonical_text, fold
from deidgate.verify.view import IN_CHARSET, NUMBERS, TEXT, TIMES, WIDTHS, View
from deidgate.verify.walk import PIXEL_DATA, Element
from deidgate.verify.words import is_common

# Values of which no byte is text: samples of images, sound and signals. Comments inside of compressed ones are looked
# at by `deidgate.verify.codestream`. Source: PS3.6.
SAMPLES = frozenset({PIXEL_DATA, 0x7FE00008, 0x7FE00009, 0x54001010})
_LONGEST_SAMPLE_FREE = 4096
SEARCHED_SAMPLES = _LONGEST_SAMPLE_FREE + 12
"""Samples that are so few, with their element's header, are searched as well: they are no picture."""
_SHORT_IN_BYTES = 6
_INSIDE_WORDS = 6
_SMALL_NUMBER = 5
# A name is no number, and days in numbers have a look of their own.
_NO_NUMBERS = frozenset({Kind.DATE, Kind.NAME, Kind.SHORT_NAME})
_EQUIPMENT = frozenset({0x00080070, 0x00081090, 0x00181020})
_OPAQUE = frozenset({"OB", "OW", "UN"})
_METHOD = 0x00120063
_SIGNATURE = re.compile(rb"(?:^|\\)Deidgate mark 1/2 [A-Za-z0-9_-]{43}\\Deidgate mark 2/2 [A-Za-z0-9_-]{43} ?$")
_METHOD_CODES = 0x00120064
_UID_LIKE = re.compile(rb"[0-9]+(?:\.[0-9]+){2,}")


class Place(NamedTuple):
    """One stretch of bytes to search in."""

    path: str
    vr: str
    value: bytes
    element: Element | None
    texts: tuple[str, ...]
    """Readings of text that is not ASCII."""


def without_signature(method: bytes) -> bytes:
    """A value of De-identification Method without the signature at its end: some of its letters spell a short name."""
    return _SIGNATURE.sub(b"", method)


def places(result: View, comments: Mapping[str, bytes]) -> list[Place]:
    """Everything in a result in which something may be written, file meta information and comments included."""
    found = [
        Place(element.path, element.vr, result.parsed.meta_value(element), None, ())
        for element in result.parsed.meta
        if element.stop > element.start
    ]
    for element in result.elements:
        size = element.stop - element.start
        if not size or element.items is not None or element.fragments is not None:
            continue
        if size < _SHORT_IN_BYTES and element.vr in WIDTHS:
            # One number has no room for a needle.
            continue
        if element.tag in SAMPLES and size > _LONGEST_SAMPLE_FREE:
            continue
        value = result.value(element)
        if element.tag == _METHOD and not element.parents:
            value = without_signature(value)
        texts: tuple[str, ...] = ()
        if element.vr in IN_CHARSET and (not value.isascii() or b"\x1b" in value):
            texts = result.texts(element)
        found.append(Place("", element.vr, value, element, texts))
        if element.vr in _OPAQUE:
            found.extend(Place(f"{element.path} {s.name}", "OB", s.value, element, ()) for s in segments(value))
    found.extend(Place(path, "OB", value, None, ()) for path, value in comments.items())
    return found


def search(
    needles: Needles, result: View, original: View, comments: Mapping[str, bytes], own_words: frozenset[str]
) -> Iterator[Finding]:
    """Findings for every needle in every place.

    Parameters
    ----------
    needles : Needles
    result, original : View
    comments : mapping of str to bytes
        Comments and metadata segments of codestreams, by where they are.
    own_words : frozenset of str
        Folded words that the gateway itself writes into De-identification Method and its codes.
    """
    everywhere = places(result, comments)
    yield from _uids(needles.uids, everywhere)
    raw = b"\n".join(place.value for place in everywhere)
    joined = canonical(raw)
    if any(b"\0" in place.value for place in everywhere if place.vr in _OPAQUE):
        joined += b" " + canonical(raw, nul_separates=True)
    hits = [n for n in needles.words if n.text.isascii() and n.text.encode() in joined]
    foreign = [place for place in everywhere if place.texts]
    if foreign:
        folded = {id(place): [canonical_text(fold(text)) for text in place.texts] for place in foreign}
        seen = set(hits)
        together = "\n".join(text for texts in folded.values() for text in texts)
        hits += [n for n in needles.words if n.text in together and n not in seen]
    for needle in hits:
        for place in everywhere:
            if _stands_in(needle, place, original, result, own_words):
                yield _finding(needle, place)
    yield from _days(needles.days, everywhere)
    for needle in needles.words:
        if needle.spelled:
            yield from _spelled(needle, raw, everywhere)


class Screen:
    """Needles made ready for a quick look at many values.

    What it lets pass, `search` would find nothing in. What it does not may still be harmless: it asks for nothing but
    the letters and digits of a needle, and not where they stand.

    Parameters
    ----------
    needles : Needles
    """

    def __init__(self, needles: Needles) -> None:
        self._words = tuple(needle.text.encode() for needle in needles.words if needle.text.isascii())
        # Shorter numbers are judged only where the original has something else in the same place.
        self._numbers = tuple(
            needle.text.encode()
            for needle in needles.words
            if needle.text.isascii() and len(needle.text) > _SMALL_NUMBER and needle.kind not in _NO_NUMBERS
        )
        self._bytes = tuple(form for needle in needles.words if needle.spelled for form in _encoded(needle.spelled))
        self._uids = tuple(needles.uids)
        self._days = needles.days

    def passes(self, numbers: Sequence[bytes], binary: Sequence[bytes]) -> bool:
        """True when nothing is to be found in these values.

        Parameters
        ----------
        numbers : sequence of bytes
            Values of IS and DS, that the original has at the same places.
        binary : sequence of bytes
            Values of binary numbers, and samples.
        """
        if numbers:
            said = canonical(b"\n".join(numbers))
            if any(number in said for number in self._numbers):
                return False
            if any(day_in_numbers(value, self._days) for value in numbers):
                return False
        if not binary:
            return True
        raw = b"\n".join(binary)
        bare = raw.replace(b"\0", b"")
        said = canonical(raw) + b" " + canonical(raw, nul_separates=True)
        return not (
            any(word in said for word in self._words)
            or any(form in raw for form in self._bytes)
            or any(uid in bare for uid in self._uids)
        )


def _finding(needle: Needle, place: Place) -> Finding:
    return Finding(needle.kind.value, _path(place), needle.source)


def _path(place: Place) -> str:
    return place.path or (place.element.path if place.element else "")


def _days(days: Mapping[str, str], everywhere: list[Place]) -> Iterator[Finding]:
    for place in everywhere if days else ():
        if place.vr in NUMBERS and _form(place) == "number":
            day = day_in_numbers(place.value, days)
        elif (place.vr in TEXT or place.vr == "UN") and _form(place) in ("text", "coded"):
            if place.element is not None and _own(place.element):
                # The version of a policy is no date.
                continue
            texts = place.texts or (place.value.decode("latin_1"),)
            day = next(filter(None, (day_in_text(fold(text), days) for text in texts)), "")
        else:
            continue
        if day:
            yield Finding(Kind.DATE.value, _path(place), days[day])


def _uids(uids: Mapping[bytes, str], everywhere: list[Place]) -> Iterator[Finding]:
    if not uids:
        return
    known: dict[bytes, str] = {}
    for place in everywhere:
        if place.vr in TIMES or place.vr in NUMBERS:
            continue
        for match in _UID_LIKE.finditer(place.value):
            token = match.group()
            source = known.get(token)
            if source is None:
                source = known[token] = _source_of(token, uids)
            if source:
                yield Finding("uid-left", _path(place), source)
        # UTF-16 in private and unknown elements.
        if b"\0" in place.value and place.vr not in TEXT and place.vr != "UI":
            for match in _UID_LIKE.finditer(place.value.replace(b"\0", b"")):
                if match.group() in uids:
                    yield Finding("uid-left", _path(place), uids[match.group()])


def _source_of(token: bytes, uids: Mapping[bytes, str]) -> str:
    """Keyword of the original UID that `token` is or begins with; empty when it is none."""
    if is_registered(token.decode()):
        return ""
    while token:
        if token in uids:
            return uids[token]
        token = token[: token.rfind(b".")] if token.count(b".") > 2 else b""
    return ""


def _stands_in(needle: Needle, place: Place, original: View, result: View, own_words: frozenset[str]) -> bool:
    text_of_place = [canonical(place.value).decode("latin_1")]
    if place.vr in _OPAQUE:
        text_of_place.append(canonical(place.value, nul_separates=True).decode("latin_1"))
    if place.texts:
        text_of_place = [canonical_text(fold(text)) for text in place.texts]
    if not any(needle.text in text for text in text_of_place):
        return False
    form = _form(place)
    element = place.element
    same = element is not None and _same(element, place.value, original)
    if form == "time" or form == "uid":
        return False
    if form == "number":
        return _is_number(needle, place.value, same)
    if element is not None and _own(element) and needle.text in own_words:
        return False
    if form == "coded" or (element is not None and _standard_meaning(element, result)):
        if same and is_common(needle.text):
            return False
        return any(_as_words(needle.text, text) for text in text_of_place)
    if form == "text":
        if needle.kind is Kind.DEVICE and same and element is not None and element.tag in _EQUIPMENT:
            return False
        joins = _joins_digits if _may_be_inside(needle) else _joins_words
        return any(_stands(needle.text, text, joins) for text in text_of_place)
    if needle.kind in (Kind.SHORT_NAME,):
        return False
    if len(needle.text) < _SHORT_IN_BYTES and len(place.value) > _LONGEST_SAMPLE_FREE:
        return False
    return any(_as_words(needle.text, text) for text in text_of_place)


def _form(place: Place) -> str:
    """How a value is read: what stands in it decides, not only its VR, so that a name in a number is text."""
    vr, value = place.vr, place.value
    if vr in TIMES:
        return "text" if re.search(rb"[A-XZ-Za-z]{3}", value) else "time"
    if vr in NUMBERS:
        return "text" if re.search(rb"[A-DF-Za-df-z]", value) else "number"
    if vr == "UI":
        return "text" if re.search(rb"[A-Za-z]", value) else "uid"
    if vr == "CS":
        return "coded"
    if vr in TEXT:
        return "text"
    if vr == "UN" and _is_printable(value):
        return "text"
    return "bytes"


def _is_printable(value: bytes) -> bool:
    stripped = value.strip(b" \0")
    return stripped.isascii() and all(0x20 <= b < 0x7F or b in b"\t\r\n\f" for b in stripped)


def _same(element: Element, value: bytes, original: View) -> bool:
    before = original.get(element.tag, element.parents)
    return before is not None and original.value(before).strip(b" \0") == value.strip(b" \0")


def _is_number(needle: Needle, value: bytes, same: bool) -> bool:
    if needle.kind in _NO_NUMBERS:
        return False
    if not any(canonical(number).decode("latin_1") == needle.text for number in value.split(b"\\")):
        return False
    return not (same and len(needle.text) <= _SMALL_NUMBER)


def _own(element: Element) -> bool:
    first = element.parents[0][0] if element.parents else element.tag
    return first in (_METHOD, _METHOD_CODES)


def _standard_meaning(element: Element, result: View) -> bool:
    if element.tag not in (0x00080100, 0x00080104):
        return False
    return result.text(0x00080102, element.parents) in ("DCM", "SCT", "SRT", "SNM3", "UCUM", "LN", "RADLEX", "FMA")


def _may_be_inside(needle: Needle) -> bool:
    if not needle.text.isascii():
        return True
    if needle.kind is Kind.DATE or " " in needle.text:
        return False
    return len(needle.text) >= _INSIDE_WORDS and not is_common(needle.text)


def _as_words(needle: str, text: str) -> bool:
    return _stands(needle, text, _joins_words)


def _stands(needle: str, text: str, joins: Callable[[str, str], bool]) -> bool:
    """True when `needle` is in `text` and nothing on either side makes a longer word or number of it."""
    if not needle.isascii():
        return needle in text
    at = text.find(needle)
    while at >= 0:
        end = at + len(needle)
        before = at > 0 and joins(text[at - 1], needle[0])
        after = end < len(text) and joins(needle[-1], text[end])
        if not before and not after:
            return True
        at = text.find(needle, at + 1)
    return False


def _joins_words(left: str, right: str) -> bool:
    return left.isascii() and left.isalnum() and right.isascii() and right.isalnum()


def _joins_digits(left: str, right: str) -> bool:
    return left.isdigit() and right.isdigit()


def _spelled(needle: Needle, raw: bytes, everywhere: list[Place]) -> Iterator[Finding]:
    """A name that is not ASCII, in whatever encoding somebody wrote it."""
    for form in _encoded(needle.spelled):
        if form not in raw:
            continue
        for place in everywhere:
            if form in place.value and place.vr != "UI":
                yield _finding(needle, place)


def _encoded(spelled: str) -> set[bytes]:
    forms: set[bytes] = set()
    for text in {spelled, spelled.upper(), spelled.lower(), spelled.title()}:
        for codec in ENCODINGS:
            try:
                form = text.encode(codec)
            except UnicodeEncodeError:
                continue
            # The closing escape sequence may stand elsewhere.
            form = form.removesuffix(b"\x1b(B")
            # An encoding that leaves only ASCII letters has lost the name (euc_kr of Latin, for one).
            says_something = not form.isascii() or codec.startswith("utf_16") or b"\x1b" in form
            if says_something and len(form) >= 4:
                forms.add(form)
    return forms
