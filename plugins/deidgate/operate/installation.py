# SPDX-License-Identifier: Apache-2.0
"""Which installation a command is about, and where its files are.

The one people use is called `deidgate` and has `.env` and `secrets/` in the checkout. Any other name (the tests
use `test`) is a second, separate gateway on the same machine: own ports, keys, networks and volumes, with its files
in `.gateway/NAME`, so that a test can kill, fill and delete what it likes without touching anybody's studies.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from deidgate.operate import env_file
from deidgate.operate.checks import port_is_free
from deidgate.operate.env_file import Settings
from deidgate.operate.problem import Exit, Problem

DEFAULT = "deidgate"
TEST = "test"
PORTS_ABOVE = 10_000
"""The tests' ports are so much above the usual ones; those of further installations above that, where they are free."""
STEP = 100


@dataclass(frozen=True)
class Installation:
    """One gateway on this machine."""

    root: Path
    """The checkout."""
    name: str
    settings: Settings

    @property
    def project(self) -> str:
        """Compose's name for it."""
        return DEFAULT if self.name == DEFAULT else f"{DEFAULT}-{self.name}"

    @property
    def env_path(self) -> Path:
        return env_path(self.root, self.name)

    @property
    def secrets(self) -> Path:
        return (self.root / self.settings.secrets_dir).resolve()

    @property
    def state(self) -> Path:
        """Logs and other files of this program."""
        return self.root / ".gateway" / self.name

    @property
    def lock(self) -> Path:
        """Held while images are built; of all installations, since they share the images."""
        return self.root / ".gateway" / "lock"

    @property
    def compose_files(self) -> tuple[Path, ...]:
        return tuple(self.root / name.strip() for name in self.settings.compose_files.split(","))

    @property
    def research_url(self) -> str:
        return f"https://localhost:{self.settings.research_port}"


def env_path(root: Path, name: str) -> Path:
    """The env file of the installation `name`."""
    return root / ".env" if name == DEFAULT else root / ".gateway" / name / "env"


def find(root: Path, name: str = DEFAULT) -> Installation:
    """The installation `name` of the checkout, with the settings of its env file, or the first ones if it has none.

    Raises
    ------
    Problem
        The name cannot be a part of Compose's names, or the env file is wrong.
    """
    if not re.fullmatch(r"[a-z][a-z0-9]{0,20}", name):
        raise Problem(
            "the name of an installation is 1 to 21 small letters and digits", "choose another name", Exit.USAGE
        )
    path = env_path(root, name)
    return Installation(root, name, env_file.read(_values(path), path.name, first_settings(name)))


def first_settings(name: str, host: str | None = None, is_free: Callable[[str, int], bool] = port_is_free) -> Settings:
    """The settings that a new installation starts with."""
    host = socket.gethostname() if host is None else host
    base = Settings(host_names=",".join(dict.fromkeys(("localhost", "127.0.0.1", host))))
    if name == DEFAULT:
        return base
    above = PORTS_ABOVE
    if name != TEST:
        above += STEP
        while above < 50_000 and not all(is_free("127.0.0.1", port + above) for port in base.ports()):
            above += STEP
    return replace(
        base,
        dicom_port=base.dicom_port + above,
        dicom_tls_port=base.dicom_tls_port + above,
        research_port=base.research_port + above,
        clinical_address="127.0.0.1",
        research_address="127.0.0.1",
        secrets_dir=f"./.gateway/{name}/secrets",
    )


def write_settings(installation: Installation) -> bool:
    """Write the settings that the env file does not have yet, all of them at first; whether there were any.

    Compose reads the same file: what is not in it would be Compose's default there, and another here. What the
    operator wrote stays as it is.
    """
    path = installation.env_path
    values = _values(path)
    missing = env_file.write(installation.settings, installation.project, values.keys())
    if not missing:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    before = path.read_text(encoding="utf-8").rstrip("\n") + "\n" if path.exists() else env_file.HEADING
    path.write_text(before + missing, encoding="utf-8")
    return True


def _values(path: Path) -> dict[str, str]:
    return env_file.parse(path.read_text(encoding="utf-8"), path.name) if path.exists() else {}
