# SPDX-License-Identifier: Apache-2.0
"""Whether an instance may come in by C-STORE, in well under a millisecond: from memory alone.

Closed until the first look at disk and backlog, and whenever the last look is too old: an unknown state refuses.
The called AE title is not visible here. Orthanc checks it (``DicomCheckCalledAet``), and the route does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from deidgate.dicom.status import NOT_AUTHORIZED, OUT_OF_RESOURCES, SUCCESS
from deidgate.orthanc_io.sdk import DicomInstance
from deidgate.policy.routes import matches

_REMEMBERED = 1000


@dataclass(frozen=True, slots=True)
class Senders:
    """AE titles that may send, with ``*`` and ``?`` as wildcards."""

    patterns: tuple[str, ...]

    @classmethod
    def of(cls, routes: Iterable[tuple[str, ...]]) -> Senders:
        """The senders of all routes; a route without any is open to everybody."""
        patterns = [pattern for calling in routes for pattern in (calling or ("*",))]
        return cls(tuple(dict.fromkeys(patterns)))

    def know(self, calling_aet: str) -> bool:
        """Whether a route is meant for this sender."""
        # No route at all knows nobody.
        return bool(self.patterns) and matches(self.patterns, calling_aet)


class Admission:
    """The C-STORE filter."""

    def __init__(self, senders: Senders, *, stale_s: float = 60.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._senders = senders
        self._stale_s = stale_s
        self._clock = clock
        self._known: dict[str, bool] = {}
        self._open = False
        self._looked_at: float | None = None
        self.refused_sender = 0
        self.refused_resources = 0

    def update(self, is_open: bool) -> None:
        """Take note of the latest look at disk and backlog."""
        self._open = is_open
        self._looked_at = self._clock()

    @property
    def is_open(self) -> bool:
        """Whether there is room, as far as is known."""
        return self._open and self._looked_at is not None and self._clock() - self._looked_at < self._stale_s

    def c_store(self, instance: DicomInstance) -> int:
        """The DIMSE status to answer with; Orthanc refuses by itself when this raises."""
        if not self._knows(instance.GetInstanceRemoteAet()):
            self.refused_sender += 1
            return NOT_AUTHORIZED
        if not self.is_open:
            self.refused_resources += 1
            return OUT_OF_RESOURCES
        return SUCCESS

    def _knows(self, calling_aet: str) -> bool:
        known = self._known.get(calling_aet)
        if known is None:
            known = self._senders.know(calling_aet)
            # Bounded: a stranger who tries names must not fill the memory.
            if len(self._known) < _REMEMBERED:
                self._known[calling_aet] = known
        return known
