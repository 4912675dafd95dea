# SPDX-License-Identifier: Apache-2.0
"""The background thread of the ingest plugin: feeds the ledger, looks at disk and backlog, reconciles."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from deidgate.errors import Unavailable
from deidgate.orthanc_io.ingest.admission import Admission
from deidgate.orthanc_io.ingest.feeder import Feeder
from deidgate.orthanc_io.ingest.watermarks import Watermarks

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """How often the thread does what, in seconds."""

    poll_s: float = 1.0
    """The change log is read at least this often, also when nobody wakes the thread."""
    look_s: float = 5.0
    """Disk and backlog are looked at this often; no less often than a full disk takes to fill."""
    reconcile_s: float = 900.0
    """The full listing is compared this often."""
    pause_s: float = 2.0
    """Rest after something did not answer."""


class IngestService:
    """One thread, woken by every stored instance."""

    def __init__(
        self,
        feeder: Feeder,
        admission: Admission,
        look: Callable[[Watermarks], Watermarks],
        watermarks: Watermarks,
        pace: Pace = Pace(),
    ) -> None:
        self._feeder = feeder
        self._admission = admission
        self._look = look
        self._pace = pace
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="deidgate-feeder", daemon=True)
        self._next_look = self._next_reconcile = 0.0
        self.watermarks = watermarks

    def start(self) -> None:
        """Begin; call it when Orthanc answers."""
        self._thread.start()

    def wake(self) -> None:
        """Something was stored. Costs nothing: called while the sender waits."""
        self._wake.set()

    def stop(self) -> None:
        """End, after the batch that is being written."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._turn()
            except Unavailable as error:
                _log.warning("feeder-waits", extra={"ids": {"code": error.code}})
                self._stop.wait(self._pace.pause_s)
            except Exception:  # noqa: BLE001 -- the outermost loop: a feeder that dies would stop the flow unseen
                _log.exception("feeder-failed")
                self._stop.wait(self._pace.pause_s)

    def _turn(self) -> None:
        self._wake.wait(self._pace.poll_s)
        self._wake.clear()
        self._look_if_due()
        now = time.monotonic()
        if now >= self._next_reconcile:
            found = self._feeder.reconcile(self._goes_on)
            _log.info("reconciled", extra={"ids": {"missing": found}})
            self._next_reconcile = now + self._pace.reconcile_s
        self._feeder.drain(self._goes_on)

    def _look_if_due(self) -> None:
        now = time.monotonic()
        if now >= self._next_look:
            self.watermarks = self._look(self.watermarks)
            self._admission.update(self.watermarks.is_open)
            self._next_look = now + self._pace.look_s

    def _goes_on(self) -> bool:
        # A long log or listing takes minutes, and admission closes when the last look is too old.
        self._look_if_due()
        return not self._stop.is_set()
