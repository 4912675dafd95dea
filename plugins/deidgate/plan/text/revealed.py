# SPDX-License-Identifier: Apache-2.0
r"""What one instance reveals about its patient, its staff and its place, in any element at any depth.

Rules

* Every Person Name says names: each part of each component of each group, and the components joined.
* Identifiers, serial numbers, order and accession numbers, AE titles and telephone numbers say codes.
* Institutions, addresses, departments and locations say places: the whole phrase, and each word that is no
  term of medicine or of common language (*Mccoy*, not *Medical* or *Clinic*).
* Dates and date times say days.
* A word of imaging that is also somebody's name (a patient called Chest) is kept apart: it is only removed
  beside another name. A single letter is never looked for, a number of less than four digits neither.

Descriptors themselves (Study Description and the like) reveal nothing here: they are what is cleaned.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

from pydicom import Dataset
from pydicom.datadict import keyword_for_tag

from deidgate.dicom.charset import Charset
from deidgate.dicom.dictionary import dictionary_vr
from deidgate.dicom.elements import Element, Unreadable, declared_vr, elements_of, items_of, raw_bytes, text_of
from deidgate.errors import CannotDeidentify
from deidgate.plan.text.fold import folded, in_other_kana
from deidgate.plan.text.words import Words, roles, words
from deidgate.plan.unlisted import LISTED_AS
from deidgate.standard.confidentiality import confidentiality_table

_LETTERS = re.compile(r"[^\W\d_]+")
_TAG = re.compile(r"[0-9A-Fa-f]{8}")
_RUNS = re.compile(r"[^\W_]+")
_TEXT_VRS = frozenset({"LO", "SH", "ST", "LT", "UT", "UC", "UR", "AE"})
_CODE_ENDINGS = ("ID", "IDs", "Identifier", "SerialNumber", "AccessionNumber", "Locator", "BarcodeValue", "LoginName")
_CODE_PARTS = (
    "OrderNumber",
    "Telephone",
    "TelecomInformation",
    "StationName",
    "AETitle",
    "LotIdentifier",
    "PlanIdentification",
    "MachineName",
    "ContactDisplayName",
    "ContactURI",
)
_PLACE_PARTS = (
    "Institution",
    "Address",
    "Location",
    "Residence",
    "Organization",
    "SiteName",
    "SponsorName",
    "DepartmentName",
)
_TRAIT_PARTS = ("Occupation", "MilitaryRank", "BranchOfService", "ReligiousPreference")
# Codes in these sequences name people and places; elsewhere they name concepts.
_NAMING_SEQUENCES = frozenset(
    {"InstitutionCodeSequence", "PersonIdentificationCodeSequence", "InstitutionalDepartmentTypeCodeSequence"}
)
# They end like identifiers, and identify a list of codes or a template of the standard.
_OF_DEFINITIONS = frozenset({"ContextIdentifier", "TemplateIdentifier"})
_FEWEST_LETTERS = 2
_FEWEST_CODE = 4
# Two are a syllable of many words of the other kana: Ai is no isotope (aisotopu).
_FEWEST_KANA = 3
_CHARACTER_SET = 0x00080005
_CONCEPT_NAME, _CODE_VALUE = 0x0040A043, 0x00080100
_PERSON_VRS = frozenset({"PN", "DA", "DT"})
_RETAIN_DEVICE = "113109"


@dataclass(frozen=True, slots=True)
class Revealed:
    """Names, identifiers, dates and places that no text of this instance may repeat; all folded.

    Attributes
    ----------
    names : frozenset of str
        Name parts of at least two letters, and joined components, to be removed wherever they stand.
    common : frozenset of str
        Name parts that are words of imaging: removed only beside another name.
    codes : frozenset of str
        Identifiers and telephone numbers without separators.
    places : frozenset of str
        Words of institutions and addresses.
    phrases : frozenset of tuple of str
        Institutions and other names of several words, word by word.
    days : frozenset of tuple of str
        Year, month and day.
    stems : frozenset of str
        All beginnings of `names` and `codes` (for the search across separators).
    """

    names: frozenset[str] = frozenset()
    common: frozenset[str] = frozenset()
    codes: frozenset[str] = frozenset()
    places: frozenset[str] = frozenset()
    phrases: frozenset[tuple[str, ...]] = frozenset()
    days: frozenset[tuple[str, str, str]] = frozenset()
    stems: frozenset[str] = field(default=frozenset(), repr=False)


@dataclass(slots=True)
class _Found:
    names: set[str] = field(default_factory=set)
    common: set[str] = field(default_factory=set)
    codes: set[str] = field(default_factory=set)
    places: set[str] = field(default_factory=set)
    phrases: set[tuple[str, ...]] = field(default_factory=set)
    days: set[tuple[str, str, str]] = field(default_factory=set)


def revealed(dataset: Dataset, spared: frozenset[str] = frozenset()) -> Revealed:
    """All that `dataset` (not changed) says about who, where and when, ready to be looked for in its texts.

    Parameters
    ----------
    dataset : Dataset
    spared : frozenset of str
        CID 7050 codes: what these options retain (device, institution) says nothing about anybody else.

    What cannot be read is taken as Latin-1: whether an instance with such an element is held is decided elsewhere,
    and a name in it is still to be found.
    """
    found = _Found()
    vocabulary = words()
    unsaid = _retained_by(spared)
    for parent, keyword, vr, text in _texts(dataset):
        if keyword in unsaid or parent in unsaid or (vr == "AE" and _RETAIN_DEVICE in spared):
            continue
        for value in text.split("\\"):
            if value.strip():
                _collect(found, vocabulary, parent, keyword, vr, value.strip())
    found.names |= {in_other_kana(name) for name in found.names if len(name) >= _FEWEST_KANA}
    long_ones = {n for n in found.names | found.codes if len(n) >= _FEWEST_CODE}
    return Revealed(
        names=frozenset(found.names),
        common=frozenset(found.common),
        codes=frozenset(found.codes),
        places=frozenset(found.places - found.names),
        phrases=frozenset(found.phrases),
        days=frozenset(found.days),
        stems=frozenset(n[:i] for n in long_ones for i in range(1, len(n) + 1)),
    )


@cache
def _retained_by(options: frozenset[str]) -> frozenset[str]:
    """Keywords of the attributes that one of the options retains. Source: PS3.15 Table E.1-1."""
    spellings = (
        row.tag.strip("()").replace(",", "")
        for row in confidentiality_table()
        if any(code in options and what == "K" for code, what in row.options)
    )
    # Repeating groups and private attributes have no keyword.
    tags = {int(spelling, 16) for spelling in spellings if _TAG.fullmatch(spelling)}
    tags.update(tag for tag, listed in LISTED_AS.items() if listed in tags)
    return frozenset(keyword_for_tag(tag) for tag in tags)


def _texts(dataset: Dataset) -> Iterator[tuple[str, str, str, str]]:
    """Keyword of the sequence around it, keyword, VR and text of every element that may name something, at any depth.

    Without recursion: nothing here limits the depth.
    """
    waiting = [("", dataset, Charset.declared(""))]
    while waiting:
        parent, current, charset = waiting.pop()
        declared = current.get_item(_CHARACTER_SET)
        if declared is not None:
            charset = _charset(declared, charset)
        naming = _is_naming(current, charset)
        for element in elements_of(current):
            keyword = keyword_for_tag(element.tag)
            vr = declared_vr(element) or dictionary_vr(element.tag)
            if vr == "SQ":
                try:
                    items = items_of(current, element)
                except Unreadable:
                    continue
                waiting.extend((keyword, item, charset) for item in items)
            elif vr in _TEXT_VRS or vr in _PERSON_VRS:
                yield parent, "TextID" if naming and keyword == "TextValue" else keyword, vr, _text(element, charset)


def _charset(element: Element, charset: Charset) -> Charset:
    try:
        return Charset.declared(_text(element, charset))
    except CannotDeidentify:
        # An unknown term: the planner holds the instance for it.
        return charset


def _text(element: Element, charset: Charset) -> str:
    try:
        return text_of(element, charset)
    except Unreadable:
        return (raw_bytes(element) or b"").decode("latin_1")


def _collect(found: _Found, vocabulary: Words, parent: str, keyword: str, vr: str, value: str) -> None:
    if vr == "PN":
        _names(found, vocabulary, value)
    elif vr in ("DA", "DT"):
        _day(found, value)
    elif parent in _NAMING_SEQUENCES and keyword in ("CodeMeaning", "CodeValue"):
        (_places if keyword == "CodeMeaning" else _codes)(found, vocabulary, value)
    elif keyword in _OF_DEFINITIONS:
        return
    elif vr == "AE" or keyword.endswith(_CODE_ENDINGS) or any(part in keyword for part in _CODE_PARTS):
        _codes(found, vocabulary, value)
    elif any(part in keyword for part in _PLACE_PARTS + _TRAIT_PARTS):
        _places(found, vocabulary, value)
    elif not keyword and "^" in value:
        # A private attribute that holds a name in spite of its VR.
        _names(found, vocabulary, value)


def _names(found: _Found, vocabulary: Words, value: str) -> None:
    for spelling in {value, *_respelled(value)}:
        for group in folded(spelling).split("="):
            components = [_LETTERS.findall(component) for component in group.split("^")[:5]]
            for parts in components:
                for part in parts:
                    _name(found, vocabulary, part)
                if len(parts) > 1:
                    _joined(found, parts)
            _joined_whole(found, components)


def _name(found: _Found, vocabulary: Words, part: str) -> None:
    if len(part) < _FEWEST_LETTERS or part in roles().particles or part in roles().titles or part in roles().no_names:
        return
    is_imaging = part in vocabulary.imaging and part not in vocabulary.proper
    if is_imaging or (part in vocabulary.english and len(part) < _FEWEST_CODE):
        found.common.add(part)
    else:
        found.names.add(part)


def _joined(found: _Found, parts: list[str]) -> None:
    joined = "".join(parts)
    if len(joined) >= _FEWEST_CODE:
        found.names.add(joined)


def _joined_whole(found: _Found, components: list[list[str]]) -> None:
    """Family and given name in one word, in both orders: written so in scripts without spaces, and in log-in names."""
    family, given = ("".join(c) for c in [*components, [], []][:2])
    said = roles().no_names | roles().titles
    if family and given and family not in said and given not in said:
        for joined in (family + given, given + family):
            if len(joined) >= _FEWEST_CODE or not joined.isascii():
                found.names.add(joined)


def _respelled(value: str) -> Iterator[str]:
    """The name with and without written-out umlauts (Müller, Mueller, Muller)."""
    lower = value.lower()
    yield lower.translate(
        {ord("ä"): "ae", ord("ö"): "oe", ord("ü"): "ue", ord("å"): "aa", ord("ø"): "oe", ord("æ"): "ae"}
    )
    yield re.sub(r"(?<=[a-zß])([aou])e(?=[a-zß])", r"\1", lower)


def _codes(found: _Found, vocabulary: Words, value: str) -> None:
    runs = _RUNS.findall(folded(value))
    joined = "".join(runs)
    if not any(c.isdigit() for c in joined):
        _places(found, vocabulary, value)
        return
    for code in (joined, *(run for run in runs if len(run) > _FEWEST_CODE)):
        if len(code) >= _FEWEST_CODE and any(c.isdigit() for c in code) and set(code) != {"0"}:
            found.codes.add(code)
            short = code.lstrip("0")
            if len(short) > _FEWEST_CODE:
                found.codes.add(short)


def _places(found: _Found, vocabulary: Words, value: str) -> None:
    runs = _RUNS.findall(folded(value))
    if len(runs) > 1:
        found.phrases.add(tuple(runs))
    for run in runs:
        if any(c.isdigit() for c in run):
            if len(run) >= _FEWEST_CODE:
                found.codes.add(run)
        elif vocabulary.is_term(run) or run in roles().no_names:
            continue
        elif len(run) > 3 or (len(run) == 3 and (run in vocabulary.names or len(runs) == 1)):
            found.places.add(run)


def _day(found: _Found, value: str) -> None:
    digits = value.replace(".", "")[:8]
    if len(digits) == 8 and digits.isascii() and digits.isdigit() and digits[:4] != "0000":
        found.days.add((digits[:4], digits[4:6], digits[6:8]))


# Concepts of Table E.3.4-1 whose TEXT value names a person, a place or a thing, and is not cleaned but replaced.
_NAMING_CONCEPTS = frozenset(
    {
        "121022", "120999", "113877", "121013", "121017", "121016", "113880", "121193", "121197", "121196", "121021",
        "125010", "128775", "110190", "111706", "111724", "113873", "111705", "122128", "113871", "113872", "128774",
        "121009", "121020", "113516", "113514", "113511", "113512", "113513", "121121", "121434", "121435", "111700",
        "121041", "110119", "121030", "74711-3",
    }
)  # fmt: skip


def _is_naming(item: Dataset, charset: Charset) -> bool:
    """True for a content item whose text names somebody or something (Source: PS3.15 Table E.3.4-1)."""
    concept = item.get_item(_CONCEPT_NAME)
    if concept is None:
        return False
    try:
        items = items_of(item, concept)
    except Unreadable:
        return False
    code = items[0].get_item(_CODE_VALUE) if items else None
    return code is not None and _text(code, charset).strip() in _NAMING_CONCEPTS
