# SPDX-License-Identifier: Apache-2.0
"""The attributes that say what was done to an instance."""

from __future__ import annotations

from deidgate.plan.model import Plan


def finish_claims(plan: Plan, *, pixels_checked: bool, pixels_masked: bool) -> Plan:
    """The plan with its claims completed once the pixels are known; call it before the executors run.

    A plan as made by `plan()` claims nothing about pixels. When they were checked (and, if needed, masked), the
    Clean Pixel Data code is added and Burned In Annotation becomes NO.

    Parameters
    ----------
    plan : Plan
        Not changed.
    pixels_checked : bool
        Every frame that had to be judged was judged, and what remains is clean.
    pixels_masked : bool
        Something was masked.
    """
    raise NotImplementedError
