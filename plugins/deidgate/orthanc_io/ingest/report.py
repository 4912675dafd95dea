# SPDX-License-Identifier: Apache-2.0
"""What the ingest plugin tells over HTTP: the state as JSON, and metrics for Prometheus. Names no patient."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from deidgate import __version__
from deidgate.orthanc_io.ingest.admission import Admission
from deidgate.orthanc_io.ingest.conflicts import Conflicts
from deidgate.orthanc_io.ingest.rows import LedgerRows
from deidgate.orthanc_io.ingest.service import IngestService
from deidgate.orthanc_io.ingest.stored import IngestIndex
from deidgate.store.forward_model import ForwardCount, by_destination
from deidgate.store.model import Count
from deidgate.store.states import OPEN
from deidgate.store.store import Store


@dataclass(frozen=True, slots=True)
class Status:
    """The state of ingest and of the ledger at one moment.

    Attributes
    ----------
    version : str
    open : bool
        C-STORE of known senders is answered with success.
    disk_full, backlog_full : bool
        Why not.
    unread : int
        Changes that ingest has and the ledger has not: 0 when every stored instance has its row.
    in_flight : int
        Instances that the gateway still owes an answer.
    oldest_s : float
        Age in seconds of the oldest of them; 0 if there is none.
    states : dict of str to int
        Number of instances by state.
    refused_sender, refused_resources, refused_conflict : int
        Instances refused since the plugin started: for who sent them, for want of room, and because another content
        has their SOP Instance UID and both cannot be kept.
    destinations : dict of str to dict of str to int
        Number of instances by state for each further destination; empty where there are none.
    """

    version: str
    open: bool
    disk_full: bool
    backlog_full: bool
    unread: int
    in_flight: int
    oldest_s: float
    states: dict[str, int]
    refused_sender: int
    refused_resources: int
    refused_conflict: int
    destinations: dict[str, dict[str, int]]


@dataclass(frozen=True, slots=True)
class _Look:
    """The state, and the counts that it was made from."""

    status: Status
    counts: list[Count]
    forwards: list[ForwardCount]


class Report:
    """Gathers, each time it is asked."""

    def __init__(
        self,
        store: Store,
        index: IngestIndex,
        rows: LedgerRows,
        admission: Admission,
        conflicts: Conflicts,
        service: IngestService,
    ) -> None:
        self._store = store
        self._index = index
        self._rows = rows
        self._admission = admission
        self._conflicts = conflicts
        self._service = service

    def status(self) -> dict[str, object]:
        """The state, ready for JSON."""
        return asdict(self._look().status)

    def metrics(self) -> str:
        """Metrics in Prometheus' text format."""
        registry = CollectorRegistry()
        registry.register(_Metrics(self))
        return generate_latest(registry).decode()

    def _look(self) -> _Look:
        # The change log first: a row that is written in between is then counted twice, and never not at all.
        unread = max(0, self._index.last_change() - self._rows.cursor())
        counts, forwards = self._store.reports.counts(), self._store.forwards.counts()
        return _Look(self._status(unread, counts, forwards), counts, forwards)

    def _status(self, unread: int, counts: list[Count], forwards: list[ForwardCount]) -> Status:
        states: dict[str, int] = {}
        for count in counts:
            states[count.state] = states.get(count.state, 0) + count.number
        oldest = self._store.reports.oldest_open()
        return Status(
            version=__version__,
            open=self._admission.is_open,
            disk_full=self._service.watermarks.disk_full,
            backlog_full=self._service.watermarks.backlog_full,
            unread=unread,
            in_flight=sum(states.get(state, 0) for state in OPEN),
            oldest_s=(datetime.now(UTC) - oldest).total_seconds() if oldest else 0.0,
            states=states,
            refused_sender=self._admission.refused_sender,
            refused_resources=self._admission.refused_resources,
            refused_conflict=self._conflicts.refused,
            destinations=by_destination(forwards),
        )

    def families(self) -> Iterator[Metric]:
        """All metrics."""
        look = self._look()
        status = look.status
        items = GaugeMetricFamily(
            "deidgate_items",
            "Instances by state, site, project and reason",
            labels=["state", "site", "project", "code"],
        )
        for count in look.counts:
            items.add_metric([count.state, count.site, count.project or "", count.code or ""], count.number)
        yield items
        yield GaugeMetricFamily("deidgate_in_flight", "Instances that are owed an answer", status.in_flight)
        yield GaugeMetricFamily("deidgate_oldest_in_flight_seconds", "Age of the oldest of them", status.oldest_s)
        yield GaugeMetricFamily("deidgate_unread_changes", "Changes of ingest not yet in the ledger", status.unread)
        yield GaugeMetricFamily("deidgate_admission_open", "1 while ingest takes instances in", int(status.open))
        refused = CounterMetricFamily("deidgate_refused", "Instances refused", labels=["reason"])
        refused.add_metric(["sender"], status.refused_sender)
        refused.add_metric(["resources"], status.refused_resources)
        refused.add_metric(["conflict"], status.refused_conflict)
        yield refused
        elsewhere = GaugeMetricFamily(
            "deidgate_destination_items",
            "Instances by further destination, state there and reason",
            labels=["destination", "state", "code"],
        )
        for forward in look.forwards:
            elsewhere.add_metric([forward.destination, forward.state, forward.code or ""], forward.number)
        yield elsewhere
        oldest = GaugeMetricFamily(
            "deidgate_destination_oldest_seconds",
            "Time since the oldest instance that a further destination does not have yet was delivered to research",
            labels=["destination"],
        )
        now = datetime.now(UTC)
        for destination, since in self._store.forwards.oldest_waiting().items():
            oldest.add_metric([destination], (now - since).total_seconds())
        yield oldest


class _Metrics(Collector):
    def __init__(self, report: Report) -> None:
        self._report = report

    def collect(self) -> Iterator[Metric]:
        yield from self._report.families()
