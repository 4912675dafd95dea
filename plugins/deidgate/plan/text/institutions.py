# SPDX-License-Identifier: Apache-2.0
"""Names of institutions that no other element of the instance knows: ``Mercy General Hospital``.

A word of institutions makes a name of the unknown words and names before it (in German and French also behind it).
*Outside hospital* and *medical center* alone name nobody.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from deidgate.plan.text.spans import Kind, Span, Word
from deidgate.plan.text.words import Words, roles

_MOST_WORDS = 4
_ENDINGS = ("klinikum", "klinik", "krankenhaus", "hospital", "ziekenhuis", "sjukhus")
# A quick look before the slow one: beginnings or ends of all words of institutions.
_ANY = re.compile(
    r"cent|clini|kran|hosp|hopi|infirm|instit|klini|medic|osped|prax|radiol|sanat|spital|univ|zieken|sjuk"
)
_PHRASES = [
    re.compile(
        r"(?<![a-z])(?:st|ste|saint|sankt|mount|mt)\.?\s[^\W\d_]{3,20}(?:['’]?s)?\s(?:hospital|clinic|medical center)"
    ),
    re.compile(
        r"(?<![a-z])(?:university|universite|universitat|universidad|universita)\s(?:of|de|di|hospital)\s[^\W\d_]{3,20}"
    ),
]
_SAINTS = frozenset({"st", "ste", "saint", "sankt", "mount", "mt", "our"})


def institutions(text: str, words: Sequence[Word], vocabulary: Words) -> Iterator[Span]:
    """Spans of the folded `text`, split into `words`, that name an institution."""
    if not _ANY.search(text):
        return
    for pattern in _PHRASES:
        for match in pattern.finditer(text):
            yield Span(match.start(), match.end(), Kind.PLACE)
    for index, word in enumerate(words):
        if word.text not in roles().institution_words and not word.text.endswith(_ENDINGS):
            continue
        first = _reach(text, words, index, -1, vocabulary)
        last = _reach(text, words, index, 1, vocabulary)
        if first < index or last > index:
            yield Span(words[first].start, words[last].stop, Kind.PLACE)


def _reach(text: str, words: Sequence[Word], index: int, step: int, vocabulary: Words) -> int:
    """Index of the farthest word in one direction that belongs to the name; `index` when none names anybody."""
    at, farthest = index, index
    for _ in range(_MOST_WORDS):
        following = at + step
        if not 0 <= following < len(words) or not _beside(text, words[min(at, following)], words[max(at, following)]):
            break
        at = following
        if _names(words[at].text, vocabulary, backwards=step < 0):
            farthest = at
        elif words[at].text not in roles().place_words:
            break
    return farthest


def _names(word: str, vocabulary: Words, *, backwards: bool) -> bool:
    if word[0].isdecimal() or len(word) < 2:
        return False
    if backwards and (word in _SAINTS or vocabulary.can_be_name(word)):
        return True
    is_listed = vocabulary.is_term(word) or word in roles().place_words
    return len(word) > 3 and not is_listed and (backwards or not vocabulary.is_known(word))


def _beside(text: str, left: Word, right: Word) -> bool:
    gap = text[left.stop : right.start]
    return 0 < len(gap) <= 2 and not gap.strip(" .'-")
