# SPDX-License-Identifier: Apache-2.0
"""What an earlier run of the same output has left undone, and this one was given the option for."""

from __future__ import annotations

from deidgate.batch.job import Job
from deidgate.files.kind import codes_of_others
from deidgate.files.limits import Limits


def reopened(job: Job) -> frozenset[str]:
    """Reasons to hold or skip a file that are looked at again."""
    codes = set(job.accepted)
    if job.copy_other:
        codes |= codes_of_others()
    if job.limits != Limits():
        codes.add("archive-too-large")
    return frozenset(codes)
