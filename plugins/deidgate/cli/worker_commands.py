# SPDX-License-Identifier: Apache-2.0
"""``deidgate worker``."""

from __future__ import annotations

import os
import sys

import click

from deidgate import log
from deidgate.cli.exits import Exit
from deidgate.settings import Settings
from deidgate.worker.alive import is_alive


@click.command()
@click.option("--check", is_flag=True, help="Say by the exit status whether the worker on this machine is alive.")
def worker(check: bool) -> None:
    """Carry instances from ingest to research until told to stop (settings: DEIDGATE_…)."""
    settings = Settings.read(os.environ)
    if check:
        sys.exit(Exit.OK if is_alive(settings) else Exit.REFUSED)
    # Heavy, and of no use to the check.
    from deidgate.worker.supervisor import supervise

    log.start(settings.log_level)
    supervise(settings)
