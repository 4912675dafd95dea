# SPDX-License-Identifier: Apache-2.0
"""`gateway up`: from a machine with nothing to a gateway that answers, as often as one likes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from deidgate.operate import base_image, checks, engine, health, images
from deidgate.operate.compose import Compose
from deidgate.operate.engine import Engine, Host
from deidgate.operate.installation import Installation, write_first_settings
from deidgate.operate.problem import Exit, Problem
from deidgate.operate.secret_files import SecretFiles
from deidgate.operate.shell import Shell


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
    there = site.installation
    checks.check_address(there.settings)
    found = _engine_after_checks(site, may_install)
    if write_first_settings(there):
        site.say(f"wrote the settings to {there.env_path}")
    builder = site.builder(found)
    arguments = images.arguments_of(there.settings)
    base = base_image.ensure(builder, site.host, there.settings, fresh=fresh)
    builder.ensure(images.IMAGES, base, arguments, fresh=fresh)
    if SecretFiles(site.shell, found, there).ensure():
        site.say(f"made keys, certificates and passwords in {there.secrets}: back them up now")
    compose = Compose(site.shell, found, there)
    _start(site, compose)
    return compose


def _engine_after_checks(site: Site, may_install: Callable[[str], bool]) -> Engine:
    there = site.installation
    ours: frozenset[int] = frozenset()
    if engine.answers(site.shell):
        # Our own containers, from an `up` before this one, may hold the ports.
        ours = Compose(site.shell, Engine("docker", (), has_buildkit=False), there).published_ports()
    checks.check_ports(there.settings, ours, site.shell)
    if not ours:
        checks.check_disk(there.settings)
    return engine.ensure(site.shell, site.host, site.say, may_install)


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
    services = compose.run("config", "--services", timeout_s=60)
    health.wait(compose, frozenset(services.out.split()) - {"tools"})
