# SPDX-License-Identifier: Apache-2.0
"""``deidgate gateway destinations``: what further destinations have, and what a person decides of it."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict

import click

from deidgate.cli.balance_commands import destination_lines
from deidgate.cli.exits import Exit
from deidgate.cli.ledger import open_ledger
from deidgate.cli.options import who_and_why
from deidgate.policy.destinations import Destination, load_destinations
from deidgate.settings import Settings
from deidgate.store.forward_model import ForwardState, ForwardView, by_destination

_SHOWN = 200
_TO_LOOK_AT = (ForwardState.HELD, ForwardState.RECALLED)


@click.group()
def destinations() -> None:
    """Where a project's instances go beside research (destinations.toml)."""


@destinations.command("list")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def list_command(as_json: bool) -> None:
    """How many instances each has, and those that a person has to look at: held, or to be removed by hand."""
    from deidgate.orthanc_io.ledger import open_store

    settings = Settings.read(os.environ)
    configured = load_destinations(settings.destinations)
    with open_store(settings) as store:
        counts = by_destination(store.forwards.counts())
        rows = store.forwards.view(_TO_LOOK_AT, limit=_SHOWN)
    if as_json:
        click.echo(json.dumps(as_data(configured, counts, rows)))
        return
    for line in [*destination_lines(_all(configured, counts)), *map(_line, rows)]:
        click.echo(line)


def as_data(
    configured: tuple[Destination, ...], counts: dict[str, dict[str, int]], rows: list[ForwardView]
) -> dict[str, object]:
    """For programs. No address and no file is in it."""
    return {
        "destinations": [
            {"name": name, "configured": name in {one.name for one in configured}, "states": counts.get(name, {})}
            for name in sorted({one.name for one in configured} | counts.keys())
        ],
        "to_look_at": [asdict(row) | {"changed_at": row.changed_at.isoformat()} for row in rows],
    }


@destinations.command()
@click.argument("destination")
@click.argument("items", nargs=-1, type=int)
@who_and_why
def retry(destination: str, items: tuple[int, ...], why: str, by: str) -> None:
    """Have what DESTINATION refused tried again: these ITEMS, or all."""
    with open_ledger() as store:
        done = store.forwards.again(destination, items or None, by, why)
    click.echo(f"{len(done)} to be tried again")
    sys.exit(Exit.INCOMPLETE if set(items) - done else Exit.OK)


@destinations.command()
@click.argument("destination")
@click.argument("items", nargs=-1, type=int, required=True)
@who_and_why
def withdrawn(destination: str, items: tuple[int, ...], why: str, by: str) -> None:
    """Record that recalled ITEMS were removed at DESTINATION by hand."""
    with open_ledger() as store:
        done = store.forwards.withdrawn_by_hand(destination, items, by, why)
    click.echo(f"{len(done)} recorded as removed")
    sys.exit(Exit.INCOMPLETE if set(items) - done else Exit.OK)


def _line(row: ForwardView) -> str:
    place = f" at {row.path}" if row.path else ""
    return f"{row.item_id:>6} {row.destination} {row.state}: {row.code}{place}, instance {row.sop_instance_uid}"


def _all(configured: tuple[Destination, ...], counts: dict[str, dict[str, int]]) -> dict[str, dict[str, int]]:
    """Those that nothing was handed on to yet, too."""
    nothing: dict[str, dict[str, int]] = {one.name: {} for one in configured}
    return nothing | counts
