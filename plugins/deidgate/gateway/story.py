# SPDX-License-Identifier: Apache-2.0
"""From an item of the ledger to its end: delivered, held with a reason, or postponed.

What a person let pass (`Item.accepted`) is asked for in one place each. An error that is no error of ours is not caught
here: it is a bug, and the worker's outermost loop holds the instance.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from deidgate import marks
from deidgate.apply.finish import finished
from deidgate.apply.rest import modify_request
from deidgate.errors import CannotDeidentify, Unavailable, VerificationFailed
from deidgate.gateway.identity import patient_of
from deidgate.gateway.original import Original
from deidgate.gateway.original import read as read_original
from deidgate.gateway.orthanc_id import instance_id
from deidgate.gateway.outcome import Delivered, Held, Learned, Outcome, Postponed, Rejected
from deidgate.gateway.picture import cleaned, judge
from deidgate.gateway.ports import Item, Ports
from deidgate.plan.model import Plan
from deidgate.plan.planner import plan as make_plan
from deidgate.policy.model import Policy
from deidgate.policy.routes import Route
from deidgate.verify.gate import verify

LARGE = 256 << 20
"""Bytes of a file that is read twice rather than held beside two copies of its result."""

FINDING = "result-"
"""Before the code of what the last gate found: the result is meant, not the original."""

_BY_RULE = frozenset({"sop-class-rejected"})
"""Codes of what a policy rejects on purpose."""


class Story:
    """What is learned of one instance while it is carried; `carry` tells it to the end."""

    def __init__(self, item: Item, ports: Ports) -> None:
        self._item = item
        self._ports = ports
        self._learned = Learned()

    def tell(self) -> Outcome:
        """The end. Errors of Deidgate become outcomes; any other is a bug and passes through."""
        try:
            return self._tell()
        except CannotDeidentify as error:
            end = Rejected if error.code in _BY_RULE else Held
            return end(self._learned, error.code, error.path)
        except (VerificationFailed, marks.Unmarked) as error:
            return Held(self._learned, error.code, error.path, alert=True)
        except Unavailable as error:
            return Postponed(self._learned, error.code, error.path)

    @property
    def learned(self) -> Learned:
        """What is known so far, for whoever has to record a bug."""
        return self._learned

    def _tell(self) -> Delivered:
        item, ports = self._item, self._ports
        original = read_original(ports.originals.read(item.orthanc_id), item.digest)
        self._learn_file(original)
        route, policy = self._way_of(original)
        patient = patient_of(original, route, policy, item, ports.patients)
        self._learned = replace(self._learned, patient=patient.id)
        known = ports.patients.delivered_digest(route.project, original.text("SOPInstanceUID"))
        changed = known != original.digest if known is not None else original.is_second
        if changed and "content-changed" not in item.accepted:
            raise CannotDeidentify("content-changed", "SOPInstanceUID")

        plan = make_plan(original.header, policy, patient.pseudonyms)
        plan, picture = judge(original, plan, policy, item, ports.pixels)
        result = finished(ports.originals.modify(item.orthanc_id, self._request(plan, original)), plan)
        result = cleaned(result, original, picture, ports.pixels)
        large = len(original.file) > LARGE
        if large:
            # Signing takes a copy: without this, three files of a gigabyte at once.
            original = original.put_down()
        result = marks.sign(result, ports.mark_key)
        if large:
            original = self._taken_up(original)

        verdict = verify(original.file, result, plan, picture)
        if not verdict.ok:
            first = verdict.findings[0]
            raise VerificationFailed(FINDING + first.code, first.path)
        return self._deliver(result, plan)

    def _taken_up(self, original: Original) -> Original:
        """The original with its file, read once more.

        Raises
        ------
        CannotDeidentify
            ``original-changed``.
        """
        again = read_original(self._ports.originals.read(self._item.orthanc_id), self._item.digest)
        if again.digest != original.digest:
            raise CannotDeidentify("original-changed")
        return again

    def _deliver(self, result: bytes, plan: Plan) -> Delivered:
        research_id = instance_id(
            plan.patient_id, plan.study_instance_uid, plan.series_instance_uid, plan.sop_instance_uid
        )
        md5 = hashlib.md5(result, usedforsecurity=False).hexdigest()
        # What research may have under this ID is an earlier rendering of the same original, which is replaced: under
        # another original's digest the story has ended before.
        self._ports.research.deliver(result, research_id, md5)
        return Delivered(self._learned, plan, research_id, f"md5:{md5}")

    def _learn_file(self, original: Original) -> None:
        self._learned = replace(
            self._learned,
            digest=original.digest,
            study_instance_uid=original.text("StudyInstanceUID"),
            series_instance_uid=original.text("SeriesInstanceUID"),
            sop_instance_uid=original.text("SOPInstanceUID"),
        )

    def _way_of(self, original: Original) -> tuple[Route, Policy]:
        route = self._ports.routes.resolve(
            self._item.calling_aet, self._item.called_aet, original.text("Modality"), original.text("SOPClassUID")
        )
        policy = self._ports.policies[route.policy]
        self._learned = replace(
            self._learned,
            site=route.site,
            project=route.project,
            policy_name=policy.name,
            policy_version=policy.version,
            policy_hash=policy.digest,
        )
        return route, policy

    def _request(self, plan: Plan, original: Original) -> dict[str, object]:
        request = modify_request(plan, original.header)
        if original.transfer_syntax == DeflatedExplicitVRLittleEndian:
            # Bytes of a deflated dataset cannot be signed in place; the content is the same without.
            request["Transcode"] = str(ExplicitVRLittleEndian)
        return request


def carry(item: Item, ports: Ports) -> Outcome:
    """What became of `item`."""
    return Story(item, ports).tell()
