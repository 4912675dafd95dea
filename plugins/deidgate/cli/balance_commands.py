# SPDX-License-Identifier: Apache-2.0
"""``deidgate gateway reconcile``."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict

import click

from deidgate.cli.exits import Exit
from deidgate.orthanc_io.balance import Comparison, Reconciliation, reconcile
from deidgate.orthanc_io.client import OrthancClient
from deidgate.settings import Settings
from deidgate.store.model import Balance
from deidgate.worker.assembly import ingest_server, research_server

_COLUMNS = ("received", "delivered", "held", "rejected", "recalled", "in_flight")
_SHOWN = 20


@click.command("reconcile")
@click.option("--json", "as_json", is_flag=True, help="As JSON: every site, every study, both servers.")
@click.option("--pause", "pause_s", type=float, default=2.0, show_default=True, help="Seconds between two looks.")
def reconcile_command(as_json: bool, pause_s: float) -> None:
    """Count: received = delivered + held + rejected + recalled + in flight, and the servers have what the ledger says.

    Exit status 1 when it does not add up.
    """
    from deidgate.orthanc_io.ledger import open_store

    settings = Settings.read(os.environ)
    ingest, research = OrthancClient(ingest_server(settings)), OrthancClient(research_server(settings))
    with open_store(settings) as store:
        found = reconcile(store, settings.source, ingest, research, lambda: time.sleep(pause_s))
    click.echo(json.dumps(as_data(found)) if as_json else "\n".join(lines(found)))
    sys.exit(Exit.OK if found.adds_up else Exit.REFUSED)


def as_data(found: Reconciliation) -> dict[str, object]:
    """For programs."""
    rows = [asdict(balance) | {"balanced": balance.balanced} for balance in found.balances]
    return {
        "adds_up": found.adds_up,
        "sites": [row for row in rows if row["study_key"] is None],
        "studies": [row for row in rows if row["study_key"] is not None],
        "ingest": asdict(found.ingest),
        "research": asdict(found.research),
        "unwithdrawn": found.unwithdrawn,
        "destinations": found.destinations,
        "to_recall_by_hand": found.to_recall_by_hand,
    }


def lines(found: Reconciliation) -> list[str]:
    """For a person: a line for each site, the studies that have something held or in flight, and the servers."""
    head = f"{'site, study':<52}" + "".join(f"{name.replace('_', ' '):>11}" for name in _COLUMNS)
    shown = [balance for balance in found.balances if balance.study_key is None or _is_open(balance)]
    said = [head, *map(_line, shown)]
    for name, comparison in (("ingest", found.ingest), ("research", found.research)):
        said += _server(name, comparison)
    if found.unwithdrawn:
        said.append(f"recalled, and still to be deleted at research: {found.unwithdrawn}")
    said += destination_lines(found.destinations)
    if found.to_recall_by_hand:
        said.append(f"recalled, and to be removed by hand: {found.to_recall_by_hand}; ./gateway destinations list")
    return [*said, "it adds up" if found.adds_up else "it does NOT add up"]


def destination_lines(destinations: Mapping[str, Mapping[str, int]]) -> list[str]:
    """A line for each further destination."""
    return [
        f"to {name}: " + (", ".join(f"{number} {state}" for state, number in sorted(states.items())) or "nothing yet")
        for name, states in sorted(destinations.items())
    ]


def _is_open(balance: Balance) -> bool:
    return bool(balance.held or balance.in_flight or not balance.balanced)


def _line(balance: Balance) -> str:
    name = (balance.site or "(no site)") if balance.study_key is None else f"  study {balance.study_key}"
    return f"{name:<52}" + "".join(f"{getattr(balance, column):>11}" for column in _COLUMNS)


def _server(name: str, comparison: Comparison) -> list[str]:
    if comparison.agrees:
        return [f"{name} has what the ledger says"]
    said = []
    for word, ids in (("is missing", comparison.missing), ("has and must not have", comparison.extra)):
        if ids:
            said.append(f"{name} {word}: {len(ids)}")
            said += [f"  {orthanc_id}" for orthanc_id in ids[:_SHOWN]]
    return said
