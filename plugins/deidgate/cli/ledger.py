# SPDX-License-Identifier: Apache-2.0
"""The gateway's ledger for its commands."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from deidgate.settings import Settings

if TYPE_CHECKING:
    from deidgate.store.store import Store


def open_ledger() -> Store:
    """The gateway's ledger, as the settings name it; whoever opens it closes it."""
    from deidgate.orthanc_io.ledger import open_store

    return open_store(Settings.read(os.environ))
