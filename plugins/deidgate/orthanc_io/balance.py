# SPDX-License-Identifier: Apache-2.0
"""Whether nothing is lost: the ledger's sums, and the ledger against what the two servers really have.

A gateway at work changes while it is being looked at. So nothing counts as missing or as too much until it was looked
at again after a while: what is on its way has arrived by then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from deidgate.orthanc_io.client import OrthancClient, Refused
from deidgate.store.forward_model import ForwardState, by_destination
from deidgate.store.model import Balance
from deidgate.store.store import Store

_PAGE = 5000


@dataclass(frozen=True, slots=True)
class Comparison:
    """One server against the ledger.

    Attributes
    ----------
    missing : tuple of str
        Orthanc IDs that the server must have and has not.
    extra : tuple of str
        Orthanc IDs that the server has and the ledger knows nothing of.
    """

    missing: tuple[str, ...]
    extra: tuple[str, ...]

    @property
    def agrees(self) -> bool:
        """Neither is anything missing nor too much."""
        return not self.missing and not self.extra


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """The whole answer.

    Attributes
    ----------
    balances : tuple of Balance
        One for each site, each followed by those of its studies.
    ingest, research : Comparison
    unwithdrawn : int
        Instances that were recalled and whose deletion at research is not confirmed.
    destinations : mapping
        Number of instances by state for each further destination.
    """

    balances: tuple[Balance, ...]
    ingest: Comparison
    research: Comparison
    unwithdrawn: int
    destinations: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @property
    def adds_up(self) -> bool:
        """Received is delivered, held, rejected, recalled or in flight; and the servers have what the ledger says.

        What a further destination has not confirmed yet is work to do; what it has and must not have is not in order.
        """
        sums = all(balance.balanced for balance in self.balances)
        servers = self.ingest.agrees and self.research.agrees and not self.unwithdrawn
        return sums and servers and not self.to_recall_by_hand

    @property
    def to_recall_by_hand(self) -> int:
        """Recalled instances that are still to be removed at a further destination."""
        return sum(states.get(ForwardState.RECALLED, 0) for states in self.destinations.values())


def reconcile(
    store: Store, source: str, ingest: OrthancClient, research: OrthancClient, pause: Callable[[], None], looks: int = 5
) -> Reconciliation:
    """Compare the ledger with both servers.

    Parameters
    ----------
    source : str
        Name of the ingest server in the ledger.
    pause : callable
        Lets a little time pass between two looks at what does not agree.
    looks : int
        After so many looks what does not agree counts.

    Raises
    ------
    Unavailable
        A server or the ledger does not answer.
    """
    at_ingest = _compare(lambda: store.reports.at_ingest(source), ingest, pause, looks)
    at_research = _compare(store.reports.research_ids, research, pause, looks)
    unwithdrawn = store.review.number_to_withdraw()
    destinations = by_destination(store.forwards.counts())
    return Reconciliation(tuple(store.reports.reconcile()), at_ingest, at_research, unwithdrawn, destinations)


def _compare(
    expected: Callable[[], Iterable[str]], server: OrthancClient, pause: Callable[[], None], looks: int
) -> Comparison:
    # What is missing must have been expected before the server was asked, what is too much still not be after.
    wanted, found = set(expected()), _listed(server)
    missing, extra = wanted - found, found - wanted
    for _ in range(looks):
        if not missing and not extra:
            break
        pause()
        present = {orthanc_id for orthanc_id in missing | extra if _is_there(server, orthanc_id)}
        wanted = set(expected())
        missing = (missing & wanted) - present
        extra = (extra & present) - wanted
    return Comparison(tuple(sorted(missing)), tuple(sorted(extra)))


def _listed(server: OrthancClient) -> set[str]:
    found: set[str] = set()
    since = 0
    while page := server.get_json(f"/instances?since={since}&limit={_PAGE}"):
        found.update(page)
        since += len(page)
    return found


def _is_there(server: OrthancClient, orthanc_id: str) -> bool:
    try:
        server.get_json(f"/instances/{orthanc_id}")
    except Refused as error:
        if error.status != 404:
            raise
        return False
    return True
