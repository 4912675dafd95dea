# SPDX-License-Identifier: Apache-2.0
"""Walk through an instance and decide on every element, at every depth.

What each element's rule is, `deidgate.plan.rules` says. Here its value meets the rule:

* a value that is none of its VR, a VR that is not the attribute's, a tag of no dictionary and a sequence that is too
  deep are removed or held, as the policy says, and never passed; where the IOD demands a value, they are held;
* private elements are removed but for safe ones (`deidgate.plan.private`);
* group lengths and anything that belongs into file meta or a command are removed;
* pixels of the outermost dataset are kept here and looked at elsewhere; those in items are removed, because nobody
  looks at them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pydicom import Dataset

from deidgate.dicom import vr as vrs
from deidgate.dicom.charset import Charset
from deidgate.dicom.dictionary import dictionary_vr, value_counts
from deidgate.dicom.elements import Element, Unreadable, declared_vr, is_empty, items_of, tagged_elements, text_of
from deidgate.dicom.path import ElementPath, Parents
from deidgate.errors import CannotDeidentify
from deidgate.plan.claims import CLAIMS
from deidgate.plan.codes import DESIGNATOR, Part, part_of_code
from deidgate.plan.dates import InvalidDate
from deidgate.plan.encrypted import ENCRYPTED_ATTRIBUTES
from deidgate.plan.model import Action, Decision, Reason
from deidgate.plan.numbers import OWN_DAY
from deidgate.plan.private import Safe, is_creator, safe_elements
from deidgate.plan.rules import Level, Treat, Verdict, vr_of
from deidgate.plan.structured import structured_decisions
from deidgate.plan.values import ASCII, GRAPHIC_LAYER, ShowsDay, Values, charset_of
from deidgate.policy.model import DateAction, Doubt, Policy
from deidgate.pseudonym.model import Pseudonyms
from deidgate.standard.confidentiality import confidentiality_table

_PIXEL_GROUP = 0x7FE0
_CLAIMED = Reason("E.1.1", "the gateway's own claim")
_NO_DATASET = Reason("PS3.5 7.2", "not of a dataset")
_OLD = Reason("45 CFR 164.514(b)(2)(i)(C)", "an age over 89")
_PIXELS = Reason("pixels")
_INNER_PIXELS = Reason("E.3.1", "pixels in an item")
_SEALED = Reason("E.1.1", "encrypted by somebody else, and for whom is not known")
_OPAQUE = Reason("E.1-1 option 113111", "a private sequence that the file does not declare as one")
_PRIVATE = Reason("E.1-1 Private Attributes X")
_OF_CODES = {
    Part.PUBLIC: (Treat.WHOLE, Reason("PS3.3 Table 8.8-1", "code of a public scheme")),
    Part.LOCAL: (Treat.LOCAL, Reason("PS3.3 Table 8.8-1", "code of a private scheme")),
    Part.TEXT: (Treat.TEXT, None),
}
_GONE = {Treat.REMOVE: Action.REMOVE, Treat.EMPTY: Action.EMPTY}
_IDENTITY = frozenset({Treat.PATIENT_ID, Treat.PATIENT_NAME})
# Content Sequence, Acquisition Context Sequence, Specimen Preparation Step Content Item Sequence, Waveform Annotation
# Sequence: those that the Clean Structured Content Option speaks about. Source: PS3.15 Table E.1-1, PS3.3 C.7.6.22.
CONTENT_TREES = frozenset({0x0040A730, 0x00400555, 0x00400612, 0x0040B020})
# Decisions without a value are the same for every instance; so many of them are kept, for the next one.
_MOST_SHARED = 4096


class Walk:
    """The decisions on one instance, as they are made."""

    def __init__(self, header: Dataset, policy: Policy, pseudonyms: Pseudonyms, values: Values) -> None:
        self.decisions: list[Decision] = []
        self._defaults = policy.defaults
        self._policy = policy
        self._header = header
        self._pseudonyms = pseudonyms
        self._values = values
        self._table = confidentiality_table()

    def dataset(self, dataset: Dataset, parents: Parents, level: Level, charset: Charset) -> None:
        """Decide on all elements of one dataset or item."""
        charset = charset_of(dataset, charset)
        elements = tagged_elements(dataset)
        safe = safe_elements(elements, self._policy, charset)
        for tag, element in elements:
            group = tag >> 16
            if group & 1:
                self._private(dataset, element, parents, tag, level, charset, safe.get(tag))
            elif group < 0x0008 or tag & 0xFFFF == 0:
                # Group lengths are retired; commands, file meta and directories do not belong here. PS3.5 7.2, 7.5.
                self._decide(level, parents, tag, declared_vr(element), Action.REMOVE, _NO_DATASET)
            elif group == _PIXEL_GROUP and dictionary_vr(tag):
                action, why = (Action.REMOVE, _INNER_PIXELS) if parents else (Action.KEEP, _PIXELS)
                self._decide(level, parents, tag, declared_vr(element) or "OW", action, why)
            elif tag == ENCRYPTED_ATTRIBUTES:
                self._decide(level, parents, tag, declared_vr(element), Action.REMOVE, _SEALED)
            elif tag in CLAIMS and not parents:
                self._decide(level, parents, tag, declared_vr(element), Action.REMOVE, _CLAIMED)
            else:
                self._standard(dataset, element, parents, tag, level, charset)

    def _standard(
        self, dataset: Dataset, element: Element, parents: Parents, tag: int, level: Level, charset: Charset
    ) -> None:
        declared = declared_vr(element)
        vr = vr_of(tag, declared)
        named = dictionary_vr(tag)
        if not named and self._table.row(tag) is None:
            if self._defaults.unknown is Doubt.HOLD:
                raise CannotDeidentify("unknown-attribute", str(ElementPath(parents, tag)))
            self._decide(level, parents, tag, vr, Action.REMOVE, Reason("policy [defaults] unknown"))
            return
        verdict = level.verdict(tag, vr)
        if verdict.treat is Treat.CODE:
            verdict = _of_code(dataset, element, tag, charset, verdict)
        if verdict.treat is Treat.BIRTH_YEAR:
            verdict = self._of_birth(verdict)
        if verdict.treat is Treat.REMOVE:
            self._decide(level, parents, tag, vr, Action.REMOVE, verdict.because)
        elif not vrs.fits(vr, named or declared):
            self._doubtful(level, parents, tag, vr, verdict, self._defaults.malformed, "vr-is-not-the-attributes")
        elif vr == "SQ":
            self._sequence(dataset, element, parents, tag, level, charset, verdict)
        else:
            self._value(element, parents, tag, vr, level, charset, verdict)

    def _of_birth(self, verdict: Verdict) -> Verdict:
        """The verdict on a birth date of which only the year stays: not even that, where it tells an age over 89."""
        if not self._values.age_over_89:
            return replace(verdict, treat=Treat.DATE)
        treat = Treat.DUMMY if verdict.required == "1" else Treat.EMPTY
        return replace(verdict, treat=treat, because=_OLD, dates=None)

    def _private(
        self,
        dataset: Dataset,
        element: Element,
        parents: Parents,
        tag: int,
        level: Level,
        charset: Charset,
        safe: Safe | None,
    ) -> None:
        vr = declared_vr(element) or "UN"
        if safe is None:
            self._decide(level, parents, tag, vr, Action.REMOVE, _PRIVATE)
            return
        because = Reason(f"E.1-1 option 113111, {safe.source}")
        if is_creator(tag):
            self._decide(level, parents, tag, "LO", Action.KEEP, because)
            return
        if vr == "UN" and safe.vr == "SQ":
            # The file does not say that it is a sequence, and a reader that does not know changes nothing in it.
            self._decide(level, parents, tag, vr, Action.REMOVE, _OPAQUE)
            return
        if vr == "UN" and safe.vr:
            vr = safe.vr.partition("/")[0]
        gone = Verdict(Treat.REMOVE, because)
        dates = self._policy.dates.other
        if vr == "SQ":
            self._sequence(dataset, element, parents, tag, level, charset, Verdict(Treat.KEEP, because, instead=gone))
            return
        if vr == "UI":
            verdict = Verdict(Treat.UID, because, instead=gone)
        elif vr in vrs.DATES and dates.action is not DateAction.REMOVE:
            moved = Reason(because.source, f"policy [dates] other {dates.action.value}")
            verdict = Verdict(Treat.DATE, moved, dates=dates, instead=gone)
        elif vr == "PN" or vr in vrs.DATES:
            verdict = gone
        elif vr in vrs.TEXT:
            # Coded strings of devices are in no vocabulary.
            verdict = Verdict(Treat.RETAIN if vr == "CS" else Treat.TEXT, because, instead=gone)
        else:
            verdict = Verdict(Treat.KEEP, because, instead=gone)
        self._value(element, parents, tag, vr, level, charset, verdict)

    def _sequence(
        self,
        dataset: Dataset,
        element: Element,
        parents: Parents,
        tag: int,
        level: Level,
        charset: Charset,
        verdict: Verdict,
    ) -> None:
        if verdict.treat in _GONE:
            self._decide(level, parents, tag, "SQ", _GONE[verdict.treat], verdict.because)
            return
        if len(parents) >= self._defaults.depth:
            self._doubtful(level, parents, tag, "SQ", verdict, self._defaults.deep, "sequence-too-deep")
            return
        if tag in CONTENT_TREES:
            self.decisions.extend(self._content_tree(dataset, parents, tag, level, charset))
            return
        try:
            items = items_of(dataset, element)
        except Unreadable:
            self._doubtful(level, parents, tag, "SQ", verdict, self._defaults.malformed, "sequence-unreadable")
            return
        dummies = verdict.treat is Treat.DUMMY
        self._decide(level, parents, tag, "SQ", Action.DUMMY if dummies else Action.KEEP, verdict.because)
        below = level.below(tag, dummies)
        for number, item in enumerate(items):
            self.dataset(item, (*parents, (tag, number)), below, charset)

    def _content_tree(
        self, dataset: Dataset, parents: Parents, tag: int, level: Level, charset: Charset
    ) -> Iterator[Decision]:
        def others(item: Dataset, element: Element, path: ElementPath, declared: Charset) -> list[Decision]:
            inner = Walk(self._header, self._policy, self._pseudonyms, self._values)
            below = level
            for sequence, _ in path.parents[len(parents) :]:
                below = below.below(sequence, False)
            inner._standard(item, element, path.parents, path.tag, below, declared)
            return inner.decisions

        return structured_decisions(
            dataset,
            frozenset(option.value for option in self._policy.options),
            self._pseudonyms,
            self._values.operation(self._policy.dates.other),
            self._values.clean,
            others=others,
            subject=self._values.subject,
            tag=tag,
            parents=parents,
            charset=charset,
        )

    def _value(
        self, element: Element, parents: Parents, tag: int, vr: str, level: Level, charset: Charset, verdict: Verdict
    ) -> None:
        treat = verdict.treat
        if treat in _GONE:
            self._decide(level, parents, tag, vr, _GONE[treat], verdict.because)
        elif treat is Treat.PATIENT_ID:
            self._decide(level, parents, tag, vr, Action.DUMMY, verdict.because, self._pseudonyms.patient_id)
        elif treat is Treat.PATIENT_NAME:
            self._decide(level, parents, tag, vr, Action.DUMMY, verdict.because, self._pseudonyms.patient_name)
        elif is_empty(element):
            # Nothing to change, and nothing to make up.
            self._decide(level, parents, tag, vr, Action.KEEP, verdict.because)
        elif treat is Treat.DUMMY:
            self._dummy(element, parents, tag, vr, level, charset, verdict)
        else:
            try:
                action, value = self._values.changed(element, tag, vr, charset, verdict)
            except Unreadable:
                self._doubtful(level, parents, tag, vr, verdict, self._defaults.malformed, "unreadable-value")
                return
            except InvalidDate:
                # What the profile says about the element without the option that wanted its date.
                instead = verdict.instead or Verdict(Treat.REMOVE, verdict.because, verdict.required)
                self._value(element, parents, tag, vr, level, charset, instead)
                return
            except ShowsDay:
                treat = {"1": Treat.DUMMY, "2": Treat.EMPTY}.get(verdict.required[0], Treat.REMOVE)
                gone = Verdict(treat, OWN_DAY, verdict.required)
                self._value(element, parents, tag, vr, level, charset, gone)
                return
            is_part = tag == GRAPHIC_LAYER and value is not None
            if is_part or (action is Action.EMPTY and verdict.required in ("1", "1C")):
                # A name of which a part is left may be that of another layer.
                self._dummy(element, parents, tag, vr, level, charset, verdict)
            else:
                self._decide(level, parents, tag, vr, action, verdict.because, value)

    def _dummy(
        self, element: Element, parents: Parents, tag: int, vr: str, level: Level, charset: Charset, verdict: Verdict
    ) -> None:
        if vr == "UI" and verdict.value is None:
            uid = Verdict(Treat.UID, verdict.because, verdict.required)
            self._value(element, parents, tag, vr, level, charset, uid)
            return
        value: str | bytes | None = verdict.value
        if value is None:
            value = self._values.layer(element) if tag == GRAPHIC_LAYER else vrs.dummy(vr, value_counts(tag)[0])
        self._decide(level, parents, tag, vr, Action.DUMMY, verdict.because, value)

    def _doubtful(
        self, level: Level, parents: Parents, tag: int, vr: str, verdict: Verdict, doubt: Doubt, code: str
    ) -> None:
        """Carry out a verdict that needs no value of the original; hold or remove anything else."""
        named = dictionary_vr(tag).partition(" or ")[0] or vr
        why = Reason(f"policy [defaults] {code}")
        if verdict.treat is Treat.EMPTY:
            self._decide(level, parents, tag, named, Action.EMPTY, verdict.because)
        elif verdict.treat is Treat.DUMMY and named not in ("SQ", "UI"):
            value = vrs.dummy(named, value_counts(tag)[0])
            self._decide(level, parents, tag, named, Action.DUMMY, verdict.because, value)
        elif doubt is Doubt.HOLD or verdict.required == "1" or verdict.treat in _IDENTITY:
            raise CannotDeidentify(code, str(ElementPath(parents, tag)))
        elif verdict.required == "2":
            self._decide(level, parents, tag, named, Action.EMPTY, why)
        else:
            self._decide(level, parents, tag, vr, Action.REMOVE, why)

    def _decide(
        self,
        level: Level,
        parents: Parents,
        tag: int,
        vr: str,
        action: Action,
        because: Reason,
        value: str | bytes | None = None,
    ) -> None:
        if parents or value is not None:
            self.decisions.append(Decision(ElementPath(parents, tag), vr, action, value, because))
            return
        key = (tag, vr, action)
        shared = level.shared.get(key)
        if shared is None or shared.because is not because:
            shared = Decision(ElementPath(parents, tag), vr, action, None, because)
            if len(level.shared) < _MOST_SHARED:
                level.shared[key] = shared
        self.decisions.append(shared)


def _of_code(dataset: Dataset, element: Element, tag: int, charset: Charset, verdict: Verdict) -> Verdict:
    """The verdict on one part of a code, which only its value and its scheme say."""
    scheme = dataset.get_item(DESIGNATOR)
    try:
        part = part_of_code(tag, text_of(element, charset), "" if scheme is None else text_of(scheme, charset).strip())
    except Unreadable:
        return replace(verdict, treat=Treat.TEXT)
    treat, because = _OF_CODES[part]
    return replace(verdict, treat=treat, because=because or verdict.because)


def decisions(
    header: Dataset, level: Level, policy: Policy, pseudonyms: Pseudonyms, values: Values
) -> tuple[Decision, ...]:
    """One decision for each element of `header`, in depth-first order, except below removed sequences."""
    walk = Walk(header, policy, pseudonyms, values)
    walk.dataset(header, (), level, ASCII)
    return tuple(walk.decisions)
