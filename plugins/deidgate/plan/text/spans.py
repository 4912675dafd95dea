# SPDX-License-Identifier: Apache-2.0
"""Parts of a text that have to go, and the words that a text is made of."""

from __future__ import annotations

import re
from enum import Enum
from typing import NamedTuple

_WORD = re.compile(r"[^\W\d_]+|\d+")


class Kind(Enum):
    """What a part of a text was held for."""

    NAME = "name"
    PLACE = "place"
    CODE = "code"
    DATE = "date"
    CONTACT = "contact"


class Span(NamedTuple):
    """A half-open range of a folded text."""

    start: int
    stop: int
    kind: Kind


class Word(NamedTuple):
    """A run of letters, or a run of digits, of a folded text."""

    start: int
    stop: int
    text: str

    @property
    def is_letters(self) -> bool:
        """True for a run of letters."""
        return not self.text[0].isdecimal()


def split(text: str) -> list[Word]:
    """The runs of letters and the runs of digits of the folded `text`, in order."""
    return [Word(m.start(), m.end(), m[0]) for m in _WORD.finditer(text)]
