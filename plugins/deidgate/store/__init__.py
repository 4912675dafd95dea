# SPDX-License-Identifier: Apache-2.0
"""Ledger, mapping table and audit trail: what the gateway knows about what it received.

``Store.open(url, keys)`` gives one object whose parts each have one concern; see `store`.
"""

from deidgate.store.keys import Keys
from deidgate.store.model import (
    Bound,
    Claim,
    Conflict,
    Deliver,
    Delivered,
    Facts,
    Hold,
    Identity,
    NotApproved,
    PatientMapping,
    Received,
    Reject,
    Retry,
    Settled,
    UidKind,
    UidPair,
)
from deidgate.store.states import Original, State
from deidgate.store.store import Store

__all__ = [
    "Bound",
    "Claim",
    "Conflict",
    "Deliver",
    "Delivered",
    "Facts",
    "Hold",
    "Identity",
    "Keys",
    "NotApproved",
    "Original",
    "PatientMapping",
    "Received",
    "Reject",
    "Retry",
    "Settled",
    "State",
    "Store",
    "UidKind",
    "UidPair",
]
