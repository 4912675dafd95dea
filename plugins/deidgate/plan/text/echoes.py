# SPDX-License-Identifier: Apache-2.0
"""Where a text repeats what the instance reveals elsewhere: across separators, and inside longer words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from deidgate.plan.text.revealed import Revealed
from deidgate.plan.text.spans import Kind, Span, Word
from deidgate.plan.text.words import Words, roles

# Letters that a name needs to be looked for at the beginning or end of a longer word; in its middle it needs one more.
_FEWEST_INSIDE = 4
_FEWEST_ACROSS = 4  # characters that a name or code needs to be looked for across separators
_WIDEST_GAP = 3  # characters between two parts of one name or code
_FEWEST_CODE_INSIDE = 6  # characters that a code needs to be looked for inside a longer run
_MONTHS = 12
# Behind 8/17 they make a quantity of it.
_UNIT = r"(?:mm|cm|ml|mg|gy|cgy|mgy|kv|kvp|mas?|ms|sec|min|hz|x|st|fr|images?|slices?|frames?)(?![a-z])"


def echoes(text: str, words: Sequence[Word], revealed: Revealed, vocabulary: Words) -> Iterator[Span]:
    """Spans of the folded `text`, split into `words`, that repeat something of `revealed`."""
    for index, word in enumerate(words):
        if word.text in revealed.names and _stands_alone(text, word):
            yield Span(word.start, word.stop, Kind.NAME)
        elif word.text in revealed.places:
            yield Span(*_with_neighbours(words, index), Kind.PLACE)
        elif word.is_letters and len(word.text) > _FEWEST_INSIDE and not vocabulary.is_term(word.text):
            yield from _inside_word(word, revealed, vocabulary)
        yield from _phrases(words, index, revealed)
        if word.text[:_FEWEST_ACROSS] in revealed.stems or word.text in revealed.stems:
            yield from _across(text, words, index, revealed)
    if (revealed.codes or revealed.days) and any(c.isdecimal() for c in text):
        yield from _codes_inside(text, revealed)
        yield from _days_inside(text, revealed)
    yield from _unspaced(text, revealed)


def _stands_alone(text: str, word: Word) -> bool:
    """Short names are only names when no digit is written to them: ``li`` but not ``li2``."""
    if len(word.text) >= _FEWEST_INSIDE:
        return True
    before = text[word.start - 1] if word.start else " "
    after = text[word.stop] if word.stop < len(text) else " "
    return not before.isdecimal() and not after.isdecimal()


def _is_whole(text: str, start: int, stop: int, code: str) -> bool:
    """A short number is only an identifier when nothing is written to it: ``1000`` but not ``b1000``."""
    if len(code) >= _FEWEST_CODE_INSIDE or not code.isdecimal():
        return True
    return not text[max(0, start - 1) : start].isalnum() and not text[stop : stop + 1].isalnum()


def _inside_word(word: Word, revealed: Revealed, vocabulary: Words) -> Iterator[Span]:
    for name in revealed.names:
        if len(name) < _FEWEST_INSIDE or name not in word.text or not (name.isascii() or _has_cases(name)):
            continue
        at = word.text.find(name)
        if word.text.endswith(name):
            at = len(word.text) - len(name)
        rest = (word.text[:at], word.text[at + len(name) :])
        if len(name) == _FEWEST_INSIDE and all(rest) and not word.text.startswith(name):
            continue
        if all(not part or part in vocabulary.imaging for part in rest):
            yield Span(word.start + at, word.start + at + len(name), Kind.NAME)
        else:
            yield Span(word.start, word.stop, Kind.NAME)


def _phrases(words: Sequence[Word], index: int, revealed: Revealed) -> Iterator[Span]:
    for phrase in revealed.phrases:
        if phrase[0] == words[index].text or phrase[0].startswith(words[index].text):
            stop = _end_of_phrase(words, index, phrase)
            if stop:
                yield Span(words[index].start, stop, Kind.PLACE)


def _end_of_phrase(words: Sequence[Word], index: int, phrase: tuple[str, ...]) -> int:
    """Where the phrase that begins at a word ends, 0 when the text has something else."""
    wanted = "".join(phrase)
    have = ""
    for at in range(index, len(words)):
        word = words[at]
        have += word.text
        if have == wanted:
            return word.stop
        if not wanted.startswith(have):
            break
    return 0


def _across(text: str, words: Sequence[Word], index: int, revealed: Revealed) -> Iterator[Span]:
    """Names and codes that are broken up by separators, from word border to word border."""
    joined, last = "", words[index]
    for at in range(index, len(words)):
        word, count = words[at], at - index
        if count and (word.start - last.stop > _WIDEST_GAP or "\\" in text[last.stop : word.start]):
            break
        joined, last = joined + word.text, word
        if joined not in revealed.stems:
            break
        if len(joined) >= _FEWEST_ACROSS:
            if joined in revealed.codes and _is_whole(text, words[index].start, word.stop, joined):
                yield Span(words[index].start, word.stop, Kind.CODE)
            elif count and joined in revealed.names:
                yield Span(words[index].start, word.stop, Kind.NAME)


def _codes_inside(text: str, revealed: Revealed) -> Iterator[Span]:
    for code in revealed.codes:
        if len(code) >= _FEWEST_CODE_INSIDE:
            at = text.find(code)
            while at >= 0:
                yield Span(at, at + len(code), Kind.CODE)
                at = text.find(code, at + len(code))


def _days_inside(text: str, revealed: Revealed) -> Iterator[Span]:
    """Days of the header in spellings that are no dates in general: in longer numbers, short, and without a year."""
    for year, month, day in revealed.days:
        for spelling in (year + month + day, day + month + year, month + day + year):
            at = text.find(spelling)
            if at >= 0:
                yield Span(at, at + len(spelling), Kind.DATE)
        if not ("01" <= month <= "12" and "01" <= day <= "31"):
            continue
        for match in _short_spellings(year, month, day).finditer(text):
            yield Span(match.start(), match.end(), Kind.DATE)


@lru_cache(maxsize=1024)
def _short_spellings(year: str, month: str, day: str) -> re.Pattern[str]:
    """The day with or without zeros, with a year of two digits, and without a year.

    3.2.10 may be a version: it is taken for a date where it is one of the instance's own, which few versions are.
    Without a year there is less to tell a day from a number, so that is only looked for with both zeros, or when
    the day is above 12: 1/2 of a series and 3.4 at the end of a sentence are in every other text, and somebody was
    born on every such day. 0405 is a number like any other, and stays.
    """
    short_day, short_month = day.lstrip("0"), month.lstrip("0")
    d, m, y = f"0?{short_day}", f"0?{short_month}", f"'?(?:{year[:2]})?{year[2:]}"
    gap = r"([./\-])\s?"
    spellings = [
        rf"(?<!\d)(?<!\d\.)(?:{d}{gap}{m}\1\s?{y}|{m}{gap}{d}\2\s?{y}|{y}{gap}{m}\3\s?{d})(?!\d|\.\d)",
        rf"(?<![^\W_])(?:{month}/{day}|{day}/{month}|{day}\.{month}\.|{month}-{day}-|{day}-{month}-)(?![^\W_])",
    ]
    if int(day) > _MONTHS:
        spellings.append(
            rf"(?<![^\W_])(?<!\d[.,/\-])(?:{day}/{m}|{m}/{day}|{day}\.\s?{m}\.)(?![^\W_]|[./\-]\d|%)(?!\s?{_UNIT})"
        )
    return re.compile("|".join(spellings))


def _unspaced(text: str, revealed: Revealed) -> Iterator[Span]:
    """Names in scripts that write no spaces between words (Chinese, Japanese, Korean, Thai)."""
    if text.isascii():
        return
    for name in revealed.names:
        if not name.isascii() and not _has_cases(name):
            at = text.find(name)
            while at >= 0:
                yield Span(at, at + len(name), Kind.NAME)
                at = text.find(name, at + len(name))


def _has_cases(name: str) -> bool:
    return name.upper() != name


def _with_neighbours(words: Sequence[Word], index: int) -> tuple[int, int]:
    """A word of a place together with the words of places beside it (*of Mccoy Medical Clinic*)."""
    first = last = index
    while (
        first
        and words[first - 1].text in roles().place_words
        and words[first].start - words[first - 1].stop <= _WIDEST_GAP
    ):
        first -= 1
    while (
        last + 1 < len(words)
        and words[last + 1].text in roles().place_words
        and words[last + 1].start - words[last].stop <= _WIDEST_GAP
    ):
        last += 1
    return words[first].start, words[last].stop
