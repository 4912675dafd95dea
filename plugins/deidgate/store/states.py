# SPDX-License-Identifier: Apache-2.0
"""The life of an item: which state may follow which.

The same table is in the database as a trigger (`store/migrations`), which refuses the rest
whoever writes; a test walks every pair on every database.
"""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Where one received instance is in its life."""

    RECEIVED = "received"  # stored at ingest, waits for a worker
    CLAIMED = "claimed"  # a worker has a lease on it
    DELIVERED = "delivered"  # stored and confirmed at research
    HELD = "held"  # waits for a person, with a reason
    REJECTED = "rejected"  # will not be delivered, by a written rule or a person
    RECALLED = "recalled"  # was delivered and is taken back


class Original(StrEnum):
    """Whether ingest still has the original. Purging is recorded before and after."""

    PRESENT = "present"
    PURGING = "purging"  # about to be deleted, or deleted and not yet recorded
    PURGED = "purged"


LEGAL: frozenset[tuple[State, State]] = frozenset(
    {
        (State.RECEIVED, State.CLAIMED),
        (State.CLAIMED, State.RECEIVED),  # retry
        (State.CLAIMED, State.DELIVERED),
        (State.CLAIMED, State.HELD),
        (State.CLAIMED, State.REJECTED),
        (State.HELD, State.RECEIVED),  # released
        (State.HELD, State.REJECTED),
        (State.DELIVERED, State.RECALLED),
        (State.RECALLED, State.RECEIVED),  # processed again, under another policy
    }
)

LEGAL_ORIGINAL: frozenset[tuple[Original, Original]] = frozenset(
    {
        (Original.PRESENT, Original.PURGING),
        (Original.PURGING, Original.PRESENT),  # ingest refused to delete it
        (Original.PURGING, Original.PURGED),
    }
)

OPEN: frozenset[State] = frozenset({State.RECEIVED, State.CLAIMED})
"""In flight: the gateway still owes an answer, without a person."""
