# SPDX-License-Identifier: Apache-2.0
"""``deidgate recover``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from deidgate.cli.options import FILE, PATH, json_option


@click.command(
    epilog="""\b
Examples:
  deidgate recover IM0001.dcm --key broker.key --certificate broker.pem
  deidgate recover IM0001.dcm --key broker-key-and-certificate.pem --output original.dcm

\b
Exit codes: 0 recovered, 1 refused (wrong key, nothing encrypted, output exists), 2 wrong command line."""
)
@click.argument("file", type=FILE)
@click.option("--key", "key_file", type=FILE, required=True, help="Private RSA key (PEM). Asks for its password.")
@click.option(
    "--certificate", "certificate_file", type=FILE, help="Its certificate (PEM).  [default: the one in the key's file]"
)
@click.option("--output", type=PATH, help="Write the instance with its originals put back. Pixels stay as they are.")
@json_option
def recover(file: Path, key_file: Path, certificate_file: Path | None, output: Path | None, as_json: bool) -> None:
    """Recover what a policy with [encrypt_originals] has encrypted into FILE for the holder of the key.

    It shows who the patient is: mind who looks on. Masked pixels are gone for good.
    """
    from deidgate.cli.reading import opened
    from deidgate.cli.writing import write_dataset
    from deidgate.convert.listing import rows
    from deidgate.plan.encrypted import recovered, restored

    key = key_file.read_bytes()
    certificate = certificate_file.read_bytes() if certificate_file is not None else key
    password = click.prompt("Password of the key", hide_input=True).encode() if b"ENCRYPTED" in key else None
    dataset = opened(file)
    originals = recovered(dataset, certificate.decode("latin_1"), key, password)
    if output is not None:
        write_dataset(restored(dataset, originals), output)
        click.echo(f"{output}: {len(originals)} attributes put back")
        return
    for row in rows(originals):
        if as_json:
            fields = {"path": str(row.path), "vr": row.vr, "name": row.name, "value": row.value}
            click.echo(json.dumps(fields, ensure_ascii=False))
        else:
            click.echo(row.line)
