# SPDX-License-Identifier: Apache-2.0
"""The one call: an original and its result, deliver or hold."""

from __future__ import annotations

from deidgate.plan.model import Plan
from deidgate.verify.model import PixelsSeen, Verdict


def verify(
    original: bytes, result: bytes, plan: Plan | None = None, outcome: PixelsSeen | None = None
) -> Verdict:
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
        It never raises for what stands in the files.
    """
    raise NotImplementedError
