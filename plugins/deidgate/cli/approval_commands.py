# SPDX-License-Identifier: Apache-2.0
"""``deidgate approvals``: two people for a bulk export of the mapping table."""

from __future__ import annotations

import json
from pathlib import Path

import click

from deidgate.cli.options import json_option, mapping_options, who_and_why
from deidgate.cli.table import open_table
from deidgate.store.approvals import ACTIONS


@click.group()
def approvals() -> None:
    """Four eyes: one person asks for a bulk export, another approves, the first does it once, within a day."""


@approvals.command("list")
@mapping_options
@json_option
def list_(mapping: str | None, keys: Path | None, as_json: bool) -> None:
    """What was asked for and not used yet."""
    with open_table(mapping, keys) as store:
        waiting, required = store.approvals.waiting(), store.approvals.required()
    for one in waiting:
        fields = {
            "number": one.id,
            "action": one.action,
            "project": one.project or "",
            "asked_by": one.asked_by,
            "why": one.why,
            "approved_by": one.approved_by or "",
        }
        if as_json:
            click.echo(json.dumps(fields, ensure_ascii=False))
        else:
            state = f"approved by {one.approved_by}" if one.approved_by else "waits for another person"
            click.echo(f"{one.id:5} {one.action} {one.project or 'all projects'}: {one.asked_by}, {state} | {one.why}")
    if not as_json:
        click.echo("a bulk export needs two people" if required else "a bulk export needs one person")


@approvals.command()
@click.argument("action", type=click.Choice(sorted(ACTIONS)))
@click.option("--project", help="Only this project.")
@who_and_why
@mapping_options
def ask(action: str, project: str | None, by: str, why: str, mapping: str | None, keys: Path | None) -> None:
    """Ask for ACTION; prints the number that another person approves."""
    with open_table(mapping, keys) as store:
        click.echo(store.approvals.ask(action, by, why, project))


@approvals.command()
@click.argument("number", type=int)
@who_and_why
@mapping_options
def approve(number: int, by: str, why: str, mapping: str | None, keys: Path | None) -> None:
    """Approve what another person asked for."""
    with open_table(mapping, keys) as store:
        store.approvals.approve(number, by, why)
    click.echo("approved")


@approvals.command()
@who_and_why
@mapping_options
def require(by: str, why: str, mapping: str | None, keys: Path | None) -> None:
    """From now on a bulk export needs two people."""
    with open_table(mapping, keys) as store:
        store.approvals.require(by, why)
    click.echo("a bulk export needs two people")


@approvals.command("require-no-more")
@click.argument("number", type=int)
@who_and_why
@mapping_options
def require_no_more(number: int, by: str, why: str, mapping: str | None, keys: Path | None) -> None:
    """From now on one person is enough; NUMBER is an approved ask for four-eyes-off."""
    with open_table(mapping, keys) as store:
        store.approvals.require_no_more(by, why, number)
    click.echo("a bulk export needs one person")
