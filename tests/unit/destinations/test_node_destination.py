# SPDX-License-Identifier: Apache-2.0
"""A DICOM node gets files as they are, over TLS, and counts only when it has committed to keep them."""

import socket
import ssl
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pydicom
import pytest
from pydicom.data import get_testdata_file
from pynetdicom import AE, AllStoragePresentationContexts, build_context, evt
from pynetdicom.pdu_primitives import SCP_SCU_RoleSelectionNegotiation
from tests.data.ports import free_port
from tests.unit.destinations.certificates import Authority
from tests.unit.destinations.parcels import Shelf

from deidgate.destinations.commitment import PUSH_MODEL, Answers
from deidgate.destinations.node import NodeSender
from deidgate.destinations.sender import NotNow
from deidgate.dimse.receive import SYNTAXES
from deidgate.dimse.tls import server_context
from deidgate.errors import Unavailable
from deidgate.policy.destinations import DicomNode, Tls
from deidgate.store.forward_model import Confirmed, Refused

INSTANCE = "1.2.840.10008.1.20.1.1"


@dataclass
class Archive:
    """A node with storage commitment. What it does is changed by its fields."""

    port: int = field(default_factory=free_port)
    received: dict[str, bytes] = field(default_factory=dict)
    stores: int = 0
    status: dict[str, int] = field(default_factory=dict)
    """Status of C-STORE by SOP Instance UID."""
    reasons: dict[str, int] = field(default_factory=dict)
    """Reasons why not, by SOP Instance UID."""
    answers: bool = True
    silent_about: set[str] = field(default_factory=set)
    aborts: set[str] = field(default_factory=set)
    back_to: int = 0
    """Port for an association of its own; 0: on the one of the request."""
    back_tls: ssl.SSLContext | None = None
    threads: list[threading.Thread] = field(default_factory=list)

    def store(self, event):
        self.stores += 1
        uid = str(event.request.AffectedSOPInstanceUID)
        if uid in self.aborts:
            event.assoc.abort()
        if self.status.get(uid, 0) >> 8 not in (0xA7, 0xC0):
            self.received[uid] = event.encoded_dataset(include_meta=False)
        return self.status.get(uid, 0)

    def action(self, event):
        if self.answers:
            asked = event.action_information
            self.threads.append(threading.Thread(target=self.report, args=(event.assoc, asked)))
        return 0x0000, None

    def answered(self, event):
        """The answer to N-ACTION is on its way: now the report may follow."""
        if type(event.message).__name__ == "N_ACTION_RSP":
            for thread in self.threads:
                if thread.ident is None:
                    thread.start()

    def report(self, association, asked):
        answer = pydicom.Dataset()
        answer.TransactionUID = asked.TransactionUID
        good, bad = [], []
        for item in asked.ReferencedSOPSequence:
            uid = str(item.ReferencedSOPInstanceUID)
            reason = self.reasons.get(uid, 0 if uid in self.received else 0x0112)
            if uid in self.silent_about:
                continue
            if reason:
                item.FailureReason = reason
            (bad if reason else good).append(item)
        answer.ReferencedSOPSequence = good
        if bad:
            answer.FailedSOPSequence = bad
        if self.back_to:
            role = SCP_SCU_RoleSelectionNegotiation()
            role.sop_class_uid, role.scu_role, role.scp_role = PUSH_MODEL, False, True
            association = AE("ARCHIVE").associate(
                "127.0.0.1",
                self.back_to,
                contexts=[build_context(PUSH_MODEL)],
                ae_title="GATE",
                ext_neg=[role],
                tls_args=(self.back_tls, "localhost") if self.back_tls else None,
            )
        association.send_n_event_report(answer, 2 if bad else 1, PUSH_MODEL, INSTANCE)
        if self.back_to:
            association.release()


@contextmanager
def running(archive, tls=None, *, commitment=True, classes=None):
    entity = AE("ARCHIVE")
    for context in AllStoragePresentationContexts:
        if classes is None or context.abstract_syntax in classes:
            entity.add_supported_context(context.abstract_syntax, list(SYNTAXES))
    if commitment:
        entity.add_supported_context(PUSH_MODEL)
    handlers = [
        (evt.EVT_C_STORE, archive.store),
        (evt.EVT_N_ACTION, archive.action),
        (evt.EVT_DIMSE_SENT, archive.answered),
    ]
    server = entity.start_server(("127.0.0.1", archive.port), block=False, evt_handlers=handlers, ssl_context=tls)
    try:
        yield archive
    finally:
        for thread in archive.threads:
            thread.join(10)
        server.shutdown()


@pytest.fixture
def shelf():
    return Shelf()


@pytest.fixture
def archive():
    with running(Archive()) as started:
        yield started


def test_a_name_that_nobody_knows_is_a_destination_that_is_away(shelf):
    one = NodeSender(DicomNode("archive.invalid", 104, called_aet="ARCHIVE", calling_aet="GATE"), 5)
    with pytest.raises(Unavailable, match="host-unknown"):
        list(one.send([shelf.parcel(1)], shelf))


def test_a_port_for_answers_is_free_again_when_it_is_closed():
    port = free_port()
    place = DicomNode("localhost", 104, called_aet="ARCHIVE", calling_aet="GATE", listen=port)
    for _ in range(2):
        NodeSender(place, 5).close()


def sender(archive, *, timeout_s=5, **more):
    place = {"answer_s": 5, "tls": None, "called_aet": "ARCHIVE", "calling_aet": "GATE"} | more
    return NodeSender(DicomNode("localhost", archive.port, **place), timeout_s)


def sent(parcels, shelf, archive, **more):
    made = sender(archive, **more)
    try:
        return list(made.send(parcels, shelf))
    finally:
        made.close()


def test_what_the_node_committed_to_keep_is_confirmed_by_commitment(archive, shelf):
    parcels = [shelf.parcel(number) for number in (1, 2, 3)]
    assert sent(parcels, shelf, archive) == [Confirmed(parcel, "commitment") for parcel in parcels]
    assert archive.received.keys() == {parcel.sop_instance_uid for parcel in parcels}


def test_what_it_does_not_commit_to_is_tried_again_or_held_by_its_reason(archive, shelf):
    good, lost, full, conflict, unnamed = (shelf.parcel(number) for number in range(1, 6))
    archive.reasons = {
        lost.sop_instance_uid: 0x0112,
        full.sop_instance_uid: 0x0213,
        conflict.sop_instance_uid: 0x0119,
    }
    archive.silent_about = {unnamed.sop_instance_uid}
    assert sent([good, lost, full, conflict, unnamed], shelf, archive) == [
        Confirmed(good, "commitment"),
        NotNow(lost, "commitment-failed", "0112"),
        NotNow(full, "commitment-failed", "0213"),
        Refused(conflict, "commitment-failed", "0119"),
        NotNow(unnamed, "commitment-unanswered"),
    ]


def test_success_of_c_store_is_no_confirmation_where_commitment_is_asked_for(archive, shelf):
    archive.answers = False
    parcel = shelf.parcel(1)
    assert sent([parcel], shelf, archive, answer_s=0.2) == [NotNow(parcel, "commitment-unanswered")]
    assert archive.stores == 1


def test_what_was_not_answered_for_is_asked_for_again_and_not_sent_again(archive, shelf):
    parcel = shelf.parcel(1)
    sent([parcel], shelf, archive)
    again = shelf.parcel(1, last_code="commitment-unanswered")
    assert sent([again], shelf, archive) == [Confirmed(again, "commitment")]
    assert archive.stores == 1


def test_without_commitment_the_answer_to_c_store_has_to_do_and_is_called_so(archive, shelf):
    parcel = shelf.parcel(1)
    assert sent([parcel], shelf, archive, commitment=False) == [Confirmed(parcel, "c-store-success")]


def test_a_node_without_commitment_confirms_nothing(shelf):
    parcel = shelf.parcel(1)
    with running(Archive(), commitment=False) as archive:
        (ending,) = sent([parcel], shelf, archive)
    assert ending == NotNow(parcel, "commitment-unanswered", "commitment-not-supported")


def test_a_question_that_could_not_be_asked_leaves_nothing_that_waits_for_an_answer(archive, shelf, monkeypatch):
    answers = Answers()
    monkeypatch.setattr("deidgate.destinations.node.Answers", lambda: answers)
    with running(Archive(), commitment=False) as without:
        sent([shelf.parcel(1)], shelf, without)
    assert answers.waiting == 0
    assert sent([shelf.parcel(2)], shelf, archive) == [Confirmed(shelf.parcel(2), "commitment")]
    assert answers.waiting == 0


@pytest.mark.parametrize(
    ("status", "end"),
    [(0xA700, NotNow), (0xC000, Refused), (0x0122, Refused), (0xB000, Confirmed)],
    ids=lambda value: f"{value:04X}" if isinstance(value, int) else "",
)
def test_a_refusal_concerns_its_instance_only(archive, shelf, status, end):
    refused, good = shelf.parcel(1), shelf.parcel(2)
    archive.status = {refused.sop_instance_uid: status}
    endings = {ending.parcel.id: ending for ending in sent([refused, good], shelf, archive)}
    assert isinstance(endings[1], end)
    assert endings[2] == Confirmed(good, "commitment")


def test_a_class_that_the_node_does_not_take_is_held(shelf):
    ct, other = shelf.parcel(1), shelf.parcel(2, ds=pydicom.dcmread(get_testdata_file("MR_small_RLE.dcm")))
    with running(Archive(), classes={"1.2.840.10008.5.1.4.1.1.2"}) as archive:
        endings = sent([ct, other], shelf, archive)
    assert set(endings) == {Confirmed(ct, "commitment"), Refused(other, "context-refused")}


@pytest.mark.parametrize("name", ["MR_small_RLE.dcm", "MR_small_jp2klossless.dcm", "MR_small_jpeg_ls_lossless.dcm"])
def test_a_compressed_file_arrives_byte_for_byte(archive, shelf, name):
    path = Path(get_testdata_file(name))
    file = path.read_bytes()
    parcel = shelf.parcel(1, file=file, ds=pydicom.dcmread(path))
    assert sent([parcel], shelf, archive) == [Confirmed(parcel, "commitment")]
    assert file.endswith(archive.received[parcel.sop_instance_uid])


def test_a_node_that_is_away_is_unavailable(shelf):
    with pytest.raises(Unavailable, match="not-reached"):
        sent([shelf.parcel(1)], shelf, Archive(), timeout_s=2)


def test_a_node_that_never_answers_is_given_up(shelf):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(Unavailable, match="association-refused"):
            sent([shelf.parcel(1)], shelf, Archive(silent.getsockname()[1]), timeout_s=1)


def test_what_a_node_broke_off_on_is_known_and_one_that_is_away_blames_none(archive, shelf):
    first, second = shelf.parcel(1), shelf.parcel(2)
    archive.aborts = {second.sop_instance_uid}
    made = sender(archive)
    with pytest.raises(Unavailable):
        list(made.send([first, second], shelf))
    assert made.hand.parcel == second
    away = sender(Archive(), timeout_s=2)
    with pytest.raises(Unavailable, match="not-reached"):
        list(away.send([first, second], shelf))
    assert away.hand.parcel is None


def test_what_research_does_not_have_any_more_is_not_sent(archive, shelf):
    gone, good = shelf.parcel(1), shelf.parcel(2)
    del shelf.files[1]
    assert sent([gone, good], shelf, archive) == [NotNow(gone, "research-gone"), Confirmed(good, "commitment")]


def test_dicom_takes_nothing_back(archive, shelf):
    assert not sender(archive).take_back(shelf.parcel(1))


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("stranger"))


def of_server(authority):
    return server_context(authority.files("archive"))


def test_over_tls_with_a_certificate_of_ours(authority, shelf):
    parcel = shelf.parcel(1)
    with running(Archive(), of_server(authority)) as archive:
        tls = Tls(authority.pem, authority.certificate("gate"))
        assert sent([parcel], shelf, archive, tls=tls) == [Confirmed(parcel, "commitment")]


def test_a_node_that_another_authority_signed_gets_nothing(authority, stranger, shelf):
    with running(Archive(), of_server(authority)) as archive, pytest.raises(Unavailable):
        sent([shelf.parcel(1)], shelf, archive, tls=Tls(stranger.pem, authority.certificate("gate")), timeout_s=2)
    assert archive.stores == 0


def test_without_a_certificate_a_node_that_asks_for_one_gets_nothing(authority, shelf):
    with running(Archive(), of_server(authority)) as archive, pytest.raises(Unavailable):
        sent([shelf.parcel(1)], shelf, archive, tls=Tls(authority.pem), timeout_s=2)
    assert archive.stores == 0


@pytest.mark.parametrize("over_tls", [False, True], ids=["plain", "TLS"])
def test_an_answer_on_an_association_of_the_nodes_own_counts(authority, shelf, over_tls):
    parcel, refused = shelf.parcel(1), shelf.parcel(2)
    tls = Tls(authority.pem, authority.certificate("gate")) if over_tls else None
    archive = Archive(back_to=free_port(), reasons={refused.sop_instance_uid: 0x0119})
    if over_tls:
        archive.back_tls = ssl.create_default_context(cafile=authority.pem)
        archive.back_tls.load_cert_chain(authority.certificate("archive-client"))
    with running(archive, of_server(authority) if over_tls else None):
        endings = sent([parcel, refused], shelf, archive, tls=tls, listen=archive.back_to)
    assert endings == [Confirmed(parcel, "commitment"), Refused(refused, "commitment-failed", "0119")]


def test_an_answer_to_what_was_never_asked_confirms_nothing(archive, shelf):
    archive.answers = False
    port = free_port()
    made = sender(archive, listen=port, answer_s=0.5)
    asked = pydicom.Dataset()
    asked.TransactionUID = "2.25.1"
    item = pydicom.Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", "2.25.2"
    asked.ReferencedSOPSequence = [item]
    forger = Archive(back_to=port, received={"2.25.2": b""})
    parcel = shelf.parcel(1)
    try:
        forger.report(None, asked)
        assert list(made.send([parcel], shelf)) == [NotNow(parcel, "commitment-unanswered")]
    finally:
        made.close()
