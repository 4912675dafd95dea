# SPDX-License-Identifier: Apache-2.0
"""What can go wrong, each as something that begins and ends; the end is where recovery is counted from."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager

from tests.integration.faults.rig import PARTS, Broken

Fault = Callable[[Broken, random.Random], AbstractContextManager[None]]

_HOUR_US = 3600 * 1_000_000


def killed(*services: str) -> Fault:
    """The containers' first processes end at once; the engine starts them again."""

    @contextmanager
    def fault(gateway: Broken, _chance: random.Random) -> Iterator[None]:
        gateway.crash(*services)
        yield

    return fault


@contextmanager
def worker_process_killed(gateway: Broken, chance: random.Random) -> Iterator[None]:
    """One of the worker's processes ends: one that carries instances, or the steward."""
    gateway.crash_child(chance.randrange(10))
    yield


@contextmanager
def ledger_holder_killed(gateway: Broken, chance: random.Random) -> Iterator[None]:
    """Who is in the middle of a change of the ledger ends there: the change has not been."""
    holder, pid = gateway.lock_ledger(600)
    time.sleep(chance.uniform(0.2, 2))
    gateway.witness('kill -9 "$1"', pid)
    holder.wait(30)
    yield


def _lasting(
    begin: Callable[[Broken], object], end: Callable[[Broken], object], least_s: float, most_s: float
) -> Fault:
    """Ends by itself after a while."""

    @contextmanager
    def fault(gateway: Broken, chance: random.Random) -> Iterator[None]:
        begin(gateway)
        try:
            time.sleep(chance.uniform(least_s, most_s))
        finally:
            end(gateway)
        yield

    return fault


def paused(service: str, least_s: float, most_s: float) -> Fault:
    """Nothing of it moves; what is sent to it waits."""

    return _lasting(lambda gateway: gateway.pause(service), lambda gateway: gateway.resume(service), least_s, most_s)


def cut(service: str, network: str, least_s: float, most_s: float) -> Fault:
    """The cable of a network is out."""

    return _lasting(
        lambda gateway: gateway.unplug(service, network),
        lambda gateway: gateway.plug(service, network, service),
        least_s,
        most_s,
    )


def lied_to(mode: str, least_s: float, most_s: float) -> Fault:
    """Somebody else answers in the place of research."""

    return _lasting(lambda gateway: gateway.let_lie(mode), lambda gateway: gateway.end_lie(), least_s, most_s)


@contextmanager
def ledger_locked(gateway: Broken, chance: random.Random) -> Iterator[None]:
    """Nobody can write to the ledger for a while."""
    holder, _ = gateway.lock_ledger(chance.uniform(8, 20))
    holder.wait(60)
    yield


def full(disk: str, leave_mb: int = 0) -> Fault:
    """A disk has no room, or almost none."""

    @contextmanager
    def fault(gateway: Broken, chance: random.Random) -> Iterator[None]:
        gateway.fill(disk, leave_mb)
        try:
            time.sleep(chance.uniform(8, 14))
        finally:
            gateway.empty(disk)
        yield

    return fault


def clock_jumps(hours: int) -> Fault:
    """The clock jumps: every time that the ledger holds of what is under way is as far off as the clock would be."""

    @contextmanager
    def fault(gateway: Broken, _chance: random.Random) -> Iterator[None]:
        gateway.sql(
            "UPDATE items SET due_at = due_at - ?1, claimed_at = claimed_at - ?1 WHERE due_at IS NOT NULL",
            hours * _HOUR_US,
        )
        yield

    return fault


CATALOGUE: Mapping[str, Fault] = {
    "ingest killed": killed("ingest"),
    "worker killed": killed("worker"),
    "research killed": killed("research"),
    "nginx before research killed": killed("gate-research"),
    "nginx at the edge killed": killed("edge"),
    "worker's process killed": worker_process_killed,
    "holder of the ledger killed": ledger_holder_killed,
    "ingest and worker killed": killed("ingest", "worker"),
    "machine restarted": killed(*PARTS),
    "research hangs": paused("research", 5, 15),
    "ingest hangs": paused("ingest", 5, 12),
    "worker hangs for longer than its lease": paused("worker", 22, 26),
    "transfer network cut at the worker": cut("worker", "transfer", 5, 20),
    "transfer network cut at research": cut("research", "transfer", 5, 20),
    "clinical network cut at the worker": cut("worker", "clinical", 5, 12),
    "research answers 500": lied_to("error", 5, 12),
    "research answers nothing": lied_to("hang", 5, 12),
    "research stores and does not answer": lied_to("forget", 5, 10),
    "research breaks off its answers": lied_to("cut", 5, 10),
    "research claims to have stored": lied_to("success", 2, 4),
    "ledger locked": ledger_locked,
    "disk of ingest full": full("ingest"),
    "disk of ingest almost full": full("ingest", 20),
    "disk of the ledger full": full("ledger"),
    "disk of research full": full("research"),
    "clock jumps ahead": clock_jumps(1),
    "clock jumps back": clock_jumps(-1),
}

SHORT = (
    "worker killed",
    "ingest killed",
    "research killed",
    "worker's process killed",
    "holder of the ledger killed",
    "nginx before research killed",
    "transfer network cut at the worker",
    "research answers 500",
    "research claims to have stored",
    "research stores and does not answer",
    "disk of ingest full",
    "disk of the ledger full",
    "disk of research full",
    "ledger locked",
    "clock jumps back",
    "machine restarted",
)
"""Each kind of fault once."""
