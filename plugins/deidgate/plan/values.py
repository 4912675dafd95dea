# SPDX-License-Identifier: Apache-2.0
"""What becomes of the value of one element under its verdict."""

from __future__ import annotations

import re
from functools import cached_property
from itertools import count

from pydicom import Dataset

from deidgate.dicom import vr as vrs
from deidgate.dicom.charset import Charset
from deidgate.dicom.dictionary import value_counts
from deidgate.dicom.elements import Element, Unreadable, items_of, raw_bytes, text_of
from deidgate.dicom.swallowed import holds_elements
from deidgate.plan.ages import Subject, ages_over_89, day_of, days_of_birth
from deidgate.plan.dates import DateOperation, InvalidDate, Keep, Remove, Shift, Truncate, change_age, change_date
from deidgate.plan.model import Action
from deidgate.plan.numbers import days_in_numbers, is_own_day
from deidgate.plan.rules import Treat, Verdict
from deidgate.plan.text import Revealed, Style, clean_text, revealed
from deidgate.policy.model import DateAction, DateRule, Option, Policy
from deidgate.pseudonym.model import Pseudonyms

CHARACTER_SET = 0x00080005
GRAPHIC_LAYER = 0x00700002
_GRAPHIC_LAYERS = 0x00700060
_TIMEZONE = 0x00080201
# Source: PS3.3 C.12.1.1.8 (Timezone Offset From UTC), PS3.5 6.2 (the offset of a DT).
_OFFSET = re.compile(r"[+-](?:0[0-9]|1[0-4])[0-5][0-9]", re.ASCII)
ASCII = Charset.declared("")
_RETAINING = frozenset({Option.RETAIN_DEVICE_IDENTITY, Option.RETAIN_INSTITUTION_IDENTITY})


def charset_of(dataset: Dataset, inherited: Charset) -> Charset:
    """The character set of a dataset or item."""
    element = dataset.get_item(CHARACTER_SET)
    return inherited if element is None else Charset.declared(text_of(element, ASCII))


class ShowsDay(Exception):
    """A number is a day of the instance that is not kept; `deidgate.plan.walk` catches it."""


class Values:
    """New values for the elements of one instance."""

    def __init__(self, header: Dataset, policy: Policy, pseudonyms: Pseudonyms) -> None:
        self._header = header
        self._policy = policy
        self._pseudonyms = pseudonyms
        self._revealed: Revealed | None = None
        self._others: Revealed | None = None
        self._dates = policy.dates
        self._retained = frozenset(option.value for option in policy.options & _RETAINING)
        self._style = Style(policy.text_style)
        self._layers: dict[str, str] = {}

    def changed(
        self, element: Element, tag: int, vr: str, charset: Charset, verdict: Verdict
    ) -> tuple[Action, str | None]:
        """Action and new value of an element that is not empty, under KEEP, RETAIN, UID, TEXT, WHOLE,
        LOCAL and DATE.

        Raises
        ------
        Unreadable
            The bytes are no value of the VR.
        InvalidDate
            The text is no date, time or age.
        ShowsDay
            A number that would be kept is a day of the instance that is not.
        """
        data = raw_bytes(element)
        if data is not None and not vrs.is_value(vr, data):
            raise Unreadable
        # What an option keeps of the dates is an offset, and no text in its place.
        by_option = tag == _TIMEZONE and verdict.because.source.startswith("E.1-1 option")
        if by_option and not _OFFSET.fullmatch(text_of(element, charset)):
            raise InvalidDate
        if verdict.treat is Treat.KEEP:
            if vr in vrs.NUMBER_TEXT and not _is_written(verdict) and is_own_day(_bytes(element, data), self._days):
                raise ShowsDay
            return self._kept(element, data, tag, vr, charset)
        text = text_of(element, charset)
        if verdict.treat is Treat.UID:
            new = "\\".join(self._pseudonyms.uid(one) for one in text.split("\\"))
            return (Action.KEEP, None) if new == text else (Action.UID, new)
        if verdict.treat is Treat.DATE:
            rule = verdict.dates or DateRule(DateAction.REMOVE)
            moved = change_date(vr, text, self.operation(rule))
            if moved is None or self._tells_birth(text, moved):
                raise InvalidDate
            return Action.CLEAN, None if moved == text else moved
        if verdict.treat is Treat.WHOLE:
            return (Action.KEEP if self.without_revealed(text, vr) == text else Action.EMPTY), None
        if verdict.treat is Treat.LOCAL:
            return self._left(text, self.without_revealed(text, vr))
        retained = verdict.treat is Treat.RETAIN
        cleaned = self.without_persons(text, vr) if retained else self.clean(text, vr)
        if retained and cleaned == text:
            return Action.KEEP, None
        return self._left(text, cleaned)

    def layer(self, element: Element) -> str:
        """What stands for the name of a graphic layer that cannot stay: another for each, the same wherever it occurs.

        Source: PS3.3 C.10.7 (annotations refer to their layer by its name).
        """
        name = _layer_name(element)
        if name not in self._layers:
            names = (f"REMOVED{number}" if number > 1 else "REMOVED" for number in count(1))
            taken = self._layers_of_header | set(self._layers.values())
            self._layers[name] = next(new for new in names if new not in taken)
        return self._layers[name]

    @cached_property
    def _layers_of_header(self) -> set[str]:
        sequence = self._header.get_item(_GRAPHIC_LAYERS)
        try:
            items = [] if sequence is None else items_of(self._header, sequence)
        except Unreadable:
            return set()
        found = (item.get_item(GRAPHIC_LAYER) for item in items)
        return {_layer_name(element) for element in found if element is not None}

    def clean(self, text: str, vr: str) -> str:
        """The text without what the instance reveals and what looks like an identity."""
        # Code Strings and the like are terms, which no vocabulary of words has; what is revealed goes all the same.
        # A UR is no term: its path may name a file, and that somebody.
        style = Style.SENSIBLE if vr in vrs.PLAIN_TEXT and vr != "UR" else self._style
        return clean_text(text, vr, self._said(), style)

    def without_revealed(self, text: str, vr: str) -> str:
        """The text without what the instance reveals, and nothing else gone."""
        return clean_text(text, vr, self._said(), Style.REVEALED)

    def without_persons(self, text: str, vr: str) -> str:
        """The text of a device or an institution that is retained, without all else that the instance reveals."""
        if self._others is None:
            self._others = revealed(self._header, self._retained)
        return clean_text(text, vr, self._others, Style.REVEALED)

    @cached_property
    def age_over_89(self) -> bool:
        """True when the header shows that the patient was over 89."""
        return bool(ages_over_89(self._header))

    @cached_property
    def subject(self) -> Subject:
        """What content items may tell of the patient's birth and age."""
        return Subject(self._births[0], ages_over_89(self._header), self._birth)

    @cached_property
    def _birth(self) -> DateOperation | None:
        """What becomes of a birth date; None when nothing of it is left."""
        rule = self._dates.birth
        gone = rule.action is DateAction.REMOVE or (self._dates.shows_years_only and self.age_over_89)
        return None if gone else self.operation(rule)

    @cached_property
    def _births(self) -> tuple[frozenset[str], frozenset[str]]:
        """Days of birth that do not stay, as `days_of_birth` has them."""
        days, far_days = days_of_birth(self._header)
        gone = frozenset(day for day in days if not self._stays(day))
        return gone, far_days & gone

    def _stays(self, birth_date: str) -> bool:
        try:
            return self._birth is not None and change_date("DA", birth_date, self._birth) == birth_date
        except InvalidDate:
            return False

    def _tells_birth(self, text: str, moved: str) -> bool:
        """True for the day of birth in another attribute, when its own rule leaves it or nothing of it may be told."""
        return any(
            day_of(before) in self._births[1] and (now == before or self._birth is None)
            for before, now in zip(text.split("\\"), moved.split("\\"), strict=True)
        )

    def operation(self, rule: DateRule) -> DateOperation:
        """The date operation of a policy's rule for this patient."""
        if rule.action is DateAction.SHIFT:
            return Shift(-self._pseudonyms.shift_days)
        if rule.action is DateAction.TRUNCATE:
            return Truncate("year" if rule.to == "year" else "month", rule.day)
        return Keep() if rule.action is DateAction.KEEP else Remove()

    @cached_property
    def _days(self) -> frozenset[str]:
        return days_in_numbers(self._header, self._policy)

    def _said(self) -> Revealed:
        if self._revealed is None:
            self._revealed = revealed(self._header)
        return self._revealed

    @staticmethod
    def _left(text: str, cleaned: str) -> tuple[Action, str | None]:
        if not cleaned.strip(" \\"):
            return Action.EMPTY, None
        return Action.CLEAN, None if cleaned == text else cleaned

    def _kept(
        self, element: Element, data: bytes | None, tag: int, vr: str, charset: Charset
    ) -> tuple[Action, str | None]:
        if vr == "AS":
            text = text_of(element, charset)
            changed = change_age(text)
            return (Action.KEEP, None) if changed == text else (Action.CLEAN, changed)
        if vr in vrs.LOCAL_TEXT:
            if data is None or not data.isascii():
                text_of(element, charset)
        elif vr in vrs.BULK:
            if data is not None and holds_elements(data):
                raise Unreadable
        elif vr in vrs.BINARY_NUMBERS and data is not None:
            # A number element that is too long has swallowed something.
            most = value_counts(tag)[1]
            if most and len(data) > most * vrs.BINARY_NUMBERS[vr]:
                raise Unreadable
        return Action.KEEP, None


def _is_written(verdict: Verdict) -> bool:
    """True when a line of the policy keeps the element itself: what it shows then, the gate answers for."""
    return verdict.because.source.startswith("policy [elements]")


def _layer_name(element: Element) -> str:
    return _bytes(element, raw_bytes(element)).decode("latin_1").strip(" \0")


def _bytes(element: Element, data: bytes | None) -> bytes:
    return text_of(element, ASCII).encode("ascii", "replace") if data is None else data
