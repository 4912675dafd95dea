# SPDX-License-Identifier: Apache-2.0
"""Are two values the same, whatever file each of them is in, and does an equal one say anything?

Padding, byte order and the character set of the file are not part of a value; everything else is.
"""

from __future__ import annotations

from deidgate.standard.uids import is_registered
from deidgate.verify.text import canonical
from deidgate.verify.view import IN_CHARSET, TEXT, TIMES, WIDTHS, View
from deidgate.verify.walk import Element
from deidgate.verify.words import is_placeholder

_CHUNK = 1 << 20
_PADDED = TEXT | TIMES | {"DS", "IS", "UI"}


def same_value(a: View, x: Element, b: View, y: Element) -> bool:
    """True when element `x` of `a` and element `y` of `b` hold the same value; not for sequences."""
    if x.fragments is not None or y.fragments is not None:
        return same_fragments(a, x, b, y)
    size = x.stop - x.start
    if size == y.stop - y.start and size > _CHUNK and a.parsed.big_endian == b.parsed.big_endian:
        return same_bytes(a.parsed.data, x.start, b.parsed.data, y.start, size)
    before, after = a.value(x), b.value(y)
    vr = y.vr if y.vr != "UN" else x.vr
    if before == after:
        return a.parsed.big_endian == b.parsed.big_endian or vr not in WIDTHS or len(before) <= 1
    if vr in _PADDED and before.rstrip(b" \0") == after.rstrip(b" \0"):
        return True
    if vr in ("OB", "UN") and len(before) & 1 and before + b"\0" == after:
        return True
    if a.parsed.big_endian != b.parsed.big_endian and vr in WIDTHS:
        return _swapped(before, WIDTHS[vr]) == after
    if vr in IN_CHARSET and a.charset(x.parents) != b.charset(y.parents):
        return a.texts(x)[0].strip(" \0") == b.texts(y)[0].strip(" \0")
    return False


def same_fragments(a: View, x: Element, b: View, y: Element) -> bool:
    """True when both are encapsulated and every fragment is the same; offset tables may differ."""
    if x.fragments is None or y.fragments is None or len(x.fragments) != len(y.fragments):
        return False
    return all(
        one[1] - one[0] == other[1] - other[0]
        and same_bytes(a.parsed.data, one[0], b.parsed.data, other[0], one[1] - one[0])
        for one, other in zip(x.fragments[1:], y.fragments[1:], strict=True)
    )


def same_bytes(a: bytes, at_a: int, b: bytes, at_b: int, size: int) -> bool:
    """Compare stretches without copying more than a piece of them."""
    return all(
        a[at_a + i : at_a + min(i + _CHUNK, size)] == b[at_b + i : at_b + min(i + _CHUNK, size)]
        for i in range(0, size, _CHUNK)
    )


def _swapped(value: bytes, width: int) -> bytes:
    return b"".join(value[i : i + width][::-1] for i in range(0, len(value), width))


def is_standard(element: Element, result: View) -> bool:
    """True when all UIDs of an element are registered by the standard."""
    return all(
        is_registered(uid.strip(b" \0").decode("ascii", "replace"))
        for uid in result.value(element).split(b"\\")
        if uid.strip(b" \0")
    )


def says_nothing(element: Element, view: View) -> bool:
    """True for values that stand where something was taken away; equal ones prove nothing."""
    value = view.value(element).strip(b" \0")
    if element.vr == "UI":
        return is_standard(element, view)
    if element.vr in ("DA", "DT"):
        return value[:8] <= b"19000101"
    if element.vr in ("TM", "AS", "DS", "IS"):
        return not value.strip(b"0.:YMWD")
    if element.vr in TEXT:
        words = canonical(value.removeprefix(b"urn:")).decode("latin_1")
        return is_placeholder(words) or (element.vr == "CS" and words in ("o", "u", "other"))
    return not value.strip(b"\0")
