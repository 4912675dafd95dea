# SPDX-License-Identifier: Apache-2.0
"""The ledger as the feeder sees it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from deidgate.orthanc_io.ingest.stored import Stored
from deidgate.policy.routes import Route, matches
from deidgate.store.model import Received
from deidgate.store.store import Store


class LedgerRows:
    """Writes what ingest stored as rows of one source."""

    def __init__(self, store: Store, source: str, routes: Sequence[Route]) -> None:
        self._store = store
        self._source = source
        self._routes = routes

    def record(self, rows: Sequence[tuple[Stored, int]], cursor: int | None) -> None:
        """Write instances with their generation, and the cursor if one is given, in one transaction."""
        received = [
            Received(
                source=self._source,
                orthanc_id=stored.orthanc_id,
                site=site_of(self._routes, stored.calling_aet, stored.called_aet),
                calling_aet=stored.calling_aet,
                called_aet=stored.called_aet,
                received_at=stored.received_at,
                generation=generation,
                digest=stored.digest,
                study_instance_uid=stored.study_instance_uid,
                sop_instance_uid=stored.sop_instance_uid,
            )
            for stored, generation in rows
        ]
        if received:
            self._store.feeder.record_received(received, cursor=None if cursor is None else (self._source, cursor))
        elif cursor is not None:
            self._store.feeder.set_cursor(self._source, cursor)

    def cursor(self) -> int:
        """Where to go on in the change log."""
        return self._store.feeder.cursor(self._source)

    def missing(self, orthanc_ids: Iterable[str]) -> list[str]:
        """Those that the ledger does not have."""
        asked = list(orthanc_ids)
        known = self._store.feeder.known(self._source, asked)
        return [orthanc_id for orthanc_id in asked if orthanc_id not in known]


def site_of(routes: Sequence[Route], calling_aet: str, called_aet: str) -> str:
    """The one site that sends under these AE titles; empty if there is none, or more than one.

    The worker resolves the route with all it knows; this is for the ledger's first row.
    """
    sites = {
        route.site for route in routes if matches(route.calling, calling_aet) and matches(route.called, called_aet)
    }
    return sites.pop() if len(sites) == 1 else ""
