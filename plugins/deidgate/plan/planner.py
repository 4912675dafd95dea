# SPDX-License-Identifier: Apache-2.0
"""Decide one action for every Data Element of a header, at every depth."""

from __future__ import annotations

from pydicom import Dataset

from deidgate.plan.model import Plan
from deidgate.policy.model import Policy
from deidgate.pseudonym.model import Pseudonyms


def plan(header: Dataset, policy: Policy, pseudonyms: Pseudonyms) -> Plan:
    """Decide one action for every Data Element of `header`, at every depth.

    `header` is not changed. It may end before Pixel Data: pixels (group 7FE0) are kept, and everything that
    follows them is removed by `deidgate.apply`. An element that no rule names gets the default that the policy
    states; there is no default in code.

    Raises
    ------
    CannotDeidentify
        The SOP Class is held or unknown to the policy, or an element cannot be read and the policy holds such.

    Source: PS3.15 E.1.1 and Table E.1-1; Types from PS3.3.
    """
    raise NotImplementedError
