# SPDX-License-Identifier: Apache-2.0
"""Content trees: a Decision for every element in them.

Rules

* No content item is taken out of the tree. An item whose action is X gets a value that says nothing, and so does
  everything below it. So no by-reference relationship (Referenced Content Item Identifier) loses its target, no
  container that has to have content becomes empty, every template stays fulfilled, and every Decision names a Data
  Element, which both executors can carry out.
* An item that Table E.3.4-1 has gets what the table says. Its option columns count when the Clean Structured Content
  Option is in force; when several speak, ``C`` goes before ``K``.
* Of items that the table does not have: text is cleaned with the Option and replaced without it (E.1-1: Content
  Sequence D); a person's name is always replaced; dates follow the policy; UIDs are replaced; numbers, codes and
  coordinates stay.
* A text of which cleaning leaves nothing, and a date that is none, get a dummy: both are Type 1 in their item.
* A number without a value is allowed (Measured Value Sequence is Type 2), a code without one is not: it says *Unknown*.
* Ages over 89 years become 90, also in an item of another concept that says in a unit of time what the header says. An
  age in a unit that is none of time is left out.
* A date that is the birth date of the header is one, whatever its concept is, and follows the policy's birth rule.
* What Table E.1-1 lists and is no part of a content item (a Retrieve AE Title among references, a comment that somebody
  put there) is not this module's: the caller decides on it as everywhere else.

Source: PS3.15 E.3.4 and Table E.3.4-1; PS3.3 C.17.3 and C.18 for what an item has to have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from pydicom import Dataset
from pydicom.datadict import tag_for_keyword

from deidgate.dicom import vr as vrs
from deidgate.dicom.charset import Charset
from deidgate.dicom.dictionary import dictionary_vr
from deidgate.dicom.elements import Element, Unreadable, declared_vr, elements_of, is_empty, items_of, text_of
from deidgate.dicom.path import ElementPath
from deidgate.errors import CannotDeidentify
from deidgate.plan.ages import OLDEST_YEARS, Subject, units_in_a_year
from deidgate.plan.dates import DateOperation, InvalidDate, change_date, dummy_date
from deidgate.plan.model import Action, Decision, Reason
from deidgate.plan.structured.concepts import Concept, concept
from deidgate.standard.confidentiality import confidentiality_table

CONTENT_SEQUENCE = 0x0040A730
_CHARACTER_SET = 0x00080005
_VALUE_TYPE, _CONCEPT_NAME, _CONCEPT_CODE = 0x0040A040, 0x0040A043, 0x0040A168
_TEXT_VALUE, _PERSON_NAME, _MEASURED_VALUE, _UID = 0x0040A160, 0x0040A123, 0x0040A300, 0x0040A124
_NUMERIC_VALUE, _FLOATING_POINT, _NUMERATOR, _DENOMINATOR = 0x0040A30A, 0x0040A161, 0x0040A162, 0x0040A163
_OTHER_NUMBERS = frozenset({_FLOATING_POINT, _NUMERATOR, _DENOMINATOR})
_UNITS = 0x004008EA
_CODE_VALUE, _SCHEME, _MEANING, _LONG_CODE, _URN_CODE = 0x00080100, 0x00080102, 0x00080104, 0x00080119, 0x00080120
# The parts of a code that a dummy code has; every other part says more about the original.
_UNKNOWN_CODE = {_CODE_VALUE: "261665006", _LONG_CODE: "261665006", _SCHEME: "SCT", _MEANING: "Unknown"}
# Text Value, and the free texts of waveform annotations and tables.
_TEXTS = frozenset({_TEXT_VALUE, 0x00700006})
_SUBJECT_NAME, _SUBJECT_ID, _SUBJECT_AGE = "121029", "121030", "121033"
_REMOVED = "REMOVED"
_CLEAN_STRUCTURED, _CLEAN_DESCRIPTORS, _RETAIN_UIDS = "113104", "113105", "113110"
_DATE_OPTIONS = frozenset({"113106", "113107"})
# UIDs that name definitions of the standard and of terminologies, and nothing of this world. Source: PS3.6 Annex A.
_DEFINITIONS = frozenset(
    tag_for_keyword(keyword)
    for keyword in ("SOPClassUID", "ReferencedSOPClassUID", "ContextUID", "MappingResourceUID", "CodingSchemeUID")
)
_DEEPEST = 100
# What a content item is made of, as far as Table E.1-1 has it: dates, texts, names and UIDs of the item itself, its
# codes and its templates. Source: PS3.3 10.2, C.10.10, C.17.3, C.18.
_ITEM_KEYWORDS = (
    "ObservationDateTime", "DateTime", "Date", "Time", "PersonName", "UID", "TextValue", "UnformattedTextValue",
    "ObservationUID", "ReferencedDateTime", "ContentSequence", "ConceptNameCodeSequence", "ConceptCodeSequence",
    "ReferencedSOPInstanceUID", "ReferencedSOPSequence", "ReferencedFrameOfReferenceUID", "FrameOfReferenceUID",
    "SourceFrameOfReferenceUID", "TableFrameOfReferenceUID", "FiducialUID", "TrackingUID",
    "ContextGroupExtensionCreatorUID", "TemplateExtensionCreatorUID", "TemplateExtensionOrganizationUID",
)  # fmt: skip
_ITEM_TAGS = frozenset(tag for tag in map(tag_for_keyword, _ITEM_KEYWORDS) if tag is not None)


Others = Callable[[Dataset, Element, ElementPath, Charset], Iterable[Decision]]
"""Decisions on an element in a content item that is none of its parts: (dataset or item, element, path, charset)."""


class Pseudonyms(Protocol):
    """What a content tree needs of the patient's new identity."""

    @property
    def patient_id(self) -> str:
        """For Subject ID."""

    @property
    def patient_name(self) -> str:
        """For Subject Name."""

    def uid(self, original: str) -> str:
        """New UID; a UID that the standard registers is returned unchanged."""


@dataclass(frozen=True, slots=True)
class _Way:
    """How the value of one content item is treated."""

    treat: Action  # KEEP, CLEAN or DUMMY
    because: Reason
    row: Concept | None = None
    silent: bool = False  # nothing of the item or below it may say anything: action X

    @property
    def is_age(self) -> bool:
        """True for an item that says the patient's age."""
        return self.row is not None and self.row.code == _SUBJECT_AGE


_NOBODY = Subject()


def structured_decisions(
    dataset: Dataset,
    options: frozenset[str],
    pseudonyms: Pseudonyms,
    dates: DateOperation,
    clean: Callable[[str, str], str],
    *,
    others: Others | None = None,
    subject: Subject = _NOBODY,
    tag: int = CONTENT_SEQUENCE,
    parents: tuple[tuple[int, int], ...] = (),
    charset: Charset | None = None,
) -> Iterator[Decision]:
    """Decisions for the content sequence of `dataset` (not changed) and for every element below it, in dataset order.

    Parameters
    ----------
    dataset : Dataset
        The instance, or the item that holds the sequence. Nothing is yielded when it has none.
    options : frozenset of str
        CID 7050 codes of the options in force; without ``113104`` all text is replaced (Basic Profile: D).
    pseudonyms : Pseudonyms
    dates : DateOperation
        For the dates of the tree when 113106 or 113107 is in force; without them every date gets a dummy.
    clean : callable
        ``(text, vr) -> text``: `deidgate.plan.text.clean_text` bound to this instance.
    others : callable, optional
        Decides on what Table E.1-1 lists and is no part of a content item; without it these are treated as parts.
    subject : Subject, optional
        What the header tells of the patient's birth and age.
    tag : int
        The sequence: Content Sequence, or another one whose items are content items (Acquisition Context
        Sequence, Content Item Modifier Sequence, Waveform Annotation Sequence and the like).
    parents : tuple
        Where `dataset` stands, as in `ElementPath`.
    charset : Charset, optional
        Character set in force around `dataset`; its own declaration goes before.

    Raises
    ------
    CannotDeidentify
        An element cannot be read or is too deep.
    """
    element = dataset.get_item(tag)
    if element is None:
        return
    tree = _Tree(options, pseudonyms, dates, clean, others, subject)
    way = tree.way(None, silent=False)
    charset = _declared(dataset, charset or Charset.declared(""))
    yield from tree.sequence(dataset, element, ElementPath(parents, tag), charset, way.because, silent=False)


@dataclass(frozen=True, slots=True)
class _Tree:
    options: frozenset[str]
    pseudonyms: Pseudonyms
    dates: DateOperation
    clean: Callable[[str, str], str]
    others: Others | None = None
    subject: Subject = _NOBODY

    @property
    def cleans(self) -> bool:
        """True with the Clean Structured Content Option."""
        return _CLEAN_STRUCTURED in self.options

    def sequence(
        self, dataset: Dataset, element: Element, path: ElementPath, charset: Charset, because: Reason, *, silent: bool
    ) -> Iterator[Decision]:
        """The sequence of content items and everything below it."""
        if path.depth > _DEEPEST:
            raise CannotDeidentify("sequence-too-deep", str(path))
        yield Decision(path, "SQ", Action.KEEP if self.cleans else Action.DUMMY, None, because)
        for number, item in enumerate(_items(dataset, element, path)):
            yield from self.item(item, (*path.parents, (path.tag, number)), _declared(item, charset), silent=silent)

    def item(
        self, item: Dataset, parents: tuple[tuple[int, int], ...], charset: Charset, *, silent: bool
    ) -> Iterator[Decision]:
        """All elements of one content item."""
        way = self.way(_concept_of(item, charset, ElementPath(parents, _CONCEPT_NAME)), silent=silent)
        for element in elements_of(item):
            path = ElementPath(parents, int(element.tag))
            if path.tag == CONTENT_SEQUENCE:
                yield from self.sequence(item, element, path, charset, way.because, silent=way.silent)
            elif path.tag == _CONCEPT_NAME:
                yield from self._plain(item, element, path, charset, replace(way, silent=False), code=True)
            elif path.tag == _CONCEPT_CODE and way.silent:
                yield from self._unknown_code(item, element, path, charset, way.because)
            elif path.tag == _MEASURED_VALUE and way.silent:
                yield Decision(path, "SQ", Action.EMPTY, None, way.because)
            elif path.tag == _MEASURED_VALUE:
                yield from self._measured(item, element, path, charset, way)
            elif path.tag == _NUMERIC_VALUE or path.tag in _OTHER_NUMBERS:
                # Acquisition context items and waveform annotations have no Measured Value Sequence.
                instead = "" if way.silent else self._number_instead(item, path, charset, way)
                yield from (_with_number(one, instead) for one in self._plain(item, element, path, charset, way))
            else:
                yield from self._plain(item, element, path, charset, way)

    def way(self, row: Concept | None, *, silent: bool) -> _Way:
        """How an item with that row of the table is treated."""
        if silent:
            return _Way(Action.DUMMY, Reason("E.3.4-1 basic X", "below an item that gets X"), row, silent=True)
        if row is None:
            if self.cleans:
                return _Way(Action.CLEAN, Reason("E.1-1 option 113104 C", "concept not in Table E.3.4-1"))
            return _Way(Action.DUMMY, Reason("E.1-1 basic D"))
        counting = self.options if self.cleans else self.options & (_DATE_OPTIONS | {_RETAIN_UIDS})
        for what, code in sorted((what, code) for code, what in row.options if code in counting):
            treat = Action.CLEAN if what == "C" else Action.KEEP
            return _Way(treat, Reason(f"E.3.4-1 option {code} {what}", row.meaning), row)
        return _Way(Action.DUMMY, Reason(f"E.3.4-1 basic {row.basic}", row.meaning), row, silent=row.basic == "X")

    def _plain(
        self, dataset: Dataset, element: Element, path: ElementPath, charset: Charset, way: _Way, *, code: bool = False
    ) -> Iterator[Decision]:
        """One element that is no content sequence; a sequence with everything below it."""
        named = dictionary_vr(path.tag)
        vr = declared_vr(element) or named.partition(" or ")[0]
        if path.is_private or not named or path.tag & 0xFFFF == 0:
            yield Decision(
                path, vr or "UN", Action.REMOVE, None, Reason("E.1-1 Private Attributes X", "in a content item")
            )
        elif self.others is not None and path.tag not in _ITEM_TAGS and _is_listed(path.tag):
            yield from self._other(dataset, element, path, vr, charset, way)
        elif not vrs.fits(vr, named):
            raise CannotDeidentify("vr-is-not-the-attributes", str(path))
        elif vr == "SQ":
            if path.depth > _DEEPEST:
                raise CannotDeidentify("sequence-too-deep", str(path))
            yield Decision(path, vr, Action.KEEP, None, way.because)
            code = code or path.keyword.endswith("CodeSequence")
            for number, item in enumerate(_items(dataset, element, path)):
                below = (*path.parents, (path.tag, number))
                inner = _declared(item, charset)
                for one in elements_of(item):
                    yield from self._plain(item, one, ElementPath(below, int(one.tag)), inner, way, code=code)
        else:
            yield self._value(element, path, vr, charset, way, code=code)

    def _other(
        self, dataset: Dataset, element: Element, path: ElementPath, vr: str, charset: Charset, way: _Way
    ) -> Iterator[Decision]:
        """An element that is no part of the item; below an item that may say nothing it says nothing either."""
        decided = tuple(self.others(dataset, element, path, charset)) if self.others is not None else ()
        silenced = way.silent and (vr in vrs.TEXT or vr in vrs.DATES)
        if silenced and any(decision.action in (Action.KEEP, Action.CLEAN) for decision in decided):
            yield Decision(path, vr, Action.DUMMY, vrs.dummy(vr, 1), way.because)
        else:
            yield from decided

    def _value(
        self, element: Element, path: ElementPath, vr: str, charset: Charset, way: _Way, *, code: bool
    ) -> Decision:
        if is_empty(element):
            return Decision(path, vr, Action.KEEP, None, way.because)
        if vr == "UI":
            return self._uid(element, path, charset, way)
        if vr in vrs.DATES:
            return self._date(element, path, vr, charset, way)
        if vr == "PN":
            is_subject = way.row is not None and way.row.code == _SUBJECT_NAME
            name = self.pseudonyms.patient_name if is_subject and path.tag == _PERSON_NAME else _REMOVED
            return Decision(path, vr, Action.DUMMY, name, way.because)
        if vr == "CS" or vr not in vrs.TEXT:
            if vr == "UN":
                raise CannotDeidentify("unknown-vr", str(path))
            return Decision(path, vr, Action.KEEP, None, way.because)
        return self._text(element, path, vr, charset, way, code=code)

    def _uid(self, element: Element, path: ElementPath, charset: Charset, way: _Way) -> Decision:
        if path.tag in _DEFINITIONS or _RETAIN_UIDS in self.options or (way.treat is Action.KEEP and path.tag == _UID):
            return Decision(path, "UI", Action.KEEP, None, way.because)
        text = _text_of(element, charset, path)
        new = "\\".join(self.pseudonyms.uid(one) for one in text.split("\\"))
        if new == text:
            return Decision(path, "UI", Action.KEEP, None, way.because)
        return Decision(path, "UI", Action.UID, new, way.because)

    def _date(self, element: Element, path: ElementPath, vr: str, charset: Charset, way: _Way) -> Decision:
        # A listed date without option columns (Subject Birth Date) is nobody's longitudinal date.
        follows = self.options & _DATE_OPTIONS and not way.silent
        if follows:
            text = _text_of(element, charset, path)
            born = any(self.subject.is_birth(value) for value in text.split("\\"))
            operation = self.subject.birth if born else self.dates
            try:
                new = change_date(vr, text, operation) if operation is not None else None
            except InvalidDate:
                new = None
            # A date in an item that is to say something else (Subject Name) is replaced as that would be.
            stays = new == text and way.row is not None and way.treat is Action.DUMMY and not born
            if operation is not None and new is not None and not stays:
                group = "birth" if born else "other"
                because = Reason(way.because.source, f"policy [dates] {group} {_word(operation)}")
                return Decision(path, vr, Action.CLEAN, None if new == text else new, because)
        return Decision(path, vr, Action.DUMMY, dummy_date(vr), way.because)

    def _text(
        self, element: Element, path: ElementPath, vr: str, charset: Charset, way: _Way, *, code: bool
    ) -> Decision:
        if code and path.tag != _MEANING:
            return Decision(path, vr, Action.KEEP, None, way.because)
        if way.row is not None and way.row.code == _SUBJECT_ID and path.tag == _TEXT_VALUE:
            return Decision(path, vr, Action.DUMMY, self.pseudonyms.patient_id, way.because)
        # Of an age only a number is kept, which can be told to be over 89.
        dummies = way.treat is Action.DUMMY or (way.is_age and path.tag in _TEXTS)
        if not code and (dummies or vr in vrs.PLAIN_TEXT):
            return Decision(path, vr, Action.DUMMY, vrs.dummy(vr, 1), way.because)
        if way.treat is Action.KEEP and (code or path.tag in _TEXTS):
            return Decision(path, vr, Action.KEEP, None, way.because)
        text = _text_of(element, charset, path)
        cleaned = self.clean(text, vr)
        if cleaned == text:
            return Decision(path, vr, Action.CLEAN, None, way.because)
        return Decision(path, vr, Action.CLEAN, cleaned or _REMOVED, way.because)

    def _unknown_code(
        self, dataset: Dataset, element: Element, path: ElementPath, charset: Charset, because: Reason
    ) -> Iterator[Decision]:
        """A code that says that it is unknown, in the place of one that may not be told."""
        yield Decision(path, "SQ", Action.DUMMY, None, because)
        for number, item in enumerate(_items(dataset, element, path)):
            for one in elements_of(item):
                inner = ElementPath((*path.parents, (path.tag, number)), int(one.tag))
                vr = declared_vr(one) or dictionary_vr(inner.tag).partition(" or ")[0] or "UN"
                if inner.tag == _URN_CODE:
                    # The item has neither of the other code attributes, and needs one of the three.
                    yield Decision(inner, vr, Action.DUMMY, vrs.dummy("UR", 1), because)
                elif inner.tag in _UNKNOWN_CODE:
                    yield Decision(inner, vr, Action.DUMMY, _UNKNOWN_CODE[inner.tag], because)
                else:
                    yield Decision(inner, vr, Action.REMOVE, None, because)

    def _measured(
        self, dataset: Dataset, element: Element, path: ElementPath, charset: Charset, way: _Way
    ) -> Iterator[Decision]:
        """A measured value, with ages over 89 years as 90; without one that may be such an age and does not say."""
        decisions = list(self._plain(dataset, element, path, charset, way))
        for number, item in enumerate(_items(dataset, element, path)):
            here = (*path.parents, (path.tag, number))
            instead = self._number_instead(item, path, _declared(item, charset), way)
            if instead == "":
                yield Decision(path, "SQ", Action.EMPTY, None, way.because)
                return
            decisions = [_with_number(one, instead) if one.path.parents == here else one for one in decisions]
        yield from decisions

    def _number_instead(self, item: Dataset, path: ElementPath, charset: Charset, way: _Way) -> str | None:
        """What stands instead of the numbers of `item`, which has them and their units: 90 years for an age over 89.

        None when they stay, empty when they may be such an age and do not say.
        """
        if not (way.is_age or self.subject.ages):
            return None
        value = item.get_item(_NUMERIC_VALUE)
        text = _text_of(value, charset, path).strip() if value is not None else ""
        in_a_year = _units_in_a_year(item, charset, path)
        if in_a_year is None or not text:
            # What is said in other numbers alone, or in a unit that nobody knows, may be any age.
            said = text or any(item.get_item(tag) is not None for tag in _OTHER_NUMBERS)
            return "" if way.is_age and said else None
        try:
            years = max(float(one) / in_a_year for one in text.split("\\"))
        except ValueError:
            if way.is_age:
                raise CannotDeidentify("unreadable-value", str(path)) from None
            return None
        # A year more or less by half: the units count 365 days and 52 weeks, and who reckons otherwise comes to others.
        is_age = way.is_age or any(age <= years < age + 1.5 for age in self.subject.ages)
        return str((OLDEST_YEARS + 1) * in_a_year) if is_age and years > OLDEST_YEARS else None


def _word(operation: DateOperation) -> str:
    """The word with which a policy asks for the operation."""
    return type(operation).__name__.lower()


def _is_listed(tag: int) -> bool:
    return confidentiality_table().row(tag) is not None


def _with_number(decision: Decision, number: str | None) -> Decision:
    """The decision on one part of an item with that number; a dummy when it is empty, all as it is when None."""
    if number is None or decision.action is Action.REMOVE:
        return decision
    if decision.path.tag == _NUMERIC_VALUE:
        action = Action.CLEAN if number else Action.DUMMY
        return replace(decision, action=action, value=number or vrs.dummy("DS", 1))
    if decision.path.tag in _OTHER_NUMBERS:
        return replace(decision, action=Action.REMOVE, value=None)
    return decision


def _units_in_a_year(item: Dataset, charset: Charset, path: ElementPath) -> int | None:
    code, scheme = _code_of(item, _UNITS, charset, path)
    element = item.get_item(_UNITS)
    items = _items(item, element, path) if element is not None else []
    meaning = items[0].get_item(_MEANING) if items else None
    return units_in_a_year(code, scheme, "" if meaning is None else _text_of(meaning, charset, path))


def _concept_of(item: Dataset, charset: Charset, path: ElementPath) -> Concept | None:
    element = item.get_item(_VALUE_TYPE)
    value_type = _text_of(element, charset, path).strip() if element is not None else ""
    code, scheme = _code_of(item, _CONCEPT_NAME, charset, path)
    return concept(code, scheme, value_type)


def _code_of(dataset: Dataset, tag: int, charset: Charset, path: ElementPath) -> tuple[str, str]:
    """Code Value and Coding Scheme Designator of the first item of a code sequence, empty when there is none."""
    element = dataset.get_item(tag)
    items = _items(dataset, element, path) if element is not None else []
    if not items:
        return "", ""
    values = [items[0].get_item(one) for one in (_CODE_VALUE, _LONG_CODE, _SCHEME)]
    short, long, scheme = ("" if one is None else _text_of(one, charset, path).strip() for one in values)
    return short or long, scheme


def _declared(dataset: Dataset, charset: Charset) -> Charset:
    """The character set in force in `dataset`."""
    element = dataset.get_item(_CHARACTER_SET)
    return charset if element is None else Charset.declared(_text_of(element, charset, ElementPath.top(_CHARACTER_SET)))


def _items(dataset: Dataset, element: Element, path: ElementPath) -> list[Dataset]:
    try:
        return items_of(dataset, element)
    except Unreadable:
        raise CannotDeidentify("sequence-unreadable", str(path)) from None


def _text_of(element: Element, charset: Charset, path: ElementPath) -> str:
    try:
        return text_of(element, charset)
    except Unreadable:
        raise CannotDeidentify("unreadable-value", str(path)) from None
