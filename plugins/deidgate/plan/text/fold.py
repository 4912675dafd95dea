# SPDX-License-Identifier: Apache-2.0
"""Text as it is compared: lower case, without accents, in plain letters, with the way back to the original."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

# Letters that Unicode does not decompose.
_PLAIN = {"ł": "l", "đ": "d", "ø": "o", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th", "ð": "d", "ħ": "h", "ŧ": "t"}
# Hiragana and katakana are in the same order. Source: The Unicode Standard, blocks 3040 and 30A0.
_TO_KATAKANA = {hiragana: hiragana + 0x60 for hiragana in range(0x3041, 0x3097)}
_TO_HIRAGANA = {katakana: hiragana for hiragana, katakana in _TO_KATAKANA.items()}
_FIRST_JAMO, _LAST_SYLLABLE = "가", "힣"


@dataclass(frozen=True, slots=True)
class Folded:
    """A folded text.

    Attributes
    ----------
    text : str
    origin : sequence of int
        For each character of `text`, and for its end, the index in the original.
    """

    text: str
    origin: Sequence[int]


def fold(original: str) -> Folded:
    """`original` in lower case, compatibility forms and accents resolved.

    One character may become several (``ß`` becomes ``ss``) or none (a combining accent).
    """
    if original.isascii():
        return Folded(original.lower(), range(len(original) + 1))
    pieces: list[str] = []
    origin: list[int] = []
    for index, character in enumerate(original):
        folded = _folded(character)
        pieces.append(folded)
        origin.extend([index] * len(folded))
    origin.append(len(original))
    return Folded("".join(pieces), origin)


def folded(original: str) -> str:
    """Only the text of `fold`."""
    return fold(original).text


def in_other_kana(word: str) -> str:
    """A word of hiragana in katakana, or the other way round; any other word as it is."""
    if word.isascii() or any(ord(c) in _TO_HIRAGANA for c in word):
        return word if any(ord(c) in _TO_KATAKANA for c in word) else word.translate(_TO_HIRAGANA)
    return word.translate(_TO_KATAKANA)


def _folded(character: str) -> str:
    if character.isascii():
        return character.lower()
    # A Hangul syllable stays one letter: its parts are no accents.
    if _FIRST_JAMO <= character <= _LAST_SYLLABLE:
        return character
    base = "".join(c for c in unicodedata.normalize("NFKD", character) if unicodedata.category(c) != "Mn")
    return "".join(_PLAIN.get(c, c) for c in base.casefold())
