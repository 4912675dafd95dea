# SPDX-License-Identifier: Apache-2.0
"""The running gateway, as an operator, a clinic and an intruder meet it."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.data.instances import dataset, file_bytes

from deidgate.dimse.dispatch import Effort, dispatch
from deidgate.dimse.link import Peer
from deidgate.dimse.send import Sent

ROOT = Path(__file__).parents[2]
CALLED = "DEIDGATE"


def eventually(condition: Callable[[], object], seconds: float = 90.0, every: float = 0.5) -> None:
    """Wait until `condition` is true; fail when it is not in time."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(every)


def remove_installation(name: str) -> None:
    """Leave nothing of the installation `name` of the tests: no container, volume, network, key or setting.

    Without asking `./gateway`: what another checkout left here, or a run that was broken off, is not its own.
    """
    label = f"label=com.docker.compose.project={_project(name)}"
    for kind, find, remove in (
        ("container", ("ls", "--all"), ("rm", "--force")),
        ("volume", ("ls",), ("rm", "--force")),
        ("network", ("ls",), ("rm",)),
    ):
        listed = subprocess.run(
            ["docker", kind, *find, "--quiet", "--filter", label], capture_output=True, text=True, check=True
        ).stdout.split()
        if listed:
            subprocess.run(["docker", kind, *remove, *listed], capture_output=True, check=True)
    shutil.rmtree(ROOT / ".gateway" / name, ignore_errors=True)


@dataclass
class Gateway:
    """One installation, driven from outside through `./gateway`, DICOM and the container engine."""

    name: str
    dicom_port: int
    credentials: dict[str, Any] = field(repr=False)

    def command(self, *words: str, status: int = 0) -> str:
        """What ``./gateway WORDS`` prints; it has to end with `status`."""
        done = subprocess.run(
            [str(ROOT / "gateway"), "--installation", self.name, *words],
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout

    def flow(self) -> dict[str, Any]:
        """The state of the flow."""
        found: dict[str, Any] = json.loads(self.command("status", "--json"))["flow"]
        return found

    def states(self) -> dict[str, int]:
        """Number of instances by state."""
        return dict(self.flow()["states"])

    def settle(self, seconds: int = 240) -> None:
        """Wait until nothing is in flight."""
        self.command("wait", "--timeout", str(seconds))

    def holds(self) -> list[dict[str, Any]]:
        """The hold list."""
        found: list[dict[str, Any]] = json.loads(self.command("hold", "list", "--json"))
        return found

    def send(self, *paths: Path, aet: str = "DEMO", called: str = CALLED) -> list[Sent]:
        """What became of each file that was sent by C-STORE, at the only try."""
        sent: list[Sent] = []
        dispatch(Peer("127.0.0.1", self.dicom_port, called, aet), paths, Effort(tries=1), sent.append)
        return sent

    def uids(self, folder: Path) -> dict[str, str]:
        """Original UID to new UID, as exported."""
        return self._mapping(folder)[0]

    def patients(self, folder: Path) -> list[tuple[str, str]]:
        """Original Patient ID and pseudonym, as exported."""
        return self._mapping(folder)[1]

    def _mapping(self, folder: Path) -> tuple[dict[str, str], list[tuple[str, str]]]:
        uids, patients = folder / "uids.csv", folder / "patients.csv"
        self.command("mapping", "export", "--uids", str(uids), "--patients", str(patients), "--why", "test")
        # A broken UID may hold a comma or the end of a line.
        pairs, people = ([tuple(row) for row in csv.reader(io.StringIO(path.read_text()))] for path in (uids, patients))
        assert pairs[0] == people[0] == ("id_old", "id_new")
        return dict(pairs[1:]), people[1:]  # type: ignore[arg-type, return-value]

    def research(self, path: str) -> Any:
        """The JSON at `path` of the research Orthanc, asked by the gateway's own user."""
        return json.loads(self.inside("worker", _ASK, path))

    def on_research(self, level: str, keyword: str, uid: str) -> list[dict[str, Any]]:
        """The resources of `level` on research whose `keyword` is `uid`."""
        listed = self.research(f"/{level}?expand&since=0&limit=1000000")
        return [one for one in listed if one["MainDicomTags"].get(keyword) == uid]

    def download(self, folder: Path) -> list[Path]:
        """Every instance on research, as files in `folder`."""
        self.command("research", "download", str(folder))
        return sorted(folder.glob("*.dcm"))

    def inside(self, service: str, script: str, *words: str, data: bytes = b"") -> str:
        """What a Python script prints in the container of `service`; `data` is its file ``/tmp/data``."""
        name = self.container(service)
        if data:
            subprocess.run(["docker", "exec", "-i", name, "sh", "-c", "cat > /tmp/data"], input=data, check=True)
        done = subprocess.run(
            ["docker", "exec", "-i", name, "python3", "-", *words],
            input=script.encode(),
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    def container(self, service: str) -> str:
        """The name of the container of `service`."""
        found = subprocess.run(
            [
                "docker", "ps", "--all", "--format", "{{.Names}}",
                "--filter", f"label=com.docker.compose.project={_project(self.name)}",
                "--filter", f"label=com.docker.compose.service={service}",
                "--filter", "label=com.docker.compose.oneoff=False",
            ],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return found.stdout.split()[0]

    def kill(self, service: str) -> None:
        """End the service's container as a power cut would, and start it again."""
        name = self.container(service)
        subprocess.run(["docker", "kill", "--signal", "KILL", name], capture_output=True, check=True)
        subprocess.run(["docker", "start", name], capture_output=True, check=True)

    def healthy(self) -> None:
        """Wait until every service is."""
        eventually(lambda: self._status() == 0, 120)

    def _status(self) -> int:
        words = [str(ROOT / "gateway"), "--installation", self.name, "status", "--json"]
        return subprocess.run(words, capture_output=True, check=False).returncode


_ASK = """
import json, os, sys
from deidgate.orthanc_io.client import OrthancClient
from deidgate.settings import Settings
from deidgate.worker.assembly import research_server
print(json.dumps(OrthancClient(research_server(Settings.read(os.environ))).get_json(sys.argv[1])))
"""


def _project(name: str) -> str:
    return "deidgate" if name == "deidgate" else f"deidgate-{name}"


@pytest.fixture(scope="session")
def gateway() -> Gateway:
    """The running installation that the tests were pointed at."""
    name = os.environ.get("GATEWAY_INSTALLATION", "")
    if not name or name == "deidgate":
        pytest.fail("these tests kill and fill: run them with ./gateway test integration, on a gateway of their own")
    asked = subprocess.run(
        [str(ROOT / "gateway"), "--installation", name, "credentials", "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    credentials = json.loads(asked.stdout)
    found = Gateway(name, credentials["dicom"]["port"], credentials)
    found.healthy()
    return found


@dataclass
class Maker:
    """Makes instances that no other test has made."""

    folder: Path
    patient: int
    count: int = 0

    def file(self, *, patient: int | None = None, study: int = 1, series: int = 1, **keywords: Any) -> Path:
        """The path of a new instance."""
        self.count += 1
        made = dataset(patient or self.patient, study, series, self.count, **keywords)
        return self.write(file_bytes(made))

    def files(self, number: int, **keywords: Any) -> list[Path]:
        """Paths of new instances of one series."""
        return [self.file(**keywords) for _ in range(number)]

    def write(self, data: bytes) -> Path:
        """The path of a file with `data`."""
        path = self.folder / f"{self.count:05d}.dcm"
        path.write_bytes(data)
        return path


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Maker]:
    """Instances of a patient of this test's own."""
    # The ledger outlives a test run: what was sent before must not be met again.
    folder = tmp_path / "made"
    folder.mkdir()
    return Maker(folder, patient=time.time_ns() // 1_000_000 % 10**10)
