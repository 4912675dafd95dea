# SPDX-License-Identifier: Apache-2.0
"""Coding schemes that everybody has: their designators, and the form that their codes have.

A code of such a scheme says what a thing is and not whose it is. The form is part of what makes it one: a name that
somebody wrote where the code belongs has it not.

Source: PS3.16 Table 8-1 (coding schemes), PS3.3 8.4 (mapping resources); the forms as each scheme states them.
"""

from __future__ import annotations

import re
from types import MappingProxyType

_SNOMED_RT = r"[A-Z][A-Z0-9]?-[A-Z0-9]{3,6}"
_DIGITS = r"[0-9]{1,9}"
# Codes of the standard that are words: modalities, availability of instances, kinds of documents.
_WORDS_OF_DCM = (
    r"[A-Z][A-Z0-9]{0,3}|ARCHIVE|CAPTURE|CTPROTOCOL|FILMD|IVOCT|MEDIM|Margin|NEARLINE|OFFLINE|ONLINE|OPTBSV|OPTENF"
    r"|PRINT|RT(?:DOSE|IMAGE|INTENT|PLAN|RAD|RECORD|SEGANN|STRUCT)|STAIN|SUV[a-z]{2,4}|TEXTUREMAP|UNAVAILABLE"
)
# Atoms, numbers and operators; what stands in braces is an annotation.
_UCUM = r"(?:[0-9]{1,5}(?![0-9])|[.*/()^%'+\-]|\[[!-Z^-~]{1,12}\]|\{[!-z|~]{1,24}\}|[A-Za-z_]{1,5}(?![A-Za-z_]))+"

_FORMS = {
    "DCM": rf"[0-9]{{6}}|{_WORDS_OF_DCM}",
    "SCT": r"[0-9]{6,18}",
    "SRT": _SNOMED_RT,
    "SNM3": _SNOMED_RT,
    "99SDM": _SNOMED_RT,
    "LN": r"(?:L[AP])?[0-9]{1,7}-[0-9]",
    "UCUM": _UCUM,
    "RADLEX": r"RP?ID[0-9]{1,8}",
    "RADELEMENT": r"RDE[0-9]{1,6}(?:\.[0-9]{1,3})?",
    "FMA": r"(?:FMA:?)?[0-9]{1,7}",
    "I9": r"[VE]?[0-9]{2,3}(?:\.[0-9]{1,2})?",
    "I9C": r"[VE]?[0-9]{2,3}(?:\.[0-9]{1,2})?",
    "I10": r"[A-Z][0-9][0-9A-Z](?:\.[0-9A-Z]{1,4})?",
    "I10C": r"[A-Z][0-9][0-9A-Z](?:\.[0-9A-Z]{1,4})?",
    "I10P": r"[0-9A-HJ-NP-Z]{3}[0-9][0-9A-HJ-NP-Z]{3}",
    "ICDO3": r"[CM]?[0-9]{2,4}[./]?[0-9]{1,2}",
    "UMLS": r"C[0-9]{7}",
    "NCIt": r"C[0-9]{3,7}",
    "MDC": r"[0-9]{1,3}: ?[0-9]{1,5}|[0-9]{1,6}",
    "MSH": r"[CD][0-9]{6,9}",
    "MA": r"(?:MA:)?[0-9]{7}",
    "UBERON": r"(?:UBERON:)?[0-9]{7}",
    "NEU": _DIGITS,
    "ITIS_TSN": _DIGITS,
    "PUBCHEM_CID": _DIGITS,
    "RXNORM": _DIGITS,
    "IBSI": r"[0-9A-Z]{3,4}",
    "NDC": r"[0-9]{4,5}-[0-9]{3,4}-[0-9]{1,2}",
    "BARI": r"[0-9]{1,2}[A-Z]?",
    "C4": r"[0-9]{4}[0-9FTU]",
    "C5": r"[0-9]{4}[0-9FTU]",
}

CODE_FORMS = MappingProxyType({designator: re.compile(form, re.ASCII) for designator, form in _FORMS.items()})
"""What a code looks like, by Coding Scheme Designator."""

MAPPING_RESOURCES = frozenset({"DCMR", "SDM", "99SDM"})
"""Context groups of the standard, of its predecessor, and of drafts of that one."""

_LONGEST = 64


def is_code_of(scheme: str, text: str) -> bool:
    """True when `text` can be a code of the public scheme with this designator."""
    form = CODE_FORMS.get(scheme)
    return form is not None and len(text) <= _LONGEST and form.fullmatch(text) is not None
