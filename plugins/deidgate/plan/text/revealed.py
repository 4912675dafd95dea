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
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from deidgate.dicom.path import ElementPath
from deidgate.errors import CannotDeidentify
from deidgate.plan.text.fold import folded
from deidgate.plan.text.words import Words, words

_LETTERS = re.compile(r"[^\W\d_]+")
_RUNS = re.compile(r"[^\W_]+")
_TEXT_VRS = frozenset({"LO", "SH", "ST", "LT", "UT", "UC", "UR", "AE"})
_CODE_ENDINGS = ("ID", "IDs", "Identifier", "SerialNumber", "AccessionNumber", "Locator", "BarcodeValue", "LoginName")
_CODE_PARTS = ("OrderNumber", "Telephone", "TelecomInformation", "StationName", "AETitle", "LotIdentifier", "PlanIdentification")
_PLACE_PARTS = ("Institution", "Address", "Location", "Residence", "Organization", "SiteName", "SponsorName", "DepartmentName")
_TRAIT_PARTS = ("Occupation", "MilitaryRank", "BranchOfService", "ReligiousPreference")
# Codes in these sequences name people and places; elsewhere they name concepts.
_NAMING_SEQUENCES = frozenset(
    {"InstitutionCodeSequence", "PersonIdentificationCodeSequence", "InstitutionalDepartmentTypeCodeSequence"}
)
# Parts of names that say nothing alone; they do as part of a joined component (vanderberg).
_PARTICLES = frozenset(
    "van von vom zu zum zur der den dem des de da di do dos das du del della dello la le les lo los las el al bin ibn abu "
    "ben bint ter ten te op und e y st ste san santa sankt mac mc fitz ap".split()
)
_TITLES = frozenset(
    "dr prof doctor professor doc dra mr mrs ms miss mme mlle herr frau hr fr sr sra sir dame lady lord rev hon med dipl ing "
    "md phd do rn np pa mph msc bsc ba ma mba frcr facr rt jr jnr snr ii iii iv esq dds dvm prim doz pd".split()
)
# What stands in the place of a name and is none.
_NO_NAMES = frozenset(
    "anonymous anonymized anonymised anonym anon deidentified identified removed unknown unbekannt none null nil name "
    "noname patient test unspecified withheld redacted default user admin service engineer technician tech staff "
    "physician operator male female baby boy girl newborn infant twin emergency trauma john doe phantom".split()
) - {"john", "doe"}
_FEWEST_LETTERS = 2
_FEWEST_CODE = 4
# What pydicom raises on values that contradict their VR or character set.
_UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, NotImplementedError, LookupError, OverflowError, struct.error)


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


def revealed(dataset: Dataset) -> Revealed:
    """All that `dataset` (not changed) says about who, where and when, ready to be looked for in its texts.

    Raises
    ------
    CannotDeidentify
        An element cannot be read (code ``unreadable-element``).
    """
    found = _Found()
    vocabulary = words()
    for parent, element in _elements(dataset):
        for value in _values(element):
            _collect(found, vocabulary, parent, element, value)
    _collect_content(found, vocabulary, dataset)
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


def _elements(dataset: Dataset) -> Iterator[tuple[str, DataElement]]:
    """Every element at any depth with the keyword of the sequence around it, without recursion."""
    waiting: list[tuple[str, ElementPath | None, Dataset]] = [("", None, dataset)]
    while waiting:
        parent, at, current = waiting.pop()
        for tag in current.keys():
            try:
                element = current[tag]
            except _UNREADABLE:
                path = ElementPath.top(tag) if at is None else ElementPath((*at.parents, (at.tag, 0)), int(tag))
                raise CannotDeidentify("unreadable-element", str(path)) from None
            if element.VR == "SQ":
                here = ElementPath.top(tag) if at is None else ElementPath((*at.parents, (at.tag, 0)), int(tag))
                waiting.extend((element.keyword, here, item) for item in element.value or ())
            else:
                yield parent, element


def _values(element: DataElement) -> Iterator[str]:
    value = element.value
    if value is None or isinstance(value, bytes):
        return
    for one in value if isinstance(value, MultiValue | list | tuple) else (value,):
        text = str(one).strip(" \0")
        if text:
            yield text


def _collect(found: _Found, vocabulary: Words, parent: str, element: DataElement, value: str) -> None:
    vr, keyword = str(element.VR), element.keyword
    if vr == "PN":
        _names(found, vocabulary, value)
    elif vr in ("DA", "DT"):
        _day(found, value)
    elif vr not in _TEXT_VRS:
        return
    elif parent in _NAMING_SEQUENCES and keyword == "CodeMeaning":
        _places(found, vocabulary, value)
    elif parent in _NAMING_SEQUENCES and keyword == "CodeValue":
        _codes(found, vocabulary, value)
    elif vr == "AE" or keyword.endswith(_CODE_ENDINGS) or any(part in keyword for part in _CODE_PARTS):
        _codes(found, vocabulary, value)
    elif any(part in keyword for part in _PLACE_PARTS):
        _places(found, vocabulary, value)
    elif any(part in keyword for part in _TRAIT_PARTS):
        _places(found, vocabulary, value)
    elif element.tag.is_private and "^" in value:
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
    if len(part) < _FEWEST_LETTERS or part in _PARTICLES or part in _TITLES or part in _NO_NAMES:
        return
    if part in vocabulary.imaging and part not in vocabulary.proper:
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
    if family and given and family not in _NO_NAMES:
        for joined in (family + given, given + family):
            if len(joined) >= _FEWEST_CODE or not joined.isascii():
                found.names.add(joined)


def _respelled(value: str) -> Iterator[str]:
    """The name with and without written-out umlauts (Müller, Mueller, Muller)."""
    lower = value.lower()
    yield lower.translate({ord("ä"): "ae", ord("ö"): "oe", ord("ü"): "ue", ord("å"): "aa", ord("ø"): "oe", ord("æ"): "ae"})
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
        elif vocabulary.is_term(run) or run in _NO_NAMES:
            continue
        elif len(run) > 3 or (len(run) == 3 and (run in vocabulary.names or len(runs) == 1)):
            found.places.add(run)


def _day(found: _Found, value: str) -> None:
    digits = value.replace(".", "")[:8]
    if len(digits) == 8 and digits.isdigit() and digits[:4] != "0000":
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


def _collect_content(found: _Found, vocabulary: Words, dataset: Dataset) -> None:
    """Text values of content items whose concept names somebody or something (Source: PS3.15 Table E.3.4-1)."""
    waiting = [dataset]
    while waiting:
        current = waiting.pop()
        for item in current.get("ContentSequence") or ():
            waiting.append(item)
            concept = item.get("ConceptNameCodeSequence") or ()
            code = str(concept[0].get("CodeValue", "")) if concept else ""
            text = item.get("TextValue")
            if code in _NAMING_CONCEPTS and text:
                _codes(found, vocabulary, str(text))
