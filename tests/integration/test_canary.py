# SPDX-License-Identifier: Apache-2.0
"""Unusual names, IDs and UIDs live a whole life at the gateway, failures included, and are found nowhere beside it.

Beside it: the logs of all containers, the metrics, what the operator's commands print, names of files, temporary
files, the ledger's disk and the disk of research.
"""

from __future__ import annotations

import subprocess
import time

import pytest
from tests.data.instances import dataset, file_bytes
from tests.data.unusual import telling_parts, unusual

PLACES = {
    "ingest": ("/tmp", "/var/lib/deidgate"),
    "worker": ("/tmp", "/var/lib/deidgate"),
    "research": ("/tmp", "/var/lib/orthanc"),
    "gate-dicom": ("/tmp",),
    "gate-research": ("/tmp", "/var/log"),
    "edge": ("/tmp", "/var/log"),
    "ohif": ("/tmp", "/var/log"),
}
SILENT = ("gate-research", "edge", "ohif")
"""Who has nothing to say of an instance until somebody looks at it."""

ASK_INGEST = """
import os, sys
from deidgate.orthanc_io.client import OrthancClient
from deidgate.settings import Settings
from deidgate.worker.assembly import ingest_server
sys.stdout.write(OrthancClient(ingest_server(Settings.read(os.environ))).get_bytes(sys.argv[1]).decode())
"""


@pytest.fixture(scope="module")
def words() -> dict[str, str]:
    return unusual()


@pytest.fixture(scope="module")
def needles(words) -> list[bytes]:
    return telling_parts(words)


def printed(*command: str) -> bytes:
    return subprocess.run(command, capture_output=True, check=False, timeout=120).stdout


@pytest.fixture(scope="module")
def lived(gateway, words, tmp_path_factory):
    """A life with everything that happens to instances."""
    folder = tmp_path_factory.mktemp("canary")

    def file(number: int, sop_class: str | None = None, **changed: str):
        named = {"sop_class": sop_class} if sop_class else {}
        uid = f"{words['StudyInstanceUID']}.2.{number}"
        path = folder / f"{number}.dcm"
        path.write_bytes(file_bytes(dataset(7, 7, 7, number, **{**words, "SOPInstanceUID": uid, **named, **changed})))
        return path

    gateway.send(file(1))
    gateway.settle()
    gateway.send(file(1), file(2))  # once more, and a late one
    gateway.send(file(3, sop_class="1.2.826.0.1.3680043.8.498.77"))  # held: nobody knows what it is
    gateway.send(file(4, PatientID=words["PatientID"] + "-B"))  # held: two patients
    gateway.send(file(5, PatientName="Other^Quimbertine"))  # held: another person
    cut = folder / "cut.dcm"
    cut.write_bytes(file(6).read_bytes()[:700])
    gateway.send(cut)
    research = gateway.container("research")
    subprocess.run(["docker", "pause", research], check=True, capture_output=True)
    try:
        gateway.send(file(7))
        time.sleep(8)  # tried, and postponed
    finally:
        subprocess.run(["docker", "unpause", research], check=True, capture_output=True)
    gateway.send(file(8))
    gateway.kill("worker")
    gateway.kill("ingest")
    gateway.healthy()
    gateway.settle()
    held = [str(row["item"]) for row in gateway.holds()]
    gateway.command("hold", "reject", held[-1], "--why", "a test")
    uid = gateway.uids(folder)[words["StudyInstanceUID"]]
    gateway.command("recall", "--study", uid, "--why", "a test", "--yes")
    return uid


def test_everything_of_the_life_happened(gateway, lived):
    codes = {row["code"] for row in gateway.holds()}
    assert len(codes & {"sop-class-unknown", "study-has-two-patients", "patient-id-collides"}) >= 2
    assert gateway.states()["recalled"] >= 1
    assert gateway.on_research("studies", "StudyInstanceUID", lived) == []


@pytest.mark.parametrize("service", PLACES)
def test_no_log_names_anybody(gateway, lived, needles, service):
    done = subprocess.run(["docker", "logs", gateway.container(service)], capture_output=True, check=True)
    said = (done.stdout + done.stderr).lower()
    assert said or service in SILENT, "a log that is empty proves nothing"
    assert [needle for needle in needles if needle in said] == []


@pytest.mark.parametrize("path", ["/deidgate/metrics", "/deidgate/status"])
def test_no_figure_names_anybody(gateway, lived, needles, path):
    said = gateway.inside("worker", ASK_INGEST, path).lower().encode()
    assert len(said) > 50
    assert [needle for needle in needles if needle in said] == []


@pytest.mark.parametrize(
    "words_typed",
    [("status",), ("status", "--json"), ("hold", "list"), ("hold", "list", "--json"), ("audit", "list"), ("logs",)],
    ids=" ".join,
)
def test_no_command_of_daily_work_names_anybody(gateway, lived, needles, words_typed):
    said = gateway.command(*words_typed).lower().encode()
    assert said
    assert [needle for needle in needles if needle in said] == []


@pytest.mark.parametrize(("service", "place"), [(name, place) for name, places in PLACES.items() for place in places])
def test_no_disk_beside_that_of_ingest_names_anybody(gateway, lived, needles, service, place):
    read = printed(
        "docker", "exec", gateway.container(service), "sh", "-c",
        f"find {place}; find {place} -type f -exec cat {{}} + 2>/dev/null",
    ).lower()  # fmt: skip
    assert place.encode() in read
    assert [needle for needle in needles if needle in read] == []
