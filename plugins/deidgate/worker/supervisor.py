# SPDX-License-Identifier: Apache-2.0
"""The worker's parent process: starts one for each processor and some beside the flow, replaces the dead, stops all."""

from __future__ import annotations

import logging
import multiprocessing
import os
import shutil
import signal
import socket
import threading
import time
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry, multiprocess, start_http_server

from deidgate.policy.destinations import load_destinations
from deidgate.settings import Settings
from deidgate.worker import courier, steward
from deidgate.worker.alive import count
from deidgate.worker.process import run

_log = logging.getLogger(__name__)

_STEWARD, _COURIER = -1, -2
"""Numbers of the processes beside the flow; the courier is there only if there are further destinations."""
_PAUSE_S = 2.0
"""Before a process that died is replaced: one that dies at once must not keep a processor busy."""
_GRACE_S = 20.0


def supervise(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT, then let everybody finish."""
    stop = threading.Event()
    for told in (signal.SIGTERM, signal.SIGINT):
        signal.signal(told, lambda *_: stop.set())
    counters = settings.state / "counters"
    # Files of an earlier run would be added up with ours.
    shutil.rmtree(counters, ignore_errors=True)
    counters.mkdir(parents=True)
    # Read by prometheus_client in the children: their counters are files that this process adds up.
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(counters)
    metrics = _Metrics(settings, counters)
    children = {number: _start(settings, number) for number in numbers(settings)}
    _log.info("worker-started", extra={"ids": {"processes": count(settings)}})
    while not stop.is_set():
        metrics.serve()
        wait([child.sentinel for child in children.values()], timeout=0.5)
        for number, child in children.items():
            if not child.is_alive() and not stop.is_set():
                _log.error("worker-process-ended", extra={"ids": {"process": number, "status": child.exitcode}})
                stop.wait(_PAUSE_S)
                children[number] = _start(settings, number)
    _stop_all(list(children.values()))


def numbers(settings: Settings) -> tuple[int, ...]:
    """The processes to be started; the courier only if there are further destinations.

    Raises
    ------
    ConfigurationError
        The file of destinations is wrong: said at the start, while somebody looks.
    """
    courier_too = (_COURIER,) if load_destinations(settings.destinations) else ()
    return (_STEWARD, *courier_too, *range(count(settings)))


class _Metrics:
    """The counters of all processes over HTTP, on the clinical side only."""

    def __init__(self, settings: Settings, counters: Path) -> None:
        self._port = settings.metrics_port
        self._ingest = urlsplit(settings.ingest_url)
        self._registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(self._registry, path=str(counters))  # type: ignore[no-untyped-call]

    def serve(self) -> None:
        """Begin to answer, unless that is done or ingest cannot be found yet."""
        if not self._port:
            return
        address = _own_address_towards(self._ingest.hostname or "", self._ingest.port or 443)
        if address is not None:
            start_http_server(self._port, addr=address, registry=self._registry)
            self._port = 0


def _own_address_towards(host: str, port: int) -> str | None:
    """The address of this machine from which it reaches `host`; None if the name is not known now.

    The worker is the one container in both zones: what listens on all its addresses listens in the research zone too.
    """
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((host, port))  # sends nothing: UDP
            return str(probe.getsockname()[0])
    except OSError:
        return None


def _start(settings: Settings, number: int) -> SpawnProcess:
    # Spawned and not forked: a connection to the ledger must not be shared.
    context = multiprocessing.get_context("spawn")
    if number == _STEWARD:
        child = context.Process(target=steward.run, args=(settings,), name="steward")
    elif number == _COURIER:
        child = context.Process(target=courier.run, args=(settings,), name="courier")
    else:
        child = context.Process(target=run, args=(settings, number), name=f"worker-{number}")
    child.start()
    return child


def _stop_all(children: list[SpawnProcess]) -> None:
    for child in children:
        child.terminate()
    until = time.monotonic() + _GRACE_S
    for child in children:
        child.join(max(0.0, until - time.monotonic()))
        if child.is_alive():
            child.kill()
