# SPDX-License-Identifier: Apache-2.0
"""The gateway that is kept busy."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import pytest
from tests.integration.conftest import ROOT
from tests.integration.faults.rig import Broken, brought_up, docker, taken_down

NAME = "soak"


@pytest.fixture(scope="session")
def installed() -> Iterator[Broken]:
    """A gateway of its own that keeps no original for long."""
    yield brought_up(NAME, "docker-compose.yml,tests/soak/stack.yml")
    if not os.environ.get("DEIDGATE_SOAK_KEEP"):
        taken_down(NAME)


@pytest.fixture
def busy(installed: Broken) -> Broken:
    """The gateway with new processes: what one test left in their memory is not compared by the next."""
    docker("restart", *(installed.name_of(service) for service in ("ingest", "worker", "research")))
    up = [str(ROOT / "gateway"), "--installation", installed.name, "up", "--yes"]
    subprocess.run(up, check=True, cwd=ROOT)
    return installed
