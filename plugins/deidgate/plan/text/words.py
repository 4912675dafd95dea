# SPDX-License-Identifier: Apache-2.0
"""Which words are known, and which of them can be names.

The lists are data (``words.json``); they are read once, when first asked for, and never change.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

# Endings of medical and ordinary words that names rarely have: an unknown word with one of them is not held for a name.
_TERM = re.compile(
    r"(?:itis|osis|oses|oma|omas|omata|emia|aemia|uria|algia|ectomy|otomy|ostomy|plasty|scopy|graphy|gram|grams|graph|"
    r"pathy|ology|ological|megaly|genic|trophy|plasia|plegia|paresis|stasis|lysis|rrhea|rrhage|ation|ations|ition|"
    r"ction|ctions|sion|sions|ment|ments|ness|able|ible|ally|ical|ular|eous|ious|ism|istic|ance|ence|ency|ancy|"
    r"ography|metry|therapy|tomy|phobia|cardia|thorax|pnea|itic|otic|oid|oids|ectasis|ectasia|sclerosis|ized|ising|izing)$"
)


_INFLECTION = re.compile(r"(?<=...)(?:s|es|ed|d|ing|al|ly|en|er)$")


@dataclass(frozen=True, slots=True)
class Words:
    """The word lists.

    Attributes
    ----------
    imaging : frozenset of str
        Words of anatomy, protocols, devices, agents and findings.
    english : frozenset of str
        Common words of English.
    names : frozenset of str
        Given names and surnames.
    eponyms, ordinary : frozenset of str
        Names that are also terms of medicine (Baker's cyst), or words (white, may).
    proper : frozenset of str
        Imaging words that occur only as somebody's name (Bosniak).
    """

    imaging: frozenset[str]
    english: frozenset[str]
    names: frozenset[str]
    eponyms: frozenset[str]
    ordinary: frozenset[str]
    proper: frozenset[str]

    def is_term(self, word: str) -> bool:
        """True for a word of imaging or common language, also inflected, that is not held for a name."""
        if word in self.imaging or word in self.english:
            return True
        if len(word) < 5 or word in self.names:
            return False
        stem = _INFLECTION.sub("", word)
        return stem in self.imaging or stem in self.english or _TERM.search(word[-10:]) is not None

    def is_known(self, word: str) -> bool:
        """True when any list has the word."""
        return word in self.imaging or word in self.english or word in self.names

    def is_certain_name(self, word: str) -> bool:
        """True for a word that is a name and hardly anything else."""
        return len(word) > 3 and word in self.names and word not in self.ordinary and word not in self.eponyms

    def can_be_name(self, word: str) -> bool:
        """True for a word of the lists of names that is no word of imaging."""
        return word in self.names and word not in self.imaging


@dataclass(frozen=True, slots=True)
class Roles:
    """Words by the part that they play around what identifies; ``roles.json`` says what each list is for."""

    addresses: frozenset[str]
    short_addresses: frozenset[str]
    announcements: frozenset[str]
    between: frozenset[str]
    credentials: frozenset[str]
    after_eponym: frozenset[str]
    before_eponym: frozenset[str]
    function_words: frozenset[str]
    particles: frozenset[str]
    titles: frozenset[str]
    no_names: frozenset[str]
    place_words: frozenset[str]
    institution_words: frozenset[str]
    leads_to_name: frozenset[str]
    leads_to_contact: frozenset[str]
    leads_to_date: frozenset[str]
    leads_to_code: frozenset[str]
    leads_to_place: frozenset[str]
    street_words: frozenset[str]


@cache
def words() -> Words:
    """The word lists of the package."""
    return Words(**_lists("words.json", Words.__dataclass_fields__))


@cache
def roles() -> Roles:
    """The lists of words around names, places, dates and numbers."""
    return Roles(**_lists("roles.json", Roles.__dataclass_fields__))


def _lists(name: str, fields: Iterable[str]) -> dict[str, frozenset[str]]:
    raw = json.loads(files(__package__).joinpath(name).read_text(encoding="utf-8"))
    return {field: frozenset(" ".join(raw[field]).split()) for field in fields}
