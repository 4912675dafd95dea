# SPDX-License-Identifier: Apache-2.0
"""``deidgate show``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from deidgate.cli.options import FILE, json_option


@click.command(
    epilog="""\b
Examples:
  deidgate show IM0001.dcm
  deidgate show --group 0010 --group 0008 IM0001.dcm
  deidgate show --private IM0001.dcm | less

\b
Exit codes: 0 shown, 1 not DICOM or unreadable, 2 wrong command line."""
)
@click.argument("file", type=FILE)
@click.option(
    "--group", "groups", multiple=True, metavar="GGGG", help="Only this group (hexadecimal); may be repeated."
)
@click.option("--private", is_flag=True, help="Only private elements, with the names that pydicom's dictionary has.")
@click.option("--unknown", is_flag=True, help="Only elements that no dictionary names.")
@json_option
def show(file: Path, groups: tuple[str, ...], private: bool, unknown: bool, as_json: bool) -> None:
    """List the elements of a DICOM file, nested ones indented. It shows identifying values: mind who looks on."""
    from deidgate.cli.reading import opened
    from deidgate.convert.listing import Chosen, rows

    if private and unknown:
        raise click.UsageError("choose --private or --unknown")
    try:
        numbers = frozenset(int(group, 16) for group in groups)
    except ValueError:
        raise click.BadParameter("a group is four hexadecimal digits", param_hint="--group") from None
    chosen = Chosen.PRIVATE if private else Chosen.UNKNOWN if unknown else Chosen.ALL
    for row in rows(opened(file), chosen, numbers):
        if as_json:
            fields = {"path": str(row.path), "vr": row.vr, "name": row.name, "creator": row.creator, "value": row.value}
            click.echo(json.dumps(fields, ensure_ascii=False))
        else:
            click.echo(row.line)
