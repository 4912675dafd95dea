# SPDX-License-Identifier: Apache-2.0
"""``deidgate mapping``: the two sides of the mapping table, for those who may see both."""

from __future__ import annotations

import csv
import getpass
import json
import os
from collections.abc import Iterable
from pathlib import Path

import click

from deidgate.orthanc_io.ledger import open_store
from deidgate.settings import Settings

HEADER = ("id_old", "id_new")


@click.group()
def mapping() -> None:
    """The mapping table: who is who. Everything here is written into the audit trail."""


@mapping.command()
@click.option("--uids", type=click.Path(path_type=Path), help="CSV of Study, Series and SOP Instance UIDs.")
@click.option("--patients", type=click.Path(path_type=Path), help="CSV of Patient IDs.")
@click.option("--project", help="Only this project.")
@click.option("--by", default=getpass.getuser, show_default="the user of this machine", help="Who exports.")
@click.option("--why", default="export by command", show_default=True, help="For the audit trail.")
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON.")
def export(uids: Path | None, patients: Path | None, project: str | None, by: str, why: str, as_json: bool) -> None:
    """Write original and new identifiers as CSV with the header id_old,id_new."""
    if uids is None and patients is None:
        raise click.UsageError("give --uids FILE, --patients FILE or both")
    written: dict[str, int] = {}
    with open_store(Settings.read(os.environ)) as store:
        if uids is not None:
            written["uids"] = _write(uids, store.custody.export_uids(by, why, project))
        if patients is not None:
            written["patients"] = _write(patients, store.custody.export_patients(by, why, project))
    if as_json:
        click.echo(json.dumps(written))
    else:
        for name, number in written.items():
            click.echo(f"{number} {name}")


def _write(path: Path, pairs: Iterable[tuple[str, str]]) -> int:
    number = 0
    # For the owner alone: the file names patients.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file)
        lines.writerow(HEADER)
        for pair in pairs:
            lines.writerow(pair)
            number += 1
    return number
