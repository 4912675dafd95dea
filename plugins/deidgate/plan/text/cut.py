# SPDX-License-Identifier: Apache-2.0
"""Take spans out of a text and leave it tidy: no doubled separators, no empty brackets, no word that leads nowhere."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from deidgate.plan.text.spans import Span
from deidgate.plan.text.words import roles

_SEPARATORS = " \t_-^,;:/|.=#&@~'\"<>*"
_OPENING, _CLOSING = "([{", ")]}"
_WORD_BEFORE = re.compile(r"([^\W\d_]+)([\W_]{0,3})\Z")
_EMPTY = re.compile(r"\(\s*\)|\[\s*\]|\{\s*\}|\"\s*\"|<\s*>")
_ANYTHING = re.compile(r"[^\W_]")


def cut(original: str, folded: str, origin: Sequence[int], spans: Iterable[Span]) -> str:
    """`original` without the `spans`, which are ranges of its folded form; empty when nothing of worth is left."""
    pieces: list[str] = []
    at = 0
    for span in _merged(folded, spans):
        pieces.append(original[at : origin[span.start]])
        at = max(at, origin[span.stop])
    pieces.append(original[at:])
    result = pieces[0]
    for piece in pieces[1:]:
        result = _joined(result, piece)
    while empty := _EMPTY.search(result):
        result = _joined(result[: empty.start()], result[empty.end() :])
    result = _without_loose_brackets(result)
    return result if _ANYTHING.search(result) else ""


def _merged(folded: str, spans: Iterable[Span]) -> list[Span]:
    """Spans in order, without overlaps, each with the words before it that only led to it."""
    merged: list[Span] = []
    for span in sorted(spans):
        floor = merged[-1].stop if merged else 0
        start = _with_lead(folded, span, floor)
        between = folded[floor:start]
        if merged and (start <= floor or not (_ANYTHING.search(between) or "\n" in between)):
            merged[-1] = Span(merged[-1].start, max(merged[-1].stop, span.stop), span.kind)
        else:
            merged.append(Span(start, span.stop, span.kind))
    return merged


def _with_lead(folded: str, span: Span, floor: int) -> int:
    start = span.start
    leads: frozenset[str] = getattr(roles(), f"leads_to_{span.kind.value}")
    for _ in range(4):
        match = _WORD_BEFORE.search(folded, max(floor, start - 24), start)
        if not match or match[1] not in leads or "\n" in match[2]:
            break
        start = match.start()
    return start


def _joined(left: str, right: str) -> str:
    """Two pieces of a text whose middle is gone, with one separator between them."""
    bare_left, bare_right = left.rstrip(_SEPARATORS), right.lstrip(_SEPARATORS)
    gap_left, gap_right = left[len(bare_left) :], right[: len(right) - len(bare_right)]
    if not bare_left:
        return bare_right
    if not bare_right:
        return bare_left
    if bare_right[0] in _CLOSING + "\r\n":
        return bare_left + bare_right
    if bare_left[-1] in _OPENING:
        return bare_left + bare_right
    gap = gap_left if gap_left.strip() or not gap_right.strip() else gap_right
    return bare_left + (_one(gap) or " ") + bare_right


def _one(gap: str) -> str:
    """The gap with its first separator only, and the spaces around that."""
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


def _without_loose_brackets(text: str) -> str:
    """`text` without brackets whose partner was taken out."""
    if not any(c in text for c in _OPENING + _CLOSING):
        return text
    waiting: list[int] = []
    loose: set[int] = set()
    for at, character in enumerate(text):
        if character in _OPENING:
            waiting.append(at)
        elif character in _CLOSING:
            if waiting:
                waiting.pop()
            else:
                loose.add(at)
    loose.update(waiting)
    return "".join(c for at, c in enumerate(text) if at not in loose).strip() if loose else text
