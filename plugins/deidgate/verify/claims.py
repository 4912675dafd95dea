# SPDX-License-Identifier: Apache-2.0
"""Does the result claim what was done, and no more?

Source: PS3.15 E.1.1 (what a de-identifier adds), PS3.16 CID 7050, PS3.3 C.12.1.1.1, C.7.6.1 and C.7.1.1.
"""

from __future__ import annotations

from collections.abc import Iterator

from deidgate.plan.model import Plan
from deidgate.standard.codes import CID_7050
from deidgate.verify.facts import (
    BASIC,
    CLEAN_PIXELS,
    RETAIN_DEVICE,
    RETAIN_FULL_DATES,
    RETAIN_INSTITUTION,
    RETAIN_MODIFIED_DATES,
    RETAIN_PATIENT_CHARACTERISTICS,
    RETAIN_SAFE_PRIVATE,
    RETAIN_UIDS,
)
from deidgate.verify.model import Finding, PixelsSeen
from deidgate.verify.view import View
from deidgate.verify.walk import PIXEL_DATA

REMOVED = 0x00120062
METHOD = 0x00120063
METHOD_CODES = 0x00120064
BURNED_IN = 0x00280301
LONGITUDINAL = 0x00280303
LOSSY = 0x00282110

_MAX_LONG_STRING = 64
_LOSSY_SYNTAXES = frozenset(
    {
        "1.2.840.10008.1.2.4.50",
        "1.2.840.10008.1.2.4.51",
        "1.2.840.10008.1.2.4.81",
    }
)
_RETAINED = frozenset(
    {
        RETAIN_FULL_DATES,
        RETAIN_MODIFIED_DATES,
        RETAIN_PATIENT_CHARACTERISTICS,
        RETAIN_DEVICE,
        RETAIN_UIDS,
        RETAIN_SAFE_PRIVATE,
        RETAIN_INSTITUTION,
    }
)
# In the order of what is lost. Source: PS3.3 C.12.1.1.9.
_TEMPORAL = ("UNMODIFIED", "MODIFIED", "REMOVED")
# Risk classes of `deidgate.plan.model.PixelPlan` that a header alone cannot clear.
_RISKY = frozenset({"review", "high"})


def claimed_codes(result: View) -> tuple[str, ...]:
    """CID 7050 codes in De-identification Method Code Sequence, in order, with repetitions."""
    sequence = result.get(METHOD_CODES)
    return tuple(
        result.text(0x00080100, ((METHOD_CODES, item),))
        for item in range((sequence.items or 0) if sequence is not None else 0)
        if result.text(0x00080102, ((METHOD_CODES, item),)) == "DCM"
    )


def check(original: View, result: View, plan: Plan | None, outcome: PixelsSeen | None) -> Iterator[Finding]:
    """Findings for claims that are missing, wrong, or too bold."""
    codes = claimed_codes(result)
    yield from _codes(codes, original, result, plan)
    yield from _method(original, result, plan)
    yield from _dates(frozenset(codes), original, result, plan)
    yield from _pixels(frozenset(codes), original, result, plan, outcome)


def _codes(codes: tuple[str, ...], original: View, result: View, plan: Plan | None) -> Iterator[Finding]:
    if BASIC not in codes:
        yield Finding("claim-missing", "(0012,0064)", BASIC)
    if len(set(codes)) != len(codes):
        yield Finding("claim-repeated", "(0012,0064)")
    for item, code in enumerate(codes):
        meaning = CID_7050.get(code)
        if meaning is None or result.text(0x00080104, ((METHOD_CODES, item),)) != meaning:
            yield Finding("claim-code-wrong", f"(0012,0064)[{item}]")
    if plan is not None:
        earlier = set(claimed_codes(original))
        for code in plan.codes:
            if code not in codes:
                yield Finding("claim-missing", "(0012,0064)", code)
        for code in codes:
            if code not in plan.codes and code not in earlier:
                yield Finding("claim-not-planned", "(0012,0064)", code if code in CID_7050 else "")
            elif code in _RETAINED and code not in plan.codes and not _are_dates_kept(code, plan):
                # Somebody retained it then, and this policy does not.
                yield Finding("claim-too-bold", "(0012,0064)", code)


def _are_dates_kept(code: str, plan: Plan) -> bool:
    """True for modified dates that another one has modified and that are kept now."""
    return code == RETAIN_MODIFIED_DATES and RETAIN_FULL_DATES in plan.codes


def _method(original: View, result: View, plan: Plan | None) -> Iterator[Finding]:
    methods = [text.strip() for text in result.text(METHOD).split("\\") if text.strip()]
    if not methods:
        yield Finding("claim-missing", "(0012,0063)")
    if any(len(text) > _MAX_LONG_STRING for text in methods):
        yield Finding("claim-too-long", "(0012,0063)")
    if len(set(methods)) != len(methods) and set(methods) - set(original.text(METHOD).split("\\")):
        yield Finding("claim-repeated", "(0012,0063)")
    if plan is not None and not any(plan.policy in text for text in methods):
        yield Finding("claim-missing", "(0012,0063)", "policy")


def _dates(codes: frozenset[str], original: View, result: View, plan: Plan | None) -> Iterator[Finding]:
    said = result.text(LONGITUDINAL)
    if said not in _TEMPORAL:
        yield Finding("claim-missing", "(0028,0303)")
        return
    if plan is not None and said != plan.longitudinal:
        yield Finding("claim-wrong", "(0028,0303)", "plan")
    due = "UNMODIFIED" if RETAIN_FULL_DATES in codes else "REMOVED"
    if RETAIN_MODIFIED_DATES in codes:
        due = "MODIFIED"
    before = original.text(LONGITUDINAL)
    if RETAIN_MODIFIED_DATES in claimed_codes(original) and before not in ("MODIFIED", "REMOVED"):
        before = "MODIFIED"
    if before in _TEMPORAL:
        # Dates that somebody else has moved or removed are not true again because they stay now.
        due = max(due, before, key=_TEMPORAL.index)
    if _TEMPORAL.index(said) < _TEMPORAL.index(due) or (said == "REMOVED" and due != said):
        yield Finding("claim-wrong", "(0028,0303)", "(0012,0064)")


def _pixels(
    codes: frozenset[str], original: View, result: View, plan: Plan | None, outcome: PixelsSeen | None
) -> Iterator[Finding]:
    has_pixels = result.get(PIXEL_DATA) is not None
    status = None if outcome is None else str(outcome.status)
    if status == "uncertain":
        yield Finding("pixels-uncertain", "(7FE0,0010)")
    removed = result.text(REMOVED)
    if removed not in ("YES", "NO"):
        yield Finding("claim-missing", "(0012,0062)")
    judged = status in ("clean", "masked")
    if removed == "YES" and plan is not None and has_pixels and plan.pixels.risk in _RISKY and not judged:
        yield Finding("claim-too-bold", "(0012,0062)", "pixels were not reviewed")
    newly_clean = CLEAN_PIXELS in codes and CLEAN_PIXELS not in claimed_codes(original)
    if newly_clean and plan is not None and has_pixels and not judged:
        yield Finding("claim-too-bold", "(0012,0064)", CLEAN_PIXELS)
    said, before = result.text(BURNED_IN), original.text(BURNED_IN)
    if said == "YES" and removed == "YES":
        yield Finding("claim-contradicts", "(0028,0301)", "(0012,0062)")
    if said == "NO" and before != "NO" and (CLEAN_PIXELS not in codes or (plan is not None and not judged)):
        yield Finding("claim-too-bold", "(0028,0301)", "NO")
    if result.get(LOSSY) is None and result.parsed.transfer_syntax == original.parsed.transfer_syntax:
        # Taken away by a written rule (a keep-list), and the transfer syntax still says it.
        return
    lossy_before = original.text(LOSSY) == "01" or original.parsed.transfer_syntax in _LOSSY_SYNTAXES
    if (
        has_pixels
        and lossy_before
        and result.text(LOSSY) != "01"
        and (original.text(LOSSY) == "01" or result.parsed.transfer_syntax != original.parsed.transfer_syntax)
    ):
        yield Finding("claim-wrong", "(0028,2110)", "lossy")
