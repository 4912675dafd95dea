# SPDX-License-Identifier: Apache-2.0
"""How other programs are run. Everything that runs one takes a `Shell`, so a test hands in its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Outcome:
    """How a program ended, and what it printed."""

    status: int
    out: str = ""
    err: str = ""

    @property
    def ok(self) -> bool:
        return self.status == 0

    def tail(self, lines: int = 15) -> tuple[str, ...]:
        """The last lines of what it printed, errors last."""
        return tuple((self.out + self.err).splitlines()[-lines:])


class Shell(Protocol):
    """Runs programs from argument lists."""

    def which(self, program: str) -> str | None:
        """The path of `program`, or None."""
        ...

    def run(self, argv: Sequence[str], *, text: str | None = None, timeout_s: float | None = None) -> Outcome:
        """Run to the end with `text` on its standard input; what it prints is kept.

        A program that is not there, or that runs longer than `timeout_s`, has the status 127 or 124.
        """
        ...

    def show(self, argv: Sequence[str]) -> int:
        """Run to the end on the operator's own terminal; the status."""
        ...

    def show_output(self, argv: Sequence[str]) -> int:
        """As `show`, but what it prints as errors is shown only if it fails; the status."""
        ...

    def save(self, argv: Sequence[str], path: Path) -> Outcome:
        """Run to the end and write what it prints, byte for byte, to the file `path`."""
        ...

    def log(self, argv: Sequence[str], path: Path, env: Mapping[str, str] | None = None) -> Outcome:
        """Run to the end and append what it prints to `path`; the outcome has the end of it."""
        ...

    def background(self, argv: Sequence[str], path: Path) -> None:
        """Start a program that outlives this one and appends what it prints to `path`."""
        ...


class SystemShell:
    """The real one."""

    def which(self, program: str) -> str | None:
        return shutil.which(program)

    def run(self, argv: Sequence[str], *, text: str | None = None, timeout_s: float | None = None) -> Outcome:
        try:
            done = subprocess.run(
                argv,
                input=text or "",
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=timeout_s,
                check=False,
            )
        except FileNotFoundError:
            return Outcome(127, err=f"{argv[0]}: not found")
        except subprocess.TimeoutExpired:
            return Outcome(124, err=f"{argv[0]}: no end after {timeout_s} s")
        return Outcome(done.returncode, done.stdout, done.stderr)

    def show(self, argv: Sequence[str]) -> int:
        return subprocess.run(argv, check=False).returncode

    def show_output(self, argv: Sequence[str]) -> int:
        with tempfile.TemporaryFile() as errors:
            status = subprocess.run(argv, stderr=errors, check=False).returncode
            errors.seek(0)
            if status:
                sys.stderr.write(errors.read().decode("utf-8", "replace"))
        return status

    def save(self, argv: Sequence[str], path: Path) -> Outcome:
        with path.open("wb") as sink:
            done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.PIPE, check=False)
        return Outcome(done.returncode, err=done.stderr.decode("utf-8", "replace"))

    def log(self, argv: Sequence[str], path: Path, env: Mapping[str, str] | None = None) -> Outcome:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as sink:
            start = sink.tell()
            done = subprocess.run(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                env=_environment(env),
                check=False,
            )
        with path.open("rb") as source:
            source.seek(start)
            return Outcome(done.returncode, source.read().decode("utf-8", "replace"))

    def background(self, argv: Sequence[str], path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as sink:
            subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )


def _environment(extra: Mapping[str, str] | None) -> dict[str, str] | None:
    return None if extra is None else {**os.environ, **extra}
