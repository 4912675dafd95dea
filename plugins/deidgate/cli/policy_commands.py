# SPDX-License-Identifier: Apache-2.0
"""``deidgate policy``."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import click

from deidgate.cli.options import json_option


@click.group()
def policy() -> None:
    """Policies: list the shipped ones, check a file, compare two."""


@policy.command("list", epilog="Example: deidgate policy list")
@json_option
def list_(as_json: bool) -> None:
    """Name, version, options and file of each shipped policy."""
    from deidgate.batch import policies
    from deidgate.policy.load import load_policy

    for name, path in policies.shipped().items():
        loaded = load_policy(path)
        if as_json:
            options = sorted(option.word for option in loaded.options)
            fields = {"name": name, "version": loaded.version, "title": loaded.title, "options": options}
            click.echo(json.dumps({**fields, "digest": loaded.digest, "file": str(path)}))
        else:
            click.echo(f"{name:14} {loaded.version:4} {loaded.title}\n{'':19} {path}")


@policy.command(epilog="Example: deidgate policy check my.toml")
@click.argument("names", nargs=-1, required=True, metavar="POLICY...")
def check(names: tuple[str, ...]) -> None:
    """Read policies (names or files) and say what is wrong with the first that is. Exit code 1 then."""
    from deidgate.batch import policies

    for name in names:
        loaded = policies.load(name)
        click.echo(f"{name}: good ({loaded.label})")


@policy.command(epilog="Example: deidgate policy copy basic my.toml")
@click.argument("name", metavar="POLICY")
@click.argument("target", type=click.Path(path_type=Path))
def copy(name: str, target: Path) -> None:
    """Copy a shipped policy to a file of your own, to edit."""
    from deidgate.batch import policies
    from deidgate.cli.writing import write_bytes

    write_bytes(policies.find(name).read_bytes(), target)


@policy.command(
    epilog="""\b
Examples:
  deidgate policy diff basic longitudinal
  deidgate policy diff basic my.toml --on IM0001.dcm      what differs for this file

Exit codes: 0 the same, 3 they differ."""
)
@click.argument("first", metavar="POLICY")
@click.argument("second", metavar="POLICY")
@click.option("--on", "sample", type=click.Path(path_type=Path, exists=True), help="Compare decisions on this file.")
@json_option
def diff(first: str, second: str, sample: Path | None, as_json: bool) -> None:
    """Compare two policies: line by line of what they say, or decision by decision on a file."""
    import sys

    from deidgate.batch import policies
    from deidgate.cli.exits import Exit

    one, two = policies.load(first), policies.load(second)
    before, after = (_decided(one, sample), _decided(two, sample)) if sample else (_said(one), _said(two))
    differences = [(key, before.get(key, "—"), after.get(key, "—")) for key in sorted({*before, *after})]
    differences = [line for line in differences if line[1] != line[2]]
    for key, old, new in differences:
        click.echo(json.dumps({"what": key, "first": old, "second": new}) if as_json else f"{key}: {old} → {new}")
    if differences:
        sys.exit(Exit.INCOMPLETE)


def _said(loaded: object) -> dict[str, str]:
    """Every field of a policy and of what it holds, flat, as text."""
    flat: dict[str, str] = {}

    def enter(prefix: str, value: object) -> None:
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            for field in dataclasses.fields(value):
                enter(f"{prefix}.{field.name}" if prefix else field.name, getattr(value, field.name))
        elif isinstance(value, frozenset | set):
            for member in value:
                flat[f"{prefix} {_word(member)}"] = "yes"
        elif isinstance(value, dict) or hasattr(value, "items"):
            for key, member in value.items():
                enter(f"{prefix} {_word(key)}", member)
        elif isinstance(value, tuple) and value and dataclasses.is_dataclass(value[0]):
            for member in value:
                enter(f"{prefix} {getattr(member, 'spelled', member)}", getattr(member, "word", member))
        else:
            flat[prefix] = str(value)

    enter("", loaded)
    return {key: value for key, value in flat.items() if key not in ("digest",)}


def _word(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        from deidgate.dicom.path import ElementPath

        return str(ElementPath.top(value))
    return str(getattr(value, "word", value))


def _decided(loaded: object, sample: Path) -> dict[str, str]:
    from deidgate.batch.rehearsal import RehearsedIdentities
    from deidgate.cli.reading import opened
    from deidgate.errors import CannotDeidentify
    from deidgate.gateway.ports import Person
    from deidgate.plan.planner import plan
    from deidgate.policy.model import Policy

    assert isinstance(loaded, Policy)  # noqa: S101 - tells the type checker what `load` gives
    patient = RehearsedIdentities(loaded.pseudonym).patient(Person("", "", "", ""))
    try:
        made = plan(opened(sample, pixels=False), loaded, patient.pseudonyms)
    except CannotDeidentify as error:
        return {"held": error.code}
    return {str(decision.path): f"{decision.action.value} ({decision.because.source})" for decision in made.decisions}
