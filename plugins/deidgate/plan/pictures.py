# SPDX-License-Identifier: Apache-2.0
"""What a plan says about pixels before anybody has seen them."""

from __future__ import annotations

import struct

from pydicom import Dataset

from deidgate.pixels.devices import keep_outs, shipped_devices
from deidgate.pixels.regions import outside_regions
from deidgate.pixels.risk import RiskLevel, risk
from deidgate.plan.model import PixelPlan
from deidgate.policy.model import Policy

# What pydicom raises over values that contradict their VR.
_UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, OverflowError, NotImplementedError, struct.error)


def pixel_plan(header: Dataset, policy: Policy) -> PixelPlan:
    """Risk and certain boxes of the pictures of `header`; a header that cannot be judged is of high risk."""
    try:
        level = risk(header).level
        clean = policy.cleans_pixels and level is not RiskLevel.NONE
        boxes = (*keep_outs(header, shipped_devices()), *outside_regions(header)) if clean else ()
    except _UNREADABLE:
        return PixelPlan(clean=policy.cleans_pixels, risk=RiskLevel.HIGH.value)
    return PixelPlan(clean=clean, risk=level.value, boxes=boxes)
