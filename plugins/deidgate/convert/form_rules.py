# SPDX-License-Identifier: Apache-2.0
r"""Which rows and words of a form are taken out, from a TOML file.

::

    rows = ["patient name", "date of birth|geburtsdatum"]   # a line of the form that matches: its whole table row goes
    words = ["\\b\\d{6,}\\b"]                                # what matches anywhere goes
    pages = [1, 2]                                           # pages that stay, from 1; without it all stay
    elsewhere = true                                         # words of removed rows go from all other places too

Expressions are Python's, compared without case. They are data that the user of the form wrote; a form never brings its
own.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from deidgate.errors import ConfigurationError

DEFAULT_ROWS = (
    r"\b(patient|participant|subject|proband|teilnehmer)\w*[ '’]*s?\b.*\b(name|id|number|no\.?|nr\.?|code|initials)\b",
    r"\b(sur|last|family|first|given|middle|maiden|full)[ -]?name\b|\bname\b\s*:?",
    r"\b(nachname|vorname|nom|prénom)\b",
    r"\b(date of birth|birth ?date|d\.?o\.?b\.?|born|geburtsdatum|geb\.?|date de naissance)\b",
    r"\b(address|street|city|zip|postal code|postcode|anschrift|adresse|wohnort)\b",
    r"\b(phone|telephone|mobile|fax|e-?mail|telefon)\b",
    r"\b(mrn|medical record|hospital (id|number)|record number|accession)\b",
    r"\b(insurance|ssn|social security|nhs|versicherten)",
    r"\b(signature|signed by|unterschrift)\b",
)
"""Rows that identify on most screening and selection forms."""


@dataclass(frozen=True)
class FormRules:
    """Compiled rules; see the module's text."""

    rows: tuple[re.Pattern[str], ...]
    words: tuple[re.Pattern[str], ...] = ()
    pages: tuple[int, ...] = ()
    elsewhere: bool = True


def default_rules() -> FormRules:
    """Rules for forms without a file of their own: `DEFAULT_ROWS` on all pages."""
    return FormRules(tuple(re.compile(text, re.IGNORECASE) for text in DEFAULT_ROWS))


def load_rules(path: Path) -> FormRules:
    """The rules in the TOML file `path`.

    Raises
    ------
    ConfigurationError
        ``rules-unreadable``, ``unknown-key``, ``not-an-expression`` or ``rules-value``, with file and key.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        raise ConfigurationError("rules-unreadable", str(path)) from None
    unknown = set(content) - {"rows", "words", "pages", "elsewhere"}
    if unknown:
        raise ConfigurationError(
            "unknown-key", f"{path}: {sorted(unknown)[0]}", "accepted: elsewhere, pages, rows, words"
        )
    pages = content.get("pages", [])
    if not isinstance(pages, list) or not all(isinstance(page, int) and page > 0 for page in pages):
        raise ConfigurationError("rules-value", f"{path}: pages")
    elsewhere = content.get("elsewhere", True)
    if not isinstance(elsewhere, bool):
        raise ConfigurationError("rules-value", f"{path}: elsewhere")
    rows, words = (_expressions(content.get(key, []), path, key) for key in ("rows", "words"))
    return FormRules(rows, words, tuple(pages), elsewhere)


def _expressions(given: object, path: Path, key: str) -> tuple[re.Pattern[str], ...]:
    if not isinstance(given, list) or not all(isinstance(text, str) for text in given):
        raise ConfigurationError("rules-value", f"{path}: {key}")
    compiled = []
    for number, text in enumerate(given, 1):
        try:
            compiled.append(re.compile(text, re.IGNORECASE))
        except re.error:
            raise ConfigurationError("not-an-expression", f"{path}: {key}, number {number}") from None
    return tuple(compiled)
