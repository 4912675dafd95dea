# SPDX-License-Identifier: Apache-2.0
"""One worker process, from its settings to its end."""

from __future__ import annotations

import os
import signal
import socket
import threading

from prometheus_client import CollectorRegistry

from deidgate import log
from deidgate.orthanc_io.ledger import open_store
from deidgate.settings import Settings
from deidgate.worker.alive import sign_of_life
from deidgate.worker.assembly import StoryTeller
from deidgate.worker.line import Line, Shape
from deidgate.worker.meter import Meter
from deidgate.worker.patience import Patience


def run(settings: Settings, number: int) -> None:
    """Work until SIGTERM, or until the parent is gone."""
    log.start(settings.log_level)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    # Control-C reaches every process of the terminal; the parent tells us in its own time.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = os.getppid()
    sign = sign_of_life(settings.state, number)
    sign.parent.mkdir(parents=True, exist_ok=True)

    def alive() -> None:
        sign.touch()
        if os.getppid() != parent:
            stop.set()

    with open_store(settings) as store:
        teller = StoryTeller(settings, store)
        shape = Shape(settings.threads, settings.batch, settings.lease_s)
        owner = f"{socket.gethostname()}-{number}"
        Line(owner, store.queue, teller.tell, Meter(CollectorRegistry()), shape, Patience()).run(stop, alive)
