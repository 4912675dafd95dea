# SPDX-License-Identifier: Apache-2.0
"""The ledger and mapping table that the settings name."""

from __future__ import annotations

from deidgate.settings import Settings, secret
from deidgate.store.keys import Keys
from deidgate.store.store import Store


def open_store(settings: Settings) -> Store:
    """The ledger, open; whoever opens it closes it.

    Raises
    ------
    ConfigurationError
        A key is missing or is not the one that the ledger was made with.
    Unavailable
        The database does not answer.
    """
    current = settings.encryption_key_file
    # Until every row is encrypted anew after a change of the key, the earlier keys are needed to read.
    earlier = [secret(path) for path in sorted(current.parent.glob("encryption-*.key"))]
    keys = Keys.of(secret(settings.pseudonym_key_file), secret(current), *earlier)
    return Store.open(settings.ledger_url, keys)
