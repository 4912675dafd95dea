# SPDX-License-Identifier: Apache-2.0
"""The gate as a service: its ports, the files that it reads again when they change, its figures, and its end."""

from __future__ import annotations

import asyncio
import logging
import signal
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from deidgate.dimse.associate import AssociateRequest, Refusal
from deidgate.dimse.gate import Gate, GateLimits, server_tls, trust
from deidgate.dimse.sites import Admitted, Sites, read_bundle
from deidgate.errors import ConfigurationError
from deidgate.policy.routes import load_routes

log = logging.getLogger(__name__)

_LOOK_S = 2.0
"""The files are looked at this often: a certificate that is taken back has to stop working soon."""
_FINISH_S = 20.0
"""Told to stop, wait so long for associations that are open."""


@dataclass(frozen=True, slots=True)
class Doors:
    """Where the gate listens, and what stands behind it.

    Attributes
    ----------
    upstream : tuple of (str, int)
        Host and port of the ingest Orthanc.
    plain : int or None
        Port for DICOM without TLS; None when that is switched off.
    tls : int
        Port for DICOM over TLS.
    metrics : int
        Port for Prometheus, which health checks use too.
    certificate : Path
        PEM file with the gate's own key and certificate chain.
    bundle : Path
        PEM file of the sites' certificates.
    routes : Path
    """

    upstream: tuple[str, int]
    plain: int | None
    tls: int
    metrics: int
    certificate: Path
    bundle: Path
    routes: Path


class _Files:
    """The rules as the files say them now; those of before while a file is wrong or half written."""

    def __init__(self, doors: Doors) -> None:
        self._doors = doors
        self._seen = self._stamp()
        self.sites, self.trusted = self._read()

    def decide(self, request: AssociateRequest, certificate: str | None) -> Admitted | Refusal:
        return self.sites.decide(request, certificate)

    def changed(self) -> bool:
        """Whether there is something new, which is in force from now on."""
        stamp = self._stamp()
        if stamp == self._seen:
            return False
        self._seen = stamp
        try:
            self.sites, self.trusted = self._read()
        except ConfigurationError as error:
            log.error("gate-files-wrong", extra={"ids": {"code": error.code}})
            return False
        log.info("gate-files-read", extra={"ids": {"certificates": len(self.trusted)}})
        return True

    def _read(self) -> tuple[Sites, tuple[str, ...]]:
        try:
            text = self._doors.bundle.read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError):
            raise ConfigurationError("site-certificates", self._doors.bundle.name) from None
        certificates = read_bundle(text)
        routes = load_routes(self._doors.routes).routes
        return Sites(routes, certificates), tuple(one.pem for one in certificates)

    def _stamp(self) -> tuple[tuple[int, int], ...]:
        return tuple(_stamp_of(path) for path in (self._doors.bundle, self._doors.routes))


def _stamp_of(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except FileNotFoundError:
        # An editor that saves by renaming.
        return 0, 0
    return found.st_mtime_ns, found.st_size


class GateFigures(Collector):
    """What the gate counts, for Prometheus."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def collect(self) -> Iterator[Metric]:
        opened = GaugeMetricFamily("deidgate_gate_open", "Associations that are open", labels=["site"])
        admitted = CounterMetricFamily("deidgate_gate_associations", "Associations that were taken", labels=["site"])
        refused = CounterMetricFamily("deidgate_gate_refused", "Associations that were not", labels=["reason"])
        # Each reason from the start, at 0: of a figure that begins with its first event, no rule sees that event.
        reasons = {refusal.code: 0 for refusal in Refusal} | dict(self._gate.refused)
        for family, counted in (
            (opened, self._gate.open),
            (admitted, self._gate.admitted),
            (refused, reasons),
        ):
            for label, number in list(counted.items()):
                family.add_metric([label], number)
            yield family


def serve(doors: Doors, limits: GateLimits) -> None:
    """Be the gate until SIGTERM.

    Raises
    ------
    ConfigurationError
        A file is not as it has to be.
    """
    files = _Files(doors)
    try:
        tls = server_tls(str(doors.certificate), files.trusted)
    except (OSError, ValueError):
        raise ConfigurationError("tls-files", doors.certificate.name) from None
    gate = Gate(files.decide, doors.upstream, limits)
    registry = CollectorRegistry()
    registry.register(GateFigures(gate))
    start_http_server(doors.metrics, registry=registry)
    asyncio.run(_serve(gate, doors, files, tls))


async def _serve(gate: Gate, doors: Doors, files: _Files, tls: ssl.SSLContext) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for told in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(told, stop.set)
    # Behind a container's own address, which the engine publishes where the settings say.
    servers = [await gate.listen("0.0.0.0", doors.tls, tls)]  # noqa: S104
    if doors.plain is not None:
        servers.append(await gate.listen("0.0.0.0", doors.plain))  # noqa: S104
    log.info("gate-open", extra={"ids": {"plain": doors.plain is not None, "certificates": len(files.trusted)}})
    while not stop.is_set():
        try:
            async with asyncio.timeout(_LOOK_S):
                await stop.wait()
        except TimeoutError:
            if files.changed():
                trust(tls, files.trusted)
    for server in servers:
        server.close()
    deadline = loop.time() + _FINISH_S
    while gate.open.total() and loop.time() < deadline:
        await asyncio.sleep(0.1)
