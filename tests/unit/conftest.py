# SPDX-License-Identifier: Apache-2.0
"""Fixtures for tests of units."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from deidgate.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty ledger in an SQLite file; the store's own tests have one on each database."""
    from deidgate.store import Keys, Store

    with Store.open(f"sqlite:///{tmp_path}/ledger.db", Keys.of(b"p" * 32, b"e" * 32)) as opened:
        yield opened
