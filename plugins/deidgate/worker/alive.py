# SPDX-License-Identifier: Apache-2.0
"""Signs of life of the worker's processes.

Imports nothing heavy: the health check of the container starts a Python every few seconds.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from deidgate.settings import Settings

_AT_MOST = 4
_DEAD_AFTER_S = 60.0


def count(settings: Settings) -> int:
    """How many processes carry instances."""
    return settings.processes or min(os.cpu_count() or 1, _AT_MOST)


def sign_of_life(folder: Path, number: int) -> Path:
    """The file that process `number` touches every turn."""
    return folder / f"worker-{number}.alive"


def is_alive(settings: Settings) -> bool:
    """Whether every process has given a sign of life lately."""
    now = time.time()
    signs = [sign_of_life(settings.state, number) for number in range(count(settings))]
    return all(sign.exists() and now - sign.stat().st_mtime < _DEAD_AFTER_S for sign in signs)
