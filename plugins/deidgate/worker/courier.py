# SPDX-License-Identifier: Apache-2.0
"""The process that hands delivered instances on to further destinations. Without destinations it is not started."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Sequence
from functools import partial

from deidgate import log
from deidgate.destinations.open import sender_of
from deidgate.errors import Unavailable
from deidgate.orthanc_io.client import OrthancClient
from deidgate.orthanc_io.ledger import open_store
from deidgate.policy.destinations import Destination, load_destinations
from deidgate.settings import Settings
from deidgate.store.store import Store
from deidgate.worker.assembly import research_server
from deidgate.worker.lane import FromResearch, Lane
from deidgate.worker.orders import Orders

_log = logging.getLogger(__name__)

_TURN_S = 2.0
"""Between two looks at what was delivered or recalled."""
_EVERYTHING_S = 3600.0
"""Between two comparisons of all: makes good what a look at the newest events could have missed."""
_GRACE_S = 10.0


class Clerk:
    """Writes down what each destination is to have."""

    def __init__(self, store: Store, destinations: Sequence[Destination]) -> None:
        self._sync = store.forward_sync
        self._projects = {one.name: one.projects for one in destinations}
        self._event = 0
        self._next_everything = 0.0

    def turn(self) -> bool:
        """Compare what is new, or all if that is due; whether the ledger was there to do it."""
        now = time.monotonic()
        try:
            event = self._sync.last_event()
            if now >= self._next_everything:
                self._sync.everything(self._projects)
                self._next_everything = now + _EVERYTHING_S
            elif event != self._event:
                self._sync.since(self._projects, self._event)
            self._sync.again(self._projects)
            self._event = event
        except Unavailable as error:
            _log.warning("ledger-unavailable", extra={"ids": {"code": error.code}})
            return False
        return True


def lanes(settings: Settings, store: Store, destinations: Sequence[Destination]) -> list[Lane]:
    """One for each destination."""
    owner = f"{socket.gethostname()}-courier"
    server = research_server(settings)
    return [
        Lane(one.name, owner, store.forwards, partial(sender_of, one), FromResearch(OrthancClient(server)))
        for one in destinations
    ]


def run(settings: Settings) -> None:
    """Hand on until SIGTERM, or until the parent is gone: one process."""
    log.start(settings.log_level)
    orders = Orders()
    destinations = load_destinations(settings.destinations)
    with open_store(settings) as store:
        hand_on(orders, Clerk(store, destinations), lanes(settings, store, destinations))


def hand_on(orders: Orders, clerk: Clerk, ways: Sequence[Lane]) -> None:
    """Let `clerk` compare and `ways` carry, until the orders are to end."""
    # What waits may be of a project that was taken off its destination: nothing leaves before that was compared.
    while orders.go_on() and not clerk.turn():
        orders.stop.wait(_TURN_S)
    threads = [threading.Thread(target=way.run, args=(orders.stop,), name=way.name, daemon=True) for way in ways]
    for thread in threads:
        thread.start()
    while orders.go_on():
        orders.stop.wait(_TURN_S)
        clerk.turn()
    until = time.monotonic() + _GRACE_S
    for thread in threads:
        # What does not end in time leaves a lease that runs out.
        thread.join(max(0.0, until - time.monotonic()))
