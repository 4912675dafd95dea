# SPDX-License-Identifier: Apache-2.0
"""The life of what is handed on to a further destination, as values. Names no patient.

The transitions are in the database as a trigger too, which refuses the rest; a test walks every pair.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ForwardState(StrEnum):
    """Where one delivered instance is on its way to one further destination."""

    WAITING = "waiting"  # to be sent, or sent again
    CLAIMED = "claimed"  # a courier has a lease on it
    CONFIRMED = "confirmed"  # the destination has it, and the confirmation says how that is known
    HELD = "held"  # the destination refused it for good: a person has to look
    RECALLED = "recalled"  # was sent, or may have been, and has to be taken back there
    WITHDRAWN = "withdrawn"  # is not there (any more)


_S = ForwardState
LEGAL: frozenset[tuple[ForwardState, ForwardState]] = frozenset(
    {
        (_S.WAITING, _S.CLAIMED),
        (_S.WAITING, _S.RECALLED),  # an earlier attempt may have arrived
        (_S.WAITING, _S.WITHDRAWN),  # recalled before anything left
        (_S.CLAIMED, _S.WAITING),  # retry
        (_S.CLAIMED, _S.CONFIRMED),
        (_S.CLAIMED, _S.HELD),
        (_S.CLAIMED, _S.RECALLED),
        (_S.CLAIMED, _S.WITHDRAWN),  # the same instance is there by another item
        (_S.CONFIRMED, _S.RECALLED),
        (_S.CONFIRMED, _S.WITHDRAWN),
        (_S.HELD, _S.WAITING),  # a person has it tried again
        (_S.HELD, _S.RECALLED),
        (_S.HELD, _S.WITHDRAWN),
        (_S.RECALLED, _S.WITHDRAWN),
        (_S.WITHDRAWN, _S.WAITING),  # processed and delivered again
    }
)

COURIER_DIED = "courier-died"
"""Reason code of what is tried after a lease that ran out: whoever had it did not live to say how it ended."""
RECALL_BY_HAND = "recall-by-hand"
"""Reason code of what no protocol takes back: a person removes it there and says so."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """An instance for a destination that is ours until the lease ends, and no longer if another `token` was given."""

    id: int
    token: int
    item_id: int
    destination: str
    attempts: int  # this one included
    last_code: str | None  # why the attempt before came to nothing
    research_id: str
    digest: str  # ``md5:…`` of the file that was verified and delivered
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str

    @property
    def md5(self) -> str:
        """The digest, hexadecimal."""
        return self.digest.rpartition(":")[2]


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The destination has it; `by` is what that is known by."""

    parcel: Parcel
    by: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The destination will not have it, now or later: a person has to look."""

    parcel: Parcel
    code: str
    path: str = ""


@dataclass(frozen=True, slots=True)
class Again:
    """It came to nothing; not to be tried before `not_before`."""

    parcel: Parcel
    not_before: datetime
    code: str
    path: str = ""


ForwardOutcome = Confirmed | Refused | Again


@dataclass(frozen=True, slots=True)
class ForwardCount:
    """How many are alike."""

    destination: str
    state: ForwardState
    code: str | None
    number: int


@dataclass(frozen=True, slots=True)
class ForwardView:
    """One of them as a person sees it."""

    item_id: int
    destination: str
    state: ForwardState
    code: str | None
    path: str | None
    attempts: int
    sop_instance_uid: str
    """The new one."""
    changed_at: datetime


def by_destination(counts: Iterable[ForwardCount]) -> dict[str, dict[str, int]]:
    """Numbers by state, for each destination."""
    found: dict[str, dict[str, int]] = {}
    for count in counts:
        states = found.setdefault(count.destination, {})
        states[count.state.value] = states.get(count.state.value, 0) + count.number
    return found
