# SPDX-License-Identifier: Apache-2.0
"""Names of people that no other element of the instance knows.

Rules

* A word that is a name and hardly anything else goes (*Smith*), and so do the unknown words beside it.
* An eponym goes, unless a medical word goes with it (*Baker cyst*, *circle of Willis*).
* After an address (*Mrs*, *Prof.*, *Dr.*) stands a name, whatever the word.
* After a word that may announce a name (*for*, *by*, *patient*, *DR*) an unknown word is a name; a word of the
  vocabulary is not.
* Two words of the list of names side by side are a name, even if each alone is an ordinary word.
* A label (*Name:*, *Referring physician:*) has a name behind it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from deidgate.plan.text.spans import Kind, Span, Word
from deidgate.plan.text.words import Words, roles

_LABEL = re.compile(
    r"(?<![a-z])(?:(?:patient|pt|pat|first|last|given|family|middle|full|maiden|mother|nurse|tech)[\s'_.\-s]{0,3})?"
    r"(?:name|surname|nom|prenom|nombre|apellidos?|nome|cognome|naam|namn|vorname|nachname|patient|physician|doctor|radiologist|technologist|"
    r"tech|operator|referrer|guardian|next of kin|contact|md|dr)\s{0,2}[:=]\s{0,3}"
)
_PLACE_LABEL = re.compile(
    r"(?<![a-z])(?:address|adresse|direccion|indirizzo|employer|institution|hospital|facility|clinic)\s{0,2}[:=]\s{0,3}[^\n\r;|]{1,100}"
)
_DOTTED_CREDENTIALS = re.compile(r"[\s,]{1,3}(?:m\.\s?d\.|ph\.\s?d\.|r\.\s?n\.|d\.\s?o\.|jr\.)")
_ANATOMICAL = frozenset("avmnlrgx")  # arteria, vena, musculus, nervus, ligamentum, ramus, ganglion
_NEAR = re.compile(r"[\s,.^'’`_()\-\[\]:=/\"]{0,3}")
_LONGEST_CHAIN = 4  # words that a name has at most, behind its first, or before it
_LONGEST_JOINED = 30  # letters of two names written as one word


def people(original: str, text: str, words: Sequence[Word], vocabulary: Words) -> Iterator[Span]:
    """Spans of the folded `text`, split into `words`, that hold names.

    `original` has the same characters as `text` before folding, where these are equally long, and serves to tell
    *Dr* from *DR*; else it is the folded text itself.
    """
    yield from _labelled(text, words, vocabulary)
    taken = -1
    for index, word in enumerate(words):
        if not word.is_letters or index <= taken:
            continue
        found = _name_at(original, text, words, index, vocabulary)
        if found:
            first = _first_of_name(text, words, found[0], taken + 1, vocabulary)
            taken = found[1]
            yield Span(words[first].start, words[taken].stop, Kind.NAME)


def _labelled(text: str, words: Sequence[Word], vocabulary: Words) -> Iterator[Span]:
    """A label with what stands behind it: the first word, and more words as long as they are no terms."""
    if ":" not in text and "=" not in text:
        return
    beginnings = {word.start: index for index, word in enumerate(words)}
    for match in _LABEL.finditer(text):
        first = beginnings.get(match.end())
        if first is None or not words[first].is_letters:
            continue
        last = first
        for at in range(first + 1, min(len(words), first + _LONGEST_CHAIN + 1)):
            if not words[at].is_letters or vocabulary.is_term(words[at].text) or not _near(text, words, last, at):
                break
            last = at
        yield Span(match.start(), words[last].stop, Kind.NAME)
    for match in _PLACE_LABEL.finditer(text):
        yield Span(match.start(), match.end(), Kind.PLACE)


def _name_at(original: str, text: str, words: Sequence[Word], index: int, vocabulary: Words) -> tuple[int, int] | None:
    """First and last word of the name that a word begins or announces."""
    word = words[index].text
    is_short = word in roles().short_addresses
    first = None
    if word in roles().addresses or (is_short and _is_written_as_address(original, words[index])):
        first = _addressed(text, words, index + 1)
    if first is None and (is_short or word in roles().announcements):
        first = _announced(text, words, index + 1, vocabulary)
    if first is None and _is_name(text, words, index, vocabulary):
        first = index
    return None if first is None else (first, _chain(text, words, first, vocabulary))


def _is_name(text: str, words: Sequence[Word], index: int, vocabulary: Words) -> bool:
    """True for a word that is a name without anything announcing it."""
    word = words[index].text
    return (
        vocabulary.is_certain_name(word)
        or (word in vocabulary.eponyms and not _has_medical_neighbour(words, index))
        or _is_joined_name(word, vocabulary)
        or _is_pair(text, words, index, vocabulary)
        or _has_credentials(text, words, index, vocabulary)
        or _has_initial(text, words, index, vocabulary)
    )


def _first_of_name(text: str, words: Sequence[Word], index: int, floor: int, vocabulary: Words) -> int:
    """Index of the first word of the name that one of its words betrays: unknown words and initials before it."""
    first = index
    floor = max(floor, index - _LONGEST_CHAIN)
    while first > floor and words[first - 1].is_letters and _near(text, words, first - 1, first):
        before = words[first - 1]
        is_initial = len(before.text) == 1 and text[before.stop : before.stop + 1] in (".", "'", "’")
        if not (is_initial or _is_unknown(before.text, vocabulary)):
            break
        first -= 1
    return first


def _is_written_as_address(original: str, word: Word) -> bool:
    written = original[word.start : word.stop]
    if original[word.stop : word.stop + 1] == "." and len(written) > 1:
        return True
    return written[:1].isupper() and written[1:].islower() and len(written) > 1


def _addressed(text: str, words: Sequence[Word], first: int) -> int | None:
    """The first word of the name behind an address: it is one, whatever it is."""
    first = _skip_between(words, first)
    at = first
    last = min(len(words), first + _LONGEST_CHAIN)
    while at < last and len(words[at].text) == 1 and words[at].is_letters and _near(text, words, at - 1, at):
        at += 1
    if at >= len(words) or not words[at].is_letters or not _near(text, words, at - 1, at):
        return None
    return None if words[at].text in roles().function_words else first


def _announced(text: str, words: Sequence[Word], first: int, vocabulary: Words) -> int | None:
    """The first word of the name behind a word that may announce one."""
    first = _skip_between(words, first)
    if first < len(words) and _near(text, words, first - 1, first) and _is_announced(text, words, first, vocabulary):
        return first
    return None


def _skip_between(words: Sequence[Word], at: int) -> int:
    last = min(len(words), at + _LONGEST_CHAIN)
    while at < last and words[at].text in roles().between:
        at += 1
    return at


def _is_announced(text: str, words: Sequence[Word], at: int, vocabulary: Words) -> bool:
    word = words[at]
    if not word.is_letters:
        return False
    if vocabulary.is_certain_name(word.text) or _is_unknown(word.text, vocabulary):
        return True
    if len(word.text) == 1 or vocabulary.can_be_name(word.text):
        following = at + 1
        return (
            following < len(words)
            and words[following].is_letters
            and _near(text, words, at, following)
            and (vocabulary.can_be_name(words[following].text) or _is_unknown(words[following].text, vocabulary))
        ) or (len(word.text) == 3 and vocabulary.can_be_name(word.text) and word.text not in vocabulary.ordinary)
    return False


def _is_unknown(word: str, vocabulary: Words) -> bool:
    """A word of at least four letters with a vowel that no list has, and that does not end like a term."""
    return (
        len(word) > 3
        and not vocabulary.is_known(word)
        and not vocabulary.is_term(word)
        and any(c in "aeiouy" for c in word)
    ) or (len(word) > 1 and not word.isascii() and not vocabulary.is_known(word) and not vocabulary.is_term(word))


def _is_joined_name(word: str, vocabulary: Words) -> bool:
    """Two names, or an initial and a name, written as one word: ``johnsonmary``, ``jsmith``, ``smithj``."""
    if not 6 <= len(word) <= _LONGEST_JOINED or vocabulary.is_known(word) or vocabulary.is_term(word):
        return False
    if any(len(name) > 4 and _is_plain_name(name, vocabulary) for name in (word[1:], word[:-1])):
        return True
    return any(
        word[:at] in vocabulary.names
        and word[at:] in vocabulary.names
        # Of two words that are also names ("greenlake") none says that a name is meant.
        and (_is_plain_name(word[:at], vocabulary) or _is_plain_name(word[at:], vocabulary))
        for at in range(3, len(word) - 2)
    )


def _is_plain_name(word: str, vocabulary: Words) -> bool:
    return word in vocabulary.names and word not in vocabulary.ordinary and len(word) > 2


def _has_medical_neighbour(words: Sequence[Word], index: int) -> bool:
    after = words[index + 1 : index + 3]
    before = words[max(0, index - 1) : index]
    # A possessive (Baker's) stands between.
    return any(w.text in roles().after_eponym for w in after) or any(w.text in roles().before_eponym for w in before)


def _is_pair(text: str, words: Sequence[Word], index: int, vocabulary: Words) -> bool:
    """Two words of the list of names side by side, one of which is no word of common language."""
    following = index + 1
    if following >= len(words) or not words[following].is_letters or not _near(text, words, index, following):
        return False
    one, two = words[index].text, words[following].text
    if min(len(one), len(two)) < 2 or not (vocabulary.can_be_name(one) and vocabulary.can_be_name(two)):
        return False
    if two in vocabulary.eponyms and _has_medical_neighbour(words, following):
        return False
    return not (one in vocabulary.ordinary and two in vocabulary.ordinary) and max(len(one), len(two)) > 2


def _has_credentials(text: str, words: Sequence[Word], index: int, vocabulary: Words) -> bool:
    """A name before its credentials: ``Xyler, MD``."""
    word = words[index]
    if _DOTTED_CREDENTIALS.match(text, word.stop):
        return len(word.text) > 1 and not vocabulary.is_term(word.text)
    following = index + 1
    if following >= len(words) or words[following].text not in roles().credentials:
        return False
    gap = text[words[index].stop : words[following].start]
    if "," not in gap and not vocabulary.can_be_name(words[index].text):
        return False
    return gap.strip(" ,") == "" and (
        vocabulary.can_be_name(words[index].text) or _is_unknown(words[index].text, vocabulary)
    )


def _has_initial(text: str, words: Sequence[Word], index: int, vocabulary: Words) -> bool:
    """An unknown word behind an initial: ``T. Xyler``. Anatomy abbreviates too: A. carotis, M. psoas, V. cava."""
    before = words[index - 1] if index else None
    if before is None or len(before.text) != 1 or not before.is_letters or before.text in _ANATOMICAL:
        return False
    stands_alone = before.start == 0 or not text[before.start - 1].isalnum()
    return (
        stands_alone
        and text[before.stop : words[index].start].strip() == "."
        and _is_unknown(words[index].text, vocabulary)
    )


def _chain(text: str, words: Sequence[Word], first: int, vocabulary: Words) -> int:
    """Index of the last word that belongs to the name which begins at `first`."""
    last = first
    for at in range(first + 1, min(len(words), first + _LONGEST_CHAIN + 1)):
        word = words[at].text
        if not words[at].is_letters or not _near(text, words, last, at):
            break
        if len(word) == 1:
            following = text[words[at].stop : words[at].stop + 1]
            if following.isdecimal() or (word in "lr" and following != "."):
                break
        elif len(words[at - 1].text) == 1 and at - 1 > first and word not in vocabulary.imaging:
            # Given name, initial, and then the surname, whatever it is.
            pass
        elif "^" in text[words[last].stop : words[at].start]:
            # Between components of a Person Name, whatever the word.
            pass
        elif not (
            vocabulary.can_be_name(word)
            or _is_unknown(word, vocabulary)
            or word in roles().credentials
            or word in roles().particles
        ):
            break
        last = at
    while last > first and words[last].text in roles().particles:
        last -= 1
    return last


def _near(text: str, words: Sequence[Word], one: int, two: int) -> bool:
    """True when nothing but a few separators stands between two words."""
    gap = text[words[one].stop : words[two].start]
    return len(gap) <= 3 and _NEAR.fullmatch(gap) is not None and "\n" not in gap
