# SPDX-License-Identifier: Apache-2.0
"""``deidgate standard``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from deidgate.cli.exits import Exit
from deidgate.cli.options import FILE, json_option


@click.group()
def standard() -> None:
    """The tables of DICOM PS3.15 that are built in."""


@standard.command(epilog="Example: deidgate standard show PatientName")
@click.argument("attribute")
@json_option
def show(attribute: str, as_json: bool) -> None:
    """The row of Table E.1-1 for a keyword or a tag."""
    from deidgate.convert.table import find_row, own_table
    from deidgate.errors import ConfigurationError

    row = find_row(own_table(), attribute)
    if row is None:
        raise ConfigurationError("no-row", attribute)
    if as_json:
        click.echo(json.dumps(row, ensure_ascii=False))
    else:
        for name, text in row.items():
            click.echo(f"{name}: {text}")


@standard.command(
    epilog="""\b
Example:
  deidgate standard diff table_E.1-1_2027a.json

\b
Exit codes: 0 the same, 1 refused, 3 they differ."""
)
@click.argument("other", type=FILE)
@json_option
def diff(other: Path, as_json: bool) -> None:
    """Compare the built-in Table E.1-1 with that of another edition, in the same JSON form."""
    from deidgate.convert.table import differences, other_table, own_table

    found = differences(own_table(), other_table(other.read_bytes(), str(other)))
    for tag, column, old, new in found:
        fields = {"tag": tag, "column": column, "built_in": old, "other": new}
        click.echo(
            json.dumps(fields, ensure_ascii=False) if as_json else f"{tag} {column}: {old or '—'} → {new or '—'}"
        )
    if found:
        sys.exit(Exit.INCOMPLETE)
