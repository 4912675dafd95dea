# SPDX-License-Identifier: Apache-2.0
"""Take spans out of a text and leave it tidy: no doubled separators, no empty brackets, no word that leads nowhere.

All steps are local to a span, so that the time is proportional to the length of the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from deidgate.plan.text.spans import Span
from deidgate.plan.text.words import roles

_SEPARATORS = " \t_-^,;:/|.=#&@~'\"<>*\\"
_AT_END = _SEPARATORS.replace(".", "")  # a full stop ends the sentence before what was taken out
_PARTNER = {"(": ")", "[": "]", "{": "}"}
_WORD_BEFORE = re.compile(r"(?<![^\W_])([^\W\d_]+)([^\w([{]|_){0,3}\Z")
_LONGEST_LEAD = 4  # words that may lead to a span: "was scheduled by Dr"
_LONGEST_WORD = 24
_ANYTHING = re.compile(r"[^\W_]")
_UNITS = frozenset({"m", "ms"})  # behind a number these are no addresses
_DOTTED = frozenset({"m", "hr", "fr", "pr", "sr", "sig"})  # only with a dot these are addresses
# In capitals at the beginning of a description these are modalities and no addresses.
_MODALITIES = frozenset({"MR", "DR", "SR", "PR"})


def cut(original: str, folded: str, origin: Sequence[int], spans: Iterable[Span]) -> str:
    """`original` without the `spans`, which are ranges of its folded form; empty when nothing of worth is left."""
    ranges = [(origin[span.start], origin[span.stop]) for span in _merged(original, folded, origin, spans)]
    if any(c in original for c in "()[]{}"):
        ranges = _with_brackets(original, ranges)
    pieces: list[str] = []
    at = 0
    for start, stop in ranges:
        pieces.append(original[at:start])
        at = stop
    pieces.append(original[at:])
    result = _joined(pieces)
    return result if _ANYTHING.search(result) else ""


def _merged(original: str, folded: str, origin: Sequence[int], spans: Iterable[Span]) -> list[Span]:
    """Spans in order, without overlaps, each with the words before it that only led to it."""
    merged: list[Span] = []
    for span in sorted(spans, key=lambda one: one[:2]):
        floor = merged[-1].stop if merged else 0
        start = _with_lead(original, folded, origin, span, floor)
        between = folded[floor:start]
        if merged and (start <= floor or not (_ANYTHING.search(between) or "\n" in between)):
            merged[-1] = Span(merged[-1].start, max(merged[-1].stop, span.stop), span.kind)
        else:
            merged.append(Span(start, span.stop, span.kind))
    return merged


def _with_lead(original: str, folded: str, origin: Sequence[int], span: Span, floor: int) -> int:
    start = span.start
    leads: frozenset[str] = getattr(roles(), f"leads_to_{span.kind.value}")
    for _ in range(_LONGEST_LEAD):
        match = _WORD_BEFORE.search(folded, max(floor, start - _LONGEST_WORD), start)
        if not match or match[1] not in leads or "\n" in folded[match.end(1) : start]:
            break
        written = original[origin[match.start(1)] : origin[match.end(1)]]
        if match.start() == 0 and written in _MODALITIES and "." not in folded[match.end(1) : start]:
            break
        if match[1] in _DOTTED and folded[match.end(1) : match.end(1) + 1] != ".":
            break
        if match[1] in _UNITS and folded[max(0, match.start() - 2) : match.start()].rstrip()[-1:].isdecimal():
            break
        start = match.start()
    return start


def _with_brackets(text: str, ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The ranges with brackets that would be left empty, and with the partner of each bracket that goes."""
    partners = _pairs(text)
    wider: list[tuple[int, int]] = []
    for start, stop in ranges:
        before, after = _skipped(text, start, stop)
        while before >= 0 and partners.get(before) == after:
            start, stop = before, after + 1
            before, after = _skipped(text, start, stop)
        loose = [partners[at] for at in range(start, stop) if at in partners and not start <= partners[at] < stop]
        wider.append((start, stop))
        wider.extend((at, at + 1) for at in loose)
    apart: list[tuple[int, int]] = []
    for start, stop in sorted(wider):
        if apart and start <= apart[-1][1]:
            apart[-1] = (apart[-1][0], max(apart[-1][1], stop))
        else:
            apart.append((start, stop))
    return apart


def _skipped(text: str, start: int, stop: int) -> tuple[int, int]:
    """Indices of the first characters around a range that are no separators; -1 and the length at the ends."""
    before, after = start - 1, stop
    while before >= 0 and text[before] in _SEPARATORS:
        before -= 1
    while after < len(text) and text[after] in _SEPARATORS:
        after += 1
    return before, after


def _pairs(text: str) -> dict[int, int]:
    """Both indices of each pair of brackets, by each other."""
    waiting: list[int] = []
    pairs: dict[int, int] = {}
    for at, character in enumerate(text):
        if character in _PARTNER:
            waiting.append(at)
        elif waiting and character == _PARTNER[text[waiting[-1]]]:
            pairs[at] = waiting.pop()
            pairs[pairs[at]] = at
    return pairs


def _joined(pieces: list[str]) -> str:
    """The pieces with one separator where something was taken out, and none at a new beginning or end."""
    body: list[str] = []
    gap = ""
    for number, piece in enumerate(pieces):
        rest = piece.lstrip(_SEPARATORS) if number else piece
        before = piece[: len(piece) - len(rest)]
        bare = rest if number == len(pieces) - 1 else rest.rstrip(_AT_END)
        if not bare:
            gap = _stronger(gap, before + rest)
            continue
        if body:
            body.append(_seam(body[-1], _stronger(gap, before), bare))
        body.append(bare)
        gap = rest[len(bare) :]
    return "".join(body)


def _seam(left: str, gap: str, right: str) -> str:
    """What stands between two pieces."""
    if right[0] in ")]}\r\n" or left[-1:] in "([{":
        return ""
    if left[-1:] == ".":
        gap = gap.replace(".", "")
    # Scripts without spaces between words get none.
    return _one(gap) or (" " if left[-1:].isascii() and right[0].isascii() else "")


def _stronger(left: str, right: str) -> str:
    """Of two gaps the first that has more than spaces, else the left one if there is one."""
    return left if left.strip() or (not right.strip() and left) else right


def _one(gap: str) -> str:
    """The gap with its first separator only, and single spaces around that."""
    kept, seen = "", False
    for character in gap:
        if not character.isspace():
            if seen:
                continue
            seen = True
        elif kept[-1:].isspace():
            continue
        kept += character
    return kept
