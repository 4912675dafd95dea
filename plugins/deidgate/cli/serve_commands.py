# SPDX-License-Identifier: Apache-2.0
"""``deidgate serve``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deidgate.cli.exits import Exit
from deidgate.cli.options import FOLDER, PATH, json_option, mapping_options, policy_option, project_options

if TYPE_CHECKING:
    from deidgate.batch.run import Summary


@click.command(
    epilog="""\b
Examples:
  deidgate serve incoming/ out/
  deidgate serve incoming/ out/ --policy basic --every 5

\b
Exit codes: 1 refused before the start, 2 wrong command line; an interrupt ends it with 130, SIGTERM with 0.
With --once as `deidgate run`: 3 something is held or failed, 4 stopped early (disk full).
Started again, it goes on where it stopped; what stopped or failed is tried again meanwhile, less and less often."""
)
@click.argument("incoming", type=FOLDER)
@click.argument("output", type=PATH)
@policy_option
@mapping_options
@project_options
@click.option("--layout", type=click.Choice(["mirror", "patient-index", "uid"]), default="mirror", show_default=True)
@click.option("--every", type=click.FloatRange(0.2), default=10.0, show_default=True, help="Seconds between two looks.")
@click.option("--settle", type=click.FloatRange(0), default=5.0, show_default=True, help="Seconds without a change.")
@click.option("--jobs", type=click.IntRange(0), default=1, show_default=True, help="Processes.")
@click.option("--once", is_flag=True, help="Look once, and end.")
@json_option
def serve(
    incoming: Path,
    output: Path,
    policy: str,
    mapping: str | None,
    keys: Path | None,
    project: str,
    site: str,
    layout: str,
    every: float,
    settle: float,
    jobs: int,
    once: bool,
    as_json: bool,
) -> None:
    """Watch the folder INCOMING and de-identify what appears in it to OUTPUT. Originals stay where they are.

    A file is taken when it has not changed for some seconds. OUTPUT.deidgate has the report, as with `deidgate run`.
    """
    import signal
    import threading

    from deidgate import Deidentifier
    from deidgate.batch.watch import Watch
    from deidgate.cli.table import tells_of_new

    over = threading.Event()
    interrupted = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())

    def interrupt(*_: object) -> None:
        interrupted.set()
        over.set()

    signal.signal(signal.SIGINT, interrupt)

    def tell(summary: Summary) -> None:
        if as_json:
            click.echo(json.dumps({"counts": summary.counts, "reasons": summary.codes, "stopped": summary.stopped}))
        else:
            said = ", ".join(f"{number} {status}" for status, number in summary.counts.items())
            click.echo(f"{said}{'; stopped: ' + summary.stopped if summary.stopped else ''}")

    with Deidentifier(policy, mapping=mapping, keys=keys, project=project, site=site) as deidentifier:
        watch = Watch(deidentifier, incoming, output, layout=layout, jobs=jobs, settle_s=settle, tell=tell)
        if not once:
            click.echo(f"watching {incoming}", err=True)
        while not over.is_set():
            with tells_of_new(deidentifier.mapping):
                summary = watch.look()
            if once:
                sys.exit(_exit_of(summary))
            over.wait(every)
    if interrupted.is_set():
        sys.exit(Exit.INTERRUPTED)


def _exit_of(summary: Summary | None) -> Exit:
    """How one look ended; None is one that found nothing."""
    if summary is not None and summary.stopped:
        return Exit.STOPPED
    return Exit.OK if summary is None or summary.complete else Exit.INCOMPLETE
