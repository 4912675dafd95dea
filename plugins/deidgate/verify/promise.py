# SPDX-License-Identifier: Apache-2.0
"""Is the result what the plan promised, element by element?

This compares; it does not judge the plan, which the other checks do from the standard's side. A plan also says
which deviations from Table E.1-1 are a written rule of the policy: only these are excused there.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from functools import cached_property

from deidgate.dicom.path import Parents
from deidgate.plan.model import Action, Added, Decision, Plan, Reason
from deidgate.verify.compare import same_value
from deidgate.verify.model import Finding
from deidgate.verify.text import decode
from deidgate.verify.view import View
from deidgate.verify.walk import PIXEL_DATA, Element

Key = tuple[Parents, int]

_PATIENT_ID = 0x00100020
_PATIENT: frozenset[Key] = frozenset({((), 0x00100010), ((), _PATIENT_ID)})
_METHOD = 0x00120063
# Source of a birth date that is emptied because it tells such an age.
_ONE_CATEGORY = "45 CFR 164.514(b)(2)(i)(C)"
_MARK = re.compile(r"(Deidgate mark [12]/2 )[A-Za-z0-9_-]{43}")
_NUMBERS = {"FD": "d", "FL": "f", "SL": "i", "SS": "h", "SV": "q", "UL": "I", "US": "H", "UV": "Q"}
# Written by the pixel step after the plan was made.
_AFTER_PLAN = frozenset({PIXEL_DATA, 0x7FE00001, 0x7FE00002, 0x7FE00008, 0x7FE00009})


class Promise:
    """A plan, as the checks need it; without a plan it excuses nothing and promises nothing."""

    def __init__(self, plan: Plan | None, original: View) -> None:
        self.plan = plan
        self._original = original

    @cached_property
    def decisions(self) -> dict[Key, Decision]:
        """Decisions by the place of their element."""
        return {(d.path.parents, d.path.tag): d for d in self.plan.decisions} if self.plan else {}

    @cached_property
    def kept(self) -> frozenset[Key]:
        """Elements that a written line of the policy keeps, and a pseudonym that is one already."""
        written = frozenset(
            key
            for key, d in self.decisions.items()
            if _is_written(d.because) and (d.action is Action.KEEP or (d.action is Action.CLEAN and d.value is None))
        )
        return written | _PATIENT if self._is_run_again() else written

    def _is_run_again(self) -> bool:
        """True for an instance of ours whose patient has, by the mapping table, the pseudonym that it carries.

        Both are needed: the mapping table says so, and the instance itself says that it was de-identified here.
        """
        original = self._original
        return (
            self.plan is not None
            and original.text(_PATIENT_ID) == self.plan.patient_id
            and any(text.strip().startswith("Deidgate ") for text in original.text(_METHOD).split("\\"))
        )

    def is_written(self, key: Key) -> bool:
        """True when a written line of the policy speaks about the element there."""
        decision = self.decisions.get(key)
        return decision is not None and _is_written(decision.because)

    def may_leave_date(self, key: Key) -> bool:
        """True when the policy keeps or truncates dates of this group: then one may stay as it was."""
        decision = self.decisions.get(key)
        if decision is None or decision.value is not None:
            return False
        said = f"{decision.because.source} {decision.because.detail}".split()
        return "keep" in said or "truncate" in said

    def keeps_birth(self, key: Key) -> bool:
        """True when a line of the policy speaks about the element itself, or its birth rule keeps dates as they are."""
        decision = self.decisions.get(key)
        if decision is None or not _is_written(decision.because):
            return False
        return "[elements]" in decision.because.source or decision.because.detail == "keep"

    def joins_old_ages(self, key: Key) -> bool:
        """True when the policy's rule on the birth date there makes one category of the ages over 89."""
        decision = self.decisions.get(key)
        if decision is None:
            return False
        said = decision.because.detail.replace(",", " ").split()
        return decision.because.source in ("policy [dates] birth", _ONE_CATEGORY) and "89" in said

    @cached_property
    def added(self) -> dict[Key, Added]:
        """What the plan adds, at every depth."""
        found: dict[Key, Added] = {}
        for one in self.plan.added if self.plan else ():
            _collect(one, one.path.parents, found)
        return found

    @cached_property
    def added_at_top(self) -> frozenset[int]:
        """Top-level tags that are the plan's own from top to bottom."""
        return frozenset(tag for parents, tag in self.added if not parents)

    def adds(self, key: Key) -> bool:
        """True when the plan adds an element there."""
        return key in self.added

    def changes(self, key: Key) -> bool:
        """True when the plan gives the element there another value."""
        decision = self.decisions.get(key)
        return key in self.added or (decision is not None and decision.action not in (Action.KEEP, Action.REMOVE))


def _is_written(because: Reason) -> bool:
    return because.source.startswith(("policy", "E.1-1 option 113111, policy")) and "[defaults]" not in because.source


def _collect(one: Added, parents: Parents, found: dict[Key, Added]) -> None:
    """Inside of an added sequence, paths count from its item."""
    found[parents, one.path.tag] = one
    if not isinstance(one.value, str | bytes):
        for number, item in enumerate(one.value):
            for inner in item:
                _collect(inner, (*parents, (one.path.tag, number)), found)


def check(original: View, result: View, promise: Promise, may_differ: frozenset[int]) -> Iterator[Finding]:
    """Findings where the result is not what the plan says.

    Parameters
    ----------
    may_differ : frozenset of int
        Top-level tags that the pixel step wrote after the plan.
    """
    if promise.plan is None:
        return
    removed: set[Key] = set()
    for element in original.elements:
        key = element.key
        if _is_below(element.parents, removed):
            if key in result.by_key and key not in promise.added:
                yield Finding("not-removed", element.path)
            continue
        if element.tag & 0xFFFF == 0 or (element.tag == PIXEL_DATA and not element.parents):
            # Writers leave out group lengths; `deidgate.verify.pixels` has the pixels.
            continue
        decision = promise.decisions.get(key)
        now = result.by_key.get(key)
        if decision is None:
            if element.tag in _AFTER_PLAN and not element.parents:
                continue
            removed.add(key)
            if now is not None and key not in promise.added:
                yield Finding("not-in-plan", element.path)
            continue
        if decision.action is Action.REMOVE:
            removed.add(key)
            if now is not None and key not in promise.added:
                yield Finding("not-removed", element.path)
        elif key in promise.added or (not element.parents and element.tag in may_differ):
            continue
        elif now is None:
            yield Finding("lost", element.path, decision.action.value)
        else:
            yield from _compare(decision, element, now, original, result)
    for key, one in promise.added.items():
        now = result.by_key.get(key)
        if now is None:
            yield Finding("lost", str(one.path), "added by the plan")
        elif isinstance(one.value, str):
            if not key[0] and key[1] in may_differ:
                continue
            if not _is_text(one.value, now, result):
                yield Finding("not-as-planned", str(one.path), "added by the plan")
        elif isinstance(one.value, bytes):
            if result.value(now) != one.value:
                yield Finding("not-as-planned", str(one.path), "added by the plan")
        elif now.items != len(one.value):
            yield Finding("not-as-planned", str(one.path), "added by the plan")


def _is_below(parents: Parents, removed: set[Key]) -> bool:
    return bool(parents and removed) and any(
        (parents[:depth], parents[depth][0]) in removed for depth in range(len(parents))
    )


def _compare(decision: Decision, before: Element, now: Element, original: View, result: View) -> Iterator[Finding]:
    if before.items is not None:
        if decision.action is Action.EMPTY:
            if now.items:
                yield Finding("not-as-planned", now.path, "Z")
        elif now.items != before.items:
            yield Finding("items-changed", now.path, decision.action.value)
    elif decision.action is Action.EMPTY:
        if now.start != now.stop:
            yield Finding("not-as-planned", now.path, "Z")
    elif decision.value is None:
        if not same_value(original, before, result, now):
            yield Finding("kept-value-changed", now.path, decision.action.value)
    elif isinstance(decision.value, bytes):
        if result.value(now).rstrip(b"\0") != decision.value.rstrip(b"\0"):
            yield Finding("not-as-planned", now.path, decision.action.value)
    elif not _is_text(decision.value, now, result):
        yield Finding("not-as-planned", now.path, decision.action.value)


def _is_text(planned: str, element: Element, result: View) -> bool:
    raw = result.value(element)
    code = _NUMBERS.get(element.vr)
    if code is not None:
        size = struct.calcsize("<" + code)
        if len(raw) % size:
            return False
        numbers = struct.unpack((">" if result.parsed.big_endian else "<") + code * (len(raw) // size), raw)
        try:
            return [float(text) for text in planned.split("\\") if text] == [float(number) for number in numbers]
        except ValueError:
            return False
    written = decode(raw, result.charset(element.parents))
    if element.tag == _METHOD:
        # The signature in the mark is made when all else is done.
        written, planned = _MARK.sub(r"\1", written), _MARK.sub(r"\1", planned)
    return [text.strip(" \0") for text in written.split("\\")] == [text.strip(" \0") for text in planned.split("\\")]
