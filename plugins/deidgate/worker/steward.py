# SPDX-License-Identifier: Apache-2.0
"""What has to be done now and then beside the flow: withdraw what was recalled, purge originals, reconcile.

Several workers may each have a steward: every step may be done twice.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, Gauge

from deidgate import log
from deidgate.errors import ConfigurationError, Unavailable
from deidgate.orthanc_io.balance import Reconciliation, reconcile
from deidgate.orthanc_io.client import OrthancClient
from deidgate.orthanc_io.ledger import open_store
from deidgate.orthanc_io.originals import IngestOriginals
from deidgate.orthanc_io.purge import purge_originals
from deidgate.orthanc_io.research_store import ResearchStore
from deidgate.orthanc_io.withdrawal import withdraw_recalled
from deidgate.policy.retention import load_retention
from deidgate.settings import Settings
from deidgate.store.store import Store
from deidgate.worker.assembly import ingest_server, research_server
from deidgate.worker.orders import Orders

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """How often what is done, in seconds."""

    round_s: float = 60.0
    """Withdraw and purge; also the rest after a reconciliation that a server did not answer."""
    reconcile_s: float = 900.0
    """Compare the ledger with both servers: reads their whole lists."""
    look_s: float = 3.0
    """Between two looks at what does not agree."""


class Figures:
    """What the last reconciliation found, for Prometheus."""

    def __init__(self, registry: CollectorRegistry) -> None:
        # Of several processes the newest value counts, not the sum.
        self._differences = Gauge(
            "deidgate_reconcile_differences",
            "Instances that a server is missing or must not have, by the last reconciliation",
            ["server", "kind"],
            registry=registry,
            multiprocess_mode="mostrecent",
        )
        self._unwithdrawn = Gauge(
            "deidgate_unwithdrawn",
            "Instances that are still to be deleted at research: recalled, or refused when it had them",
            registry=registry,
            multiprocess_mode="mostrecent",
        )
        self._at = Gauge(
            "deidgate_reconciled_at_seconds",
            "When the last reconciliation ended (Unix time); before the first one, when the steward started",
            registry=registry,
            multiprocess_mode="mostrecent",
        )
        self._at.set_to_current_time()

    def take(self, found: Reconciliation) -> None:
        """Note a reconciliation."""
        for name, comparison in (("ingest", found.ingest), ("research", found.research)):
            self._differences.labels(name, "missing").set(len(comparison.missing))
            self._differences.labels(name, "extra").set(len(comparison.extra))
        self.take_unwithdrawn(found.unwithdrawn)
        self._at.set_to_current_time()

    def take_unwithdrawn(self, number: int) -> None:
        """Note how many recalled instances are still to be deleted: known while servers are away, too."""
        self._unwithdrawn.set(number)


class Steward:
    """Does each thing when its time has come."""

    def __init__(self, settings: Settings, store: Store, figures: Figures, pace: Pace = Pace()) -> None:
        self._settings = settings
        self._store = store
        self._figures = figures
        self._pace = pace
        self._ingest = OrthancClient(ingest_server(settings))
        self._research = OrthancClient(research_server(settings))
        self._next_round = self._next_reconcile = 0.0

    def turn(self, stop: threading.Event) -> None:
        """Do what is due. A server or the ledger that is away is waited for."""
        now = time.monotonic()
        try:
            # Each next time is set first: what fails is tried again after its time, and keeps nothing else waiting.
            if now >= self._next_round:
                self._next_round = now + self._pace.round_s
                self._round()
            if now >= self._next_reconcile and not stop.is_set():
                self._next_reconcile = now + self._pace.round_s
                self._reconcile(stop)
                self._next_reconcile = now + self._pace.reconcile_s
        except Unavailable as error:
            _log.warning("steward-waits", extra={"ids": {"code": error.code}})

    def _round(self) -> None:
        research = ResearchStore(self._research)
        try:
            withdrawn = withdraw_recalled(self._store, research)
        finally:
            self._figures.take_unwithdrawn(self._store.review.number_to_withdraw())
        try:
            # Read each time: a changed file needs no restart.
            days = load_retention(self._settings.retention)
        except ConfigurationError as error:
            _log.error(
                "retention-file-wrong", extra={"ids": {"code": error.code, "path": error.path, "detail": error.detail}}
            )
            days = {}
        purged, unconfirmed = purge_originals(
            self._store, IngestOriginals(self._ingest), research, days, datetime.now(UTC)
        )
        if withdrawn or purged or unconfirmed:
            counted = {"withdrawn": withdrawn, "purged": purged, "unconfirmed": unconfirmed}
            _log.info("steward-round", extra={"ids": counted})

    def _reconcile(self, stop: threading.Event) -> None:
        def pause() -> None:
            stop.wait(self._pace.look_s)

        found = reconcile(self._store, self._settings.source, self._ingest, self._research, pause)
        self._figures.take(found)
        if not found.adds_up:
            counted = {
                "ingest_missing": len(found.ingest.missing),
                "ingest_extra": len(found.ingest.extra),
                "research_missing": len(found.research.missing),
                "research_extra": len(found.research.extra),
            }
            _log.error("does-not-add-up", extra={"ids": counted})


def run(settings: Settings) -> None:
    """Be the steward until SIGTERM, or until the parent is gone: one process."""
    log.start(settings.log_level)
    orders = Orders()
    with open_store(settings) as store:
        steward = Steward(settings, store, Figures(CollectorRegistry()))
        while orders.go_on():
            steward.turn(orders.stop)
            orders.stop.wait(1.0)
