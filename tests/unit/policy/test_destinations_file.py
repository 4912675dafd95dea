# SPDX-License-Identifier: Apache-2.0
"""destinations.toml: what is wrong in it is said with file, key and what is accepted; nothing is guessed."""

import re
from pathlib import Path

import pytest
import yaml

from deidgate.errors import ConfigurationError
from deidgate.policy.destinations import DicomNode, DicomWeb, Folder, Tls, load_destinations

FILE = """
[[destination]]
name = "pacs"
projects = ["trial"]
kind = "dicom"
address = "pacs.example:11112"
called = "ARCHIVE"
calling = "GATE"
ca = "/run/destinations/pacs-ca.pem"
certificate = "/run/destinations/pacs.pem"
commitment = "required"
answer_s = 120
listen = 11113

[[destination]]
name = "cloud"
projects = ["trial", "other"]
kind = "dicomweb"
url = "https://web.example/dicom-web/"
token = "/run/destinations/cloud.token"
timeout_s = 5

[[destination]]
name = "share"
projects = ["other"]
kind = "folder"
path = "/var/lib/destinations/share"
"""


@pytest.fixture
def load(tmp_path):
    def of(text):
        path = tmp_path / "destinations.toml"
        path.write_text(text, encoding="utf-8")
        return load_destinations(path)

    return of


def test_without_a_file_there_are_no_further_destinations(tmp_path):
    assert load_destinations(tmp_path / "destinations.toml") == ()


def test_three_kinds_are_read(load):
    pacs, cloud, share = load(FILE)
    files = Tls(Path("/run/destinations/pacs-ca.pem"), Path("/run/destinations/pacs.pem"))
    assert pacs.place == DicomNode("pacs.example", 11112, "ARCHIVE", "GATE", files, True, 120.0, 11113)
    assert (pacs.projects, pacs.timeout_s) == (("trial",), 30.0)
    token = Path("/run/destinations/cloud.token")
    assert cloud.place == DicomWeb("https://web.example/dicom-web", token=token)
    assert (cloud.projects, cloud.timeout_s) == (("trial", "other"), 5.0)
    assert share.place == Folder(Path("/var/lib/destinations/share"))


def test_tls_and_commitment_are_what_holds_when_nothing_is_said(load):
    head = '[[destination]]\nname = "p"\nprojects = ["t"]\nkind = "dicom"\naddress = "h:1"\ncalled = "A"\n'
    (one,) = load(head)
    assert (one.place.tls, one.place.commitment, one.place.calling_aet) == (Tls(), True, "DEIDGATE")
    (one,) = load(head + 'tls = false\ncommitment = "none"\n')
    assert (one.place.tls, one.place.commitment) == (None, False)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("[[destination]]", "[[destinations]]", "destinations"),
        ('name = "share"', 'name = "pacs"', "name-twice"),
        ('name = "share"', 'name = "../x"', "a-z, 0-9 and -"),
        ('projects = ["other"]', "projects = []", "one project or more"),
        ('projects = ["other"]', 'projects = "other"', "wrong-kind"),
        ('projects = ["other"]', f'projects = ["{"p" * 65}"]', "too-long"),
        ('kind = "folder"', 'kind = "ftp"', "dicom, dicomweb, folder"),
        ('kind = "folder"', 'kind = "dicomweb"', "missing-key at destinations.toml [[destination]] 3 url"),
        ('path = "/var', 'path = "var', "not-absolute"),
        ('address = "pacs.example:11112"', 'address = "pacs.example"', "HOST:PORT"),
        ('address = "pacs.example:11112"', 'address = "pacs.example:70000"', "HOST:PORT"),
        ('called = "ARCHIVE"', 'called = "A NAME THAT IS TOO LONG"', "1 to 16 characters"),
        ('called = "ARCHIVE"', 'called = "  "', "1 to 16 characters"),
        ('commitment = "required"', 'commitment = "maybe"', "none, required"),
        ('commitment = "required"', "commitment = true", "wrong-kind"),
        ("answer_s = 120", "answer_s = 0", "1 or more"),
        ("listen = 11113", "listen = 70000", "0 to 65535"),
        ('calling = "GATE"', "tls = false", "files-without-tls"),
        ('certificate = "/run/destinations/pacs.pem"', "", "what answers over TLS needs one"),
        ('certificate = "/run', 'key = "/run', "certificate and key"),
        ('ca = "/run', 'ca = "run', "not-absolute"),
        ("https://web", "ftp://web", "not-an-address"),
        ("https://web", "https://me:secret@web", "password-in-address"),
        ("https://web", "http://web", "secret-over-http"),
        ("timeout_s = 5", 'user = "me"', "user and password together"),
        ("timeout_s = 5", 'user = "me"\npassword = "/f"', "two-ways"),
        ("timeout_s = 5", "timeout = 5", "unknown-key"),
    ],
)
def test_a_wrong_file_is_refused_with_file_key_and_what_is_accepted(load, old, new, says):
    with pytest.raises(ConfigurationError) as error:
        load(FILE.replace(old, new))
    told = str(error.value)
    assert "destinations.toml" in told
    assert says in told
    assert "accepted: " in told
    assert "secret@" not in told


def test_two_destinations_listen_on_two_ports(load):
    with pytest.raises(ConfigurationError, match="port-twice"):
        load(FILE + FILE.split("[[destination]]\n")[1].join(["[[destination]]\n", ""]).replace("pacs", "pacs-two"))


ROOT = Path(__file__).parents[3]


def shipped():
    """The file as it is, and with its examples switched on."""
    text = (ROOT / "orthanc-ingest" / "destinations.toml").read_text(encoding="utf-8")
    on = [
        line.removeprefix("# ")
        for line in text.splitlines()
        if line.startswith("# [[destination]]") or re.match(r"# [a-z_]+ = ", line)
    ]
    return text, "\n".join(on)


def test_the_shipped_file_has_no_destination_and_its_examples_are_right(load):
    text, on = shipped()
    assert load(text) == ()
    assert [type(one.place) for one in load(on)] == [DicomNode, DicomWeb, Folder]


def test_the_guide_gives_the_worker_what_the_examples_name(load):
    guide = (ROOT / "docs" / "operate.md").read_text(encoding="utf-8")
    (compose,) = (yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", guide, flags=re.DOTALL))
    assert compose.keys() == {"services"}
    assert compose["services"].keys() == {"worker"}
    mounted = {volume.split(":")[1] for volume in compose["services"]["worker"]["volumes"]}
    archive, cloud, share = (one.place for one in load(shipped()[1]))
    assert mounted == {str(path) for path in (archive.tls.ca, archive.tls.certificate, cloud.token, share.path)}
    assert compose["services"]["worker"]["ports"] == [f"{archive.listen}:{archive.listen}"]
