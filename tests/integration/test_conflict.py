# SPDX-License-Identifier: Apache-2.0
"""Another content under a known SOP Instance UID is kept beside the first, held, and decided by a person."""

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import pytest
from pydicom import dcmread
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian
from tests.data.instances import dataset, file_bytes, uid

from deidgate.dicom.second import first_name

FIRST, SECOND, THIRD = (bytes((value, 0)) * 4 for value in (1, 2, 3))
WHY = ("--why", "test")

# Every file of ingest that has this study, as stored.
STORED = """
import base64, json, os, sys
from deidgate.orthanc_io.client import OrthancClient
from deidgate.settings import Settings
from deidgate.worker.assembly import ingest_server
client = OrthancClient(ingest_server(Settings.read(os.environ)))
found = client.post_json("/tools/find", {"Level": "Instance", "Query": {"StudyInstanceUID": sys.argv[1]}})
print(json.dumps([base64.b64encode(client.get_bytes(f"/instances/{one}/file")).decode() for one in found]))
"""


@pytest.fixture
def clinic(gateway, make):
    return Clinic(gateway, make)


class Clinic:
    """Sends contents of one instance, and sees what becomes of them."""

    def __init__(self, gateway, make):
        self.gateway, self.make = gateway, make
        self.study = 1

    def send(self, pixels, aet="DEMO", syntax=ExplicitVRLittleEndian):
        made = dataset(self.make.patient, self.study, 1, 1, PixelData=pixels)
        path = self.make.folder / f"{pixels[0]}-{aet}.dcm"
        path.write_bytes(file_bytes(made, syntax))
        [sent] = self.gateway.send(path, aet=aet)
        return sent

    def at_ingest(self):
        """The pixels of what ingest has, under the UIDs that were sent."""
        stored = [
            base64.b64decode(one)
            for one in json.loads(self.gateway.inside("worker", STORED, uid(self.make.patient, self.study)))
        ]
        files = [dcmread(BytesIO(first_name(one) or one)) for one in stored]
        assert {one.SOPInstanceUID for one in files} == {uid(self.make.patient, self.study, 1, 1)}
        return sorted(one.PixelData for one in files)

    def at_research(self, folder):
        """The pixels of what research has."""
        new = self.gateway.uids(folder)[uid(self.make.patient, 1, 1, 1)]
        found = [dcmread(path) for path in self.gateway.download(folder / "got")]
        return [one.PixelData for one in found if one.SOPInstanceUID == new]

    def conflicts(self, before=()):
        return [
            hold for hold in self.gateway.holds() if hold["code"] == "content-changed" and hold["item"] not in before
        ]


def test_both_contents_are_kept_until_a_person_decides_for_the_second(gateway, clinic, tmp_path):
    before = [hold["item"] for hold in clinic.conflicts()]
    assert clinic.send(FIRST).ok
    gateway.settle()
    assert clinic.send(SECOND).ok
    assert clinic.send(SECOND).ok
    gateway.settle()
    [held] = clinic.conflicts(before)
    assert clinic.at_ingest() == [FIRST, SECOND]
    assert clinic.at_research(tmp_path) == [FIRST]
    [shown] = json.loads(gateway.command("hold", "show", str(held["item"]), "--json", *WHY))
    assert shown["attributes"]["SOPInstanceUID"] == uid(clinic.make.patient, 1, 1, 1)
    [first] = shown["same_instance"]
    assert (first["state"], first["differs"]) == ("delivered", ["PixelData"])
    assert clinic.send(FIRST).ok
    # Without accepting the reason it is the same reason again.
    gateway.command("hold", "release", str(held["item"]), *WHY)
    gateway.settle()
    assert len(clinic.conflicts(before)) == 1
    gateway.command("hold", "release", str(held["item"]), "--accept", *WHY)
    gateway.settle()
    assert clinic.conflicts(before) == []
    assert clinic.at_research(tmp_path) == [SECOND]
    assert clinic.at_ingest() == [FIRST, SECOND]
    gateway.command("reconcile")


def test_a_second_content_that_is_rejected_changes_nothing(gateway, clinic, tmp_path):
    before = [hold["item"] for hold in clinic.conflicts()]
    for pixels in (FIRST, SECOND, THIRD):
        assert clinic.send(pixels).ok
    gateway.settle()
    held = clinic.conflicts(before)
    assert len(held) == 2
    assert clinic.at_ingest() == [FIRST, SECOND, THIRD]
    for one in held:
        gateway.command("hold", "reject", str(one["item"]), *WHY)
    gateway.settle()
    assert clinic.at_research(tmp_path) == [FIRST]
    gateway.command("reconcile")


def test_two_contents_that_come_at_once_are_both_kept_or_one_is_refused(gateway, clinic):
    for study in range(1, 11):
        clinic.study = study
        with ThreadPoolExecutor(2) as pool:
            sent = list(pool.map(clinic.send, (FIRST, SECOND), ("DEMO", "DEMO2")))
        kept = [pixels for pixels, one in zip((FIRST, SECOND), sent, strict=True) if one.ok]
        assert kept
        assert {one.status for one in sent} <= {0x0000, 0xA700}
        assert clinic.at_ingest() == kept
    gateway.settle()
    gateway.command("reconcile")


def test_a_second_content_that_cannot_be_kept_is_refused(gateway, clinic):
    assert clinic.send(FIRST).ok
    refused = clinic.send(SECOND, syntax=DeflatedExplicitVRLittleEndian)
    assert refused.status == 0x0110
    assert clinic.at_ingest() == [FIRST]
    gateway.settle()
    gateway.command("reconcile")
