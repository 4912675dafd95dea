# SPDX-License-Identifier: Apache-2.0
"""Broken instances by C-STORE and REST, between good ones: nothing ends, nothing is lost, and no log names anybody.

The seeds are fixed, so that a failure happens again.
"""

from __future__ import annotations

import base64
import json
import os
import random
import subprocess
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import pytest
from pydicom import dcmread
from pydicom.uid import (
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)
from pynetdicom import AE, build_context
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_STORE
from tests.data.instances import dataset, file_bytes, uid
from tests.data.rich import rich
from tests.data.unusual import telling_parts, unusual
from tests.fuzz.mutate import flip, mutated
from tests.integration.conftest import CALLED
from tests.integration.faults.rig import docker

SEED = int(os.environ.get("DEIDGATE_FAULTS_SEED", "20261121"))
SHORT, WHOLE = 60, 3000
"""Broken instances by each of the two doors."""
GOOD_EVERY = 5
CLINICS = 6
PATIENCE_S = 2.0
"""A dataset that cannot be read is not answered by Orthanc, nor is the association ended: the sender has to give up."""
SYNTAXES = (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
    RLELossless,
)
ESTABLISHED = "Sta6"
"""Association established and ready for data transfer. Source: PS3.8 9.2.1."""
STAY = ("ingest", "worker", "research", "gate-dicom")
DEFECTS = frozenset({"internal-error", "worker-died"})
"""Codes under which an instance is held when the worker itself failed."""

POST = """
import base64, json, os
import requests
from deidgate.settings import Settings, password

settings = Settings.read(os.environ)
web = requests.Session()
web.auth = (settings.ingest_user, password(settings.ingest_password_file))
web.verify, web.trust_env = str(settings.ca_file), False
for line in open("/tmp/data"):
    answer = web.post(settings.ingest_url + "/instances", data=base64.b64decode(line), timeout=60)
    print(json.dumps([answer.status_code, answer.json().get("Status") if answer.ok else None]))
"""


class Sender:
    """Sends the bytes of a dataset as they are, and opens a new association when one broke."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._entity = AE(ae_title="DEMO")
        self._entity.acse_timeout = self._entity.dimse_timeout = self._entity.connection_timeout = 30
        self._entity.requested_contexts = [build_context(CTImageStorage, syntax) for syntax in SYNTAXES]
        self._association: Association | None = None

    def send(self, data: bytes, patience_s: float) -> int | None:
        """The status that answers a whole file; None if there was no answer in time."""
        if self._association is None or not self._association.is_established:
            self._association = self._entity.associate("127.0.0.1", self._port, ae_title=CALLED)
            assert self._association.is_established
        meta = dcmread(BytesIO(data[: dataset_of(data)])).file_meta
        request = C_STORE()
        request.MessageID, request.Priority = 1, 2
        request.AffectedSOPClassUID = meta.MediaStorageSOPClassUID
        request.AffectedSOPInstanceUID = meta.MediaStorageSOPInstanceUID
        request.DataSet = BytesIO(data[dataset_of(data) :])
        [context] = [
            one.context_id
            for one in self._association.accepted_contexts
            if one.transfer_syntax[0] == meta.TransferSyntaxUID
        ]
        answer = self._asked(self._association, request, context, patience_s)
        if answer is None:
            self._association.abort()
        return answer

    def close(self) -> None:
        if self._association is not None and self._association.is_established:
            self._association.release()

    def _asked(self, association: Association, request: C_STORE, context: int, patience_s: float) -> int | None:
        """As pynetdicom does it, but not waiting to the end when the other side has left."""
        # The association's own thread would take the answer.
        association._reactor_checkpoint.clear()
        while not association._is_paused:
            time.sleep(0.0001)
        try:
            association.dimse.send_msg(request, context)
            until = time.monotonic() + patience_s
            while time.monotonic() < until and association.dul.state_machine.current_state == ESTABLISHED:
                _, answer = association.dimse.get_msg(block=False)
                if answer is not None:
                    return answer.Status
                time.sleep(0.001)
            return None
        finally:
            association._reactor_checkpoint.set()


@pytest.fixture(scope="module")
def words():
    return unusual()


def source(words, patient: int, number: int, syntax: str) -> bytes:
    """A whole instance with something of everything, in this Transfer Syntax."""
    uids = {
        "SOPInstanceUID": uid(patient, 1, 1, number),
        "StudyInstanceUID": uid(patient, 1),
        "SeriesInstanceUID": uid(patient, 1, 1),
    }
    made = rich(**{**words, **uids})
    if syntax != RLELossless:
        return file_bytes(made, syntax)
    squeezed = dcmread(BytesIO(file_bytes(made)))
    squeezed.compress(RLELossless, generate_instance_uid=False)
    target = BytesIO()
    squeezed.save_as(target, enforce_file_format=True)
    return target.getvalue()


def broken_dataset(data: bytes, seed: int) -> bytes:
    """The file with its dataset broken, and its file meta whole: an association begins with that."""
    start = dataset_of(data)
    # What breaks a file leaves 128 bytes at its beginning alone.
    body = broken_file(data[start - 128 :], seed)[128:]
    # A message of odd length is refused before anybody reads it.
    return data[:start] + body + b"\0" * (len(body) % 2)


def broken_file(data: bytes, seed: int) -> bytes:
    """`data` broken in several ways, or, every second time, by one bit: most of these are stored, and go on."""
    return mutated(data, seed) if seed % 2 else flip(data, random.Random(seed))


def dataset_of(data: bytes) -> int:
    """Where the dataset begins in a file."""
    return 132 + 12 + int.from_bytes(data[140:144], "little")


def started(broken):
    words = ("inspect", "--format", "{{.State.StartedAt}} {{.RestartCount}} {{.State.OOMKilled}}")
    return {one: docker(*words, broken.name_of(one)).strip() for one in STAY}


def said(container: str) -> bytes:
    done = subprocess.run(["docker", "logs", container], capture_output=True, check=True)
    return done.stdout + done.stderr


def test_broken_input_breaks_nothing(broken, whole, words, tmp_path, capsys):
    number = WHOLE if whole else SHORT
    patient = time.time_ns() // 1_000_000 % 10**9 + 10**9
    before, known = started(broken), {row["item"] for row in broken.holds()}
    stored_before = len(broken.count()["ingest"])
    answers: Counter[int | None] = Counter()
    good: list[str] = []

    def clinic(seeds: range) -> None:
        sender = Sender(broken.dicom_port)
        for seed in seeds:
            whole_file = source(words, patient, seed, SYNTAXES[seed % len(SYNTAXES)])
            status = sender.send(broken_dataset(whole_file, SEED + seed), PATIENCE_S)
            answers[status] += 1
            if seed % GOOD_EVERY == 0:
                status = sender.send(file_bytes(dataset(patient, 2, 1, seed + 1)), 60)
                assert status == 0, "a good instance was refused after a broken one"
                good.append(uid(patient, 2, 1, seed + 1))
        sender.close()

    with ThreadPoolExecutor(CLINICS) as clinics:
        list(clinics.map(clinic, [range(begin, number, CLINICS) for begin in range(CLINICS)]))

    posted = [
        broken_file(source(words, patient, number + seed, SYNTAXES[seed % len(SYNTAXES)]), SEED + number + seed)
        for seed in range(number)
    ]
    said_by_rest = broken.inside("worker", POST, data=b"\n".join(base64.b64encode(one) for one in posted))
    posts = Counter(tuple(json.loads(line)) for line in said_by_rest.splitlines())
    assert posts.total() == number
    assert all(code < 500 for code, _ in posts)

    broken.settle(600)
    servers, report, flow = broken.count(), broken.reconciled(), broken.flow()
    held = [row for row in broken.holds() if row["item"] not in known]
    taken, unanswered = answers[0] + posts[200, "Success"], answers[None]
    arrived = len(servers["ingest"]) - stored_before - len(good)
    with capsys.disabled():
        print(f"\n  broken by C-STORE {dict(answers)}, by REST {dict(posts)}")
        print(f"  taken {taken}, at ingest {arrived}, held {len(held)}, good ones between {len(good)}")

    # Some are stored and some are not: else this proves nothing.
    assert number / 2 < taken < 2 * number
    # What was answered with success is there, and has its place in the ledger, and an end. (An answer may be late.)
    assert taken <= arrived <= taken + unanswered
    assert report["adds_up"]
    assert flow["unread"] == flow["in_flight"] == 0
    assert sum(flow["states"].values()) == len(servers["ingest"])
    assert servers["unmarked"] == []
    # The good ones were delivered.
    new, there = broken.uids(tmp_path), {one for _, one in servers["research"]}
    assert [one for one in good if new.get(one) not in there] == []
    # Nobody has ended, nor failed.
    assert started(broken) == before
    assert b"worker-process-ended" not in said(broken.name_of("worker"))
    assert [row["code"] for row in held if row["code"] in DEFECTS] == []


@pytest.mark.parametrize("service", STAY)
def test_no_log_names_who_was_in_broken_input(broken, words, service):
    log = said(broken.name_of(service)).lower()
    assert log, "a log that is empty proves nothing"
    assert [needle for needle in telling_parts(words) if needle in log] == []
