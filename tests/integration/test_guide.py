# SPDX-License-Identifier: Apache-2.0
"""Every line that the operator's guide has somebody type does what the guide says, on a gateway of its own."""

import json

import pytest
from pydicom import dcmread
from tests.data.instances import dataset, file_bytes, uid
from tests.integration.conftest import ROOT
from tests.integration.guide import sections, typed
from tests.integration.own import brought_up
from tests.unit.destinations.certificates import Authority

NAME = "guide"
TYPED = {
    "Install",
    "Clinics that send",
    "Work the hold list",
    "Back up and restore",
    "Keys and the audit trail",
    "Recall and process again",
    "Upgrade",
}
ELSEWHERE = {"Further destinations"}
"""Where there are some: `tests.integration.test_destinations`."""


@pytest.fixture(scope="module")
def guided():
    made = brought_up(NAME)
    yield made
    made.destroy()


@pytest.fixture
def routes_stay():
    """The checkout's own routes, which other gateways of it read too."""
    path = ROOT / "orthanc-ingest" / "routes.toml"
    before = path.read_bytes()
    yield path
    path.write_bytes(before)


def test_there_is_no_section_that_nobody_types():
    assert set(sections()) == TYPED | ELSEWHERE


def test_install(guided):
    [line] = sections()["Install"]
    assert guided.credentials["research"]["url"] in typed(NAME, line)
    assert guided.states().get("delivered", 0) > 0


def test_clinics_that_send(guided, make, routes_stay, tmp_path):
    show, add, up, certificate, trust, revoke = sections()["Clinics that send"]

    def certificates():
        [north] = [one for one in json.loads(guided.command("sites", "list", "--json")) if one["site"] == "north"]
        return [one["fingerprint"] for one in north["certificates"]]

    assert "north" not in typed(NAME, show)
    mine = {"north.pem": tmp_path / "north.pem"}
    try:
        typed(NAME, add)
        typed(NAME, up)
        assert all(one.ok for one in guided.send(make.file(), aet="NORTH_CT1"))
        typed(NAME, certificate, mine)
        of_the_clinic = tmp_path / "clinic.pem"
        Authority(tmp_path).certificate("clinic")
        text = of_the_clinic.read_text()
        of_the_clinic.write_text(text[text.index("-----BEGIN CERTIFICATE") :])
        typed(NAME, trust, {"certificate-of-the-clinic.pem": of_the_clinic})
        [ours, theirs] = certificates()
        typed(NAME, revoke, {"3f9a12c4": theirs[:8]})
        assert certificates() == [ours]
    finally:
        # The gate was started anew with the certificates that are left.
        guided.healthy()
        guided.settle()


def test_work_the_hold_list(guided, make, tmp_path):
    listed, show, original, release, accept, reject, replace, leave = sections()["Work the hold list"]
    guided.send(*(make.file(study=number, PatientID="") for number in (1, 2, 3)))
    guided.send(make.file(study=4))
    guided.settle()
    guided.send(make.file(study=5, PatientName="Another^Person"))
    guided.settle()
    for content in ("the first", "corrected", "a mistake"):
        make.count += 1
        changed = dataset(make.patient, 6, 1, 901, ImageComments=content)
        assert all(one.ok for one in guided.send(make.write(file_bytes(changed))))
        guided.settle()
    held = {row["item"]: row["code"] for row in guided.holds()}
    changed = [str(item) for item, code in held.items() if code == "content-changed"]
    [other] = [str(item) for item, code in held.items() if code == "patient-id-collides"]
    blank = [str(item) for item, code in held.items() if code == "patient-id-blank"]
    mine = dict(zip(("17", "18", "19", "20", "21", "22"), (*blank[:2], other, blank[2], *changed), strict=True))
    assert all(item in typed(NAME, listed) for item in mine.values())
    assert "patient-id-blank" in typed(NAME, show, mine)
    mine["/mnt/review/19.dcm"] = tmp_path / "19.dcm"
    typed(NAME, original, mine)
    assert dcmread(tmp_path / "19.dcm").PatientName == "Another^Person"
    assert (tmp_path / "19.dcm").stat().st_mode & 0o777 == 0o600
    for line in (release, accept, reject, replace, leave):
        typed(NAME, line, mine)
    guided.settle()
    assert {row["item"] for row in guided.holds()} == {int(item) for item in blank[:2]}


def test_keys_and_the_audit_trail(guided, make, tmp_path, monkeypatch):
    lines = sections()["Keys and the audit trail"]
    rotate, verify, head, look_up, require, *asks, listed, first, second, export = lines
    guided.send(make.file())
    guided.settle()
    typed(NAME, rotate)
    guided.healthy()
    assert "unchanged" in typed(NAME, verify)
    guided.command("audit", "verify", "--noted", typed(NAME, head).strip())
    assert f"HOSP-{make.patient:04d}" in typed(NAME, look_up, said=f"HOSP-{make.patient:04d}\n")
    monkeypatch.setenv("SUDO_USER", "alice")
    typed(NAME, require)
    numbers = [typed(NAME, ask).strip() for ask in asks]
    mine = dict(zip(("1", "2"), numbers, strict=True))
    assert all(number in typed(NAME, listed) for number in numbers)
    monkeypatch.setenv("SUDO_USER", "bob")
    for approve in (first, second):
        typed(NAME, approve, mine)
    monkeypatch.setenv("SUDO_USER", "alice")
    mine |= {name: tmp_path / name for name in ("uids.csv", "patients.csv")}
    typed(NAME, export, mine)
    assert uid(make.patient, 1, 1, 1) in mine["uids.csv"].read_text()
    # One person is enough for the tests that follow.
    off = guided.command("approvals", "ask", "four-eyes-off", "--why", "test").strip()
    monkeypatch.setenv("SUDO_USER", "bob")
    guided.command("approvals", "approve", off, "--why", "test")
    monkeypatch.setenv("SUDO_USER", "alice")
    guided.command("approvals", "require-no-more", off, "--why", "test")


def test_recall_and_process_again(guided, make, tmp_path):
    of_patient, of_study, of_policy = sections()["Recall and process again"]
    guided.send(*make.files(2, study=1), *make.files(2, study=2))
    guided.settle()
    study = guided.uids(tmp_path)[uid(make.patient, 1)]
    pseudonym = dict(guided.patients(tmp_path))[f"HOSP-{make.patient:04d}"]
    mine = {"2.25.1234": study, "P-7KD2M9QX": pseudonym}
    typed(NAME, of_study, mine, more=["--yes"])
    assert guided.on_research("patients", "PatientID", pseudonym)
    assert not guided.on_research("studies", "StudyInstanceUID", study)
    typed(NAME, of_patient, mine, more=["--yes"])
    assert not guided.on_research("patients", "PatientID", pseudonym)
    typed(NAME, of_policy, more=["--yes"])
    guided.settle()
    assert not guided.on_research("patients", "PatientID", pseudonym), "what was recalled for good stays away"
    assert guided.reconciled()["adds_up"]


def test_back_up_and_restore(guided, make, tmp_path):
    plain, with_images, restore = sections()["Back up and restore"]
    guided.send(make.file())
    guided.settle()
    word = tmp_path / "passphrase"
    word.write_text("correct horse battery staple", encoding="utf-8")
    mine = {"/mnt/backup": tmp_path, "passphrase": word}
    counts = guided.research_count(), guided.ingest_count()
    assert "recovery key" in typed(NAME, plain, mine).lower()
    typed(NAME, with_images, mine)
    guided.healthy()
    guided.destroy()
    typed(NAME, restore, {**mine, "/mnt/backup/monday": tmp_path / "monday-with-images"})
    guided.healthy()
    assert (guided.research_count(), guided.ingest_count()) == counts
    typed(NAME, "audit verify")


def test_upgrade(guided, tmp_path):
    backup, up = sections()["Upgrade"]
    typed(NAME, backup, {"/mnt/backup": tmp_path})
    typed(NAME, up)
    guided.healthy()
