# SPDX-License-Identifier: Apache-2.0
"""The gateway that is broken on purpose, and how much of the suite is to be run."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from tests.integration.faults.rig import Broken, brought_up, taken_down


@pytest.fixture(scope="session")
def broken() -> Iterator[Broken]:
    """A gateway of its own with small disks."""
    yield brought_up()
    if not os.environ.get("DEIDGATE_FAULTS_KEEP"):
        taken_down()


@pytest.fixture(scope="session")
def whole() -> bool:
    """Whether everything is asked for (``./gateway test faults``), and not the short choice that is in ``test all``."""
    return os.environ.get("DEIDGATE_FAULTS") == "whole"
