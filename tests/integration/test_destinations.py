# SPDX-License-Identifier: Apache-2.0
"""Further destinations of a project, on a gateway of its own: two other Orthanc servers, and a folder.

None of the three is ours: how one asks for storage commitment over TLS and what STOW-RS answers is as Orthanc has it.
"""

import json
import subprocess

import pytest
import yaml
from tests.integration.conftest import ROOT, Gateway, eventually, remove_installation
from tests.unit.destinations.certificates import Authority

NAME = "destinations"
PLACES = ("archive", "cloud", "share")

DESTINATIONS = """
[[destination]]
name = "archive"
projects = ["demo"]
kind = "dicom"
address = "archive:2762"
called = "ARCHIVE"
calling = "DEIDGATE"
ca = "/run/destinations/ca.pem"
certificate = "/run/destinations/worker.pem"
listen = 11113
timeout_s = 5

[[destination]]
name = "cloud"
projects = ["demo"]
kind = "dicomweb"
url = "https://cloud:8042/dicom-web"
ca = "/run/destinations/ca.pem"
user = "gateway"
password = "/run/destinations/cloud.password"

[[destination]]
name = "share"
projects = ["demo"]
kind = "folder"
path = "/mnt/share"
"""

# What comes a second time is stored, and listed, a second time.
_COMMON = {
    "OverwriteInstances": True,
    "StorageDirectory": "/tmp/orthanc",
    "RemoteAccessAllowed": True,
    "Plugins": ["/usr/share/orthanc/plugins/libOrthancDicomWeb.so"],
}
ARCHIVE = _COMMON | {
    "AuthenticationEnabled": False,
    "DicomAet": "ARCHIVE",
    "DicomPort": 2762,
    "DicomCheckCalledAet": True,
    "DicomTlsEnabled": True,
    "DicomTlsCertificate": "/run/destinations/archive.pem",
    "DicomTlsPrivateKey": "/run/destinations/archive.pem",
    "DicomTlsTrustedCertificates": "/run/destinations/ca.pem",
    "DicomModalities": {
        "gateway": {
            "AET": "DEIDGATE",
            "Host": "worker",
            "Port": 11113,
            "UseDicomTls": True,
            "AllowStorageCommitment": True,
        }
    },
}
CLOUD = _COMMON | {
    "AuthenticationEnabled": True,
    "RegisteredUsers": {"gateway": "a password"},
    "SslEnabled": True,
    "SslCertificate": "/run/destinations/cloud.pem",
}

# Instances by UID, and how often one was stored in all.
LIST = """
import base64, json, ssl, sys, urllib.request
context = ssl.create_default_context(cafile="/run/destinations/ca.pem")
def get(path):
    request = urllib.request.Request(sys.argv[1] + path)
    request.add_header("Authorization", "Basic " + base64.b64encode(b"gateway:a password").decode())
    return json.load(urllib.request.urlopen(request, timeout=20, context=context))
uids = [one["MainDicomTags"]["SOPInstanceUID"] for one in get("/instances?expand&since=0&limit=1000")]
stored = [one for one in get("/changes?limit=1000")["Changes"] if one["ChangeType"] == "NewInstance"]
print(json.dumps([uids, len(stored)]))
"""


STATES = """
import json, sqlite3, sys
ledger = sqlite3.connect("file:/var/lib/deidgate/ledger.db?mode=ro", uri=True)
query = "SELECT state, count(*) FROM forwards WHERE destination = ? GROUP BY state"
print(json.dumps(dict(ledger.execute(query, (sys.argv[1],)))))
"""


def stack(folder):
    """The Compose file over the gateway's own."""
    shared = [f"{folder}/run:/run/destinations:ro"]
    gateway = {"volumes": [*shared, f"{folder}/destinations.toml:/etc/deidgate/destinations.toml:ro"]}
    orthanc = {"image": "deidgate/orthanc:local", "networks": ["clinical"], "volumes": shared, "read_only": True}
    orthanc |= {"tmpfs": ["/tmp:size=256m,mode=1777"]}
    return {
        "services": {
            "worker": {"volumes": [*gateway["volumes"], f"{folder}/share:/mnt/share"]},
            "tools": gateway,
            "archive": orthanc | {"command": ["Orthanc", "/run/destinations/archive.json"]},
            "cloud": orthanc | {"command": ["Orthanc", "/run/destinations/cloud.json"]},
        }
    }


class Several(Gateway):
    """A gateway with further destinations."""

    def states_of(self, place):
        """Numbers by state, asked of the ledger: often, and a command takes seconds."""
        return json.loads(self.inside("worker", STATES, place))

    def destinations(self):
        """What the operator is told."""
        told = json.loads(self.command("destinations", "list", "--json"))
        return {one["name"]: one["states"] for one in told["destinations"]}, told["to_look_at"]

    def has(self, place):
        """The SOP Instance UIDs at an Orthanc, and how often it stored one."""
        url = {"archive": "http://archive:8042", "cloud": "https://cloud:8042"}[place]
        uids, stored = json.loads(self.inside("worker", LIST, url))
        return sorted(uids), stored

    def stop(self, service):
        subprocess.run(["docker", "stop", "--time", "2", self.container(service)], capture_output=True, check=True)

    def start(self, service):
        subprocess.run(["docker", "start", self.container(service)], capture_output=True, check=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What the destinations are made of, as an operator would lay it out."""
    folder = tmp_path_factory.mktemp("destinations")
    (folder / "run").mkdir()
    (folder / "share").mkdir()
    (folder / "share").chmod(0o777)
    authority = Authority(folder / "run")
    for name in ("worker", "archive", "cloud"):
        authority.certificate(name)
    (folder / "run" / "cloud.password").write_text("a password")
    (folder / "run" / "archive.json").write_text(json.dumps(ARCHIVE))
    (folder / "run" / "cloud.json").write_text(json.dumps(CLOUD))
    (folder / "destinations.toml").write_text(DESTINATIONS)
    (folder / "stack.yml").write_text(yaml.safe_dump(stack(folder)))
    for file in (folder / "run").iterdir():
        file.chmod(0o444)
    return folder


@pytest.fixture(scope="module")
def several(folder):
    remove_installation(NAME)
    state = ROOT / ".gateway" / NAME
    state.mkdir(parents=True)
    (state / "env").write_text(f"DEIDGATE_COMPOSE_FILES=docker-compose.yml,{folder / 'stack.yml'}\n", encoding="utf-8")
    words = [str(ROOT / "gateway"), "--installation", NAME]
    subprocess.run([*words, "up", "--yes"], check=True, cwd=ROOT)
    asked = subprocess.run([*words, "credentials", "--json"], capture_output=True, text=True, check=True)
    credentials = json.loads(asked.stdout)
    yield Several(NAME, credentials["dicom"]["port"], credentials)
    remove_installation(NAME)


def delivered(several, folder):
    """The SOP Instance UIDs on research."""
    listed = several.research("/instances?expand&since=0&limit=1000")
    return sorted(one["MainDicomTags"]["SOPInstanceUID"] for one in listed)


def in_folder(folder):
    return sorted(path.stem for path in (folder / "share").glob("*/*/*.dcm"))


def test_one_that_is_away_holds_up_no_other_and_each_has_everything_once_in_the_end(several, folder, make):
    several.stop("archive")
    assert all(one.ok for one in several.send(*make.files(6), *make.files(6, study=2)))
    several.settle()
    eventually(lambda: several.states_of("share") == {"confirmed": 12})
    eventually(lambda: several.states_of("cloud") == {"confirmed": 12})
    states, to_look_at = several.destinations()
    assert "confirmed" not in states["archive"]
    assert sum(states["archive"].values()) == 12
    assert to_look_at == []

    # While it is away, the others go on, also after the worker has died.
    several.kill("worker")
    assert all(one.ok for one in several.send(*make.files(3, study=3)))
    several.settle()
    eventually(lambda: several.states_of("cloud") == {"confirmed": 15})
    several.start("archive")
    eventually(lambda: several.states_of("archive") == {"confirmed": 15}, 120)
    assert several.destinations()[0] == {place: {"confirmed": 15} for place in PLACES}

    expected = delivered(several, folder)
    assert len(expected) == 15
    assert several.has("archive") == (expected, 15)
    assert several.has("cloud") == (expected, 15)
    assert in_folder(folder) == expected
    several.command("reconcile")


def test_what_a_destination_refused_goes_out_again_when_somebody_has_put_it_right(several, folder, make):
    share = folder / "share"
    before, known = several.states_of("share")["confirmed"], set(delivered(several, folder))
    share.chmod(0o555)
    assert all(one.ok for one in several.send(make.file()))
    several.settle()
    eventually(lambda: several.states_of("cloud") == {"confirmed": before + 1})
    listed = several.research("/instances?expand&since=0&limit=1000")
    [new] = [one for one in listed if one["MainDicomTags"]["SOPInstanceUID"] not in known]
    # Where the instance belongs somebody has put another file.
    series = several.research(f"/instances/{new['ID']}/series")
    study = several.research(f"/instances/{new['ID']}/study")
    uids = [one["MainDicomTags"][f"{level}InstanceUID"] for level, one in (("Study", study), ("Series", series))]
    place = share.joinpath(*uids)
    place.mkdir(parents=True)
    for one in (place, place.parent):
        one.chmod(0o777)
    foreign = place / f"{new['MainDicomTags']['SOPInstanceUID']}.dcm"
    foreign.write_bytes(b"another content")
    share.chmod(0o777)
    eventually(lambda: several.states_of("share") == {"confirmed": before, "held": 1}, 120)
    _, to_look_at = several.destinations()
    assert [(row["destination"], row["code"]) for row in to_look_at] == [("share", "other-content-there")]
    assert foreign.read_bytes() == b"another content"

    foreign.unlink()
    several.command("destinations", "retry", "share", "--why", "the other file was removed")
    eventually(lambda: several.states_of("share") == {"confirmed": before + 1})
    assert in_folder(folder) == delivered(several, folder)
    assert several.destinations()[1] == []


def test_what_is_recalled_leaves_the_folder_and_has_to_be_removed_by_hand_elsewhere(several, folder, make, tmp_path):
    assert all(one.ok for one in several.send(*make.files(2)))
    several.settle()
    number = len(delivered(several, folder))
    eventually(lambda: all(several.states_of(place) == {"confirmed": number} for place in PLACES))
    [(_, pseudonym)] = [pair for pair in several.patients(tmp_path) if pair[0].endswith(str(make.patient))]
    several.command("recall", "--patient", pseudonym, "--why", "test", "--yes")
    eventually(lambda: in_folder(folder) == delivered(several, folder))
    states, to_look_at = several.destinations()
    assert {(row["destination"], row["code"]) for row in to_look_at} == {
        ("archive", "recall-by-hand"),
        ("cloud", "recall-by-hand"),
    }
    several.command("reconcile", status=1)
    for place in ("archive", "cloud"):
        items = [str(row["item_id"]) for row in to_look_at if row["destination"] == place]
        assert len(items) == states[place]["recalled"] == 2
        several.command("destinations", "withdrawn", place, *items, "--why", "test")
    assert several.destinations()[1] == []
    several.command("reconcile")
