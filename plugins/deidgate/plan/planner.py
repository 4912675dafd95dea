# SPDX-License-Identifier: Apache-2.0
"""From a header, a policy and the pseudonyms of one patient to a plan."""

from __future__ import annotations

from pydicom import Dataset

from deidgate.dicom.elements import check_encoding, text_of
from deidgate.dicom.path import ElementPath
from deidgate.errors import CannotDeidentify
from deidgate.plan.claims import claims, method_codes, temporal_information
from deidgate.plan.encrypted import encrypted_originals
from deidgate.plan.model import Plan
from deidgate.plan.pictures import pixel_plan
from deidgate.plan.rules import rules_for
from deidgate.plan.values import ASCII, Values
from deidgate.plan.walk import decisions
from deidgate.policy.model import Fate, Option, Policy
from deidgate.pseudonym.model import Pseudonyms
from deidgate.standard.families import family_of_sop_class
from deidgate.standard.types import iod_of

SOP_CLASS_UID, SOP_INSTANCE_UID = 0x00080016, 0x00080018
STUDY_INSTANCE_UID, SERIES_INSTANCE_UID = 0x0020000D, 0x0020000E


def plan(header: Dataset, policy: Policy, pseudonyms: Pseudonyms) -> Plan:
    """Decide one action for every Data Element of `header`, at every depth.

    `header` is not changed. It may end before Pixel Data: pixels (group 7FE0) are kept, and everything that
    follows them is removed by `deidgate.apply`. An element that no rule names gets the default that the policy
    states; there is no default in code.

    Raises
    ------
    CannotDeidentify
        The SOP Class is held or unknown to the policy, an identifying UID is missing, the encoding is not that of
        the Transfer Syntax, or an element cannot be read and the policy holds such.

    Source: PS3.15 E.1.1 and Table E.1-1; Types from PS3.3.
    """
    check_encoding(header)
    sop_class_uid = _identifier(header, SOP_CLASS_UID, "no-sop-class")
    _check_sop_class(sop_class_uid, policy)
    keeps_uids = Option.RETAIN_UIDS in policy.options
    sop_instance_uid, series_instance_uid, study_instance_uid = (
        original if keeps_uids else pseudonyms.uid(original)
        for original in (
            _identifier(header, SOP_INSTANCE_UID, "no-sop-instance-uid"),
            _identifier(header, SERIES_INSTANCE_UID, "no-series-instance-uid"),
            _identifier(header, STUDY_INSTANCE_UID, "no-study-instance-uid"),
        )
    )
    rules = rules_for(policy, sop_class_uid, iod_of(sop_class_uid).evident(frozenset(map(int, header.keys()))))
    values = Values(header, policy, pseudonyms)
    codes = method_codes(policy)
    decided = decisions(header, rules.top, policy, pseudonyms, values)
    pixels = pixel_plan(header, policy)
    originals = (encrypted_originals(header, decided, policy.encrypt_for),) if policy.encrypt_for else ()
    return Plan(
        policy=policy.label,
        sop_class_uid=sop_class_uid,
        sop_instance_uid=sop_instance_uid,
        series_instance_uid=series_instance_uid,
        study_instance_uid=study_instance_uid,
        patient_id=pseudonyms.patient_id,
        decisions=decided,
        added=(*claims(header, policy, pseudonyms, codes, pixels.risk, values.clean), *originals),
        codes=codes,
        longitudinal=temporal_information(header, policy),
        pixels=pixels,
    )


def _check_sop_class(sop_class_uid: str, policy: Policy) -> None:
    fate = policy.sop_classes.get(sop_class_uid)
    if fate is None:
        family = family_of_sop_class().get(sop_class_uid)
        fate = policy.families[family] if family else None
    path = str(ElementPath.top(SOP_CLASS_UID))
    if fate is None:
        raise CannotDeidentify("sop-class-unknown", path)
    if fate is not Fate.DEIDENTIFY:
        raise CannotDeidentify("sop-class-held" if fate is Fate.HOLD else "sop-class-rejected", path)


def _identifier(header: Dataset, tag: int, code: str) -> str:
    element = header.get_item(tag)
    text = "" if element is None else text_of(element, ASCII).strip()
    if not text:
        raise CannotDeidentify(code, str(ElementPath.top(tag)))
    return text
