# SPDX-License-Identifier: Apache-2.0
"""``deidgate send``."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

import click

from deidgate.cli.exits import Exit
from deidgate.cli.network_commands import context_of
from deidgate.cli.options import PATH


@click.command(
    epilog="""\b
Examples:
  deidgate send localhost 4242 study/ --aet DEMO_CT --called INGEST
  deidgate send gateway 2762 study/ --tls --ca ca.pem --cert me.pem --key me.key --associations 4

\b
Exit codes: 0 all DICOM files taken, 1 none was (not reached, refused, no DICOM), 2 wrong command line,
3 some were not."""
)
@click.argument("host")
@click.argument("port", type=click.IntRange(1, 65535))
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--aet", default="DEIDGATE_SCU", show_default=True, help="Our own AE title.")
@click.option("--called", default="ANY-SCP", show_default=True, help="AE title of the receiver.")
@click.option("--tls", is_flag=True, help="Over TLS, version 1.2 or newer.")
@click.option("--ca", type=PATH, help="With --tls: who signed theirs (PEM).  [default: the system's]")
@click.option("--cert", "--tls-cert", "cert", type=PATH, help="With --tls: our certificate (PEM).")
@click.option("--key", "--tls-key", "key", type=PATH, help="With --tls: our key (PEM).")
@click.option("--any-name", is_flag=True, help="With --tls: the certificate need not name HOST.")
@click.option("--associations", type=click.IntRange(1, 32), default=1, show_default=True, help="At a time.")
@click.option("--tries", type=click.IntRange(1, 20), default=3, show_default=True, help="For each file.")
@click.option("--timeout", type=click.FloatRange(1), default=60.0, show_default=True, help="Seconds.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for each file.")
def send(
    host: str,
    port: int,
    paths: tuple[Path, ...],
    aet: str,
    called: str,
    tls: bool,
    ca: Path | None,
    cert: Path | None,
    key: Path | None,
    any_name: bool,
    associations: int,
    tries: int,
    timeout: float,
    as_json: bool,
) -> None:
    """Send files and folders by C-STORE to the node at HOST and PORT, each in the Transfer Syntax that it has.

    Files that are not DICOM are told of and left.
    """
    from deidgate.dimse.dispatch import Effort, dispatch
    from deidgate.dimse.send import Peer, Sent

    codes: Counter[str] = Counter()
    shows = sys.stderr.isatty() and not as_json

    def tell(sent: Sent) -> None:
        codes[sent.code] += 1
        if as_json:
            click.echo(json.dumps({"path": str(sent.path), "code": sent.code, "status": sent.status}))
        elif not sent.ok:
            status = "" if sent.status is None else f" ({sent.status:04X}H)"
            click.echo(f"{sent.path}: {sent.code}{status}", err=True)
        if shows and codes.total() % 50 == 0:
            click.echo(f"\r{codes['sent']} sent", nl=False, err=True)

    peer = Peer(host, port, called, aet, timeout)
    dispatch(peer, paths, Effort(associations, tries), tell, context_of(tls, ca, cert, key, any_name))
    if not as_json:
        click.echo(f"{codes['sent']} of {codes.total()} files sent")
    if not codes["sent"]:
        sys.exit(Exit.REFUSED)
    if codes.total() - codes["not-dicom"] > codes["sent"]:
        sys.exit(Exit.INCOMPLETE)
