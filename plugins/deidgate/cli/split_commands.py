# SPDX-License-Identifier: Apache-2.0
"""``deidgate split``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from deidgate.cli.exits import Exit
from deidgate.cli.options import FOLDER, PATH, json_option


@click.command(
    epilog="""\b
Examples:
  deidgate split pictures/ --mask .png --delimiter _            P001_left.png goes to pictures/P001/
  deidgate split pictures/ sorted/ --mask "*_mask.png" --copy
  deidgate split pictures/ --mask .png --delimiter _ --dry-run

\b
Exit codes: 0 all moved, 1 refused, 2 wrong command line, 3 some stayed (no delimiter, collision, link)."""
)
@click.argument("source", type=FOLDER)
@click.argument("output", type=PATH, required=False)
@click.option("--mask", default="*", show_default=True, help="A suffix (.png) or a pattern (*_left.png), without case.")
@click.option("--delimiter", default="_", show_default=True, help="What ends the part of a name that is the folder.")
@click.option("--copy", is_flag=True, help="Copy instead of moving.")
@click.option("--dry-run", is_flag=True, help="Say what would happen.")
@json_option
def split(
    source: Path, output: Path | None, mask: str, delimiter: str, copy: bool, dry_run: bool, as_json: bool
) -> None:
    """Sort the files of SOURCE into folders named by the part of their names before the delimiter.

    Folders are made in OUTPUT, or in SOURCE itself. Names are used as they are: if they identify, so do the folders.
    Links are not moved; --copy copies what they lead to.
    """
    from deidgate.files.guard import check_writable
    from deidgate.files.split import carry_out, plan_split
    from deidgate.words.lookup import told

    if not delimiter:
        raise click.BadParameter("must not be empty", param_hint="--delimiter")
    target = output or source
    if not dry_run:
        check_writable(target)
    stayed = moved = 0
    for planned in plan_split(source, target, mask, delimiter, copy=copy):
        done = planned if dry_run else carry_out(planned, copy=copy)
        stayed += done.target is None
        moved += done.target is not None
        if as_json:
            click.echo(json.dumps({"from": str(done.source), "to": str(done.target or ""), "code": done.code}))
        elif done.target is None:
            click.echo(f"{done.source}: stays, {told(done.code)}", err=True)
        elif dry_run:
            click.echo(f"{done.source} → {done.target}")
    if not as_json:
        verb = ("would be " if dry_run else "") + ("copied" if copy else "moved")
        click.echo(f"{moved} {verb}, {stayed} stay")
    if stayed:
        sys.exit(Exit.INCOMPLETE)
