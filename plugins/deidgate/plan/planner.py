# SPDX-License-Identifier: Apache-2.0
"""Decide one action for every Data Element of a header, at every depth.

What each element's rule is, `deidgate.plan.rules` says. Here its value meets the rule:

* a value that is none of its VR, a VR that is not the attribute's, a tag of no dictionary and a sequence that is too
  deep are removed or held, as the policy says, and never passed; where the IOD demands a value, they are held;
* private elements are removed but for safe ones (`deidgate.plan.private`);
* group lengths and anything that belongs into file meta or a command are removed.
"""

from __future__ import annotations

from functools import partial

from pydicom import Dataset

from deidgate.dicom import vr as vrs
from deidgate.dicom.charset import Charset
from deidgate.dicom.dictionary import dictionary_vr, value_counts
from deidgate.dicom.elements import (
    Element,
    Unreadable,
    declared_vr,
    elements_of,
    is_empty,
    items_of,
    raw_bytes,
    text_of,
)
from deidgate.dicom.path import ElementPath
from deidgate.errors import CannotDeidentify
from deidgate.plan.claims import CLAIMS, claims, method_codes, temporal_information
from deidgate.plan.dates import DateOperation, InvalidDate, Keep, Shift, Truncate, change_age, change_date
from deidgate.plan.model import Action, Decision, PixelPlan, Plan, Reason
from deidgate.plan.private import Safe, is_creator, safe_elements
from deidgate.plan.readable import readable
from deidgate.plan.rules import Level, Treat, Verdict, rules_for, vr_of
from deidgate.plan.text import Revealed, Style, clean_text, revealed
from deidgate.policy.model import DateAction, DateRule, Doubt, Fate, Policy
from deidgate.pseudonym.model import Pseudonyms
from deidgate.standard.families import family_of_sop_class
from deidgate.standard.types import iod_of

_CHARACTER_SET = 0x00080005
_PIXEL_GROUP = 0x7FE0
_ASCII = Charset.declared("")
_ACTION = {
    Treat.KEEP: Action.KEEP,
    Treat.REMOVE: Action.REMOVE,
    Treat.EMPTY: Action.EMPTY,
    Treat.DUMMY: Action.DUMMY,
    Treat.UID: Action.UID,
    Treat.TEXT: Action.CLEAN,
    Treat.DATE: Action.CLEAN,
    Treat.PATIENT_NAME: Action.DUMMY,
    Treat.PATIENT_ID: Action.DUMMY,
}


def plan(header: Dataset, policy: Policy, pseudonyms: Pseudonyms) -> Plan:
    """Decide one action for every Data Element of `header`, at every depth.

    `header` is not changed. It may end before Pixel Data: pixels (group 7FE0) are kept, and everything that
    follows them is removed by `deidgate.apply`. An element that no rule names gets the default that the policy
    states; there is no default in code.

    Raises
    ------
    CannotDeidentify
        The SOP Class is held or unknown to the policy, or an element cannot be read and the policy holds such.

    Source: PS3.15 E.1.1 and Table E.1-1; Types from PS3.3.
    """
    sop_class_uid = _identifier(header, 0x00080016, "no-sop-class")
    _check_sop_class(sop_class_uid, policy)
    iod = iod_of(sop_class_uid)
    rules = rules_for(policy, sop_class_uid, iod.evident(header.keys()))
    planner = _Planner(header, policy, pseudonyms)
    planner.dataset(header, (), rules.top, _ASCII)
    codes = method_codes(policy)
    new_uid = partial(_new_identity, header, policy, pseudonyms)
    return Plan(
        policy=policy.label,
        sop_class_uid=sop_class_uid,
        sop_instance_uid=new_uid(0x00080018, "no-sop-instance-uid"),
        series_instance_uid=new_uid(0x0020000E, "no-series-instance-uid"),
        study_instance_uid=new_uid(0x0020000D, "no-study-instance-uid"),
        patient_id=pseudonyms.patient_id,
        decisions=tuple(planner.decisions),
        added=claims(header, policy, pseudonyms, codes),
        codes=codes,
        longitudinal=temporal_information(policy),
        pixels=PixelPlan(clean=policy.cleans_pixels),
    )


def _check_sop_class(sop_class_uid: str, policy: Policy) -> None:
    fate = policy.sop_classes.get(sop_class_uid)
    if fate is None:
        family = family_of_sop_class().get(sop_class_uid)
        fate = policy.families[family] if family else None
    if fate is None:
        raise CannotDeidentify("sop-class-unknown", "(0008,0016) SOPClassUID")
    if fate is not Fate.DEIDENTIFY:
        raise CannotDeidentify(f"sop-class-{'held' if fate is Fate.HOLD else 'rejected'}", "(0008,0016) SOPClassUID")


def _identifier(header: Dataset, tag: int, code: str) -> str:
    path = ElementPath.top(tag)
    element = header.get_item(tag)
    text = "" if element is None else text_of(element, _ASCII).strip()
    if not text:
        raise CannotDeidentify(code, str(path))
    return text


def _new_identity(header: Dataset, policy: Policy, pseudonyms: Pseudonyms, tag: int, code: str) -> str:
    original = _identifier(header, tag, code)
    level = rules_for(policy, "", ()).top
    return pseudonyms.uid(original) if level.verdict(tag, "UI").treat is Treat.UID else original


class _Planner:
    """The decisions on one instance, as they are made."""

    def __init__(self, header: Dataset, policy: Policy, pseudonyms: Pseudonyms) -> None:
        self.decisions: list[Decision] = []
        self._header = header
        self._policy = policy
        self._pseudonyms = pseudonyms
        self._revealed: Revealed | None = None
        self._style = Style(policy.text_style)

    def dataset(self, dataset: Dataset, parents: tuple[tuple[int, int], ...], level: Level, charset: Charset) -> None:
        """Decide on all elements of one dataset or item."""
        declared = dataset.get_item(_CHARACTER_SET)
        if declared is not None:
            charset = Charset.declared(text_of(declared, _ASCII))
        elements = list(elements_of(dataset))
        safe = safe_elements(elements, self._policy, charset)
        for element in elements:
            tag = int(element.tag)
            path = ElementPath(parents, tag)
            group = tag >> 16
            if tag in CLAIMS and not parents:
                self._decide(
                    path, declared_vr(element), Action.REMOVE, None, Reason("E.1.1", "the gateway's own claim")
                )
            elif group & 1:
                self._private(dataset, element, path, level, charset, safe.get(tag))
            elif group < 0x0008 or tag & 0xFFFF == 0:
                # Group lengths are retired; commands, file meta and directories do not belong here. PS3.5 7.2, 7.5.
                self._decide(path, declared_vr(element), Action.REMOVE, None, Reason("PS3.5 7.2", "not of a dataset"))
            elif group == _PIXEL_GROUP and not parents:
                self._decide(path, declared_vr(element) or "OW", Action.KEEP, None, Reason("pixels"))
            else:
                self._standard(dataset, element, path, level, charset)

    def _standard(self, dataset: Dataset, element: Element, path: ElementPath, level: Level, charset: Charset) -> None:
        declared = declared_vr(element)
        vr = vr_of(path.tag, declared)
        named = dictionary_vr(path.tag)
        verdict = level.verdict(path.tag, vr)
        if verdict.treat is Treat.REMOVE:
            self._decide(path, vr, Action.REMOVE, None, verdict.because)
        elif not named:
            self._doubtful(path, vr, verdict, self._policy.defaults.unknown, "unknown-attribute")
        elif not vrs.fits(vr, named):
            self._doubtful(path, vr, verdict, self._policy.defaults.malformed, "vr-is-not-the-attributes")
        elif vr == "SQ":
            self._sequence(dataset, element, path, level, charset, verdict)
        else:
            self._value(element, path, vr, charset, verdict)

    def _private(
        self, dataset: Dataset, element: Element, path: ElementPath, level: Level, charset: Charset, safe: Safe | None
    ) -> None:
        vr = declared_vr(element) or "UN"
        if safe is None:
            self._decide(path, vr, Action.REMOVE, None, Reason("E.1-1 Private Attributes X"))
            return
        because = Reason(f"E.1-1 option 113111, {safe.source}")
        if is_creator(path.tag):
            self._decide(path, "LO", Action.KEEP, None, because)
            return
        if vr == "UN" and safe.vr:
            vr = safe.vr.partition("/")[0]
        gone = Verdict(Treat.REMOVE, because)
        if vr == "SQ":
            self._sequence(dataset, element, path, level, charset, Verdict(Treat.KEEP, because, instead=gone))
        elif vr == "UI":
            self._value(element, path, vr, charset, Verdict(Treat.UID, because, instead=gone))
        elif vr in vrs.DATES:
            rule = self._policy.dates.other
            kept = Verdict(Treat.DATE, because, dates=rule, instead=gone)
            self._value(element, path, vr, charset, gone if rule.action is DateAction.REMOVE else kept)
        elif vr == "PN":
            self._value(element, path, vr, charset, gone)
        elif vr in vrs.TEXT and vr != "CS":
            self._value(element, path, vr, charset, Verdict(Treat.TEXT, because, instead=gone))
        else:
            self._value(element, path, vr, charset, Verdict(Treat.KEEP, because, instead=gone))

    def _sequence(
        self,
        dataset: Dataset,
        element: Element,
        path: ElementPath,
        level: Level,
        charset: Charset,
        verdict: Verdict,
    ) -> None:
        if verdict.treat in (Treat.REMOVE, Treat.EMPTY):
            self._decide(path, "SQ", _ACTION[verdict.treat], None, verdict.because)
            return
        if path.depth >= self._policy.defaults.depth:
            self._doubtful(path, "SQ", verdict, self._policy.defaults.deep, "sequence-too-deep")
            return
        try:
            items = items_of(dataset, element)
        except Unreadable:
            self._doubtful(path, "SQ", verdict, self._policy.defaults.malformed, "sequence-unreadable")
            return
        dummies = verdict.treat is Treat.DUMMY
        self._decide(path, "SQ", Action.DUMMY if dummies else Action.KEEP, None, verdict.because)
        below = level.below(path.tag, dummies)
        for number, item in enumerate(items):
            self.dataset(item, (*path.parents, (path.tag, number)), below, charset)

    def _value(self, element: Element, path: ElementPath, vr: str, charset: Charset, verdict: Verdict) -> None:
        treat = verdict.treat
        if treat in (Treat.REMOVE, Treat.EMPTY):
            self._decide(path, vr, _ACTION[treat], None, verdict.because)
        elif treat is Treat.DUMMY:
            self._dummy(element, path, vr, verdict)
        elif treat is Treat.PATIENT_ID:
            self._decide(path, vr, Action.DUMMY, self._pseudonyms.patient_id, verdict.because)
        elif treat is Treat.PATIENT_NAME:
            self._decide(path, vr, Action.DUMMY, self._pseudonyms.patient_name, verdict.because)
        elif is_empty(element):
            self._decide(path, vr, Action.KEEP, None, verdict.because)
        else:
            try:
                action, value = self._changed(element, vr, charset, verdict)
            except Unreadable:
                self._doubtful(path, vr, verdict, self._policy.defaults.malformed, "unreadable-value")
                return
            except InvalidDate:
                self._instead(element, path, vr, charset, verdict)
                return
            if action is Action.EMPTY and verdict.required in ("1", "1C"):
                self._dummy(element, path, vr, verdict)
            else:
                self._decide(path, vr, action, value, verdict.because)

    def _changed(self, element: Element, vr: str, charset: Charset, verdict: Verdict) -> tuple[Action, str | None]:
        data = raw_bytes(element)
        if data is not None and not vrs.is_value(vr, data):
            raise Unreadable
        if verdict.treat is Treat.KEEP:
            if vr == "AS":
                text = text_of(element, charset)
                changed = change_age(text)
                return (Action.KEEP, None) if changed == text else (Action.CLEAN, changed)
            if vr in vrs.LOCAL_TEXT:
                text_of(element, charset)
            return Action.KEEP, None
        text = text_of(element, charset)
        if verdict.treat is Treat.UID:
            new = "\\".join(self._pseudonyms.uid(one) for one in text.split("\\"))
            return (Action.KEEP, None) if new == text else (Action.UID, new)
        if verdict.treat is Treat.DATE and verdict.dates is not None:
            changed_date = change_date(vr, text, self._operation(verdict.dates))
            return (Action.CLEAN, None) if changed_date == text else (Action.CLEAN, changed_date)
        cleaned = self._cleaned(text, vr)
        if not cleaned:
            return Action.EMPTY, None
        return (Action.CLEAN, None) if cleaned == text else (Action.CLEAN, cleaned)

    def _cleaned(self, text: str, vr: str) -> str:
        if self._revealed is None:
            top = (
                Charset.declared(text_of(element, _ASCII))
                if (element := self._header.get_item(_CHARACTER_SET))
                else _ASCII
            )
            self._revealed = revealed(readable(self._header, top, self._policy.defaults.depth))
        return clean_text(text, vr, self._revealed, self._style)

    def _operation(self, rule: DateRule) -> DateOperation:
        if rule.action is DateAction.SHIFT:
            return Shift(-self._pseudonyms.shift_days)
        if rule.action is DateAction.TRUNCATE:
            return Truncate("year" if rule.to == "year" else "month", rule.day)
        return Keep()

    def _dummy(self, element: Element, path: ElementPath, vr: str, verdict: Verdict) -> None:
        if verdict.value is not None:
            self._decide(path, vr, Action.DUMMY, verdict.value, verdict.because)
        elif vr == "UI":
            self._value(element, path, vr, _ASCII, Verdict(Treat.UID, verdict.because, verdict.required))
        else:
            self._decide(path, vr, Action.DUMMY, vrs.dummy(vr, value_counts(path.tag)[0]), verdict.because)

    def _instead(self, element: Element, path: ElementPath, vr: str, charset: Charset, verdict: Verdict) -> None:
        """The value cannot be cleaned: what the profile says about the element without the option."""
        instead = verdict.instead or Verdict(Treat.REMOVE, verdict.because, verdict.required)
        self._value(element, path, vr, charset, instead)

    def _doubtful(self, path: ElementPath, vr: str, verdict: Verdict, doubt: Doubt, code: str) -> None:
        # A verdict that needs no value of the original is carried out; everything else is held or removed.
        named = dictionary_vr(path.tag).partition(" or ")[0]
        if verdict.treat is Treat.EMPTY:
            self._decide(path, named or vr, Action.EMPTY, None, verdict.because)
        elif doubt is Doubt.HOLD or verdict.required == "1":
            raise CannotDeidentify(code, str(path))
        elif verdict.required == "2":
            self._decide(path, named or vr, Action.EMPTY, None, Reason("policy [defaults]", code))
        else:
            self._decide(path, vr, Action.REMOVE, None, Reason("policy [defaults]", code))

    def _decide(self, path: ElementPath, vr: str, action: Action, value: str | bytes | None, because: Reason) -> None:
        self.decisions.append(Decision(path, vr, action, value, because))
