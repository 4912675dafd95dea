# SPDX-License-Identifier: Apache-2.0
"""One worker process, from its settings to its end."""

from __future__ import annotations

import socket

from prometheus_client import CollectorRegistry

from deidgate import log
from deidgate.orthanc_io.ledger import open_store
from deidgate.settings import Settings
from deidgate.worker.alive import sign_of_life
from deidgate.worker.assembly import StoryTeller
from deidgate.worker.line import Line, Shape
from deidgate.worker.meter import Meter
from deidgate.worker.orders import Orders
from deidgate.worker.patience import Patience


def run(settings: Settings, number: int) -> None:
    """Work until SIGTERM, or until the parent is gone."""
    log.start(settings.log_level)
    orders = Orders()
    sign = sign_of_life(settings.state, number)
    sign.parent.mkdir(parents=True, exist_ok=True)

    def alive() -> None:
        sign.touch()
        orders.go_on()

    with open_store(settings) as store:
        teller = StoryTeller(settings, store)
        shape = Shape(settings.threads, settings.batch, settings.lease_s)
        owner = f"{socket.gethostname()}-{number}"
        Line(owner, store.queue, teller.tell, Meter(CollectorRegistry()), shape, Patience()).run(orders.stop, alive)
