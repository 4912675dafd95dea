# SPDX-License-Identifier: Apache-2.0
"""The gateway that is kept busy."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from tests.integration.faults.rig import Broken, brought_up, taken_down

NAME = "soak"


@pytest.fixture(scope="session")
def busy() -> Iterator[Broken]:
    """A gateway of its own that keeps no original for long."""
    yield brought_up(NAME, "docker-compose.yml,tests/soak/stack.yml")
    if not os.environ.get("DEIDGATE_SOAK_KEEP"):
        taken_down(NAME)
