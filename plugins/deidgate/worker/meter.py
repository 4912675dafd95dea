# SPDX-License-Identifier: Apache-2.0
"""What the worker counts, for Prometheus. Codes and seconds only."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram

from deidgate.gateway.outcome import Delivered, Held, Outcome, Postponed, Rejected

_SECONDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60)


class Meter:
    """Counts endings of stories."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._outcomes = Counter(
            "deidgate_stories", "Instances by how their story ended", ["end", "code"], registry=registry
        )
        self._alerts = Counter(
            "deidgate_alerts",
            "Instances held because a check of the gateway's own work failed",
            ["code"],
            registry=registry,
        )
        # There from the start, at 0: of a figure that begins with its first event, no rule sees that event.
        self._failed = Counter(
            "deidgate_checks_failed",
            "Instances held because a check of the gateway's own work failed, whatever the code",
            registry=registry,
        )
        self._seconds = Histogram(
            "deidgate_story_seconds", "Seconds from claim to end", ["end"], buckets=_SECONDS, registry=registry
        )

    def ended(self, end: Outcome, seconds: float) -> None:
        """Count one story."""
        match end:
            case Delivered():
                name, code = "delivered", ""
            case Held():
                name, code = "held", end.code
                if end.alert:
                    self._alerts.labels(end.code).inc()
                    self._failed.inc()
            case Rejected():
                name, code = "rejected", end.code
            case Postponed():
                name, code = "postponed", end.code
        self._outcomes.labels(name, code).inc()
        self._seconds.labels(name).observe(seconds)
