# SPDX-License-Identifier: Apache-2.0
"""``deidgate send``."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

import click


@click.command()
@click.argument("host")
@click.argument("port", type=int)
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--aet", default="DEIDGATE_SCU", show_default=True, help="Our own AE title.")
@click.option("--called", default="ANY-SCP", show_default=True, help="AE title of the receiver.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for each file.")
def send(host: str, port: int, paths: tuple[Path, ...], aet: str, called: str, as_json: bool) -> None:
    """Send files and folders by C-STORE to the node at HOST and PORT.

    Exit status 1 when a DICOM file was not taken. Files that are not DICOM are told of and left.
    """
    from deidgate.dimse.send import Peer, Sent
    from deidgate.dimse.send import send as store

    codes: Counter[str] = Counter()

    def tell(sent: Sent) -> None:
        codes[sent.code] += 1
        if as_json:
            click.echo(json.dumps({"path": str(sent.path), "code": sent.code, "status": sent.status}))
        elif not sent.ok:
            status = "" if sent.status is None else f" ({sent.status:04X}H)"
            click.echo(f"{sent.path}: {sent.code}{status}", err=True)

    store(Peer(host, port, called, aet), paths, tell)
    if not as_json:
        click.echo(f"{codes['sent']} of {codes.total()} files sent")
    if codes.total() - codes["not-dicom"] > codes["sent"] or not codes["sent"]:
        sys.exit(1)
