# SPDX-License-Identifier: Apache-2.0
r"""The result of one header, used for all headers of the same skeleton.

Planning, applying and verifying cost milliseconds; a series has hundreds of images whose headers differ in UIDs,
numbers and times. The first of them goes the long way: plan, apply, verify. From its original and its verified result
a `Template` is made, and the others are filled in. It decides nothing: it holds only what the plan of the first said
about each slot, and refuses (the long way again) whenever that might depend on more than the slot's own value.

Why that is the same result
---------------------------
The plan decides element by element. What one element's decision takes from others is: the policy, the patient's
pseudonyms, the SOP Class and which attributes are there, private creators, character sets, and what the header reveals
(names, identifiers, places, dates) for the cleaning of texts. All of it is in the skeleton, or in the file meta
information, which has to be the same too. The VRs that can be slots reveal nothing (`deidgate.plan.text.revealed` reads
texts, names and dates), and each slot is filled only

* with its own bytes, where the plan kept the element, and they are a number or a time like the first's: which those
  are, `deidgate.batch.kept` says;
* with the pseudonym of its UID, where the plan said so;
* with nothing, where the plan removed or emptied the element or put a constant in its place.

The gate that stays
-------------------
What the gate looked for in the first result, it would look for in this one: values that are kept and differ are
searched for the same needles, and whatever might be one sends the header the long way. Every filled header is read
again from its bytes: it must have the skeleton of the verified result, each UID in it must be the expected one, and no
original UID may be anywhere in it. `deidgate.batch.instance` sends samples through the whole gate besides.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from deidgate.batch.guide import Guide, guide_along
from deidgate.batch.header import Scanned, scan
from deidgate.batch.kept import is_plain_uid, may_differ, stays
from deidgate.batch.pieces import META_INSTANCE, NotCutError, Pieces, cut
from deidgate.dicom import vr as vrs
from deidgate.dicom.swallowed import holds_elements
from deidgate.errors import CannotDeidentify
from deidgate.files.spans import NotSpannedError, Span, meta_end, spans
from deidgate.plan.model import Action, Decision, Plan
from deidgate.plan.numbers import OWN_DAY
from deidgate.standard.uids import is_registered
from deidgate.verify.search import Screen

_SOP_INSTANCE, _STUDY, _SERIES = 0x00080018, 0x0020000D, 0x0020000E
# File Meta Information Group Length and its element's header, which come first. Source: PS3.10 7.1.
_META_LENGTH = b"\x02\0\0\0UL\x04\0"
_META_LENGTH_END = 132 + 12
_OVERLAY_BIT_POSITION = 0x60000102


class NotTemplated(Exception):
    """Pairs of files that make no template raise it; the message says why, in words of this program."""


@dataclass(frozen=True, slots=True)
class Filled:
    """A header made from a template.

    Attributes
    ----------
    header : bytes
        Preamble, file meta information and dataset up to Pixel Data.
    sop_instance_uid, series_instance_uid, study_instance_uid : str
        The new ones.
    """

    header: bytes
    sop_instance_uid: str
    series_instance_uid: str
    study_instance_uid: str


@dataclass(frozen=True, slots=True)
class _Meta:
    """File meta information of the originals: what stands around Media Storage SOP Instance UID, and in it."""

    before: bytes
    behind: bytes

    def instance(self, head: bytes, start: int) -> bytes | None:
        """Media Storage SOP Instance UID of a file whose dataset begins at `start`; None if all else is not equal."""
        at = _META_LENGTH_END + len(self.before)
        stop = start - len(self.behind)
        if head[132:_META_LENGTH_END] != _META_LENGTH + (start - _META_LENGTH_END).to_bytes(4, "little"):
            return None
        if head[_META_LENGTH_END:at] != self.before or head[stop:start] != self.behind:
            return None
        if at + 2 > stop or at + 2 + (head[at] | head[at + 1] << 8) != stop:
            return None
        return head[at + 2 : stop].rstrip(b" \0")


@dataclass(frozen=True, slots=True)
class Template:
    """See the module's text. Made by `learn`.

    Attributes
    ----------
    skeleton : bytes
        Of the originals that it fits.
    plan : Plan
        Of the first.
    """

    skeleton: bytes
    plan: Plan
    must: tuple[tuple[int, bytes], ...]
    kept: tuple[tuple[int, int, str, bytes], ...]
    """Slot, tag, VR and the first's value."""
    uids: tuple[int, ...]
    all_uids: tuple[int, ...]
    identity: tuple[int, int, int]
    pieces: Pieces
    guide: Guide
    result_guide: Guide
    result_start: int
    meta: _Meta = field(repr=False)
    screen: Screen = field(repr=False)

    def originals(self, slots: list[bytes]) -> tuple[str, str, str]:
        """The original SOP Instance, Series and Study Instance UID of a header of this skeleton."""
        sop, series, study = self.identity
        return _text(slots[sop]), _text(slots[series]), _text(slots[study])

    def fits(self, slots: list[bytes], head: bytes, start: int) -> bool:
        """True if `slots` can be filled in: those that decide something are as in the first, kept ones are harmless.

        Parameters
        ----------
        slots : list of bytes
            Of the original.
        head : bytes
            The beginning of its file.
        start : int
            Where its dataset begins.
        """
        instance = self.meta.instance(head, start)
        if instance is None or instance != slots[self.identity[0]].rstrip(b" \0"):
            return False
        for number, value in self.must:
            if slots[number] != value:
                return False
        numbers, binary = [], []
        for number, tag, vr, first in self.kept:
            value = slots[number]
            if value != first:
                if not stays(tag, vr, value):
                    return False
                if vr in vrs.BINARY_NUMBERS:
                    binary.append(value)
                elif vr != "TM":
                    numbers.append(value)
        if not all(is_plain_uid(slots[number]) for number in self.uids):
            return False
        return not (numbers or binary) or (
            self.screen.passes(numbers, binary) and self._holds_no_uid_of(slots, b"\n".join(binary))
        )

    def may_hold(self, slots: list[bytes], pixels: bytes) -> bool:
        """True unless something that identifies might stand in pixels so few that the gate reads them as well."""
        return not (self.screen.passes((), (pixels,)) and self._holds_no_uid_of(slots, pixels))

    def _holds_no_uid_of(self, slots: list[bytes], binary: bytes) -> bool:
        without_nul = binary.replace(b"\0", b"")
        return not without_nul or not any(
            original in without_nul for number in self.all_uids for original in _bare_uids(slots[number])
        )

    def filled(self, slots: list[bytes], uid: Callable[[str], str]) -> Filled:
        """The result's header for an original whose slots it `fits`.

        Parameters
        ----------
        slots : list of bytes
            Of the original.
        uid : callable
            The new UID for an original one.

        Raises
        ------
        CannotDeidentify
            ``fast-path-contradicts``: what was written is not what was meant; take the long way.
        """
        new = {number: _padded("\\".join([uid(one) for one in _texts(slots[number])])) for number in self.uids}
        parts = list(self.pieces.parts)
        grown = []
        for place in self.pieces.values:
            value = parts[place.part] = new[place.slot] if place.is_uid else slots[place.slot]
            grown.append(len(value) - place.first)
        for length in self.pieces.lengths:
            inside = length.inside
            by = grown[inside[0]] if len(inside) == 1 else sum([grown[number] for number in inside])
            if by:
                parts[length.part] = struct.pack(length.form, length.first + by)
        header = b"".join(parts)
        self._check(header, self.result_start + grown[-1], slots)
        sop, series, study = [_text(new.get(number, slots[number])) for number in self.identity]
        return Filled(header, sop, series, study)

    def _check(self, header: bytes, start: int, slots: list[bytes]) -> None:
        """Read the header again from its bytes; file meta ends at `start`."""
        if self.result_guide.read(header, start, whole=True) is None:
            raise CannotDeidentify("fast-path-contradicts")
        for number in self.all_uids:
            for original in _bare_uids(slots[number]):
                if original in header:
                    raise CannotDeidentify("fast-path-contradicts", "UID")


def learn(original: bytes, start: int, scanned: Scanned, result: bytes, plan: Plan, screen: Screen) -> Template:
    """A template from a verified pair.

    Parameters
    ----------
    original : bytes
        At least the header of the original.
    start : int
        Where its dataset begins.
    scanned : Scanned
        Of the original.
    result : bytes
        The verified result, at least its header and first bytes of pixels.
    plan : Plan
        What made the one out of the other.
    screen : Screen
        What the gate looked for in the result.

    Raises
    ------
    NotTemplated
        Something cannot be followed; nothing is lost but time.
    """
    try:
        result_start, _ = meta_end(result)
        result_scanned = scan(result, result_start, whole=True)
        if result_scanned is None:
            raise NotTemplated("result")
        found = spans(original, start, scanned.stop, explicit=True)
        before = _slot_spans(found, scanned)
        after = _slot_spans(spans(result, result_start, result_scanned.stop, explicit=True), result_scanned)
    except NotSpannedError as error:
        raise NotTemplated(str(error)) from None
    if any(span.tag & 0xFF00FFFF == _OVERLAY_BIT_POSITION for span in found):
        raise NotTemplated("overlay in the bits of pixels")
    decisions = {_key(decision): decision for decision in plan.decisions}
    by_path = {span.path: number for number, span in enumerate(before)}
    must: list[tuple[int, bytes]] = []
    kept: list[tuple[int, int, str, bytes]] = []
    codes = frozenset(plan.codes)
    uids: list[int] = []
    sources: dict[tuple[int, ...], tuple[int, bool]] = {}
    for number, span in enumerate(before):
        value = scanned.slots[number]
        role = _role(decisions, span, value, codes)
        if role == "keep" and value:
            kept.append((number, span.tag, span.vr, value))
            sources[span.path] = (number, False)
        elif role == "uid" and value:
            uids.append(number)
            sources[span.path] = (number, True)
        elif role != "gone":
            must.append((number, value))
    sop, series, study = [by_path.get((tag,)) for tag in (_SOP_INSTANCE, _SERIES, _STUDY)]
    if sop is None or series is None or study is None:
        raise NotTemplated("identity")
    identity = (sop, series, study)
    fixed = {number for number, _ in must}
    all_uids = [number for number, span in enumerate(before) if span.vr == "UI" and number not in fixed]
    return Template(
        skeleton=scanned.skeleton,
        plan=plan,
        must=tuple(must),
        kept=tuple(kept),
        uids=tuple(uids),
        all_uids=tuple(all_uids),
        identity=identity,
        pieces=_pieces(result, result_start, result_scanned, after, sources, identity[0]),
        guide=guide_along(original, start, scanned, len(original)),
        result_guide=guide_along(result, result_start, result_scanned, result_scanned.stop),
        result_start=result_start,
        meta=_meta_of(original, start),
        screen=screen,
    )


def _pieces(
    result: bytes,
    start: int,
    scanned: Scanned,
    slots: list[Span],
    sources: dict[tuple[int, ...], tuple[int, bool]],
    sop: int,
) -> Pieces:
    try:
        return cut(result, start, scanned, slots, sources, sop)
    except (NotCutError, NotSpannedError) as error:
        raise NotTemplated(str(error)) from None


def _meta_of(original: bytes, start: int) -> _Meta:
    found = spans(original, 132, start, explicit=True)
    instance = next((span for span in found if span.tag == META_INSTANCE), None)
    if instance is None or not original.startswith(_META_LENGTH, 132):
        raise NotTemplated("file meta")
    return _Meta(original[_META_LENGTH_END : instance.start - 2], original[instance.stop : start])


def _slot_spans(found: list[Span], scanned: Scanned) -> list[Span]:
    by_place = {(span.start, span.stop): span for span in found if span.vr != "SQ"}
    try:
        return [by_place[place] for place in scanned.places]
    except KeyError:
        raise NotTemplated("two readers differ") from None


def _key(decision: Decision) -> tuple[int, ...]:
    flat: list[int] = []
    for tag, item in decision.path.parents:
        flat += (tag, item)
    return (*flat, decision.path.tag)


def _role(decisions: dict[tuple[int, ...], Decision], span: Span, first: bytes, codes: frozenset[str]) -> str:
    """``keep``, ``uid``, ``gone`` (value without influence) or ``must`` (value must be that of the first)."""
    decision = decisions.get(span.path)
    if decision is None:
        return "gone" if _below_removed(decisions, span.path) else "must"
    action, value = decision.action, decision.value
    if action in (Action.REMOVE, Action.EMPTY) or (action is Action.DUMMY and span.vr != "UI"):
        # It may have gone because the first's value cannot be kept; that says nothing about the next one.
        return "gone" if decision.because is not OWN_DAY and _is_gone_anyhow(span, first) else "must"
    if action is Action.UID and span.vr == "UI":
        return "uid"
    # UIDs that the plan leaves as they are (of the standard, or retained) are the same in the whole series.
    same = value is None and (action is Action.KEEP if span.vr != "TM" else action is Action.CLEAN)
    return "keep" if same and may_differ(span.path, span.vr, codes) else "must"


def _is_gone_anyhow(span: Span, first: bytes) -> bool:
    """True when the rule took it away, and not the value: then the plan would have kept the value."""
    if span.vr == "UI":
        return is_plain_uid(first)
    if span.vr in vrs.BULK:
        return vrs.is_value(span.vr, first) and not holds_elements(first)
    return not first or stays(span.tag, span.vr, first)


def _below_removed(decisions: dict[tuple[int, ...], Decision], path: tuple[int, ...]) -> bool:
    return any(
        (above := decisions.get(path[:depth])) is not None and above.action in (Action.REMOVE, Action.EMPTY)
        for depth in range(1, len(path), 2)
    )


def _bare_uids(value: bytes) -> list[bytes]:
    """The UIDs of a value that may not be found in a result."""
    bare = [uid.strip(b" \0") for uid in value.split(b"\\")]
    return [uid for uid in bare if uid and not is_registered(uid.decode("ascii", "replace"))]


def _texts(value: bytes) -> list[str]:
    return _text(value).split("\\")


def _text(value: bytes) -> str:
    return value.rstrip(b"\0 ").decode("ascii", "replace")


def _padded(text: str) -> bytes:
    data = text.encode("ascii")
    return data + b"\0" if len(data) % 2 else data
