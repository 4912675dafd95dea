# SPDX-License-Identifier: Apache-2.0
"""One worker process: claim, have stories told side by side, settle, until told to stop.

The calling thread claims, keeps the leases alive and settles in batches; the pool's threads tell stories. A crash
anywhere leaves claims whose lease runs out, and stories that can be told again with the same end.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime

from deidgate.errors import Unavailable
from deidgate.gateway.outcome import Held, Learned, Outcome, Postponed
from deidgate.log import where
from deidgate.store.model import Claim, Retry
from deidgate.store.queue import Queue
from deidgate.worker.ending import recorded
from deidgate.worker.meter import Meter
from deidgate.worker.patience import Patience
from deidgate.worker.trouble import Trouble

_log = logging.getLogger(__name__)

_LAPSES = 3
"""An instance whose claim ran out so often is held: three workers in a row ended with it in their hands."""

Tell = Callable[[Claim], Outcome]


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes and times of a line."""

    threads: int
    batch: int
    lease_s: float
    idle_s: float = 0.25
    """Wait this long before looking for work again when there was none."""
    gather_s: float = 0.05
    """Wait this long for further endings before a batch is settled: a commit costs more than its rows."""
    rest_s: float = 5.0
    """Claim nothing for so long, and then one instance, while a server is away."""
    drain_s: float = 15.0
    """Told to stop, wait so long for stories that are under way."""


class Line:
    """Work on instances with a few threads."""

    def __init__(
        self, owner: str, store_queue: Queue, tell: Tell, meter: Meter, shape: Shape, patience: Patience
    ) -> None:
        self._owner = owner
        self._queue = store_queue
        self._tell = tell
        self._meter = meter
        self._shape = shape
        self._patience = patience
        self._ended: queue.SimpleQueue[tuple[Claim, Outcome]] = queue.SimpleQueue()
        self._under_way: dict[int, tuple[Claim, Future[None]]] = {}
        self._unsettled: list[tuple[Claim, Outcome]] = []
        self._trouble = Trouble()
        self._front = False
        self._rest_until = self._look_at = self._beat_at = 0.0

    def run(self, stop: threading.Event, alive: Callable[[], None]) -> None:
        """Work until `stop` is set, then finish what is under way. `alive` is called every turn."""
        pool = ThreadPoolExecutor(self._shape.threads, thread_name_prefix="story")
        while not stop.is_set():
            alive()
            self._turn(stop, lambda: self._work(pool))
            if not self._under_way:
                stop.wait(self._shape.idle_s)
        pool.shutdown(wait=False, cancel_futures=True)
        until = time.monotonic() + self._shape.drain_s
        while self._under_way and time.monotonic() < until:
            alive()
            self._turn(stop, self._drain)

    def _turn(self, stop: threading.Event, step: Callable[[], None]) -> None:
        try:
            step()
        except Unavailable as error:
            # The ledger. What is under way stays ours, or is done again by whoever claims it next: with the same end.
            _log.warning("ledger-unavailable", extra={"ids": {"code": error.code}})
            time.sleep(self._shape.idle_s) if stop.is_set() else stop.wait(self._shape.idle_s * 4)

    def _work(self, pool: ThreadPoolExecutor) -> None:
        # What is ours first: a ledger that answers now and then must not only hand out.
        self._settle(self._gathered())
        self._beat()
        self._claim(pool)

    def _drain(self) -> None:
        """Settle what ends in time, and give back what was not begun."""
        now = datetime.now(UTC)
        unbegun = [claim for claim, told in self._under_way.values() if told.cancelled()]
        if unbegun:
            self._queue.settle([Retry(claim, now, "worker-stopped") for claim in unbegun])
            for claim in unbegun:
                del self._under_way[claim.item_id]
        self._settle(self._gathered())

    def _claim(self, pool: ThreadPoolExecutor) -> None:
        now = time.monotonic()
        room = self._shape.batch - len(self._under_way)
        if now < max(self._rest_until, self._look_at) or room < max(1, self._shape.batch // 3):
            return
        if not self._trouble.is_general:
            claims = self._queue.claim(self._owner, room, self._shape.lease_s, datetime.now(UTC))
        elif self._under_way:
            return
        else:
            claims = self._probe()
        if not claims:
            self._look_at = now + self._shape.idle_s
        for claim in claims:
            self._under_way[claim.item_id] = claim, pool.submit(self._story, claim)

    def _probe(self) -> list[Claim]:
        """One instance finds out whether the servers are back; a whole batch would only wear them out.

        The next and the last by turns: it may be a long series at the front whose instances all fail by themselves.
        """
        self._front = not self._front
        if self._front:
            return self._queue.claim(self._owner, 1, self._shape.lease_s, datetime.now(UTC))
        return self._queue.claim_last(self._owner, self._shape.lease_s, datetime.now(UTC))

    def _story(self, claim: Claim) -> None:
        started = time.perf_counter()
        try:
            # Whoever had it before did not live to say how it ended: perhaps because of it.
            end = self._tell(claim) if claim.lapses < _LAPSES else Held(Learned(), "worker-died", alert=True)
        except Exception as error:  # noqa: BLE001 -- the outermost loop: the instance is held and the flow goes on
            _log.exception("story-failed", extra={"ids": {"item": claim.item_id}})
            end = Held(Learned(), "internal-error", _place(error), alert=True)
        self._meter.ended(end, time.perf_counter() - started)
        self._ended.put((claim, end))

    def _gathered(self) -> list[tuple[Claim, Outcome]]:
        """Stories that have ended, those first whose settling failed before; waits a little for others."""
        until = time.monotonic() + (self._shape.idle_s if self._under_way else 0.0)
        while len(self._unsettled) < self._shape.batch:
            try:
                self._unsettled.append(self._ended.get(timeout=max(until - time.monotonic(), 0.0)))
            except queue.Empty:
                break
            until = min(until, time.monotonic() + self._shape.gather_s)
        return self._unsettled

    def _settle(self, ended: Sequence[tuple[Claim, Outcome]]) -> None:
        now = datetime.now(UTC)
        # An item that was lost and claimed again may have two stories: the later claim counts.
        latest = {claim.item_id: (claim, end) for claim, end in sorted(ended, key=lambda pair: pair[0].token)}
        if not latest:
            return
        settled = self._queue.settle(
            [recorded(claim, end, self._patience, self._trouble.counted(claim), now) for claim, end in latest.values()]
        )
        self._unsettled.clear()
        self._trouble.note(latest.values())
        if self._trouble.is_general:
            self._rest_until = time.monotonic() + self._shape.rest_s
        for claim, end in latest.values():
            self._under_way.pop(claim.item_id, None)
            self._note(claim, end)
        for item in settled.lost:
            _log.warning("claim-lost", extra={"ids": {"item": item}})
        for item in settled.conflicts:
            _log.warning("held-by-ledger", extra={"ids": {"item": item}})

    def _note(self, claim: Claim, end: Outcome) -> None:
        ids = {"item": claim.item_id, "orthanc_id": claim.orthanc_id, "attempt": claim.attempts}
        match end:
            case Postponed():
                _log.warning("postponed", extra={"ids": {**ids, "code": end.code, "path": end.path}})
            case Held():
                level = logging.ERROR if end.alert else logging.INFO
                _log.log(level, "held", extra={"ids": {**ids, "code": end.code, "path": end.path}})

    def _beat(self) -> None:
        now = time.monotonic()
        if now < self._beat_at or not self._under_way:
            return
        self._beat_at = now + self._shape.lease_s / 4
        claims = [claim for claim, _ in self._under_way.values()]
        for item in self._queue.heartbeat(claims, self._shape.lease_s, datetime.now(UTC)):
            _log.warning("lease-lost", extra={"ids": {"item": item}})


def _place(error: Exception) -> str:
    """Where in our own code it happened; what the exception says may hold a value."""
    places = where(error.__traceback__)
    return places[-1] if places else ""
