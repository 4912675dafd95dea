# SPDX-License-Identifier: Apache-2.0
"""What an earlier run of the same output has left undone, and this one was given the option for."""

from __future__ import annotations

from deidgate.batch.job import Job
from deidgate.files.limits import Limits

_NOT_DICOM = frozenset({"not-dicom", "not-dicom-picture", "not-dicom-nifti", "not-dicom-pdf", "archive-unsupported"})


def reopened(job: Job) -> frozenset[str]:
    """Reasons to hold or skip a file that are looked at again."""
    codes = set(job.accepted)
    if job.copy_other:
        codes |= _NOT_DICOM
    if job.limits != Limits():
        codes.add("archive-too-large")
    return frozenset(codes)
