# SPDX-License-Identifier: Apache-2.0
"""Put together what a worker process needs, from its settings."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path

from deidgate import marks
from deidgate.errors import ConfigurationError
from deidgate.gateway.outcome import Outcome
from deidgate.gateway.ports import Ports
from deidgate.gateway.story import carry
from deidgate.orthanc_io.client import OrthancClient, Server
from deidgate.orthanc_io.originals import IngestOriginals
from deidgate.orthanc_io.research_store import ResearchStore
from deidgate.pixels.lazy import LazyPixels
from deidgate.policy.load import load_policy
from deidgate.policy.model import Policy
from deidgate.policy.routes import Routes, load_routes
from deidgate.settings import Settings, password, secret
from deidgate.store.model import Claim
from deidgate.store.store import Store
from deidgate.worker.patients import MappedPatients


def ingest_server(settings: Settings) -> Server:
    """Where the ingest Orthanc is."""
    return Server(
        "ingest",
        settings.ingest_url,
        settings.ingest_user,
        password(settings.ingest_password_file),
        str(settings.ca_file),
        settings.timeout_s,
    )


def research_server(settings: Settings) -> Server:
    """Where the research Orthanc is."""
    return Server(
        "research",
        settings.research_url,
        settings.research_user,
        password(settings.research_password_file),
        str(settings.ca_file),
        settings.timeout_s,
    )


def policies_of(routes: Routes, folder: Path) -> Mapping[str, Policy]:
    """The policies that the routes name.

    Raises
    ------
    ConfigurationError
        One of them is missing or wrong: a worker that found out later would hold a night's work.
    """
    return {name: load_policy(folder / f"{name}.toml") for name in {route.policy for route in routes.routes}}


class StoryTeller:
    """Tells stories on several threads: what is kept open is each thread's own, what is read is shared."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._routes = load_routes(settings.routes)
        self._policies = policies_of(self._routes, settings.policies)
        if not self._policies:
            raise ConfigurationError("no-route", settings.routes.name)
        self._patients = MappedPatients(store.mapping)
        self._pixels = LazyPixels()
        self._mark_key = marks.load_private_key(secret(settings.mark_key_file))
        self._ingest = ingest_server(settings)
        self._research = research_server(settings)
        self._local = threading.local()

    def tell(self, claim: Claim) -> Outcome:
        """What became of the claimed instance."""
        return carry(claim, self._ports())

    def _ports(self) -> Ports:
        ports: Ports | None = getattr(self._local, "ports", None)
        if ports is None:
            ports = self._local.ports = Ports(
                originals=IngestOriginals(OrthancClient(self._ingest)),
                research=ResearchStore(OrthancClient(self._research)),
                patients=self._patients,
                routes=self._routes,
                policies=self._policies,
                pixels=self._pixels,
                mark_key=self._mark_key,
            )
        return ports
