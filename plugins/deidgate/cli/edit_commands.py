# SPDX-License-Identifier: Apache-2.0
"""``deidgate edit``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from deidgate.cli.options import FILE, PATH

if TYPE_CHECKING:
    from deidgate.convert.edit import Edit, Verb


@click.command(
    epilog="""\b
Examples:
  deidgate edit in.dcm out.dcm --set PatientSex=F
  deidgate edit in.dcm out.dcm --add "RequestAttributesSequence[0].RequestedProcedureID=RP1"
  deidgate edit in.dcm out.dcm --delete 0010,1040 --delete "0019,SIEMENS MR HEADER,0C" --new-uids
  deidgate edit in.dcm out.dcm --add "0028,0106:US=0"     a VR where the dictionary leaves a choice

\b
Exit codes: 0 written, 1 refused (no such element, no value of its VR, output exists), 2 wrong command line."""
)
@click.argument("source", type=FILE)
@click.argument("target", type=PATH)
@click.option("--set", "sets", multiple=True, metavar="ADDRESS[:VR]=VALUE", help="Change an element that is there.")
@click.option("--add", "adds", multiple=True, metavar="ADDRESS[:VR]=VALUE", help="Change it, or make it.")
@click.option("--delete", "deletes", multiple=True, metavar="ADDRESS", help="Take it away.")
@click.option("--new-uids", is_flag=True, help="New Study, Series and SOP Instance UIDs: it is another instance now.")
@click.option("--strict", is_flag=True, help="Refuse what would only be warned of: see above.")
def edit(
    source: Path,
    target: Path,
    sets: tuple[str, ...],
    adds: tuple[str, ...],
    deletes: tuple[str, ...],
    new_uids: bool,
    strict: bool,
) -> None:
    """Change single elements of SOURCE and write TARGET, which must not exist. First sets, then adds, then deletes.

    An address is a keyword, a tag, a private tag with its creator, or a path: Sequence[0].Keyword. A backslash
    separates several values. It does not de-identify.

    What breaks a Type 1 or Type 2 attribute, or is none of the Enumerated Values of common attributes (PatientSex: M,
    F, O), is done with a warning.
    """
    from deidgate.cli.reading import opened
    from deidgate.cli.writing import write_dataset
    from deidgate.convert.edit import Edit, Verb, edited
    from deidgate.errors import ConfigurationError

    edits = [_parsed(Verb.SET, text) for text in sets] + [_parsed(Verb.ADD, text) for text in adds]
    edits += [Edit(Verb.DELETE, text) for text in deletes]
    if not edits and not new_uids:
        raise click.UsageError("nothing to do: give --set, --add, --delete or --new-uids")
    dataset, warned = edited(opened(source), edits, new_uids=new_uids)
    for warning in warned:
        click.echo(f"warning: {warning.path}: {warning.text}", err=True)
    if warned and strict:
        raise ConfigurationError("breaks-the-iod", str(warned[0].path))
    write_dataset(dataset, target)


def _parsed(verb: Verb, text: str) -> Edit:
    from deidgate.convert.edit import Edit

    address, equals, value = text.partition("=")
    if not equals or not address:
        raise click.BadParameter(f"{text} is not ADDRESS=VALUE")
    head, colon, vr = address.rpartition(":")
    if colon and len(vr) == 2 and vr.isupper():
        address = head
    else:
        vr = ""
    return Edit(verb, address, value, vr)
