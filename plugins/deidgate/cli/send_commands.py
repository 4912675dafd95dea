# SPDX-License-Identifier: Apache-2.0
"""``deidgate send``."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

import click

from deidgate.cli.counted import counted
from deidgate.cli.exits import Exit
from deidgate.cli.node_options import Node, calls_node

_WHY = {
    "not-dicom": "the file is no DICOM instance; it was left (`deidgate convert` turns pictures into DICOM)",
    "context-refused": "the node takes no such SOP Class, or not in this Transfer Syntax; convert it, or ask the node's"
    " administrator",
    "refused": "the node did not take it; its log says why",
    "no-answer": "the node did not answer, at any try; send it again",
}
"""What became of a file that was not sent, and what to do."""


@click.command(
    epilog="""\b
Examples:
  deidgate send localhost 4242 study/ --aet DEMO_CT --called INGEST
  deidgate send gateway 2762 study/ --tls --ca ca.pem --cert me.pem --key me.key --associations 4

\b
Exit codes: 0 all DICOM files taken, 1 none was (not reached, refused, no DICOM), 2 wrong command line,
3 some were not."""
)
@calls_node(aet="DEIDGATE_SCU")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--associations", type=click.IntRange(1, 32), default=1, show_default=True, help="At a time.")
@click.option("--tries", type=click.IntRange(1, 20), default=3, show_default=True, help="For each file.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for each file.")
def send(
    node: Node,
    paths: tuple[Path, ...],
    associations: int,
    tries: int,
    as_json: bool,
) -> None:
    """Send files and folders by C-STORE to the node at HOST and PORT, each in the Transfer Syntax that it has.

    Files that are not DICOM are told of and left.
    """
    from deidgate.dimse.dispatch import Effort, dispatch
    from deidgate.dimse.send import Sent

    codes: Counter[str] = Counter()
    shows = sys.stderr.isatty() and not as_json

    def tell(sent: Sent) -> None:
        codes[sent.code] += 1
        if as_json:
            click.echo(json.dumps({"path": str(sent.path), "code": sent.code, "status": sent.status}))
        elif not sent.ok:
            status = "" if sent.status is None else f" ({sent.status:04X}H)"
            click.echo(f"{sent.path}: {sent.code}{status}: {_WHY.get(sent.code, 'see the log of the node')}", err=True)
        if shows and codes.total() % 50 == 0:
            click.echo(f"\r{codes['sent']} sent", nl=False, err=True)

    dispatch(node.peer, paths, Effort(associations, tries), tell, node.context)
    if not as_json:
        click.echo(f"{codes['sent']} of {counted(codes.total(), 'file')} sent")
    if not codes["sent"]:
        sys.exit(Exit.REFUSED)
    if codes.total() - codes["not-dicom"] > codes["sent"]:
        sys.exit(Exit.INCOMPLETE)
