# SPDX-License-Identifier: Apache-2.0
"""``deidgate gate``."""

from __future__ import annotations

from pathlib import Path

import click

from deidgate import log

_FILE = click.Path(path_type=Path, dir_okay=False)
_PORT = click.IntRange(1, 65535)


@click.command()
@click.option("--upstream", metavar="HOST:PORT", default="ingest:4242", show_default=True, help="The ingest Orthanc.")
@click.option("--plain", type=click.Choice(["on", "off"]), default="on", show_default=True, help="DICOM without TLS.")
@click.option("--plain-port", type=_PORT, default=4242, show_default=True)
@click.option("--tls-port", type=_PORT, default=2762, show_default=True)
@click.option("--metrics-port", type=_PORT, default=9102, show_default=True)
@click.option("--certificate", type=_FILE, required=True, help="Own key and certificate chain, PEM.")
@click.option("--sites", type=_FILE, required=True, help="The sites' certificates, PEM.")
@click.option("--routes", type=_FILE, required=True, help="Which AE titles belong to which site.")
@click.option("--per-site", type=click.IntRange(1), default=8, show_default=True, help="Associations that are open.")
def gate(
    upstream: str,
    plain: str,
    plain_port: int,
    tls_port: int,
    metrics_port: int,
    certificate: Path,
    sites: Path,
    routes: Path,
    per_site: int,
) -> None:
    """Stand between the clinics and ingest: TLS or plain DICOM, and no site takes all of it."""
    from deidgate.dimse.gate import GateLimits
    from deidgate.dimse.gate_service import Doors, serve

    host, _, port = upstream.rpartition(":")
    if not host or not port.isdigit():
        raise click.BadParameter("not HOST:PORT", param_hint="--upstream")
    log.start("INFO")
    doors = Doors(
        upstream=(host, int(port)),
        plain=plain_port if plain == "on" else None,
        tls=tls_port,
        metrics=metrics_port,
        certificate=certificate,
        bundle=sites,
        routes=routes,
    )
    serve(doors, GateLimits(associations_per_site=per_site))
