# SPDX-License-Identifier: Apache-2.0
"""Which mapping table a command opens: the one that options name, else the gateway's own, else the user's."""

from __future__ import annotations

import os
from pathlib import Path

from deidgate.batch.home import open_mapping, place
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
    return open_mapping(place(mapping, keys, os.environ), create=create)
