# SPDX-License-Identifier: Apache-2.0
"""The attributes that say what was done to an instance.

They claim what was done and no more: nothing about pixels before they were looked at (`finish_claims`), and no code
of an option that the policy does not have. Of the codes of earlier de-identifications those stay that are still true.

Source: PS3.15 E.1.1, PS3.3 C.7.1.1 (0012,0062-0064), C.12.1.1.9 (0028,0303), PS3.16 CID 7050.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from pydicom import Dataset

from deidgate import marks
from deidgate.dicom.charset import Charset
from deidgate.dicom.elements import Unreadable, declared_vr, items_of, text_of
from deidgate.dicom.path import ElementPath
from deidgate.plan.model import Added, Plan, Reason
from deidgate.policy.model import Option, Policy
from deidgate.pseudonym.model import Pseudonyms
from deidgate.standard.codes import BASIC_PROFILE, CID_7050

PATIENT_IDENTITY_REMOVED = 0x00120062
METHOD = 0x00120063
METHOD_CODES = 0x00120064
BURNED_IN_ANNOTATION = 0x00280301
TEMPORAL_INFORMATION = 0x00280303
CLAIMS = frozenset({PATIENT_IDENTITY_REMOVED, METHOD, METHOD_CODES, TEMPORAL_INFORMATION})

_RETAINING = frozenset(option.value for option in Option if option.name.startswith("RETAIN_"))
_BECAUSE = Reason("E.1.1", "claim")
# In the order of what is lost. Source: PS3.3 C.12.1.1.9.
_TEMPORAL = ("UNMODIFIED", "MODIFIED", "REMOVED")
_LITTLE_RISK = ("none", "low")
_LONG_STRING = 64  # Source: PS3.5 6.2, VR LO


def method_codes(policy: Policy) -> tuple[str, ...]:
    """CID 7050 codes of what a plan of `policy` does, pixels excepted."""
    options = sorted(policy.options - {Option.CLEAN_PIXEL_DATA})
    return (BASIC_PROFILE, *(option.value for option in options))


def temporal_information(header: Dataset, policy: Policy) -> str:
    """Value of Longitudinal Temporal Information Modified, after all that was done to the dates since they were true.

    Who keeps dates that another one has moved or removed does not make them true again.

    Source: PS3.15 E.3.6.
    """
    own = "REMOVED"
    if Option.RETAIN_FULL_DATES in policy.options:
        own = "UNMODIFIED"
    elif Option.RETAIN_MODIFIED_DATES in policy.options:
        own = "MODIFIED"
    said = [own, "MODIFIED" if Option.RETAIN_MODIFIED_DATES.value in _former_codes(header) else "UNMODIFIED"]
    element = header.get_item(TEMPORAL_INFORMATION)
    if element is not None:
        try:
            said.append(text_of(element, Charset.declared("")).strip(" \0"))
        except Unreadable:
            said.append("")
    return max((one for one in said if one in _TEMPORAL), key=_TEMPORAL.index)


def claims(
    header: Dataset,
    policy: Policy,
    pseudonyms: Pseudonyms,
    codes: tuple[str, ...],
    risk: str,
    clean: Callable[[str, str], str],
) -> tuple[Added, ...]:
    """The claims of a plan, and the attributes of identity that the header lacks.

    Where the risk of burned-in text is more than low, Patient Identity Removed is NO until the pixels were checked.
    `clean` takes out of a text (with its VR) what the instance reveals: the methods of others stay, cleaned.
    """
    missing = [
        Added(ElementPath.top(tag), vr, value, Reason("pseudonym", "the original has none"))
        for tag, vr, value in (
            (0x00100010, "PN", pseudonyms.patient_name),
            (0x00100020, "LO", pseudonyms.patient_id),
        )
        if header.get_item(tag) is None
    ]
    return (
        *missing,
        Added(ElementPath.top(PATIENT_IDENTITY_REMOVED), "CS", "YES" if risk in _LITTLE_RISK else "NO", _BECAUSE),
        Added(ElementPath.top(METHOD), "LO", _methods(header, policy, clean), _BECAUSE),
        _codes(_still_true(_former_codes(header), codes), codes),
        Added(ElementPath.top(TEMPORAL_INFORMATION), "CS", temporal_information(header, policy), _BECAUSE),
    )


def finish_claims(plan: Plan, *, pixels_checked: bool) -> Plan:
    """The plan with its claims completed once the pixels are known; call it before the executors run.

    A plan as made by `plan()` claims nothing about pixels. When they were checked (and, if needed, masked), the
    Clean Pixel Data code is added, Burned In Annotation becomes NO and Patient Identity Removed YES.

    Parameters
    ----------
    plan : Plan
        Not changed.
    pixels_checked : bool
        Every frame that had to be judged was judged, and what remains is clean.
    """
    if not pixels_checked:
        return plan
    added = []
    for one in plan.added:
        if one.path.tag == PATIENT_IDENTITY_REMOVED:
            one = dataclasses.replace(one, value="YES")
        if one.path.tag == METHOD_CODES and isinstance(one.value, tuple):
            item = _item(Option.CLEAN_PIXEL_DATA.value)
            one = dataclasses.replace(one, value=one.value if item in one.value else (*one.value, item))
        added.append(one)
    burned_in = Added(ElementPath.top(BURNED_IN_ANNOTATION), "CS", "NO", Reason("E.3.1", "pixels were checked"))
    return dataclasses.replace(
        plan, added=(*added, burned_in), codes=tuple(sorted({*plan.codes, Option.CLEAN_PIXEL_DATA.value}))
    )


def _methods(header: Dataset, policy: Policy, clean: Callable[[str, str], str]) -> str:
    own = f"Deidgate {policy.label}"[:_LONG_STRING]
    former: list[str] = []
    element = header.get_item(METHOD)
    if element is not None:
        try:
            former = text_of(element, Charset.declared("")).split("\\")
        except Unreadable:
            former = []
    # Values of earlier runs of ours are replaced: the marks in them are of another file.
    kept = [value.strip() for value in former if value.strip() and not value.strip().startswith("Deidgate ")]
    kept = [clean(value, "LO").strip() for value in dict.fromkeys(kept) if value.isascii()]
    kept = [value for value in kept if value and len(value) <= _LONG_STRING]
    return "\\".join([*kept, own, *marks.RESERVED])


def _former_codes(header: Dataset) -> list[str]:
    element = header.get_item(METHOD_CODES)
    if element is None or declared_vr(element) not in ("SQ", ""):
        return []
    codes = []
    try:
        for item in items_of(header, element):
            value, scheme = item.get_item(0x00080100), item.get_item(0x00080102)
            if value is not None and scheme is not None:
                charset = Charset.declared("")
                if text_of(scheme, charset) == "DCM" and text_of(value, charset) in CID_7050:
                    codes.append(text_of(value, charset))
    except Unreadable:
        return []
    return codes


def _still_true(former: list[str], codes: tuple[str, ...]) -> list[str]:
    """Earlier codes without what was retained then and is gone now.

    What was cleaned stays clean. Dates that were moved are still moved ones where dates are kept.
    """
    gone = _RETAINING - set(codes)
    if Option.RETAIN_FULL_DATES.value in codes:
        gone -= {Option.RETAIN_MODIFIED_DATES.value}
    return [code for code in former if code not in gone]


def _codes(former: list[str], codes: tuple[str, ...]) -> Added:
    items = tuple(_item(code) for code in dict.fromkeys([*former, *codes]))
    return Added(ElementPath.top(METHOD_CODES), "SQ", items, _BECAUSE)


def _item(code: str) -> tuple[Added, ...]:
    return (
        Added(ElementPath.top(0x00080100), "SH", code, _BECAUSE),
        Added(ElementPath.top(0x00080102), "SH", "DCM", _BECAUSE),
        Added(ElementPath.top(0x00080104), "LO", CID_7050[code], _BECAUSE),
    )
