# SPDX-License-Identifier: Apache-2.0
"""Find the Docker engine and Compose; install and start them where that is possible.

What is there is used as it is. On Debian and Ubuntu, as root, what is missing comes from the distribution.
Anywhere else the operator is told what to install: this program does not guess at package managers it cannot test.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from deidgate.operate.problem import Exit, Problem
from deidgate.operate.shell import Shell

DAEMON_LOG = Path("/var/log/deidgate-dockerd.log")
ANSWER_WITHIN_S = 60.0


@dataclass(frozen=True)
class Host:
    """The facts about this machine that decide what may be installed."""

    is_root: bool
    is_debian: bool
    """Debian or a distribution made from it (Ubuntu), by ID and ID_LIKE of /etc/os-release."""
    runs_systemd: bool


@dataclass(frozen=True)
class Engine:
    """An engine that answers, and the Compose that goes with it."""

    docker: str
    compose: tuple[str, ...]
    """`docker compose`, or the path of `docker-compose`."""
    has_buildkit: bool


def read_host(os_release: Path = Path("/etc/os-release"), user_id: int = 0) -> Host:
    """The facts, from the machine this runs on."""
    words: set[str] = set()
    if os_release.exists():
        for line in os_release.read_text(encoding="utf-8").splitlines():
            key, _, value = line.partition("=")
            if key in ("ID", "ID_LIKE"):
                words.update(value.strip().strip("\"'").split())
    return Host(
        is_root=user_id == 0,
        is_debian=bool(words & {"debian", "ubuntu"}),
        runs_systemd=Path("/run/systemd/private").exists(),
    )


def find_compose(shell: Shell, docker: str = "docker") -> tuple[str, ...] | None:
    """The first Compose that answers: the plugin of the client, else the stand-alone program of either version."""
    for candidate in ((docker, "compose"), ("docker-compose",)):
        version = shell.run([*candidate, "version", "--short"], timeout_s=30)
        # A client without the plugin answers `docker compose version --short` with its own help or its own version.
        if version.ok and version.out.strip().lstrip("v")[:2] in ("1.", "2.", "3.", "4.", "5."):
            return candidate
    return None


def answers(shell: Shell, docker: str = "docker") -> bool:
    """Whether an engine stands behind the client."""
    return shell.run([docker, "version", "--format", "{{.Server.Version}}"], timeout_s=20).ok


def ensure(
    shell: Shell,
    host: Host,
    say: Callable[[str], None],
    may_install: Callable[[str], bool],
    sleep: Callable[[float], None] = time.sleep,
) -> Engine:
    """An engine that answers, installed and started if need be.

    Raises
    ------
    Problem
        There is none and this machine or this user cannot be given one.
    """
    if not answers(shell) or find_compose(shell) is None:
        if not answers(shell):
            _refuse_if_only_the_user_is_wrong(shell)
        _install(shell, host, say, may_install)
    if not answers(shell):
        _start(shell, host, say, sleep)
    compose = find_compose(shell)
    if compose is None:
        raise Problem(
            "Docker answers, but there is no Compose",
            "install docker-compose-plugin (v2) or docker-compose (v1.29 or newer) and try again",
        )
    return Engine("docker", compose, has_buildkit=shell.run(["docker", "buildx", "version"], timeout_s=20).ok)


def require(shell: Shell) -> Engine:
    """The engine that is there, for commands that only look.

    Raises
    ------
    Problem
        It does not answer, or there is no Compose.
    """
    compose = find_compose(shell) if answers(shell) else None
    if compose is None:
        _refuse_if_only_the_user_is_wrong(shell)
        raise Problem("no Docker engine with Compose answers here", "start it with ./gateway up")
    return Engine("docker", compose, has_buildkit=False)


def _refuse_if_only_the_user_is_wrong(shell: Shell) -> None:
    said = shell.run(["docker", "version"], timeout_s=20).err.lower()
    if "permission denied" in said:
        raise Problem(
            "the Docker engine runs, but this user may not use it",
            "run as root, or let an administrator add you to the group `docker` and log in again",
        )


def _install(shell: Shell, host: Host, say: Callable[[str], None], may_install: Callable[[str], bool]) -> None:
    missing = [
        package
        for package, program in (("docker.io", "dockerd"), ("iptables", "iptables"))
        if shell.which(program) is None
    ]
    if find_compose(shell) is None:
        missing.append("docker-compose")
    if not missing:
        return
    if not (host.is_root and host.is_debian):
        raise Problem(
            "no Docker engine with Compose answers here",
            "install Docker Engine 20.10 or newer with Compose (v2 or v1.29), start it, and try again"
            + (" (as root this command does it for you)" if host.is_debian else ""),
        )
    if not may_install(f"install {', '.join(missing)} from the distribution"):
        raise Problem("nothing was installed", "install Docker Engine and Compose yourself, or say yes", Exit.FAILED)
    say(f"installing {', '.join(missing)} from the distribution")
    apt_install(shell, tuple(missing))


def apt_install(shell: Shell, packages: tuple[str, ...]) -> None:
    """Install packages of the distribution.

    Raises
    ------
    Problem
        The package manager failed.
    """
    apt = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q"]
    # A list that cannot be refreshed may still be good enough for the install, which decides.
    shell.run([*apt, "update"], timeout_s=600)
    done = shell.run([*apt, "install", "-y", "--no-install-recommends", *packages], timeout_s=1200)
    if not done.ok:
        raise Problem(
            f"the distribution could not install {' '.join(packages)}",
            "check this machine's package sources (apt-get update), install them by hand, and try again",
            details=done.tail(),
        )


def _start(shell: Shell, host: Host, say: Callable[[str], None], sleep: Callable[[float], None]) -> None:
    if not host.is_root:
        raise Problem("the Docker engine does not answer", "start it as root (systemctl start docker) and try again")
    say("starting the Docker engine")
    if host.runs_systemd:
        shell.run(["systemctl", "enable", "--now", "docker"], timeout_s=120)
    elif shell.which("dockerd") is not None:
        shell.background(["dockerd"], DAEMON_LOG)
    waited = 0.0
    while not answers(shell):
        if waited >= ANSWER_WITHIN_S:
            where = "journalctl -u docker" if host.runs_systemd else str(DAEMON_LOG)
            log = (
                shell.run(["tail", "-n", "15", str(DAEMON_LOG)])
                if not host.runs_systemd
                else shell.run(["journalctl", "-u", "docker", "-n", "15", "--no-pager"])
            )
            raise Problem(
                f"the Docker engine does not answer after {ANSWER_WITHIN_S:.0f} s",
                f"read {where}, put right what it names, and try again",
                details=log.tail(),
            )
        sleep(1.0)
        waited += 1.0
