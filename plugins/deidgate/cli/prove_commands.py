# SPDX-License-Identifier: Apache-2.0
"""``deidgate prove``: plant identifiers, and look for them in what a gateway made of them.

``./gateway prove`` calls both, sends in between, and restarts parts of the gateway in the middle.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import click

from deidgate.cli.exits import Exit
from deidgate.cli.ledger import open_ledger
from deidgate.prove import plant as planting
from deidgate.prove import report
from deidgate.prove.judge import End
from deidgate.prove.judge import judge as judged
from deidgate.settings import Settings
from deidgate.store.model import ItemFilter, ItemView

_PAGE = 500


@click.group()
def prove() -> None:
    """Prove that what is planted does not get out."""


@prove.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def plant(folder: Path) -> None:
    """Write made-up instances with planted identifiers into FOLDER/files.

    Example: deidgate prove plant proof
    """
    click.echo(f"{len(planting.write(folder))} plants")


@prove.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--html", "html_file", type=click.Path(path_type=Path), help="Write the report as a page.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write the report as JSON.")
def judge(folder: Path, html_file: Path | None, json_file: Path | None) -> None:
    """Look for the plants of FOLDER in what research holds, and ask the ledger for the rest.

    Exit status 1 when one is found, or not accounted for.

    Example: deidgate prove judge proof --html proof.html
    """
    planted = planting.read(folder)
    items = _items({one.orthanc_id for one in planted})
    results = _results(items)
    ends = {orthanc_id: End(item.state.value, item.reason_code or "") for orthanc_id, item in items.items()}
    # The name under which a researcher gets a file is its SOP Instance UID.
    names = [f"{item.research_sop_uid}.dcm" for item in items.values() if item.research_sop_uid]
    findings = judged(planted, ends, lambda one: (folder / planting.FILES / one.file).read_bytes(), results, names)
    about = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC; policy {', '.join(sorted(_policies(items))) or 'unknown'}"
    if html_file:
        html_file.write_text(report.as_html(findings, about), encoding="utf-8")
    if json_file:
        json_file.write_text(json.dumps(report.as_json(findings), indent=1), encoding="utf-8")
    for one in findings:
        click.echo(f"{one.verdict.value:>8}  {one.plant.name:<26} {one.detail}")
    if not report.proved(findings):
        sys.exit(Exit.REFUSED)


def _items(orthanc_ids: set[str]) -> Mapping[str, ItemView]:
    found: dict[str, ItemView] = {}
    with open_ledger() as store:
        after = 0
        while page := store.reports.items(ItemFilter(), limit=_PAGE, after=after):
            after = page[-1].id
            # The latest item of an instance is the one that counts.
            found.update((item.orthanc_id, item) for item in page if item.orthanc_id in orthanc_ids)
    return found


def _results(items: Mapping[str, ItemView]) -> Mapping[str, bytes]:
    from deidgate.orthanc_io.client import OrthancClient
    from deidgate.worker.assembly import research_server

    client = OrthancClient(research_server(Settings.read(os.environ)))
    return {
        orthanc_id: client.get_bytes(f"/instances/{item.research_id}/attachments/dicom/data")
        for orthanc_id, item in items.items()
        if item.state.value == "delivered" and item.research_id
    }


def _policies(items: Mapping[str, ItemView]) -> set[str]:
    return {f"{item.policy_name} {item.policy_version}" for item in items.values() if item.policy_name}
