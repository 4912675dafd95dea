# SPDX-License-Identifier: Apache-2.0
"""`gateway up`: from a machine with nothing to a gateway that answers, as often as one likes."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deidgate.operate import base_image, checks, engine, health, images
from deidgate.operate.compose import Compose, Container
from deidgate.operate.engine import Engine, Host
from deidgate.operate.installation import Installation, write_settings
from deidgate.operate.problem import Exit, Problem
from deidgate.operate.secret_files import SecretFiles
from deidgate.operate.shell import Shell

READ_AGAIN = frozenset({"retention.toml", "site-certificates.pem"})
"""Files that are read whenever they change; nothing has to be restarted for them."""


@dataclass(frozen=True)
class Site:
    """What every command works with: this machine and the installation it is about."""

    shell: Shell
    host: Host
    installation: Installation
    say: Callable[[str], None]
    """Tells the operator what goes on; not the result of the command."""

    def builder(self, found: Engine) -> images.Builder:
        there = self.installation
        return images.Builder(self.shell, found, there.root, there.state / "build.log", self.say)


def up(site: Site, may_install: Callable[[str], bool], *, fresh: bool = False) -> Compose:
    """Build what is out of date, start what does not run, and wait until all of it answers.

    Parameters
    ----------
    may_install : callable
        Asks the operator whether packages may be installed, given what they are for.
    fresh : bool
        Build all images anew, with the newest packages of the distribution.

    Raises
    ------
    Problem
        Anything that the operator has to put right.
    """
    with one_at_a_time(site.installation.lock, site.say):
        return _up(site, may_install, fresh=fresh)


@contextmanager
def one_at_a_time(path: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock at `path`, after whoever holds it now: two that build at once do all the work twice."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another ./gateway that is at work here")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def prepare(site: Site, may_install: Callable[[str], bool]) -> Engine:
    """An engine, and all images built, on a machine that may have had nothing; starts and writes nothing.

    Raises
    ------
    Problem
        Anything that the operator has to put right.
    """
    with one_at_a_time(site.installation.lock, site.say):
        return _built(site, may_install, fresh=False)


def _built(site: Site, may_install: Callable[[str], bool], *, fresh: bool) -> Engine:
    there = site.installation
    checks.check_address(there.settings)
    found = _engine_after_checks(site, may_install)
    builder = site.builder(found)
    arguments = images.arguments_of(there.settings)
    base = base_image.ensure(builder, site.host, there.settings, fresh=fresh)
    builder.ensure(images.IMAGES, base, arguments, fresh=fresh)
    return found


def _up(site: Site, may_install: Callable[[str], bool], *, fresh: bool) -> Compose:
    there = site.installation
    found = _built(site, may_install, fresh=fresh)
    if write_settings(there):
        site.say(f"wrote the settings to {there.env_path}")
    ensured = SecretFiles(site.shell, found, there).ensure()
    for name in ensured.renewed:
        site.say(f"renewed {there.secrets / name}: its time was nearly over")
    if ensured.made:
        site.say(f"made keys, certificates and passwords in {there.secrets}: back them up now")
    compose = Compose(site.shell, found, there)
    _start(site, compose)
    return compose


def _engine_after_checks(site: Site, may_install: Callable[[str], bool]) -> Engine:
    there = site.installation
    ours: frozenset[int] = frozenset()
    if engine.answers(site.shell):
        # Our own containers, from an `up` before this one, may hold the ports.
        earlier = Compose(site.shell, Engine("docker", (), has_buildkit=False), there)
        refuse_another_checkout(there, earlier.containers())
        ours = earlier.published_ports()
    checks.check_ports(there.settings, ours, site.shell)
    if not ours:
        checks.check_disk(there.settings)
    return engine.ensure(site.shell, site.host, site.say, may_install)


def refuse_another_checkout(there: Installation, containers: tuple[Container, ...]) -> None:
    """Refuse to take over containers that were started from another folder, with other keys.

    Raises
    ------
    Problem
        There are such.
    """
    for one in containers:
        if one.folder and Path(one.folder) != there.root and Path(one.folder).is_dir():
            raise Problem(
                f"an installation called {there.name} runs already, from {one.folder}",
                "use that one, stop it there with ./gateway down, or name this one: ./gateway --installation NAME up",
            )


def has_old_files(one: Container) -> bool:
    """Whether a file that a running container was given has changed since it started: a route, a policy, a certificate.

    Compose does not see it, since the place is the same.
    """
    return one.state == "running" and any(_changed(Path(name)) > one.started + 1 for name in one.mounted)


def _changed(path: Path) -> float:
    files = path.rglob("*.toml") if path.is_dir() else [path]
    # Of the inode: a file that was moved into its place may be older than what was there.
    return max((file.stat().st_ctime for file in files if file.exists() and file.name not in READ_AGAIN), default=0.0)


def _start(site: Site, compose: Compose) -> None:
    site.say("starting")
    done = compose.run("up", "--detach", "--remove-orphans", timeout_s=600)
    if not done.ok:
        raise Problem(
            "Compose could not start the gateway; its last lines are above",
            "put right what they name and try ./gateway up again",
            Exit.UNHEALTHY,
            done.tail(),
        )
    changed = [one.service for one in compose.containers() if has_old_files(one)]
    if changed:
        site.say(f"restarting what was given files that have changed since: {', '.join(changed)}")
        failed = f"{', '.join(changed)} could not be restarted, and may still have the old files"
        compose.must("restart", *changed, timeout_s=300, failed=failed)
    health.wait(compose, compose.services())
