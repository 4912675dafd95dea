# SPDX-License-Identifier: Apache-2.0
"""Compose, told which installation it is about."""

from __future__ import annotations

import calendar
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass

from deidgate.operate.engine import Engine
from deidgate.operate.installation import Installation
from deidgate.operate.problem import Exit, Problem
from deidgate.operate.shell import Outcome, Shell


@dataclass(frozen=True)
class Container:
    """One container of an installation, as the engine sees it."""

    id: str
    service: str
    state: str
    """`running`, `exited`, `restarting`, …"""
    health: str
    """`healthy`, `starting`, `unhealthy`; empty for a service without a check."""
    restarts: int
    folder: str
    """The checkout that it was started from."""
    started: float = 0.0
    """When, in Unix time; 0 where the engine does not say."""
    mounted: tuple[str, ...] = ()
    """Files and folders of this machine that it was given."""

    @property
    def is_up(self) -> bool:
        return self.state == "running" and self.health in ("", "healthy")


@dataclass(frozen=True)
class Compose:
    """Compose for one installation."""

    shell: Shell
    engine: Engine
    installation: Installation

    def command(self, *words: str) -> list[str]:
        """The argument list of a Compose command."""
        there = self.installation
        files = [word for file in there.compose_files for word in ("-f", str(file))]
        return [
            *self.engine.compose,
            "--project-directory",
            str(there.root),
            *files,
            "--env-file",
            str(there.env_path),
            "-p",
            there.project,
            *words,
        ]

    def run(self, *words: str, timeout_s: float | None = None) -> Outcome:
        return self.shell.run(self.command(*words), timeout_s=timeout_s)

    def must(self, *words: str, timeout_s: float, failed: str) -> Outcome:
        """As `run`, for what the rest depends on.

        Raises
        ------
        Problem
            It failed, or took too long; `failed` says what was not done.
        """
        done = self.run(*words, timeout_s=timeout_s)
        if not done.ok:
            raise Problem(failed, "see the lines above, put it right, and try again", Exit.FAILED, done.tail())
        return done

    def services(self) -> frozenset[str]:
        """The services that have to run."""
        listed = self.must(
            "config", "--services", timeout_s=60, failed="Compose does not tell which services there are"
        )
        return frozenset(listed.out.split()) - {"tools"}

    def show(self, *words: str) -> int:
        return self.shell.show(self.command(*words))

    def in_worker(self, *words: str) -> list[str]:
        """The argument list that runs a program in the running worker.

        Raises
        ------
        Problem
            The worker does not run.
        """
        self.require_running("worker")
        return self.command("exec", "-T", "worker", *words)

    def in_tools(self, *words: str, mounts: Sequence[tuple[str, str, bool]] = ()) -> list[str]:
        """The argument list that runs a program in a container of its own, which is removed afterwards.

        All that the program prints comes out as its output: Compose tells of the container among the errors.

        Parameters
        ----------
        mounts : sequence of (host path, path inside, writable)
        """
        volumes = [
            word
            for host, inside, writable in mounts
            for word in ("-v", f"{host}:{inside}:{'rw' if writable else 'ro'}")
        ]
        return self.command(
            "run", "--rm", "--no-deps", "-T", *volumes, "tools", "sh", "-c", 'exec "$@" 2>&1', "sh", *words
        )

    def containers(self) -> tuple[Container, ...]:
        """All containers of the installation's services, those that stopped too."""
        listed = self.shell.run(
            [
                self.engine.docker,
                "ps",
                "--all",
                "--quiet",
                "--no-trunc",
                "--filter",
                f"label=com.docker.compose.project={self.installation.project}",
                "--filter",
                "label=com.docker.compose.oneoff=False",
            ],
            timeout_s=30,
        )
        ids = listed.out.split()
        if not ids:
            return ()
        found = self.shell.run([self.engine.docker, "inspect", *ids], timeout_s=30)
        return tuple(sorted(map(_container, json.loads(found.out or "[]")), key=lambda one: one.service))

    def require_running(self, service: str) -> None:
        """Refuse when a service does not run.

        Raises
        ------
        Problem
            It does not.
        """
        if not any(one.service == service and one.state == "running" for one in self.containers()):
            raise Problem(f"the {service} does not run", "start the gateway with ./gateway up", Exit.UNHEALTHY)

    def published_ports(self) -> frozenset[int]:
        """The ports of this machine that the installation's containers hold now."""
        listed = self.shell.run(
            [
                self.engine.docker,
                "ps",
                "--filter",
                f"label=com.docker.compose.project={self.installation.project}",
                "--format",
                "{{.Ports}}",
            ],
            timeout_s=30,
        )
        return frozenset(
            int(part.rsplit(":", 1)[1])
            for word in listed.out.replace(",", " ").split()
            if "->" in word and (part := word.split("->")[0]).rsplit(":", 1)[-1].isdigit()
        )

    def last_log_lines(self, container: Container, lines: int = 15) -> tuple[str, ...]:
        """The end of what a container printed."""
        done = self.shell.run([self.engine.docker, "logs", "--tail", str(lines), container.id], timeout_s=30)
        return tuple((done.out + done.err).splitlines()[-lines:])


def _container(found: dict[str, object]) -> Container:
    state: dict[str, object] = found["State"]  # type: ignore[assignment]
    config: dict[str, dict[str, str]] = found["Config"]  # type: ignore[assignment]
    health: dict[str, str] = state.get("Health") or {}  # type: ignore[assignment]
    labels = config["Labels"]
    mounts: list[dict[str, str]] = found.get("Mounts") or []  # type: ignore[assignment]
    return Container(
        id=str(found["Id"]),
        service=labels["com.docker.compose.service"],
        state=str(state["Status"]),
        health=health.get("Status", ""),
        restarts=int(str(found.get("RestartCount", 0))),
        folder=labels.get("com.docker.compose.project.working_dir", ""),
        started=_seconds(str(state.get("StartedAt", ""))),
        mounted=tuple(str(mount["Source"]) for mount in mounts if mount.get("Type") == "bind"),
    )


def _seconds(text: str) -> float:
    """A time as the engine writes it, in UTC with nanoseconds, as Unix time in whole seconds."""
    try:
        return float(calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")))
    except ValueError:
        return 0.0
