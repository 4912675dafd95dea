# SPDX-License-Identifier: Apache-2.0
"""What is left of each element, against Table E.1-1 and the claimed codes, at any depth.

Every element of the result is asked: may it be here at all, and may it have this value? Elements that no rule
speaks about are the same bytes as in the original. Nothing stands in the result that the original does not have,
other than the claims and what the plan added.

Source: PS3.15 Table E.1-1 and E.1-1a; E.3.10 (safe private attributes).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from deidgate.verify.compare import is_standard, same_value, says_nothing
from deidgate.verify.content import retained_uids
from deidgate.verify.facts import (
    CLEAN_GRAPHICS,
    PRIVATE_ROW,
    RETAIN_SAFE_PRIVATE,
    RETAIN_UIDS,
    VERSIONS_OF_CODES,
    Identity,
    Left,
    Row,
    names_definition,
    row_of,
    rows,
    safe_private,
)
from deidgate.verify.iod_types import Types
from deidgate.verify.model import Finding
from deidgate.verify.promise import Promise
from deidgate.verify.view import TEXT, View
from deidgate.verify.walk import PIXEL_DATA, Element

# What a gateway writes into every result. Source: PS3.15 E.1.1.
CLAIMS = frozenset({0x00120062, 0x00120063, 0x00120064, 0x00280301, 0x00280303})
# What masking and encoding again may change beside the pixels. Source: PS3.3 C.7.6.3, C.7.6.1.1.5.
OF_PIXELS = frozenset(
    {
        0x7FE00010,
        0x7FE00001,
        0x7FE00002,
        0x00280004,
        0x00280006,
        0x00280106,
        0x00280107,
        0x00282110,
        0x00282112,
        0x00282114,
    }
)
# Lossy Image Compression, its ratio and its method. Source: PS3.3 C.7.6.1.1.5.
OF_LOSS = {
    0x00282110: re.compile(rb"01"),
    0x00282112: re.compile(rb"[0-9.e+]{1,15} ?"),
    0x00282114: re.compile(rb"ISO_(10918|14495)_1 ?"),
}
_CODES = frozenset({0x00080100, 0x00080104, 0x00080119, 0x00080120})
_CHARSET = 0x00080005
_TIMEZONE = 0x00080201
# What may be cleaned, moved or mapped inside a safe private attribute.
_CLEANABLE = TEXT | {"DA", "DT", "TM", "UI"}


def check(
    original: View, result: View, codes: frozenset[str], promise: Promise, types: Types, pixels_changed: bool
) -> Iterator[Finding]:
    """Findings for elements that may not be there, or may not have the value they have.

    Parameters
    ----------
    codes : frozenset of str
        CID 7050 codes that are claimed.
    promise : Promise
        What a written rule of the policy permits beyond the table.
    types : Types
        Types in the IOD: where it demands an attribute, X gives way to a value that says nothing.
    pixels_changed : bool
        Pixels were masked: `deidgate.verify.pixels` compares them.
    """
    retained = retained_uids(original, codes)
    for element in result.elements:
        if element.tag == PIXEL_DATA and not element.parents:
            # `deidgate.verify.pixels` has it.
            continue
        before = original.get(element.tag, element.parents)
        if before is None:
            if not _may_be_new(element, promise) and not (pixels_changed and _tells_loss(element, result)):
                yield Finding("element-added", element.path)
            continue
        if element.key in promise.kept or (element.tag in CLAIMS and not element.parents):
            # Claims have a module of their own, and so has what a written rule keeps: `claims` and `promise`.
            continue
        if element.key in retained and same_value(original, before, result, element):
            continue
        if element.tag >> 16 & 1:
            yield from _private(element, before, original, result, codes, promise)
            continue
        row = row_of(element.tag)
        if row is not None:
            yield from _listed(row, element, before, original, result, codes, types, promise)
        elif 0x6000 <= element.tag >> 16 <= 0x60FF:
            if CLEAN_GRAPHICS not in codes:
                yield Finding("overlay-left", element.path)
        elif not (pixels_changed and element.tag in OF_PIXELS):
            yield from _unlisted(element, before, original, result, codes, promise)


def _listed(
    row: Row,
    element: Element,
    before: Element,
    original: View,
    result: View,
    codes: frozenset[str],
    types: Types,
    promise: Promise,
) -> Iterator[Finding]:
    left = row.left(codes)
    if types.demands(element):
        left |= Left.EMPTY | Left.CHANGED
    if element.items is not None:
        if left is Left.NOTHING:
            yield Finding("row-not-met", element.path, f"E.1-1 {row.basic}")
        elif element.items and row.identity is not Identity.NONE and Left.SAME not in left:
            yield from _codes_in(row, element, original, result)
        return
    empty = element.start == element.stop
    if empty:
        state = Left.EMPTY
        if Left.EMPTY not in left and before.start != before.stop:
            yield Finding("row-not-met", element.path, f"E.1-1 {row.basic}: empty")
            return
    elif same_value(original, before, result, element):
        state = Left.SAME
    else:
        state = Left.CHANGED
    if left is Left.NOTHING or (element.tag == _TIMEZONE and not _is_offset(element, result)):
        yield Finding("row-not-met", element.path, f"E.1-1 {row.basic}")
    elif state is Left.SAME:
        if Left.SAME not in left:
            if not says_nothing(element, result):
                yield Finding("row-not-met", element.path, f"E.1-1 {row.basic}: unchanged")
        elif (
            element.vr in ("DA", "DT")
            and row.only_by_shift(codes)
            and element.tag not in VERSIONS_OF_CODES
            and _has_a_day(element, result)
            and not says_nothing(element, result)
            and not promise.may_leave_date(element.key)
        ):
            yield Finding("date-not-modified", element.path, "113107")


def _is_offset(element: Element, result: View) -> bool:
    """True for hours and minutes with a sign, and for nothing. Source: PS3.3 C.12.1.1.8."""
    text = result.value(element).strip(b" \0")
    return not text or (len(text) == 5 and text[:1] in b"+-" and text[1:].isdigit())


def _has_a_day(element: Element, result: View) -> bool:
    """False for a DT of a year or a month alone, which moving by some days may leave as it is."""
    return any(
        value.strip(b" \0")[:8].isdigit() and len(value.strip(b" \0")) >= 8
        for value in result.value(element).split(b"\\")
    )


def _codes_in(row: Row, sequence: Element, original: View, result: View) -> Iterator[Finding]:
    """A code that identifies somebody, under a sequence that must not keep it."""
    for item in range(sequence.items or 0):
        parents = (*sequence.parents, (sequence.tag, item))
        for tag in _CODES:
            now, then = result.get(tag, parents), original.get(tag, parents)
            if now is None or then is None or now.start == now.stop or says_nothing(now, result):
                continue
            if same_value(original, then, result, now):
                yield Finding("row-not-met", now.path, f"E.1-1 {row.basic}: unchanged")


def _private(
    element: Element, before: Element, original: View, result: View, codes: frozenset[str], promise: Promise
) -> Iterator[Finding]:
    if RETAIN_SAFE_PRIVATE not in codes:
        yield Finding("private-left", element.path, f"E.1-1 {rows()[PRIVATE_ROW].basic}")
        return
    group, number = element.tag >> 16, element.tag & 0xFFFF
    if number < 0x100:
        if not same_value(original, before, result, element):
            yield Finding("private-creator-changed", element.path)
        return
    creator = result.text(group << 16 | number >> 8, element.parents).upper()
    vr = safe_private().get((creator, group, number & 0xFF))
    if vr is None:
        if not promise.is_written(element.key):
            yield Finding("private-not-safe", element.path)
    elif not result.parsed.implicit and element.vr not in (vr, before.vr):
        yield Finding("vr-changed", element.path)
    elif (
        element.items is None and not _may_be_cleaned(element, vr) and not same_value(original, before, result, element)
    ):
        yield Finding("kept-value-changed", element.path)


def _may_be_cleaned(element: Element, listed: str) -> bool:
    """Where the file does not say the VR (Implicit VR, UN), that of Table E.3.10-1 counts."""
    return (listed.partition("/")[0] if element.vr == "UN" else element.vr) in _CLEANABLE


def _unlisted(
    element: Element, before: Element, original: View, result: View, codes: frozenset[str], promise: Promise
) -> Iterator[Finding]:
    if element.items is not None or before.items is not None:
        if element.items != before.items and element.items:
            yield Finding("items-changed", element.path)
        return
    if element.start == element.stop:
        return
    same = same_value(original, before, result, element)
    if element.vr == "PN" and same:
        yield Finding("name-kept", element.path)
    elif element.vr == "UI" and names_definition(element.tag):
        if not same:
            yield Finding("kept-value-changed", element.path)
    elif element.vr == "UI":
        if same and RETAIN_UIDS not in codes and not is_standard(element, result):
            yield Finding("uid-kept", element.path)
    elif element.vr != before.vr and not _vr_may_differ(element, before, original, result):
        yield Finding("vr-changed", element.path)
    elif not same and not _may_change(element, promise):
        yield Finding("kept-value-changed", element.path)


def _may_change(element: Element, promise: Promise) -> bool:
    if promise.plan is not None:
        return promise.changes(element.key)
    # Without a plan: text that no row names may have been cleaned.
    return element.vr in TEXT or element.vr in ("DA", "DT", "TM", "AS", "PN") or element.tag == _CHARSET


def _vr_may_differ(element: Element, before: Element, original: View, result: View) -> bool:
    if original.parsed.implicit or result.parsed.implicit or before.vr == "UN":
        return True
    return {element.vr, before.vr} <= {"OB", "OW"} or {element.vr, before.vr} <= {"US", "SS", "OW"}


def _tells_loss(element: Element, result: View) -> bool:
    """True for what has to be stated when the lossy Transfer Syntax that told it is given up, and says nothing else."""
    known = None if element.parents else OF_LOSS.get(element.tag)
    return known is not None and known.fullmatch(result.value(element)) is not None


def _may_be_new(element: Element, promise: Promise) -> bool:
    first = element.parents[0][0] if element.parents else element.tag
    if promise.plan is not None:
        return promise.adds(element.key) or first in promise.added_at_top or first in (0x7FE00001, 0x7FE00002)
    row = row_of(element.tag)
    return first in CLAIMS or (row is not None and row.basic != "X")
