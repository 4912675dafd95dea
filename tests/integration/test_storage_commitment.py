# SPDX-License-Identifier: Apache-2.0
"""A modality asks for storage commitment, and is told what the gateway has and what never came."""

import queue
import subprocess

import pytest
from pydicom import Dataset
from pydicom.uid import CTImageStorage, generate_uid
from pynetdicom import AE, evt
from pynetdicom.sop_class import StorageCommitmentPushModel, StorageCommitmentPushModelInstance
from tests.data.instances import uid

PORT = 21104

# The answer goes to where the sender's route says; here to the machine that runs the test.
_INTRODUCE = """
import os, sys, requests
from deidgate.settings import Settings
from deidgate.worker.assembly import ingest_server
server = ingest_server(Settings.read(os.environ))
session = requests.Session()
session.auth, session.verify = (server.user, server.password), server.ca
known = session.get(server.url + "/modalities?expand").json()
[name] = [name for name, node in known.items() if node["AET"] == "DEMO2"]
node = {**known[name], "Host": sys.argv[1], "Port": int(sys.argv[2])}
print(session.put(server.url + "/modalities/" + name, json=node).status_code)
"""


@pytest.fixture
def told(gateway):
    """Answers that came back to the modality."""
    answers: queue.Queue[Dataset] = queue.Queue()

    def take(event):
        answers.put(event.event_information)
        return 0x0000, None

    ae = AE("DEMO2")
    ae.add_supported_context(StorageCommitmentPushModel, scp_role=True, scu_role=True)
    server = ae.start_server(("0.0.0.0", PORT), block=False, evt_handlers=[(evt.EVT_N_EVENT_REPORT, take)])  # noqa: S104
    template = "{{range .NetworkSettings.Networks}}{{.Gateway}} {{end}}"
    found = subprocess.run(
        ["docker", "inspect", "--format", template, gateway.container("ingest")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert gateway.inside("worker", _INTRODUCE, found.stdout.split()[0], str(PORT)).strip() == "200"
    yield answers
    server.shutdown()


def ask(gateway, uids):
    """Send the request; the status of its answer."""
    request = Dataset()
    request.TransactionUID = generate_uid()
    request.ReferencedSOPSequence = []
    for one in uids:
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = CTImageStorage, one
        request.ReferencedSOPSequence.append(item)
    ae = AE("DEMO2")
    ae.add_requested_context(StorageCommitmentPushModel)
    association = ae.associate("127.0.0.1", gateway.dicom_port, ae_title="DEIDGATE")
    assert association.is_established
    status, _ = association.send_n_action(request, 1, StorageCommitmentPushModel, StorageCommitmentPushModelInstance)
    association.release()
    return status.Status


def test_what_came_is_answered_for_and_what_never_came_is_not(gateway, make, told):
    assert all(one.ok for one in gateway.send(*make.files(2), aet="DEMO2"))
    came = [uid(make.patient, 1, 1, number) for number in (1, 2)]
    assert ask(gateway, [*came, "2.25.4711"]) == 0x0000
    answer = told.get(timeout=60)
    assert [item.ReferencedSOPInstanceUID for item in answer.ReferencedSOPSequence] == came
    [failed] = answer.FailedSOPSequence
    assert (failed.ReferencedSOPInstanceUID, failed.FailureReason) == ("2.25.4711", 0x0112)
