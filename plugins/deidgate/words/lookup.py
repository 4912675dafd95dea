# SPDX-License-Identifier: Apache-2.0
"""The words for a code, for who reads them: one look-up for the hold list, reports and the command line."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from deidgate.words.files import FILES
from deidgate.words.instances import ABOUT_FINDINGS, FINDING, INSTANCES
from deidgate.words.model import Words
from deidgate.words.refusals import REFUSALS


class Reader(Enum):
    """Who has to do something about it."""

    GATEWAY = auto()  # decides on what the gateway holds
    TOOLBOX = auto()  # has files and the toolbox


@dataclass(frozen=True, slots=True)
class Said:
    """What is the matter, and what this reader can do."""

    what: str
    to_do: str


_UNKNOWN = Words(
    "it could not be made sure that the instance is safe",
    "look at `deidgate explain` for this file",
    "look at the instance; release it when it may go as it is, else reject it",
)


def words(code: str, reader: Reader) -> Said | None:
    """What is said of `code`; None when there is nothing for this reader."""
    about = ABOUT_FINDINGS if code.startswith(FINDING) else _written(code)
    return None if about is None else _for(about, reader)


def _written(code: str) -> Words | None:
    for table in (INSTANCES, FILES, REFUSALS):
        if code in table:
            return table[code]
    return None


def _for(about: Words, reader: Reader) -> Said | None:
    to_do = about.gateway or about.to_do if reader is Reader.GATEWAY else about.to_do
    return Said(about.what, to_do) if to_do else None


def told(code: str, at: str = "") -> str:
    """`code`, where, what it means and what to do, for a line; the code and the place alone where nobody has said."""
    said = f"{code} at {at}" if at else code
    about = words(code, Reader.TOOLBOX)
    return said if about is None else f"{said}: {about.what}; {about.to_do}"


def meaning(code: str, place: str = "") -> Said:
    """What `code` in a report of a run means, and what to do; of a code that nobody knows, something general."""
    return words(_reason(code, place), Reader.TOOLBOX) or Said(_UNKNOWN.what, _UNKNOWN.to_do)


def explain(code: str, place: str = "") -> Said:
    """Why the gateway holds an instance with `code`, and what to do, in whole sentences."""
    about = words(_reason(code, place), Reader.GATEWAY) or Said(_UNKNOWN.what, _UNKNOWN.gateway)
    return Said(_sentence(about.what), _sentence(about.to_do))


def _reason(code: str, place: str) -> str:
    # Of a picture that nobody could look at, the place says why: it is not told that there may be text in it.
    return place if code == "pixels-uncertain" and place.startswith("pixel-data-") else code


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
