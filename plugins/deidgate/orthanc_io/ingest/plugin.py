# SPDX-License-Identifier: Apache-2.0
"""The parts of the ingest plugin, put together."""

from __future__ import annotations

import json
import shutil
from typing import Any

from deidgate.orthanc_io.ingest.admission import Admission, Senders
from deidgate.orthanc_io.ingest.commitment import Commitment
from deidgate.orthanc_io.ingest.conflicts import Conflicts
from deidgate.orthanc_io.ingest.feeder import Feeder
from deidgate.orthanc_io.ingest.report import Report
from deidgate.orthanc_io.ingest.rows import LedgerRows
from deidgate.orthanc_io.ingest.senders import introduce
from deidgate.orthanc_io.ingest.service import IngestService
from deidgate.orthanc_io.ingest.stored import IngestIndex
from deidgate.orthanc_io.ingest.watermarks import Limits, Watermarks
from deidgate.orthanc_io.ledger import open_store
from deidgate.orthanc_io.sdk import DicomInstance, Orthanc, RestOutput
from deidgate.policy.routes import load_routes
from deidgate.settings import Settings


def install(orthanc: Orthanc, settings: Settings) -> None:
    """Register everything. What raises here keeps Orthanc from starting.

    Raises
    ------
    ConfigurationError
        Routes, keys or ledger are not as they have to be.
    Unavailable
        The ledger does not answer.
    """
    routes = load_routes(settings.routes)
    store = open_store(settings)
    index = IngestIndex(orthanc)
    rows = LedgerRows(store, settings.source, routes.routes)
    senders = Senders.of(route.calling for route in routes.routes)
    admission = Admission(senders)

    def look(marks: Watermarks) -> Watermarks:
        return marks.seen(shutil.disk_usage(settings.storage).free, store.reports.backlog())

    limits = Limits.of(settings.disk_low_mb, settings.backlog_high)
    service = IngestService(Feeder(index, rows), admission, look, Watermarks(limits))
    conflicts = Conflicts(orthanc, index)
    report = Report(store, index, rows, admission, conflicts, service)
    commitment = Commitment(orthanc, store.reports.states_of, index)

    def c_store(instance: DicomInstance) -> int:
        return conflicts.c_store(instance, admission.c_store)

    def stored(_instance: DicomInstance, _orthanc_id: str) -> None:
        conflicts.stored()
        service.wake()

    def changed(change: int, _level: int, _resource: str) -> None:
        if change == orthanc.ChangeType.ORTHANC_STARTED:
            introduce(orthanc, senders.patterns, routes.commitments)
            service.start()
        elif change == orthanc.ChangeType.ORTHANC_STOPPED:
            service.stop()

    def status(output: RestOutput, _uri: str, **_request: Any) -> None:
        output.AnswerBuffer(json.dumps(report.status()), "application/json")

    def metrics(output: RestOutput, _uri: str, **_request: Any) -> None:
        output.AnswerBuffer(report.metrics(), "text/plain; version=0.0.4")

    orthanc.RegisterReceivedInstanceCallback(conflicts.received)
    orthanc.RegisterIncomingCStoreInstanceFilter(c_store)
    orthanc.RegisterOnStoredInstanceCallback(stored)
    orthanc.RegisterOnChangeCallback(changed)
    orthanc.RegisterStorageCommitmentScpCallback(commitment.request, commitment.answer)
    orthanc.RegisterRestCallback("/deidgate/status", status)
    orthanc.RegisterRestCallback("/deidgate/metrics", metrics)
