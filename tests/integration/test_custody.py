# SPDX-License-Identifier: Apache-2.0
"""What operators and honest brokers decide, carried out by a gateway of its own, which is destroyed on the way."""

import json

import pytest
from tests.data.instances import uid
from tests.integration.conftest import eventually
from tests.integration.own import brought_up

WHY = ("--why", "test")

_DELETE = """
import json, os, sys
from deidgate.orthanc_io.client import OrthancClient
from deidgate.settings import Settings
from deidgate.worker.assembly import research_server
OrthancClient(research_server(Settings.read(os.environ))).delete(sys.argv[1])
"""


@pytest.fixture(scope="module")
def custody():
    made = brought_up("custody")
    yield made
    made.destroy()


def delivered(custody, make, number=3, **more):
    """Send new instances and wait; the new UIDs of them."""
    assert all(one.ok for one in custody.send(*make.files(number, **more)))
    custody.settle()


def new_study(custody, make, tmp_path, study=1):
    return custody.uids(tmp_path)[uid(make.patient, study)]


def test_everything_that_came_is_counted_and_found(custody, make):
    before = custody.reconciled()
    delivered(custody, make)
    after = custody.reconciled()
    assert after["adds_up"]
    [site] = after["sites"]
    assert site["received"] == sum(row["received"] for row in before["sites"]) + 3
    assert site["delivered"] == custody.research_count()
    assert site["received"] == custody.ingest_count()


def test_what_somebody_deletes_at_research_is_missing(custody, make, tmp_path):
    delivered(custody, make)
    study = new_study(custody, make, tmp_path)
    [found] = custody.on_research("studies", "StudyInstanceUID", study)
    instance = custody.research(f"/studies/{found['ID']}/instances")[0]["ID"]
    custody.inside("worker", _DELETE, f"/instances/{instance}")
    answer = custody.reconciled(status=1)
    assert answer["research"]["missing"] == [instance]
    # Processed again, it is there again.
    custody.command("reprocess", "--study", study, *WHY, "--yes")
    custody.settle()
    assert custody.reconciled()["adds_up"]


def test_a_recalled_study_leaves_research_and_only_it(custody, make, tmp_path):
    delivered(custody, make, study=1)
    delivered(custody, make, study=2)
    gone, stays = (new_study(custody, make, tmp_path, number) for number in (1, 2))
    custody.command("recall", "--study", gone, *WHY, status=2)
    assert custody.on_research("studies", "StudyInstanceUID", gone)
    custody.command("recall", "--study", gone, *WHY, "--yes")
    assert not custody.on_research("studies", "StudyInstanceUID", gone)
    assert custody.on_research("studies", "StudyInstanceUID", stays)
    assert custody.reconciled()["adds_up"]


def test_processed_again_under_the_same_identities(custody, make, tmp_path):
    delivered(custody, make)
    uids, patients = custody.uids(tmp_path), custody.patients(tmp_path)
    count = custody.research_count()
    study = new_study(custody, make, tmp_path)
    before = custody.on_research("studies", "StudyInstanceUID", study)
    custody.command("reprocess", "--study", study, *WHY, "--yes")
    custody.settle()
    assert custody.research_count() == count
    assert [one["ID"] for one in custody.on_research("studies", "StudyInstanceUID", study)] == [before[0]["ID"]]
    assert (custody.uids(tmp_path), custody.patients(tmp_path)) == (uids, patients)


def test_what_was_recalled_for_good_does_not_come_back_by_itself(custody, make, tmp_path):
    delivered(custody, make)
    study = new_study(custody, make, tmp_path)
    custody.command("recall", "--study", study, *WHY, "--yes")
    custody.command("reprocess", "--study", study, *WHY, "--yes")
    custody.settle()
    assert not custody.on_research("studies", "StudyInstanceUID", study)
    custody.command("reprocess", "--study", study, "--recalled", *WHY, "--yes")
    custody.settle()
    assert custody.on_research("studies", "StudyInstanceUID", study)


def test_a_held_instance_is_released_or_rejected_by_a_person(custody, make):
    known = {row["item"] for row in custody.holds()}
    custody.send(make.file(PatientID=""), make.file(study=2, PatientID=""))
    custody.settle()
    one, other = (row["item"] for row in custody.holds() if row["item"] not in known)
    custody.command("hold", "release", str(one), *WHY)
    custody.command("hold", "reject", str(other), *WHY)
    custody.settle()
    left = {row["item"] for row in custody.holds()} - known
    assert left == {one}, "released without a change, it is held for the same reason"
    custody.command("hold", "reject", str(other), *WHY, status=1)
    assert custody.reconciled()["adds_up"]


def test_the_encryption_key_changes_and_nothing_else(custody, make, tmp_path):
    delivered(custody, make)
    before = custody.uids(tmp_path), custody.patients(tmp_path)
    key = custody.inside("worker", _DIGEST)
    custody.command("rotate-encryption-key", *WHY)
    custody.healthy()
    assert custody.inside("worker", _DIGEST) != key
    assert (custody.uids(tmp_path), custody.patients(tmp_path)) == before
    custody.command("audit", "verify")
    delivered(custody, make)


_DIGEST = """
import hashlib
print(hashlib.sha256(open("/run/secrets/encryption_key", "rb").read()).hexdigest())
"""


def test_a_look_up_is_in_the_audit_trail_with_its_reason(custody, make, tmp_path):
    delivered(custody, make)
    pseudonym = dict(custody.patients(tmp_path))[f"HOSP-{make.patient:04d}"]
    said = custody.command("mapping", "look-up", pseudonym, "--why", "ethics 2026/17")
    assert f"HOSP-{make.patient:04d}" in said
    last = custody.command("audit", "list").splitlines()[-1]
    assert "look-up" in last
    assert last.endswith("ethics 2026/17")
    assert f"HOSP-{make.patient:04d}" not in last


def test_two_people_for_an_export(custody, tmp_path, monkeypatch):
    files = ("--uids", str(tmp_path / "u.csv"), "--patients", str(tmp_path / "p.csv"))
    monkeypatch.setenv("SUDO_USER", "alice")
    custody.command("approvals", "require", *WHY)
    numbers = [custody.command("approvals", "ask", what, *WHY).strip() for what in ("export-uids", "export-patients")]
    custody.command("mapping", "export", *files, *WHY, status=1)
    custody.command("approvals", "approve", numbers[0], *WHY, status=1)
    monkeypatch.setenv("SUDO_USER", "bob")
    off = custody.command("approvals", "ask", "four-eyes-off", *WHY).strip()
    for number in numbers:
        custody.command("approvals", "approve", number, *WHY)
    monkeypatch.setenv("SUDO_USER", "alice")
    given = [word for number in numbers for word in ("--approval", number)]
    custody.command("mapping", "export", *files, *given, *WHY)
    assert (tmp_path / "u.csv").exists()
    custody.command("mapping", "export", *files, *given, *WHY, status=1)
    custody.command("approvals", "approve", off, *WHY)
    monkeypatch.setenv("SUDO_USER", "bob")
    custody.command("approvals", "require-no-more", off, *WHY)


def test_after_everything_was_destroyed_a_backup_gives_the_same_identities(custody, make, tmp_path):
    delivered(custody, make)
    uids, patients = custody.uids(tmp_path), custody.patients(tmp_path)
    head = custody.command("audit", "head").strip()
    word = tmp_path / "word"
    word.write_text("correct horse battery staple", encoding="utf-8")
    backup = tmp_path / "backup"
    custody.command("backup", str(backup), "--passphrase-file", str(word))
    assert f"HOSP-{make.patient:04d}".encode() not in backup.read_bytes()

    custody.destroy()
    custody.command("restore", str(backup), "--passphrase-file", str(word), "--yes")
    custody.healthy()
    custody.command("audit", "verify", "--noted", head)
    assert (custody.uids(tmp_path), custody.patients(tmp_path)) == (uids, patients)
    # The images were not in it: what is lost is named, and sent again it is what it was.
    assert custody.reconciled(status=1)["research"]["missing"]
    sent = sorted(make.folder.glob("*.dcm"))
    assert all(one.ok for one in custody.send(*sent))
    custody.settle()
    for number in range(1, 4):
        assert custody.on_research("instances", "SOPInstanceUID", uids[uid(make.patient, 1, 1, number)])
    assert dict(custody.patients(tmp_path)) == dict(patients)


def test_a_backup_with_images_gives_everything_back(custody, make, tmp_path):
    make.count = 50
    delivered(custody, make)
    word = tmp_path / "word"
    word.write_text("correct horse battery staple", encoding="utf-8")
    counts = custody.research_count(), custody.ingest_count()
    custody.command("backup", str(tmp_path / "all"), "--with-images", "--passphrase-file", str(word))
    custody.healthy()
    custody.command("restore", str(tmp_path / "all"), "--passphrase-file", str(word), status=2)
    custody.destroy()
    custody.command("restore", str(tmp_path / "all"), "--passphrase-file", str(word), "--yes")
    custody.healthy()
    assert (custody.research_count(), custody.ingest_count()) == counts


def test_originals_go_by_the_written_rule_and_stay_accounted_for(custody, make, tmp_path):
    delivered(custody, make, study=7)
    there = custody.ingest_count()
    custody.command("purge")
    assert custody.ingest_count() == there, "without a rule nothing goes"
    at_research = custody.research_count()
    custody.inside("worker", _PURGE)
    assert custody.ingest_count() < there - 2
    assert custody.research_count() == at_research
    assert not json.loads(custody.asked("reconcile", "--json"))["ingest"]["extra"]
    # Sent again, it is received again, and research has it once.
    assert all(one.ok for one in custody.send(*sorted(make.folder.glob("*.dcm"))))
    custody.settle()
    assert custody.research_count() == at_research


# As the gateway does it by itself, with a rule that no other gateway of this checkout sees.
_PURGE = """
import os, pathlib, shutil, subprocess
config = pathlib.Path("/tmp/config")
shutil.copytree("/etc/deidgate", config, dirs_exist_ok=True)
(config / "retention.toml").write_text('[[project]]\\nname = "demo"\\npurge_after_days = 0\\n')
subprocess.run(["deidgate", "gateway", "purge"], check=False, env={**os.environ, "DEIDGATE_CONFIG": str(config)})
"""


def test_the_figures_are_exported_by_the_worker(custody):
    eventually(lambda: "deidgate_reconciled_at_seconds" in custody.inside("worker", _METRICS), 120)


_METRICS = """
import socket, urllib.request
address = socket.gethostbyname(socket.gethostname())
try:
    print(urllib.request.urlopen(f"http://{address}:9100/").read().decode())
except OSError:
    with open("/proc/net/fib_trie") as table:
        addresses = {line.split()[-1] for line in table if "|--" in line}
    for other in sorted(addresses):
        try:
            print(urllib.request.urlopen(f"http://{other}:9100/", timeout=1).read().decode())
        except OSError:
            pass
"""
