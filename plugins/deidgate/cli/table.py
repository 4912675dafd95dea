# SPDX-License-Identifier: Apache-2.0
"""Which mapping table a command opens: the one that options name, else the gateway's own, else the user's."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from deidgate.batch.home import MappingPlace, open_mapping, place
from deidgate.settings import Settings
from deidgate.store.store import Store


def open_table(mapping: str | None, keys: Path | None, *, create: bool = False) -> Store:
    """The open mapping table; whoever opens it closes it.

    Parameters
    ----------
    mapping : str or None
        ``--mapping``.
    keys : Path or None
        ``--keys``.
    create : bool
        Make the user's own if it is not there.

    Raises
    ------
    ConfigurationError
        It is not there, or not with these keys.
    """
    if mapping is None and keys is None:
        settings = Settings.read(os.environ)
        if settings.pseudonym_key_file.exists():
            # In the gateway's containers, and wherever its settings are.
            from deidgate.orthanc_io.ledger import open_store

            return open_store(settings)
    where = place(mapping, keys, os.environ)
    with tells_of_new(where):
        return open_mapping(where, create=create)


@contextmanager
def tells_of_new(where: MappingPlace) -> Iterator[None]:
    """Say on standard error if the block makes the mapping table: nobody should back up, or look for, another one."""
    file = where.file
    absent = file is not None and not file.exists()
    try:
        yield
    finally:
        if file is not None and absent and file.exists():
            click.echo(f"new mapping table made at {file}, with keys in {where.keys}: back both up", err=True)
