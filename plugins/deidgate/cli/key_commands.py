# SPDX-License-Identifier: Apache-2.0
"""``deidgate gateway re-encrypt``: the ledger's part of a change of the encryption key."""

from __future__ import annotations

import sys

import click

from deidgate.cli.exits import Exit
from deidgate.cli.ledger import open_ledger
from deidgate.cli.options import who_and_why

_ROUNDS = 5
"""Rows that a purge takes away while a round waits for them look like the end of their table."""


@click.command("re-encrypt")
@click.argument("old")
@click.argument("new")
@who_and_why
def re_encrypt(old: str, new: str, by: str, why: str) -> None:
    """Encrypt every row under the key with id OLD with the key with id NEW.

    May be interrupted and run again. Exit status 3 while rows still need the old key.
    """
    rows = 0
    with open_ledger() as store:
        for _ in range(_ROUNDS):
            rows += store.custody.rotate_encryption_key(old, new, by, why)
            left = store.custody.values_under(old)
            if not left:
                break
    click.echo(f"{rows} rows encrypted anew, {left} still under the old key")
    if left:
        sys.exit(Exit.INCOMPLETE)
