# SPDX-License-Identifier: Apache-2.0
"""The secret files of an installation, from outside: are they there, have them made, read what people type.

They are made and read in a container, so that a user who may use the engine, but is not root, gets files with the
right owner. What is in them is decided in `deidgate.custody`.
"""

from __future__ import annotations

from dataclasses import dataclass

from deidgate.operate.engine import Engine
from deidgate.operate.installation import Installation
from deidgate.operate.problem import Exit, Problem
from deidgate.operate.shell import Outcome, Shell

OWNER = 10001
"""The user inside all containers."""
IMAGE = "deidgate/core:local"
NAMES = (
    "ca.key",
    "ca.pem",
    "encryption-earlier.key",
    "encryption.key",
    "gate-dicom.tls.pem",
    "gate-research.reader.conf",
    "gate-research.tls.pem",
    "ingest.password",
    "ingest.tls.pem",
    "mark.key",
    "mark.pub",
    "pseudonym.key",
    "research-delivery.password",
    "research-read.password",
    "research.tls.pem",
    "researcher.htpasswd",
    "researcher.password",
    "site-certificates.pem",
)
IRREPLACEABLE = ("encryption.key", "pseudonym.key")
"""Without them the mapping table cannot be read, or the same patient would become another."""


@dataclass(frozen=True)
class Ensured:
    """What was done about the secret files: whether any was made, and the names of certificates that were renewed."""

    made: bool
    renewed: tuple[str, ...]


@dataclass(frozen=True)
class SecretFiles:
    """The secret files of one installation."""

    shell: Shell
    engine: Engine
    installation: Installation

    def missing(self) -> tuple[str, ...]:
        """The names of those that are not there."""
        return tuple(name for name in NAMES if not (self.installation.secrets / name).exists())

    def ensure(self) -> Ensured:
        """Have those made that are missing, and server certificates of our own renewed that end soon.

        Raises
        ------
        Problem
            A key is gone while there is a mapping table that was written with it, or they cannot be made.
        """
        missing = self.missing()
        lost = [name for name in IRREPLACEABLE if name in missing]
        if lost and self._has_ledger():
            raise Problem(
                f"{' and '.join(lost)} of {self.installation.secrets} is gone, but not the mapping table made with it",
                "put the key file back from your backup (a new one would give every patient another pseudonym)",
            )
        self.installation.secrets.mkdir(parents=True, exist_ok=True)
        done = self._run(
            [
                "python3",
                "-m",
                "deidgate.custody.generate",
                "/secrets",
                str(OWNER),
                self.installation.settings.host_names,
            ],
            writable=True,
        )
        if not done.ok:
            raise Problem(
                f"the secret files could not be made in {self.installation.secrets}",
                "see the lines above; the folder must be on a disk of this machine that the engine may write to",
                details=done.tail(),
            )
        return Ensured(bool(missing), tuple(done.out.split()))

    def read(self, names: tuple[str, ...]) -> dict[str, str]:
        """What these one-line files hold.

        Raises
        ------
        Problem
            One is not there.
        """
        gone = [name for name in names if name in self.missing()]
        if gone:
            raise Problem("there are no passwords yet", "make them with ./gateway up", Exit.UNHEALTHY)
        script = 'for name in "$@"; do cat "/secrets/$name"; echo; done'
        done = self._run(["sh", "-c", script, "sh", *names], writable=False)
        if not done.ok:
            raise Problem("the passwords could not be read", "see the lines above", Exit.FAILED, done.tail())
        return dict(zip(names, done.out.splitlines(), strict=False))

    def _has_ledger(self) -> bool:
        volume = f"{self.installation.project}_ledger"
        return self.shell.run([self.engine.docker, "volume", "inspect", volume], timeout_s=30).ok

    def _run(self, words: list[str], *, writable: bool) -> Outcome:
        return self.run(words, [f"{self.installation.secrets}:/secrets:{'rw' if writable else 'ro'}"], timeout_s=120)

    def run(
        self, words: list[str], mounts: list[str], timeout_s: float | None = None, text: str | None = None
    ) -> Outcome:
        """Run a program in a container that has `mounts` (``WHERE:INSIDE:rw``), reaches no network, and is removed."""
        return self.shell.run(
            [
                self.engine.docker,
                "run",
                "--rm",
                *(["--interactive"] if text is not None else []),
                "--network=none",
                "--read-only",
                "--user=0:0",
                "--cap-drop=ALL",
                "--cap-add=CHOWN",
                "--cap-add=DAC_OVERRIDE",
                "--cap-add=FOWNER",
                "--security-opt=no-new-privileges:true",
                "--tmpfs=/tmp",
                *(f"--volume={mount}" for mount in mounts),
                IMAGE,
                *words,
            ],
            text=text,
            timeout_s=timeout_s,
        )
