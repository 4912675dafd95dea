# SPDX-License-Identifier: Apache-2.0
"""How the story of one instance ends."""

from __future__ import annotations

from dataclasses import dataclass, field

from deidgate.plan.model import Plan


@dataclass(frozen=True, slots=True)
class Learned:
    """What was found out on the way; None where the story ended before."""

    site: str | None = None
    project: str | None = None
    policy_name: str | None = None
    policy_version: str | None = None
    policy_hash: str | None = None
    digest: str | None = None
    """Of the original's dataset, as ``sha256:…``; file meta is left out, because it tells who sent and not what."""
    patient: int | None = None
    study_instance_uid: str | None = field(default=None, repr=False)
    series_instance_uid: str | None = field(default=None, repr=False)
    sop_instance_uid: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Delivered:
    """Research holds the instance and has confirmed its digest."""

    learned: Learned
    plan: Plan
    research_id: str
    result_digest: str
    """``md5:…`` of the delivered file: Orthanc lists the same figure, so the two can be compared at any time."""


@dataclass(frozen=True, slots=True)
class Held:
    """A person has to look."""

    learned: Learned
    code: str
    path: str = ""
    alert: bool = False
    """The gateway itself did wrong, or somebody tampers: more than a doubtful instance."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A written rule says that this is not delivered: nobody has to look."""

    learned: Learned
    code: str
    path: str = ""


@dataclass(frozen=True, slots=True)
class Postponed:
    """Something does not answer: try again later."""

    learned: Learned
    code: str
    path: str = ""


Outcome = Delivered | Held | Rejected | Postponed
