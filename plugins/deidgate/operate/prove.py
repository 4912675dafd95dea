# SPDX-License-Identifier: Apache-2.0
"""`gateway prove`: planted identifiers through the user's own installation, parts of it killed in the middle."""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from deidgate.operate.commands import CALLED, INGEST, compose_of
from deidgate.operate.compose import Compose
from deidgate.operate.problem import Exit, Problem
from deidgate.operate.up import Site

_INSIDE = "/proof"


def prove(site: Site, given: argparse.Namespace) -> int:
    """Plant, send, restart, wait, look; exit status 1 when something that was planted got out or is missing."""
    compose = compose_of(site)
    for service in ("ingest", "worker", "research"):
        compose.require_running(service)
    with tempfile.TemporaryDirectory(prefix="deidgate-proof-") as name:
        folder = Path(name)
        _plant_and_send(site, compose, folder, given)
        answer = _judge(site, compose, folder, given)
    site.say("proved: nothing that was planted got out" if answer == 0 else "NOT proved: see the lines above")
    return Exit.OK if answer == 0 else Exit.FAILED


def _plant_and_send(site: Site, compose: Compose, folder: Path, given: argparse.Namespace) -> None:
    site.say("planting identifiers in made-up instances")
    script = f"deidgate prove plant {_INSIDE}/made && chown -R {_owner()} {_INSIDE}/made"
    _tools(site, compose, folder, "sh", "-euc", script)
    files = sorted((folder / "made" / "files").iterdir())
    half = len(files) // 2
    site.say(f"sending {half} of {len(files)} as {given.aet}, then killing the worker")
    _send(site, compose, folder, files[:half], given.aet)
    _restart(compose, "worker")
    site.say(f"sending {len(files) - half} more, then killing ingest")
    _send(site, compose, folder, files[half:], given.aet)
    _restart(compose, "ingest")
    site.say("waiting until nothing is in flight")
    waited = compose.in_worker("deidgate", "gateway", "wait", "--timeout", str(given.timeout))
    if site.shell.show(waited) != 0:
        raise Problem("some instances are still in flight", "see why with ./gateway status", Exit.FAILED)


def _send(site: Site, compose: Compose, folder: Path, files: list[Path], aet: str) -> None:
    # By hard links: a folder of its own for what is sent together.
    part = Path(tempfile.mkdtemp(prefix="part-", dir=folder))
    for number, file in enumerate(files):
        os.link(file, part / f"{number:03d}.dcm")
    inside = f"{_INSIDE}/{part.name}"
    _tools(site, compose, folder, "deidgate", "send", *INGEST, inside, "--aet", aet, "--called", CALLED)


def _restart(compose: Compose, service: str) -> None:
    if not compose.run("kill", "-s", "SIGKILL", service).ok or not compose.run("start", service).ok:
        raise Problem(f"{service} could not be restarted", "see ./gateway status", Exit.UNHEALTHY)


def _judge(site: Site, compose: Compose, folder: Path, given: argparse.Namespace) -> int:
    script = (
        f"status=0; deidgate prove judge {_INSIDE}/made --html {_INSIDE}/proof.html --json {_INSIDE}/proof.json"
        f" || status=$?; chown {_owner()} {_INSIDE}/proof.*; exit $status"
    )
    mounts = [(str(folder), _INSIDE, True)]
    answer = site.shell.show(compose.in_tools("sh", "-uc", script, mounts=mounts))
    for source, target in (("proof.html", given.html), ("proof.json", given.json)):
        if target and (folder / source).exists():
            Path(target).write_bytes((folder / source).read_bytes())
            site.say(f"report: {target}")
    return answer


def _owner() -> str:
    """Who runs this command: what a container writes belongs to them afterwards."""
    return f"{os.getuid()}:{os.getgid()}"


def _tools(site: Site, compose: Compose, folder: Path, *words: str) -> None:
    done = site.shell.run(compose.in_tools(*words, mounts=[(str(folder), _INSIDE, True)]), timeout_s=600)
    if not done.ok:
        raise Problem(
            f"{' '.join(words[:3])} failed; the last lines are above", "see ./gateway status", Exit.FAILED, done.tail()
        )
