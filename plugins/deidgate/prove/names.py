# SPDX-License-Identifier: Apache-2.0
"""Names that nobody has: pronounceable, unusual, and made anew for each proof."""

from __future__ import annotations

import secrets
from collections.abc import Callable

_ONSETS = ("Br", "Dr", "Fl", "Gn", "Kv", "Mz", "Pl", "Qu", "Sk", "Tv", "Vr", "Xh", "Zw")
_VOWELS = ("a", "e", "i", "o", "u", "y")
_ENDS = ("bax", "dovik", "fuzk", "gorp", "lmyr", "nquist", "rvold", "stwyk", "thrax", "zelk")
_CYRILLIC = "бвгджзклмнпрстфхцчшщ"
_CYRILLIC_VOWELS = "аеиоуюя"
# Level 1 kanji, which ISO 2022 IR 87 and Shift JIS can spell.
_KANJI = "亜哀愛悪握圧扱安暗案以位依偉囲委威尉意慰易為異移維緯胃衣違遺医井域育一壱逸稲芋印員因姻引飲院陰隠韻"

Choose = Callable[[int], int]


def latin(below: Choose = secrets.randbelow) -> str:
    """A family name of ten letters or so."""
    middle = _ONSETS[below(len(_ONSETS))].lower() + _VOWELS[below(6)]
    return _ONSETS[below(len(_ONSETS))] + _VOWELS[below(6)] + middle + _ENDS[below(len(_ENDS))]


def cyrillic(below: Choose = secrets.randbelow) -> str:
    """A name of eight Cyrillic letters."""
    pairs = (_CYRILLIC[below(20)] + _CYRILLIC_VOWELS[below(7)] for _ in range(4))
    return "".join(pairs).capitalize()


def kanji(below: Choose = secrets.randbelow) -> str:
    """A name of four Japanese characters."""
    return "".join(_KANJI[below(len(_KANJI))] for _ in range(4))


def number(digits: int, below: Choose = secrets.randbelow) -> str:
    """A number with exactly `digits` digits."""
    return str(10 ** (digits - 1) + below(9 * 10 ** (digits - 1)))


def uid(below: Choose = secrets.randbelow) -> str:
    """A UID of a random number. Source: PS3.5 B.2."""
    return f"2.25.{below(1 << 128)}"
