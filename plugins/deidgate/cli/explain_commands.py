# SPDX-License-Identifier: Apache-2.0
"""``deidgate explain``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from deidgate.cli.options import FILE, json_option, policy_option


@click.command(
    epilog="""\b
Examples:
  deidgate explain IM0001.dcm
  deidgate explain --policy longitudinal --changed IM0001.dcm
  deidgate explain --values IM0001.dcm               with old and new values

\b
Exit codes: 0 it would be de-identified, 1 unreadable, 2 wrong command line, 3 it would be held."""
)
@click.argument("file", type=FILE)
@policy_option
@click.option("--changed", is_flag=True, help="Leave out what stays as it is.")
@click.option("--values", is_flag=True, help="Show original and new values: identifying. Pseudonyms are made up.")
@json_option
def explain(file: Path, policy: str, changed: bool, values: bool, as_json: bool) -> None:
    """Say what a policy does with each element of a file, and why. Writes nothing; the mapping table is not asked.

    D dummy, Z empty, X remove, K keep, C clean, U new UID (PS3.15 Table E.1-1a).
    """
    import sys

    from deidgate.batch import policies
    from deidgate.batch.rehearsal import RehearsedIdentities
    from deidgate.cli.exits import Exit
    from deidgate.cli.reading import opened
    from deidgate.convert.listing import rows
    from deidgate.errors import CannotDeidentify
    from deidgate.gateway.ports import Person
    from deidgate.plan.model import Action
    from deidgate.plan.planner import plan

    rules = policies.load(policy)
    header = opened(file, pixels=False)
    patient = RehearsedIdentities(rules.pseudonym).patient(Person("", "", "", ""))
    try:
        made = plan(header, rules, patient.pseudonyms)
    except CannotDeidentify as error:
        if as_json:
            click.echo(json.dumps({"held": error.code, "path": error.path}))
        else:
            click.echo(f"held: {error}")
        sys.exit(Exit.INCOMPLETE)
    before = {row.path: row.value for row in rows(header)} if values else {}
    for decision in made.decisions:
        kept = decision.action is Action.KEEP or (decision.action is Action.CLEAN and decision.value is None)
        if changed and kept:
            continue
        fields = {
            "path": str(decision.path),
            "vr": decision.vr,
            "action": decision.action.value,
            "rule": decision.because.source,
            "detail": decision.because.detail,
        }
        if values:
            fields |= {"from": before.get(decision.path, ""), "to": _spelled(decision.value, kept)}
        if as_json:
            click.echo(json.dumps(fields, ensure_ascii=False))
        else:
            _line(fields, decision.path.depth)
    for added in made.added:
        fields = {"path": str(added.path), "vr": added.vr, "action": "+", "rule": added.because.source, "detail": ""}
        click.echo(json.dumps(fields)) if as_json else _line(fields, 0)


def _spelled(value: str | bytes | None, kept: bool) -> str:
    if value is None:
        return "(as it is)" if kept else ""
    return f"{len(value)} bytes" if isinstance(value, bytes) else value


def _line(fields: dict[str, str], depth: int) -> None:
    detail = f" ({fields['detail']})" if fields["detail"] else ""
    name = "  " * depth + fields["path"].rpartition(" > ")[2]
    line = f"{fields['action']} {name} {fields['vr']}: {fields['rule']}{detail}"
    if "from" in fields:
        line += f" | {fields['from']} → {fields['to']}"
    click.echo(line)
