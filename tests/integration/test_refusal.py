# SPDX-License-Identifier: Apache-2.0
"""Research refuses what the gateway did not mark, by every door, also to those who know its passwords."""

import json

import pytest
import requests
from tests.data.instances import dataset, file_bytes

DOORS = """
import io, json, os, sys, zipfile
import requests
from deidgate.settings import Settings, password

settings = Settings.read(os.environ)
data = open("/tmp/data", "rb").read()
base = settings.research_url
web = requests.Session()
web.auth = (settings.research_user, password(settings.research_password_file))
web.verify = str(settings.ca_file)
web.trust_env = False

def zipped():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.dcm", data)
    return out.getvalue()

def stow():
    edge = "X-EDGE"
    head = f"--{edge}\\r\\nContent-Type: application/dicom\\r\\n\\r\\n"
    body = head.encode() + data + f"\\r\\n--{edge}--\\r\\n".encode()
    kind = f'multipart/related; type="application/dicom"; boundary={edge}'
    return web.post(base + "/dicom-web/studies", data=body, headers={"Content-Type": kind})

def count():
    return web.get(base + "/statistics").json()["CountInstances"]

before = count()
some = web.get(base + "/instances?since=0&limit=1").json()
first = some[0] if some else "none"
study = web.get(base + f"/instances/{first}/study").json().get("ID", "none") if some else "none"
answers = {}
for name, call in {
    "instances": lambda: web.post(base + "/instances", data=data),
    "zip": lambda: web.post(base + "/instances", data=zipped()),
    "stow": stow,
    "create-dicom": lambda: web.post(base + "/tools/create-dicom", json={"Tags": {"PatientName": "Doe^John"}}),
    "modify-kept": lambda: web.post(base + f"/studies/{study}/modify", json={
        "Replace": {"PatientName": "Doe^John"}, "KeepSource": True, "Synchronous": True, "Force": True}),
    "anonymize": lambda: web.post(base + f"/studies/{study}/anonymize", json={"Synchronous": True}),
    "merge": lambda: web.post(base + f"/studies/{study}/merge", json={"Resources": [], "Synchronous": True}),
    "attachment": lambda: web.put(base + f"/instances/{first}/attachments/1024", data=data),
    "metadata": lambda: web.put(base + f"/instances/{first}/metadata/1024", data="Doe^John"),
    "label": lambda: web.put(base + f"/studies/{study}/labels/doe", data=""),
    "modality": lambda: web.put(base + "/modalities/x", json=["X", "1.2.3.4", 104]),
    "peer": lambda: web.put(base + "/peers/x", json=["http://1.2.3.4/"]),
    "script": lambda: web.post(base + "/tools/execute-script", data="print(1)"),
    "reset": lambda: web.post(base + "/tools/reset"),
}.items():
    answer = call()
    answers[name] = [answer.status_code, "FilteredOut" if "FilteredOut" in answer.text else ""]
print(json.dumps({"before": before, "after": count(), "answers": answers}))
"""

C_STORE = """
import json, sys
from pathlib import Path
from deidgate.dimse.dispatch import Effort, dispatch
from deidgate.dimse.link import Peer
Path("/tmp/data.dcm").write_bytes(Path("/tmp/data").read_bytes())
sent = []
dispatch(Peer("research", 4242, "RESEARCH", "DEIDGATE"), [Path("/tmp/data.dcm")], Effort(tries=1), sent.append)
print(json.dumps([[one.code, one.status] for one in sent]))
"""

REACH = """
import json, socket, sys
found = {}
for host, port in (("ingest", 8042), ("ingest", 4242), ("worker", 9100)):
    try:
        socket.create_connection((host, port), timeout=3).close()
        found[f"{host}:{port}"] = "open"
    except OSError as error:
        found[f"{host}:{port}"] = "closed"
print(json.dumps(found))
"""


@pytest.fixture
def delivered(gateway, make):
    """At least one instance is on research."""
    gateway.send(make.file())
    gateway.settle()


def test_no_door_of_rest_and_dicomweb_lets_unmarked_data_in(gateway, delivered):
    found = json.loads(gateway.inside("worker", DOORS, data=file_bytes(dataset(4711, 1, 1, 1))))
    assert found["after"] == found["before"]
    answers = found["answers"]
    assert answers["instances"] == answers["zip"] == [200, "FilteredOut"]
    for door in sorted(set(answers) - {"instances", "zip"}):
        assert answers[door][0] in (401, 403, 404, 405), (door, answers[door])


def test_unmarked_data_by_c_store_is_refused_and_the_sender_learns_it(gateway):
    [[code, status]] = json.loads(gateway.inside("worker", C_STORE, data=file_bytes(dataset(4711, 1, 1, 2))))
    assert (code, status) == ("refused", 0x0124)


def test_a_changed_byte_in_a_delivered_file_is_refused(gateway, delivered, tmp_path):
    path = gateway.download(tmp_path / "down")[0]
    uid = path.stem
    # Under a UID of its own, or Orthanc would answer that it has the instance, and look no further.
    other = uid[:-1] + ("2" if uid[-1] != "2" else "3")
    file = path.read_bytes().replace(uid.encode(), other.encode())
    found = json.loads(gateway.inside("worker", DOORS, data=file))
    assert found["after"] == found["before"]
    assert found["answers"]["instances"] == [200, "FilteredOut"]
    [[code, _]] = json.loads(gateway.inside("worker", C_STORE, data=file))
    assert code == "refused"


def test_what_comes_under_a_delivered_uid_does_not_replace_it(gateway, delivered, tmp_path):
    path = gateway.download(tmp_path / "before")[0]
    file = bytearray(path.read_bytes())
    file[-1] ^= 1
    gateway.inside("worker", DOORS, data=bytes(file))
    gateway.inside("worker", C_STORE, data=bytes(file))
    gateway.download(tmp_path / "after")
    assert (tmp_path / "after" / path.name).read_bytes() == path.read_bytes()


def test_from_the_research_zone_no_clinical_address_answers(gateway):
    found = json.loads(gateway.inside("research", REACH))
    assert set(found.values()) == {"closed"}, found


def test_a_researcher_changes_nothing(gateway, tmp_path):
    research = gateway.credentials["research"]
    web = requests.Session()
    web.auth = (research["user"], research["password"])
    web.verify = research["ca"]
    web.trust_env = False
    data = file_bytes(dataset(4711, 1, 1, 3))
    for method, path in (
        ("POST", "/dicom-web/studies"),
        ("POST", "/explorer/instances"),
        ("POST", "/explorer/tools/create-dicom"),
        ("DELETE", "/explorer/patients/0a"),
        ("PUT", "/explorer/modalities/x"),
    ):
        answer = web.request(method, research["url"] + path, data=data, timeout=30)
        assert answer.status_code in (401, 403, 404, 405), (method, path, answer.status_code)


def test_nobody_comes_in_without_a_log_in(gateway):
    research = gateway.credentials["research"]
    web = requests.Session()
    web.verify = research["ca"]
    web.trust_env = False
    for path in ("/", "/ohif/", "/dicom-web/studies", "/explorer/app/explorer.html"):
        answer = web.get(research["url"] + path, timeout=30, allow_redirects=False)
        assert answer.status_code == 401, path
