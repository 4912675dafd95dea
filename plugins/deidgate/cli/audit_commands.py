# SPDX-License-Identifier: Apache-2.0
"""``deidgate audit``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from deidgate.cli.options import json_option, mapping_options
from deidgate.cli.table import open_table


@click.group()
def audit() -> None:
    """The audit trail of the mapping table: who looked up, exported, imported, purged, and why."""


@audit.command("list", epilog="Example: deidgate audit list --after 100")
@click.option("--after", type=click.IntRange(0), default=0, help="Only lines after this number.")
@mapping_options
@json_option
def list_(after: int, mapping: str | None, keys: Path | None, as_json: bool) -> None:
    """Print the trail."""
    with open_table(mapping, keys) as store:
        for entry in store.audit.entries(after):
            at = entry.at.isoformat(timespec="seconds")
            if as_json:
                fields = {"number": entry.seq, "at": at, "who": entry.who, "action": entry.action}
                click.echo(json.dumps({**fields, "objects": entry.objects, "why": entry.why}, ensure_ascii=False))
            else:
                objects = " ".join(entry.objects[:5]) + (" …" if len(entry.objects) > 5 else "")
                click.echo(f"{entry.seq:6} {at} {entry.who} {entry.action} {objects} | {entry.why}")


@audit.command(
    epilog="""\b
Examples:
  deidgate audit verify
  deidgate audit verify --noted 412:9f3c…       against a head that was noted before

Exit codes: 0 unchanged, 1 refused, 3 a line is changed, missing, reordered or cut off."""
)
@click.option("--noted", metavar="NUMBER:SEAL", help="A head that `deidgate audit head` printed before.")
@mapping_options
@json_option
def verify(noted: str | None, mapping: str | None, keys: Path | None, as_json: bool) -> None:
    """Check that the trail is what was written."""
    import sys

    from deidgate.cli.exits import Exit

    head: tuple[int, str] | None = None
    if noted:
        number, _, seal = noted.partition(":")
        if not number.isdigit() or any(digit not in "0123456789abcdef" for digit in seal.lower()):
            raise click.BadParameter("say NUMBER:SEAL", param_hint="--noted")
        head = int(number), seal.lower()
    with open_table(mapping, keys) as store:
        findings = store.audit.verify(head)
        last, _ = store.audit.head()
    for finding in findings:
        click.echo(
            json.dumps({"code": finding.code, "number": finding.seq}) if as_json else f"{finding.seq}: {finding.code}"
        )
    if findings:
        sys.exit(Exit.INCOMPLETE)
    if not as_json:
        click.echo(f"{last} lines, unchanged")


@audit.command(epilog="Example: deidgate audit head >> kept-elsewhere.txt")
@mapping_options
def head(mapping: str | None, keys: Path | None) -> None:
    """Print number and seal of the last line: noted elsewhere, they prove later that nothing was cut off."""
    with open_table(mapping, keys) as store:
        number, seal = store.audit.head()
    click.echo(f"{number}:{seal}")
