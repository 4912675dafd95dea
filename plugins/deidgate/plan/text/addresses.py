# SPDX-License-Identifier: Apache-2.0
"""Postal addresses that no other element of the instance knows: ``613 Tiffany Inlet Suite 735 Lisamouth, AL 19002``.

Rules

* A house number, one to three words of which one is no term, and a word that streets are called by make a street;
  flat and floor behind it belong to it.
* State and ZIP code end an address: all from the house number before them goes, else the unknown words before them.
* Behind a street, the unknown words and names, and a state, are the town.
* A made-up or unknown town (*Robertsville*, *Natashachester*) is a name with the ending of towns.

Source: United States Postal Service, Publication 28, Appendices B and C (states, street suffixes, secondary units).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence

from deidgate.plan.text.spans import Kind, Span, Word
from deidgate.plan.text.words import Words, roles

_STATES = (
    r"a[aeklprz]|c[aot]|d[ce]|f[lm]|g[au]|hi|i[adln]|k[sy]|la|m[adehinopst]|n[cdehjmvy]|o[hkr]|p[arw]|ri|s[cd]|t[nx]|"
    r"ut|v[ait]|w[aivy]"
)
_STATE_AND_ZIP = re.compile(rf"(?<![a-z])(?:{_STATES})[\s,.]{{1,3}}\d{{5}}(?:-\d{{4}})?(?!\d)")
_STATE = re.compile(rf"[\s,]{{1,3}}(?:{_STATES})(?![a-z\d])")
_MILITARY = re.compile(
    r"(?<![a-z])(?:psc|cmr|unit)\s\d{1,5},?\sbox\s\d{1,5}(?!\d)(?:[\s,]{1,3}(?:apo|fpo|dpo)(?![a-z]))?"
)
_UNIT = re.compile(
    r"[\s,]{1,3}(?:suite|ste\.?|apt\.?|apartment|unit|floor|fl\.?|room|rm\.?|#)\s?#?\d{1,5}[a-z]?(?![a-z\d])"
)
_UNIT_WORDS = frozenset({"suite", "ste", "apt", "apartment", "unit", "floor", "room", "box", "psc"})
_TOWN = re.compile(
    r"([a-z]{3,12}?)s?"
    r"(?:ville|burgh?|borough|bury|chester|fort|furt|haven|land|mouth|port|shire|side|stad|stadt|ton|town|view|berg)\Z"
)
_NOT_BEFORE_NUMBER = re.compile(r"[a-z\d.,/\-+=#]")
_LONGEST_ADDRESS = 14  # words from house number to state
_LONGEST_STREET = 3  # words between house number and the word for the street
_LONGEST_TOWN = 3
_MOST_HOUSE_DIGITS = 6


def addresses(text: str, words: Sequence[Word], vocabulary: Words) -> Iterator[Span]:
    """Spans of the folded `text`, split into `words`, that are postal addresses, or towns called after somebody."""
    for index, word in enumerate(words):
        if word.is_letters:
            if _is_town(word.text, vocabulary):
                yield Span(word.start, word.stop, Kind.PLACE)
        elif _can_be_house(text, word):
            street = _street(text, words, index, vocabulary)
            if street is not None:
                yield Span(word.start, _end(text, words, street, vocabulary), Kind.PLACE)
    for match in _MILITARY.finditer(text):
        yield Span(match.start(), match.end(), Kind.PLACE)
    for match in _STATE_AND_ZIP.finditer(text):
        yield Span(_beginning(text, words, match.start(), vocabulary), match.end(), Kind.PLACE)


def _is_town(word: str, vocabulary: Words) -> bool:
    if vocabulary.is_known(word) or vocabulary.is_term(word):
        return False
    match = _TOWN.match(word)
    return match is not None and match[1] in vocabulary.names


def _can_be_house(text: str, number: Word) -> bool:
    before = text[max(number.start - 1, 0) : number.start]
    return len(number.text) <= _MOST_HOUSE_DIGITS and not _NOT_BEFORE_NUMBER.match(before)


def _street(text: str, words: Sequence[Word], house: int, vocabulary: Words) -> int | None:
    """Index of the word for the street behind the house number."""
    is_named = False
    for at in range(house + 1, min(len(words), house + _LONGEST_STREET + 2)):
        word = words[at]
        if not word.is_letters or not _is_gap(text, words[at - 1], word):
            return None
        if is_named and word.text in roles().street_words:
            return at
        # "3 mm slices, field of view" has no word that could be the street's own.
        is_named = is_named or (len(word.text) > 2 and _is_proper(word.text, vocabulary))
    return None


def _end(text: str, words: Sequence[Word], street: int, vocabulary: Words) -> int:
    """End of the address whose street ends with the word `street`, without its ZIP code."""
    stop = words[street].stop
    unit = _UNIT.match(text, stop)
    if unit:
        stop = unit.end()
    behind = [word for word in words[street + 1 : street + 1 + 2 * _LONGEST_TOWN] if word.start >= stop]
    for word in behind[:_LONGEST_TOWN]:
        gap = text[stop : word.start]
        if gap.strip(" ,\n\r") or len(gap) > 2 or not (word.is_letters and _is_proper(word.text, vocabulary)):
            break
        stop = word.stop
    state = _STATE.match(text, stop)
    return state.end() if state else stop


def _beginning(text: str, words: Sequence[Word], state: int, vocabulary: Words) -> int:
    """Where the address begins whose state begins at `state`."""
    behind = bisect_right(words, state, key=lambda word: word.stop)
    before = words[max(0, behind - _LONGEST_ADDRESS) : behind]
    start, is_town = state, True
    for at in range(len(before) - 1, -1, -1):
        word = before[at]
        following = before[at + 1].start if at + 1 < len(before) else state
        if text[word.stop : following].strip(" ,.#\n\r-'"):
            break
        if not word.is_letters and _can_be_house(text, word) and not (at and before[at - 1].text in _UNIT_WORDS):
            return word.start
        is_beside_state = start == state and word.text not in vocabulary.imaging
        if is_town and word.is_letters and (is_beside_state or _is_proper(word.text, vocabulary)):
            start = word.start
        else:
            is_town = False
    return start


def _is_proper(word: str, vocabulary: Words) -> bool:
    return word in vocabulary.names or not vocabulary.is_term(word)


def _is_gap(text: str, left: Word, right: Word) -> bool:
    gap = text[left.stop : right.start]
    return 0 < len(gap) <= 2 and not gap.strip(" .'")
