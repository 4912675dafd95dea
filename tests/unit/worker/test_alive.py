# SPDX-License-Identifier: Apache-2.0
"""The health check tells a living worker from a dead one, and costs little."""

import os
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from deidgate.settings import Settings
from deidgate.worker.alive import count, is_alive, sign_of_life


@pytest.fixture
def settings(tmp_path):
    return replace(Settings(), state=tmp_path, processes=2)


def test_a_worker_whose_processes_all_gave_a_sign_is_alive(settings):
    for number in range(count(settings)):
        sign_of_life(settings.state, number).touch()
    assert is_alive(settings)


def test_one_silent_process_makes_the_worker_dead(settings):
    for number in range(count(settings)):
        sign_of_life(settings.state, number).touch()
    long_ago = time.time() - 3600
    os.utime(sign_of_life(settings.state, 1), (long_ago, long_ago))
    assert not is_alive(settings)


def test_a_process_that_never_began_makes_the_worker_dead(settings):
    sign_of_life(settings.state, 0).touch()
    assert not is_alive(settings)


def test_the_check_loads_nothing_heavy():
    loaded = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from deidgate.cli.worker_commands import worker; print(*sys.modules)",
        ],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert "deidgate.worker.alive" in loaded
    assert not {"pydicom", "sqlalchemy", "numpy", "requests", "prometheus_client"} & set(loaded)
