# SPDX-License-Identifier: Apache-2.0
"""The gateway that is broken on purpose, and the hands that break it."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import IO, Any

from tests.integration.conftest import ROOT, Gateway, eventually, remove_installation

NAME = "faults"
COMPOSE_FILES = "docker-compose.yml,tests/integration/faults/stack.yml"
PARTS = ("ingest", "worker", "research", "ohif", "gate-research", "edge")
"""All that a power cut ends; only the witness, which holds the disks, lives on."""


@dataclass(frozen=True)
class Sample:
    """What the witness saw at one moment; None where a server did not answer."""

    at: float
    flow: dict[str, Any] | None
    research: int | None

    @property
    def backlog(self) -> int | None:
        """Instances that ingest has and that have no end yet."""
        return None if self.flow is None else int(self.flow["in_flight"]) + int(self.flow["unread"])


class Watch:
    """Looks on, a few times a second."""

    def __init__(self, witness: str) -> None:
        self._process = subprocess.Popen(
            ["docker", "exec", "-i", witness, "python3", "/faults/watch.py"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        self._samples: list[Sample] = []
        self._thread = threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True)
        self._thread.start()
        eventually(lambda: self._samples and self._samples[-1].flow is not None, 30)

    @property
    def latest(self) -> Sample:
        return self._samples[-1]

    def since(self, moment: float) -> list[Sample]:
        return [sample for sample in self._samples if sample.at >= moment]

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(10)

    def _read(self, lines: IO[str]) -> None:
        for line in lines:
            self._samples.append(Sample(**json.loads(line)))


@dataclass
class Broken(Gateway):
    """A gateway whose containers, networks and disks may be taken away."""

    _names: dict[str, str] = field(default_factory=dict, repr=False)

    def name_of(self, service: str) -> str:
        """The container's name, asked for once: it stays."""
        if service not in self._names:
            self._names[service] = self.container(service)
        return self._names[service]

    def witness(self, script: str, *words: str) -> str:
        """What a shell script prints in the witness."""
        return docker("exec", self.name_of("witness"), "sh", "-euc", script, "sh", *words)

    def count(self) -> dict[str, Any]:
        """What both servers list, and which delivered files bear no mark."""
        found: dict[str, Any] = json.loads(docker("exec", self.name_of("witness"), "python3", "/faults/count.py"))
        return found

    def reconciled(self) -> dict[str, Any]:
        """The gateway's own report, whatever it says."""
        words = [str(ROOT / "gateway"), "--installation", self.name, "reconcile", "--json"]
        done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=ROOT)
        assert done.returncode in (0, 1), done.stdout + done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def crash(self, *services: str) -> None:
        """End the first process of each container as a crash does. The engine starts it again, because it has to."""
        pids = [docker("inspect", "--format", "{{.State.Pid}}", self.name_of(service)).strip() for service in services]
        self.witness('for pid in "$@"; do kill -9 "$pid" || true; done', *(pid for pid in pids if pid != "0"))

    def crash_child(self, number: int) -> None:
        """End one of the worker's own processes."""
        parent = docker("inspect", "--format", "{{.State.Pid}}", self.name_of("worker")).strip()
        children = self.witness('cat "/proc/$1/task/$1/children"', parent).split()
        if children:
            self.witness('kill -9 "$1" || true', children[number % len(children)])

    def pause(self, service: str) -> None:
        docker("pause", self.name_of(service))

    def resume(self, service: str) -> None:
        docker("unpause", self.name_of(service))

    def unplug(self, service: str, network: str) -> None:
        docker("network", "disconnect", self._network(network), self.name_of(service))

    def plug(self, service: str, network: str, alias: str) -> None:
        docker("network", "connect", "--alias", alias, self._network(network), self.name_of(service))

    def let_lie(self, mode: str) -> None:
        """Put the liar in the place of research."""
        self.lie(mode)
        self.unplug("research", "transfer")
        self.plug("liar", "transfer", "research")

    def lie(self, mode: str) -> None:
        """Tell the liar how."""
        docker("exec", self.name_of("liar"), "sh", "-euc", 'printf %s "$1" > /tmp/mode.new; mv /tmp/mode.new /tmp/mode', "sh", mode)  # fmt: skip # noqa: E501

    def end_lie(self) -> None:
        """Put research back into its place."""
        self.lie("")
        self.unplug("liar", "transfer")
        self.plug("research", "transfer", "research")

    def fill(self, disk: str, leave_mb: int = 0) -> None:
        """Write a disk full, but for `leave_mb`."""
        self.witness(
            'free=$(df --output=avail -m "/disk/$1" | tail -1); size=$((free - $2));'
            ' head -c "${size}M" /dev/zero > "/disk/$1/filler" 2>/dev/null || true;'
            ' if [ "$2" = 0 ]; then cat /dev/zero >> "/disk/$1/filler" 2>/dev/null || true; fi',
            disk, str(leave_mb),
        )  # fmt: skip

    def empty(self, disk: str) -> None:
        """Take away what filled it."""
        self.witness('rm -f "/disk/$1/filler"', disk)

    def sql(self, statement: str, number: int) -> None:
        """Change the ledger behind everybody's back."""
        self.witness('python3 - "$@" <<"END"\n' + _SQL + "\nEND", statement, str(number))

    def lock_ledger(self, seconds: float) -> tuple[subprocess.Popen[str], str]:
        """Keep everybody from writing to the ledger; who does it, and the number of that process."""
        process = subprocess.Popen(
            ["docker", "exec", "-i", self.name_of("witness"), "python3", "-c", _LOCK, str(seconds)],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stdout is not None
        return process, process.stdout.readline().strip()

    def _network(self, name: str) -> str:
        return f"deidgate-{self.name}_{name}"


_SQL = """
import sqlite3, sys
ledger = sqlite3.connect("/disk/ledger/ledger.db", timeout=30, isolation_level=None)
ledger.execute("BEGIN IMMEDIATE")
ledger.execute(sys.argv[1], (int(sys.argv[2]),))
ledger.execute("COMMIT")
"""

_LOCK = """
import os, sqlite3, sys, time
ledger = sqlite3.connect("/disk/ledger/ledger.db", timeout=60, isolation_level=None)
ledger.execute("BEGIN IMMEDIATE")
ledger.execute("UPDATE items SET attempts = attempts + 1 WHERE id = 1")
print(os.getpid(), flush=True)
time.sleep(float(sys.argv[1]))
"""


def docker(*words: str) -> str:
    """What the engine's client prints."""
    done = subprocess.run(["docker", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def brought_up(name: str = NAME, compose_files: str = COMPOSE_FILES) -> Broken:
    """The gateway `name`, new and healthy."""
    folder = ROOT / ".gateway" / name
    command = [str(ROOT / "gateway"), "--installation", name]
    remove_installation(name)
    folder.mkdir(parents=True)
    (folder / "env").write_text(f"DEIDGATE_COMPOSE_FILES={compose_files}\n", encoding="utf-8")
    subprocess.run([*command, "up", "--yes"], check=True, cwd=ROOT)
    asked = subprocess.run([*command, "credentials", "--json"], capture_output=True, text=True, check=True)
    credentials = json.loads(asked.stdout)
    return Broken(name, credentials["dicom"]["port"], credentials)


def taken_down(name: str = NAME) -> None:
    """Nothing is left of it."""
    remove_installation(name)


def within(seconds: float, condition: Callable[[], bool]) -> float | None:
    """After how many seconds `condition` held; None if it did not in time."""
    start = time.monotonic()
    while time.monotonic() - start < seconds:
        if condition():
            return time.monotonic() - start
        time.sleep(0.2)
    return None
