# SPDX-License-Identifier: Apache-2.0
"""`gateway test`: everything that tests need is in an image, and they run on a gateway of their own.

The tests kill containers, cut networks and delete volumes. They do it to the installation called `test`, with its own
ports, keys and volumes, so that they can be run on a machine that is in use.
"""

from __future__ import annotations

import argparse
import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from deidgate.operate import base_image, engine, images, installation
from deidgate.operate.compose import Compose
from deidgate.operate.problem import Exit
from deidgate.operate.up import Site, one_at_a_time
from deidgate.operate.up import up as bring_up

SOCKET = Path("/var/run/docker.sock")
IMAGE = "deidgate/test:local"
FOLDERS = {
    "unit": ("tests/unit", "tests/property", "tests/fuzz"),
    "integration": ("tests/integration",),
    "e2e": ("tests/e2e",),
    "faults": ("tests/integration/faults",),
    "soak": ("tests/soak",),
}


def folders(root: Path, what: str) -> list[str]:
    """The folders of tests that are there for `what`."""
    # The folder of faults is a part of that of integration, which runs a short choice of them. A short soak would tell
    # nothing.
    parts = ("unit", "integration", "e2e") if what == "all" else (what,)
    return [name for part in parts for name in FOLDERS[part] if (root / name).is_dir()]


def test(site: Site, given: argparse.Namespace) -> int:
    """Build what the tests need, start their gateway if they need one, and run them."""
    if site.installation.name == installation.DEFAULT:
        site = replace(site, installation=installation.find(site.installation.root, installation.TEST))
    there = site.installation
    with one_at_a_time(there.state / "test.lock", site.say):
        return _test(site, there, given)


def _test(site: Site, there: installation.Installation, given: argparse.Namespace) -> int:
    found = engine.ensure(site.shell, site.host, site.say, lambda _what: True)
    compose = Compose(site.shell, found, there)
    if given.what != "unit":
        installation.write_settings(there)
        # What an earlier run left, from this checkout or another, must not decide this one.
        compose.run("down", "--remove-orphans", "--volumes", timeout_s=300)
        compose = bring_up(site, lambda _what: True)
    builder = site.builder(found)
    with one_at_a_time(there.lock, site.say):
        base = base_image.ensure(builder, site.host, there.settings)
        builder.ensure(images.TEST_IMAGES, base, images.arguments_of(there.settings))
    shutil.rmtree(there.state / "tmp", ignore_errors=True)
    (there.state / "tmp").mkdir(parents=True)
    # As /tmp is: some tests become another user.
    (there.state / "tmp").chmod(0o1777)
    extent = ["--env=DEIDGATE_FAULTS=whole"] if given.what == "faults" else []
    status = site.shell.show(command(there, found.docker, folders(there.root, given.what), given.pytest, extent))
    if given.what != "unit" and status == 0 and not given.keep:
        compose.run("down", "--remove-orphans", "--volumes", timeout_s=300)
    return Exit.OK if status == 0 else Exit.FAILED


def command(
    there: installation.Installation, docker: str, where: list[str], more: list[str], extent: Sequence[str] = ()
) -> list[str]:
    """The argument list that runs pytest in the test image.

    The checkout has the same path inside as outside, since the tests talk to the engine outside about it.
    """
    root = there.root
    shared = root.parent / "shared"
    scratch = there.state / "tmp"
    mounts = [f"{root}:{root}", f"{SOCKET}:{SOCKET}"]
    if shared.is_dir():
        mounts.append(f"{shared}:{shared}:ro")
    return [
        docker,
        "run",
        "--rm",
        "--init",
        "--network=host",
        "--shm-size=1g",
        f"--user={os.getuid()}:{os.getgid()}",
        f"--group-add={SOCKET.stat().st_gid}" if SOCKET.exists() else f"--group-add={os.getgid()}",
        *(f"--volume={mount}" for mount in mounts),
        f"--workdir={root}",
        f"--env=GATEWAY_INSTALLATION={there.name}",
        "--env=HOME=/tmp",
        # For programs that a test starts; pytest itself has it from its own settings.
        f"--env=PYTHONPATH={root / 'plugins'}",
        # In the checkout: what a test writes there can be handed to a container by its path.
        f"--env=TMPDIR={scratch}",
        "--env=CI",
        "--env=DEIDGATE_SOAK_MINUTES",
        *extent,
        IMAGE,
        "pytest",
        "-p",
        "no:cacheprovider",
        *where,
        *more,
    ]
