# SPDX-License-Identifier: Apache-2.0
"""Random patient pseudonyms and random date shifts, drawn once per patient.

Drawn and stored, not computed: nobody who learns a key can compute a pseudonym from
a Patient ID, and none can be undone without the mapping table.

The check character makes the weighted sum of all characters 0 modulo the size of the
alphabet, with weights 1, 2, 1, 2, … counted from the check character. If the size is odd,
1, 2 and their difference have an inverse, so that every single wrong character and every
exchange of two neighbours changes the sum. With an even size no two weights can do this.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from deidgate.errors import ConfigurationError

RandBelow = Callable[[int], int]
"""``secrets.randbelow`` or a stand-in: a number from 0 to its argument, without it."""

# No 0 O, 1 I L, 2 Z, 5 S, 8 B, U V in pairs, and no vowels that would make words: 25 left.
PLAIN_ALPHABET = "23456789CDFGHJKMNPQRTVWXY"

_LONG_STRING = 64  # Source: PS3.5 6.2, VR LO


@dataclass(frozen=True, slots=True)
class PseudonymStyle:
    """How the pseudonyms of a policy look, and how far its dates may move.

    Raises
    ------
    ConfigurationError
        A setting cannot be: the code names it.
    """

    prefix: str = "P-"  # stands before the drawn characters; not covered by the check character
    alphabet: str = PLAIN_ALPHABET  # the characters to draw from, each once
    length: int = 8  # number of drawn characters
    check: bool = True  # append a character that shows a typing error
    shift_min_days: int = 1  # smallest number of days back; below 0: forward
    shift_max_days: int = 365  # largest number of days back
    whole_weeks: bool = False  # only multiples of 7, so that weekdays stay

    def __post_init__(self) -> None:
        if not (self.prefix + self.alphabet).isascii() or not (self.prefix + self.alphabet).isprintable():
            raise ConfigurationError("pseudonym-not-ascii", "pseudonym")
        if any(character in "\\^=* ?" for character in self.prefix + self.alphabet):
            raise ConfigurationError("pseudonym-character-means-something", "pseudonym")
        if len(set(self.alphabet)) != len(self.alphabet) or len(self.alphabet) < 3:
            raise ConfigurationError("pseudonym-alphabet", "pseudonym.alphabet")
        if self.check and len(self.alphabet) % 2 == 0:
            raise ConfigurationError("pseudonym-alphabet-even-with-check", "pseudonym.alphabet")
        if self.length < 1 or len(self.prefix) + self.length + self.check > _LONG_STRING:
            raise ConfigurationError("pseudonym-length", "pseudonym.length")
        if not _shifts(self):
            raise ConfigurationError("no-shift-in-range", "pseudonym.shift_min_days")


def draw_patient_id(style: PseudonymStyle, randbelow: RandBelow) -> str:
    """A pseudonym in `style`: prefix, drawn characters, check character."""
    drawn = "".join(style.alphabet[randbelow(len(style.alphabet))] for _ in range(style.length))
    return style.prefix + drawn + (check_character(drawn, style.alphabet) if style.check else "")


def draw_shift_days(style: PseudonymStyle, randbelow: RandBelow) -> int:
    """A number of days from the style's range, each as likely as any other, never 0."""
    shifts = _shifts(style)
    return shifts[randbelow(len(shifts))]


def check_character(drawn: str, alphabet: str) -> str:
    """The character that, appended to `drawn`, makes the weighted sum 0."""
    return alphabet[-_weighted_sum(drawn + alphabet[0], alphabet) % len(alphabet)]


def is_well_formed(patient_id: str, style: PseudonymStyle) -> bool:
    """Whether `patient_id` can have been drawn in `style`: for typed-in pseudonyms."""
    body = patient_id.removeprefix(style.prefix)
    if not patient_id.startswith(style.prefix) or len(body) != style.length + style.check:
        return False
    if any(character not in style.alphabet for character in body):
        return False
    return not style.check or _weighted_sum(body, style.alphabet) % len(style.alphabet) == 0


def _weighted_sum(body: str, alphabet: str) -> int:
    return sum((1 + i % 2) * alphabet.index(character) for i, character in enumerate(reversed(body)))


def _shifts(style: PseudonymStyle) -> list[int]:
    days = range(style.shift_min_days, style.shift_max_days + 1)
    return [d for d in days if d != 0 and (not style.whole_weeks or d % 7 == 0)]
