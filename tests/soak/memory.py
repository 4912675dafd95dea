# SPDX-License-Identifier: Apache-2.0
"""What the witness saw of the memory of every process, and how it changed between two times."""

from __future__ import annotations

import json
import subprocess
import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import IO

from tests.integration.conftest import eventually
from tests.integration.faults.rig import Broken, docker

SERVICES = ("gate-dicom", "ingest", "worker", "research", "gate-research", "edge", "ohif")
MB = 1_000_000
SHARE = 0.10
SMALL = 8 * MB
"""A process may change by so much whatever its share is: a heap grows in steps, and some processes have 2 MB in all."""


@dataclass(frozen=True)
class Sample:
    """Bytes of each process at one moment, by service, name and number."""

    at: float
    processes: Mapping[tuple[str, str, int], int]

    def of(self, service: str) -> int:
        """Bytes of all processes of one container."""
        return sum(size for (one, _, _), size in self.processes.items() if one == service)


@dataclass(frozen=True)
class Change:
    """Medians of one process, or of a whole container, in two spans of time."""

    who: str
    warm: float
    end: float
    peak: int

    @property
    def share(self) -> float:
        """By how much it changed, as a share of what it was."""
        return (self.end - self.warm) / self.warm if self.warm else 0.0

    @property
    def flat(self) -> bool:
        """Whether it is what it was, within the tolerance."""
        return abs(self.end - self.warm) <= max(SHARE * self.warm, SMALL)

    def line(self) -> str:
        """One line of the table."""
        values = f"{self.warm / MB:9.1f}{self.end / MB:9.1f}{self.peak / MB:9.1f}{self.share:+9.1%}"
        return f"{self.who:<28}{values}" + ("" if self.flat else "  not flat")


HEAD = f"{'memory in MB':<28}{'warm':>9}{'end':>9}{'peak':>9}{'change':>9}"


class Memory:
    """Looks on, every few seconds."""

    def __init__(self, gateway: Broken, every_s: float) -> None:
        roots = [f"{one}={_first_process(gateway.name_of(one))}" for one in SERVICES]
        self._process = subprocess.Popen(
            ["docker", "exec", "-i", gateway.name_of("witness"), "python3", "/soak/sample.py", str(every_s), *roots],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.samples: list[Sample] = []
        self._thread = threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True)
        self._thread.start()
        eventually(lambda: self.samples, 30)

    def close(self) -> None:
        """Look no more."""
        self._process.terminate()
        self._process.wait(10)

    def between(self, begin: float, end: float) -> list[Sample]:
        """The samples of a span of time."""
        return [one for one in self.samples if begin <= one.at < end]

    def _read(self, lines: IO[str]) -> None:
        for line in lines:
            seen = json.loads(line)
            number: Counter[tuple[str, str]] = Counter()
            processes = {}
            for service, _, name, size in seen["processes"]:
                number[service, name] += 1
                processes[service, name, number[service, name]] = size
            self.samples.append(Sample(seen["at"], processes))


def changes(early: list[Sample], late: list[Sample], whole: list[Sample], services: Iterable[str]) -> list[Change]:
    """How each container, and each of its processes, changed from `early` to `late`; its peak in `whole`."""
    found = []
    for service in services:
        found.append(
            Change(
                service,
                median(one.of(service) for one in early),
                median(one.of(service) for one in late),
                max(one.of(service) for one in whole),
            )
        )
        for key in sorted({key for one in whole for key in one.processes if key[0] == service}):
            found.append(
                Change(
                    f"  {key[1]} {key[2]}",
                    median(one.processes.get(key, 0) for one in early),
                    median(one.processes.get(key, 0) for one in late),
                    max(one.processes.get(key, 0) for one in whole),
                )
            )
    return found


def restarts(gateway: Broken) -> Mapping[str, str]:
    """When each container was started, and how often again."""
    words = ("inspect", "--format", "{{.State.StartedAt}} {{.RestartCount}}")
    return {one: docker(*words, gateway.name_of(one)).strip() for one in SERVICES}


def _first_process(container: str) -> str:
    return docker("inspect", "--format", "{{.State.Pid}}", container).strip()
