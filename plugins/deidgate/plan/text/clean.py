# SPDX-License-Identifier: Apache-2.0
r"""Free text without what identifies (Clean Descriptors Option).

What goes: all that the instance reveals about itself elsewhere (`echoes`), and what looks like a date, a contact or
an identifier (`shapes`), or like the name of somebody (`people`) or of some place (`institutions`). All else stays as
it is written. Nothing is put in the place of what was taken out, so that no result is longer than its original and
every length rule that held still holds.

Dates in text are taken out and not shifted: a text does not say which of its dates are the patient's.

Source: PS3.15 E.3.5 (Clean Descriptors Option).
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from deidgate.plan.text.addresses import addresses
from deidgate.plan.text.cut import cut
from deidgate.plan.text.echoes import echoes
from deidgate.plan.text.fold import fold
from deidgate.plan.text.institutions import institutions
from deidgate.plan.text.people import people
from deidgate.plan.text.revealed import Revealed
from deidgate.plan.text.shapes import shapes
from deidgate.plan.text.spans import Kind, Span, Word, split
from deidgate.plan.text.words import Words, words

_MULTI_VALUED = frozenset({"LO", "SH", "UC", "CS", "PN", "AE"})
# Taking something out can bring two halves of something else together, so it is done until nothing changes.
_MOST_ROUNDS = 8
_LONGEST_STRICT_NUMBER = 4


class Style(StrEnum):
    """How much of a text stays."""

    REVEALED = "revealed"  # all but what is revealed
    SENSIBLE = "sensible"  # all but what is revealed or looks like an identity
    STRICT = "strict"  # only words of the vocabulary, numbers and units


def clean_text(text: str, vr: str, revealed: Revealed, style: Style = Style.SENSIBLE) -> str:
    r"""`text` without identities; unchanged, character for character, when nothing had to go.

    Multi-valued text (LO, SH, UC with ``\``) is cleaned value by value and keeps its number of values.
    The result is never longer than `text`, and may be empty.
    """
    if not text:
        return text
    vocabulary = words()
    values = text.split("\\") if vr in _MULTI_VALUED else [text]
    return "\\".join(_clean(value, revealed, style, vocabulary) for value in values)


def _clean(text: str, revealed: Revealed, style: Style, vocabulary: Words) -> str:
    for _ in range(_MOST_ROUNDS):
        folded = fold(text)
        spans = set(_spans(text, folded.text, revealed, style, vocabulary))
        if not spans:
            return text
        text = cut(text, folded.text, folded.origin, spans)
    # A text made so that something new appears in every round: nothing of it is trusted.
    return ""


def _spans(original: str, folded: str, revealed: Revealed, style: Style, vocabulary: Words) -> Iterator[Span]:
    parts = split(folded)
    if style is Style.REVEALED:
        found = list(echoes(folded, parts, revealed, vocabulary))
        yield from found
        yield from _beside(folded, parts, found, revealed)
        return
    numbers = list(shapes(folded))
    # What is a date or a number is no part of a name: names are looked for around it.
    around = _blanked(folded, numbers)
    written = original if len(original) == len(folded) else folded
    found = list(echoes(folded, parts, revealed, vocabulary))
    left = split(around) if numbers else parts
    found.extend(people(written, around, left, vocabulary))
    found.extend(institutions(around, left, vocabulary))
    found.extend(addresses(folded, parts, vocabulary))
    yield from numbers
    yield from found
    if any(span.kind is Kind.NAME for span in found):
        yield from _beside(folded, parts, found, revealed)
    if style is Style.STRICT:
        yield from _outside_vocabulary(parts, vocabulary)


def _blanked(text: str, spans: list[Span]) -> str:
    """`text` with characters that belong to no word in the place of the spans."""
    pieces: list[str] = []
    at = 0
    for start, stop, _ in sorted(spans, key=lambda one: one[:2]):
        if stop > at:
            pieces.append(text[at:start] if start > at else "")
            pieces.append("\0" * (stop - max(at, start)))
            at = stop
    return "".join(pieces) + text[at:]


def _beside(folded: str, parts: list[Word], found: list[Span], revealed: Revealed) -> Iterator[Span]:
    """Initials and common words of the patient's own name beside a name that goes."""
    starts = {span.start for span in found if span.kind is Kind.NAME}
    stops = {span.stop for span in found if span.kind is Kind.NAME}
    initials = {name[0] for name in revealed.names}
    for index, part in enumerate(parts):
        before = index and parts[index - 1].stop in stops and part.start - parts[index - 1].stop <= 2
        after = index + 1 < len(parts) and parts[index + 1].start in starts and parts[index + 1].start - part.stop <= 2
        if not (before or after):
            continue
        has_dot = folded[part.stop : part.stop + 1] == "."
        if part.text in revealed.common or (
            len(part.text) == 1 and (has_dot or (part.text in initials and part.text not in "lr"))
        ):
            yield Span(part.start, part.stop, Kind.NAME)


def _outside_vocabulary(parts: list[Word], vocabulary: Words) -> Iterator[Span]:
    for part in parts:
        if not part.is_letters:
            if len(part.text) > _LONGEST_STRICT_NUMBER:
                yield Span(part.start, part.stop, Kind.CODE)
        elif len(part.text) > 1 and not vocabulary.is_term(part.text):
            yield Span(part.start, part.stop, Kind.NAME)
