# SPDX-License-Identifier: Apache-2.0
"""From the end of a story to what the ledger records."""

from __future__ import annotations

from datetime import datetime

from deidgate.gateway import outcome as story
from deidgate.store.model import Claim, Deliver, Delivered, Facts, Hold, Outcome, Reject, Retry, UidKind, UidPair
from deidgate.worker.patience import Patience

_PER_INSTANCE = frozenset({"ingest-error", "ingest-answer-unreadable"})
"""Answers of ingest that are mostly the instance's own fault: Orthanc answers 500 to what it cannot parse. They count
even when nothing else is there that could be delivered meanwhile."""


def recorded(claim: Claim, end: story.Outcome, patience: Patience, counted: int, now: datetime) -> Outcome:
    """What the ledger is to record of `claim`, whose story ended with `end`.

    `counted` is the number of failures that count against the instance, if this is one (`deidgate.worker.trouble`).
    """
    facts = _facts(end.learned)
    match end:
        case story.Delivered(learned=learned, plan=plan):
            delivered = Delivered(
                end.research_id,
                plan.study_instance_uid,
                plan.series_instance_uid,
                plan.sop_instance_uid,
                end.result_digest,
            )
            return Deliver(claim, delivered, facts, _uid_pairs(learned, delivered))
        case story.Held():
            return Hold(claim, end.code, end.path, facts)
        case story.Rejected():
            return Reject(claim, end.code, end.path, facts)
        case story.Postponed(code=code) if patience.is_over(claim.attempts if code in _PER_INSTANCE else counted):
            return Hold(claim, "keeps-failing", end.code, facts)
        case story.Postponed():
            not_before = now + patience.delay(claim.attempts)
            return Retry(claim, not_before, end.code, end.path, facts, turns=patience.turns(claim.attempts))


def _facts(learned: story.Learned) -> Facts:
    return Facts(
        site=learned.site,
        project=learned.project,
        policy_name=learned.policy_name,
        policy_version=learned.policy_version,
        policy_hash=learned.policy_hash,
        digest=learned.digest,
        patient=learned.patient,
        study_instance_uid=learned.study_instance_uid,
        sop_instance_uid=learned.sop_instance_uid,
    )


def _uid_pairs(learned: story.Learned, delivered: Delivered) -> tuple[UidPair, ...]:
    pairs = (
        (UidKind.STUDY, learned.study_instance_uid, delivered.study_instance_uid),
        (UidKind.SERIES, learned.series_instance_uid, delivered.series_instance_uid),
        (UidKind.INSTANCE, learned.sop_instance_uid, delivered.sop_instance_uid),
    )
    return tuple(UidPair(kind, original, new) for kind, original, new in pairs if original)
