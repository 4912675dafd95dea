# SPDX-License-Identifier: Apache-2.0
"""The one call: an original and its result, deliver or hold.

The checks, each in a module of its own, in this order; a result that cannot be walked ends at the first:

1. `structure`: well-formed file, nothing in preamble, file meta and other corners
2. `needles`, `search`: nothing of the original's identity, in any element, encoding or comment
3. `rows`: every element against Table E.1-1 and the claimed codes; `content`: content items against Table E.3.4-1;
   `births`: nothing beside the birth date; `promise`: every element against the plan
4. `uids`: old to new is a one-to-one mapping
5. `iod_types`: no Type 1 or Type 2 attribute was lost
6. `claims`: what the result says about itself
7. `pixels`: outside masks the same, inside nothing
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from deidgate.plan.model import Plan
from deidgate.standard.codes import CID_7050
from deidgate.verify import births, claims, content, iod_types, pixels, promise, rows, search, structure, uids
from deidgate.verify.codes import gravity
from deidgate.verify.model import Finding, PixelsSeen, Verdict
from deidgate.verify.needles import Needles, derive
from deidgate.verify.text import canonical, is_known, is_utf_8_undeclared
from deidgate.verify.view import IN_CHARSET, SPECIFIC_CHARACTER_SET, View
from deidgate.verify.walk import Element, UnreadableError, walk

MAX_FINDINGS = 100
# Looked at before the gravest are chosen, so that a file with a thousand formalities cannot hide a leak behind them.
_MAX_LOOKED_AT = 10_000


def verify(original: bytes, result: bytes, plan: Plan | None = None, outcome: PixelsSeen | None = None) -> Verdict:
    """Whether `result` may leave in the place of `original`.

    Parameters
    ----------
    original, result : bytes
        Whole DICOM files. Neither is trusted; both are read byte by byte, within bounds.
    plan : Plan, optional
        What was promised. Without it, the claims are read from the result itself, and what only a policy can
        explain (a kept identifier, an added element) is a finding.
    outcome : PixelsSeen, optional
        What was masked; None when nobody looked at the pixels.

    Returns
    -------
    Verdict
        At most `MAX_FINDINGS` findings, the gravest first. It never raises for what stands in the files.
    """
    found = sorted(
        islice(_findings(original, result, plan, outcome), _MAX_LOOKED_AT), key=lambda finding: gravity(finding.code)
    )
    return Verdict(tuple(found[:MAX_FINDINGS]))


def _findings(
    original_file: bytes, result_file: bytes, plan: Plan | None, outcome: PixelsSeen | None
) -> Iterator[Finding]:
    try:
        result_parsed = walk(result_file)
    except UnreadableError as unreadable:
        yield Finding(unreadable.code, unreadable.path)
        return
    try:
        original_parsed = walk(original_file)
    except UnreadableError as unreadable:
        yield Finding(f"original-{unreadable.code}", unreadable.path)
        return
    original, result = View(original_parsed), View(result_parsed)
    promised = promise.Promise(plan, original)
    codes = frozenset(plan.codes if plan is not None else claims.claimed_codes(result))
    masked = outcome is not None and str(outcome.status) == "masked"

    yield from structure.check_file(result_parsed)
    yield from structure.check_elements(result)
    yield from _charsets(result)

    needles = _needles(original, result, codes, promised)
    yield from search.search(needles, result, original, pixels.comments(result), _own_words(plan))

    yield from rows.check(original, result, codes, promised, iod_types.Types(original), masked)
    yield from content.check(original, result, codes)
    yield from births.check(original, result, promised)
    yield from promise.check(original, result, promised, rows.OF_PIXELS if masked else frozenset())
    yield from uids.check(original, result, plan)
    yield from iod_types.check(original, result)
    yield from claims.check(original, result, plan, outcome)
    yield from pixels.check(original, result, outcome)


def needles_of(original: bytes, result: bytes, plan: Plan) -> Needles:
    """What `verify` looks for in `result`.

    Raises
    ------
    UnreadableError
        One of the files cannot be walked.
    """
    before = View(walk(original))
    return _needles(before, View(walk(result)), frozenset(plan.codes), promise.Promise(plan, before))


def _needles(original: View, result: View, codes: frozenset[str], promised: promise.Promise) -> Needles:
    kept = promised.kept | content.retained_uids(original, codes)
    return derive(original, codes, kept, _dates_of(result))


def _charsets(result: View) -> Iterator[Finding]:
    for element in result.elements:
        if element.tag == SPECIFIC_CHARACTER_SET and not is_known(result.charset(element.parents)):
            yield Finding("charset-unknown", element.path)
        elif element.vr in IN_CHARSET and _contradicts(element, result):
            yield Finding("charset-contradicted", element.path)


def _contradicts(element: Element, result: View) -> bool:
    raw = result.value(element)
    return not raw.isascii() and is_utf_8_undeclared(raw, result.charset(element.parents))


def _dates_of(result: View) -> frozenset[str]:
    """Dates in date elements of the result. Their own rows answer for them; in a text they prove nothing."""
    return frozenset(
        value.strip(b" \0")[:8].decode("ascii", "replace")
        for element in result.elements
        if element.vr in ("DA", "DT")
        for value in result.value(element).split(b"\\")
    )


def _own_words(plan: Plan | None) -> frozenset[str]:
    said = ["Deidgate mark 1 2", *CID_7050.values(), plan.policy if plan is not None else ""]
    return frozenset(word for text in said for word in canonical(text.encode()).decode("latin_1").split())
