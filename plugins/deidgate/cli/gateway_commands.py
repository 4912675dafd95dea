# SPDX-License-Identifier: Apache-2.0
"""``deidgate gateway``: what the operator asks of the running gateway, from inside the clinical zone."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import click

from deidgate.cli import decision_commands, look_commands
from deidgate.cli.balance_commands import destination_lines, reconcile_command
from deidgate.cli.counted import counted
from deidgate.cli.destination_commands import destinations
from deidgate.cli.exits import Exit
from deidgate.cli.key_commands import re_encrypt
from deidgate.cli.ledger import open_ledger
from deidgate.errors import Unavailable
from deidgate.files.atomic import whole_file
from deidgate.orthanc_io.client import OrthancClient
from deidgate.settings import Settings
from deidgate.worker.assembly import ingest_server, research_server

_PAGE = 500


@click.group()
def gateway() -> None:
    """The running gateway: how it is, what it holds, what it delivered."""


for _command in (
    reconcile_command,
    decision_commands.recall,
    decision_commands.reprocess,
    decision_commands.purge,
    re_encrypt,
    destinations,
):
    gateway.add_command(_command)


@gateway.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def status(as_json: bool) -> None:
    """How many instances are where, and whether ingest takes more."""
    found = _status(_ingest())
    if as_json:
        click.echo(json.dumps(found))
        return
    for state, number in sorted(found["states"].items()):
        click.echo(f"{number:8d} {state}")
    click.echo(f"{found['in_flight'] + found['unread']:8d} in flight")
    for line in destination_lines(found.get("destinations", {})):
        click.echo(line)
    click.echo("ingest takes instances in" if found["open"] else "ingest refuses instances: " + _why(found))


@gateway.command()
@click.option("--timeout", "timeout_s", type=float, default=300.0, show_default=True, help="Seconds.")
@click.option("--json", "as_json", is_flag=True, help="Print the last state as JSON.")
def wait(timeout_s: float, as_json: bool) -> None:
    """Wait until nothing is in flight: everything that ingest has is delivered, held or rejected.

    Exit status 3 when the time is over.
    """
    client, until = _ingest(), time.monotonic() + timeout_s
    found: dict[str, Any] = {}
    while True:
        try:
            found = _status(client)
        except Unavailable:
            # A restart is no reason to give up before the time is over.
            if time.monotonic() >= until:
                raise
        else:
            if not found["in_flight"] and not found["unread"]:
                break
        if time.monotonic() >= until:
            break
        time.sleep(0.3)
    if as_json:
        click.echo(json.dumps(found))
    else:
        click.echo(", ".join(f"{number} {state}" for state, number in sorted(found["states"].items())) or "nothing yet")
    if found["in_flight"] or found["unread"]:
        sys.exit(Exit.INCOMPLETE)


@gateway.group()
def hold() -> None:
    """What waits for a person."""


hold.add_command(decision_commands.release)
hold.add_command(decision_commands.reject)
hold.add_command(look_commands.show)
hold.add_command(look_commands.original)


@hold.command("list")
@click.option("--json", "as_json", is_flag=True, help="As JSON, one object in a list for each instance.")
def list_holds(as_json: bool) -> None:
    """Every held instance, with the reason and what to do."""
    rows: list[dict[str, object]] = []
    with open_ledger() as store:
        after = 0
        while page := store.reports.holds(limit=_PAGE, after=after):
            after = page[-1].id
            rows += map(look_commands.held_row, page)
    if as_json:
        click.echo(json.dumps(rows))
        return
    for row in rows:
        click.echo(f"{look_commands.held_line(row, 6)}\n       {row['to_do']}")
    click.echo(f"{len(rows)} held")


@gateway.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--json", "as_json", is_flag=True, help="Print the number of files as JSON.")
def download(folder: Path, as_json: bool) -> None:
    """Write every instance that research has into FOLDER, named by its SOP Instance UID."""
    client = OrthancClient(research_server(Settings.read(os.environ)))
    folder.mkdir(parents=True, exist_ok=True)
    number = since = 0
    while page := client.get_json(f"/instances?expand&since={since}&limit={_PAGE}"):
        since += len(page)
        for instance in page:
            # A UID of ours: digits and dots, so it is safe as a file name.
            with whole_file(folder / f"{instance['MainDicomTags']['SOPInstanceUID']}.dcm", replace=True) as file:
                file.write(client.get_bytes(f"/instances/{instance['ID']}/attachments/dicom/data"))
            number += 1
    click.echo(json.dumps({"files": number}) if as_json else counted(number, "file"))


def _ingest() -> OrthancClient:
    return OrthancClient(ingest_server(Settings.read(os.environ)))


def _status(client: OrthancClient) -> dict[str, Any]:
    found = client.get_json("/deidgate/status")
    if not isinstance(found, dict):
        raise Unavailable("ingest-answer-unreadable")
    return found


def _why(found: dict[str, Any]) -> str:
    reasons = [text for key, text in (("disk_full", "disk"), ("backlog_full", "backlog")) if found[key]]
    return ", ".join(reasons) or "disk and backlog are not known"
