# SPDX-License-Identifier: Apache-2.0
"""Echo, send, query, pull and receive between real peers on this machine, plain and over TLS."""

import datetime
import itertools
import shutil
import socket
import subprocess
import threading
import time

import pydicom
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from pydicom import config
from pydicom.data import get_testdata_file
from pydicom.uid import UID
from pynetdicom import AE, AllStoragePresentationContexts, build_context, evt
from pynetdicom.acse import ACSE
from tests.data.ports import free_port
from tests.data.toolbox_series import ct, encoded

from deidgate.dicom.lexical import is_uid
from deidgate.dimse import modality as modalities
from deidgate.dimse import query
from deidgate.dimse.dispatch import Effort, dispatch
from deidgate.dimse.link import Peer, associated, echo
from deidgate.dimse.receive import SYNTAXES, Inbox, serve
from deidgate.dimse.tls import TlsFiles, client_context, server_context
from deidgate.errors import ConfigurationError, Unavailable


@pytest.fixture
def inbox(tmp_path):
    """A receiver in a folder; the peer to send to."""
    port = free_port()
    server = serve(Inbox(tmp_path / "received"), "INBOX", ("127.0.0.1", port))
    yield Peer("127.0.0.1", port, "INBOX", "TEST", timeout_s=10)
    server.shutdown()


@pytest.fixture
def outgoing(tmp_path):
    folder = tmp_path / "outgoing"
    folder.mkdir()
    for number in range(1, 8):
        (folder / f"IM{number}.dcm").write_bytes(encoded(ct(1, 1, 1, number, rows=8)))
    return folder


def sent(peer, paths, effort=Effort(), tls=None):  # noqa: B008 - frozen
    told = []
    dispatch(peer, paths, effort, told.append, tls)
    return told


def received(tmp_path):
    return sorted((tmp_path / "received").rglob("*.dcm"))


def many(folder, monkeypatch):
    """Seven files that go in seven batches."""
    monkeypatch.setattr("deidgate.dimse.dispatch._GROUP", 1)
    return [folder]


def test_what_cannot_be_reached_at_first_gets_every_file_when_it_comes(tmp_path, outgoing, monkeypatch):
    port, servers = free_port(), []

    def late():
        time.sleep(0.6)
        servers.append(serve(Inbox(tmp_path / "received"), "INBOX", ("127.0.0.1", port)))

    starting = threading.Thread(target=late)
    starting.start()
    peer = Peer("127.0.0.1", port, "INBOX", "TEST", timeout_s=5)
    told = sent(peer, many(outgoing, monkeypatch), Effort(tries=5, wait_s=0.3))
    starting.join()
    servers[0].shutdown()
    assert sorted(one.code for one in told) == ["sent"] * 7
    assert len(received(tmp_path)) == 7


def test_each_file_is_told_of_when_some_batches_were_given_up(inbox, outgoing, monkeypatch):
    turn, another = itertools.count(), threading.Event()

    def sometimes(*words, **named):
        if next(turn) == 0:
            another.wait(5)
            raise Unavailable("not-reached")
        another.set()
        time.sleep(0.5)
        return associated(*words, **named)

    monkeypatch.setattr("deidgate.dimse.dispatch.associated", sometimes)
    told = sent(inbox, many(outgoing, monkeypatch), Effort(associations=2, tries=1))
    assert sorted(one.path.name for one in told) == [f"IM{number}.dcm" for number in range(1, 8)]
    assert {one.code for one in told} == {"sent", "no-answer"}


def test_a_defect_ends_the_dispatch_and_hangs_nobody(inbox, outgoing, monkeypatch):
    def broken(*_words, **_named):
        raise ZeroDivisionError

    monkeypatch.setattr("deidgate.dimse.dispatch.associated", broken)
    with pytest.raises(ZeroDivisionError):
        sent(inbox, many(outgoing, monkeypatch))


@pytest.mark.parametrize("uid", ["..", ".", "1..2", ".1", "1.", "", "1/2", "1.2\n"])
def test_what_is_no_uid_becomes_no_path(uid):
    assert not is_uid(uid)


def test_a_uid_from_outside_leaves_the_folder_of_nobody(tmp_path):
    inbox = Inbox(tmp_path / "a" / "inbox")
    hostile = ct(rows=8)
    with config.disable_value_validation():
        hostile.StudyInstanceUID = hostile.SeriesInstanceUID = ".."
        content = encoded(hostile)
    assert inbox.store(Arrived(content)) == 0xC000
    assert not list(tmp_path.rglob("*.dcm"))


class Arrived:
    """A C-STORE request as the handler sees it."""

    def __init__(self, content):
        self.content = content

    def encoded_dataset(self, include_meta):
        return self.content


def test_a_node_answers_an_echo(inbox):
    assert echo(inbox) == 0


def test_nobody_there_is_said(tmp_path):
    with pytest.raises(Unavailable, match="not-reached"):
        echo(Peer("127.0.0.1", free_port(), "X", "Y", timeout_s=2))


@pytest.mark.parametrize("associations", [1, 3])
def test_files_arrive_as_they_are_on_the_disk(inbox, outgoing, tmp_path, associations):
    told = sent(inbox, [outgoing], Effort(associations))
    assert sorted(one.code for one in told) == ["sent"] * 7
    assert len(received(tmp_path)) == 7
    for path in received(tmp_path):
        came = pydicom.dcmread(path)
        original = pydicom.dcmread(outgoing / f"IM{came.InstanceNumber}.dcm")
        assert came == original


@pytest.mark.parametrize(
    "name",
    [
        "MR_small_RLE.dcm",
        "MR_small_jp2klossless.dcm",
        "MR_small_jpeg_ls_lossless.dcm",
        "JPEG-lossy.dcm",
        "MR_small_implicit.dcm",
        "MR_small_bigendian.dcm",
    ],
)
def test_compressed_pixels_stay_as_they_are(inbox, tmp_path, name):
    source = get_testdata_file(name)
    assert [one.code for one in sent(inbox, [tmp_path.__class__(source)])] == ["sent"]
    (path,) = received(tmp_path)
    before, after = pydicom.dcmread(source), pydicom.dcmread(path)
    assert after.file_meta.TransferSyntaxUID == before.file_meta.TransferSyntaxUID
    assert after.PixelData == before.PixelData


def test_what_is_not_dicom_is_told_of_and_left(inbox, outgoing):
    (outgoing / "notes.txt").write_text("x")
    assert sorted(one.code for one in sent(inbox, [outgoing])) == ["not-dicom"] + ["sent"] * 7


def test_sending_again_changes_nothing_and_other_content_is_kept_beside(inbox, outgoing, tmp_path):
    sent(inbox, [outgoing])
    before = {path: path.stat().st_ino for path in received(tmp_path)}
    sent(inbox, [outgoing])
    assert {path: path.stat().st_ino for path in received(tmp_path)} == before
    changed = ct(1, 1, 1, 1, rows=8)
    changed.SliceLocation = "7"
    (outgoing / "IM1.dcm").write_bytes(encoded(changed))
    sent(inbox, [outgoing / "IM1.dcm"])
    assert len(received(tmp_path)) == 8


def test_a_peer_that_is_out_of_resources_for_a_while_gets_everything_in_the_end(outgoing, tmp_path):
    port, calls = free_port(), []

    def busy(event):
        calls.append(1)
        return 0xA700 if len(calls) <= 3 else 0x0000

    entity = AE("BUSY")
    entity.supported_contexts = AllStoragePresentationContexts
    server = entity.start_server(("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_STORE, busy)])
    try:
        told = sent(Peer("127.0.0.1", port, "BUSY", "TEST", 10), [outgoing], Effort(1, tries=3, wait_s=0.05))
    finally:
        server.shutdown()
    assert sorted(one.code for one in told) == ["sent"] * 7
    assert len(calls) == 10


def test_a_peer_that_aborts_in_the_middle_gets_the_rest_on_the_next_association(outgoing):
    port, calls = free_port(), []

    def cut(event):
        calls.append(str(event.request.AffectedSOPInstanceUID))
        if len(calls) == 3:
            event.assoc.abort()
        return 0x0000

    entity = AE("CUT")
    entity.supported_contexts = AllStoragePresentationContexts
    server = entity.start_server(("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_STORE, cut)])
    try:
        told = sent(Peer("127.0.0.1", port, "CUT", "TEST", 10), [outgoing], Effort(1, tries=4, wait_s=0.05))
    finally:
        server.shutdown()
    assert sorted(one.code for one in told) == ["sent"] * 7
    assert len(set(calls)) == 7


def test_a_final_refusal_is_not_tried_again(outgoing):
    port, calls = free_port(), []

    def refuse(event):
        calls.append(1)
        return 0xC000

    entity = AE("NO")
    entity.supported_contexts = AllStoragePresentationContexts
    server = entity.start_server(("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_STORE, refuse)])
    try:
        told = sent(Peer("127.0.0.1", port, "NO", "TEST", 10), [outgoing], Effort(1, 3, 0.05))
    finally:
        server.shutdown()
    assert {(one.code, one.status) for one in told} == {("refused", 0xC000)}
    assert len(calls) == 7


def test_a_name_from_outside_becomes_a_path_only_if_it_is_a_uid(inbox, outgoing, tmp_path):
    ds = ct(rows=8)
    with pydicom.config.disable_value_validation():
        ds.StudyInstanceUID = "../../../etc"
    (outgoing / "evil.dcm").write_bytes(encoded(ds))
    told = sent(inbox, [outgoing / "evil.dcm"])
    assert [one.code for one in told] == ["refused"]
    assert received(tmp_path) == []


def test_a_full_disk_is_answered_as_such(outgoing, tmp_path, monkeypatch):
    from deidgate.dimse import receive

    def full(*_, **__):
        raise OSError(28, "full")

    monkeypatch.setattr(receive, "whole_file", full)
    port = free_port()
    server = serve(Inbox(tmp_path / "received"), "INBOX", ("127.0.0.1", port))
    try:
        told = sent(Peer("127.0.0.1", port, "INBOX", "TEST", 10), [outgoing / "IM1.dcm"], Effort(1, tries=1))
    finally:
        server.shutdown()
    assert [one.ok for one in told] == [False]


@pytest.fixture
def pacs(outgoing, request):
    """A small PACS: finds, gets and moves what is in a folder. As asked for, it withholds answers to some keywords."""
    withheld = getattr(request, "param", ())
    port = free_port()
    files = [pydicom.dcmread(path) for path in sorted(outgoing.iterdir())] + [
        pydicom.dcmread(get_testdata_file("MR_small_RLE.dcm"))
    ]
    destinations = {}

    def matching(identifier):
        keys = ("StudyInstanceUID", "SeriesInstanceUID", "PatientID", "AccessionNumber")
        wanted = {keyword: str(identifier.get(keyword, "") or "") for keyword in keys}
        return [
            ds
            for ds in files
            if all(not value or str(ds.get(keyword, "")) == value for keyword, value in wanted.items())
        ]

    def find(event):
        level = event.identifier.QueryRetrieveLevel
        unique = {"STUDY": "StudyInstanceUID", "SERIES": "SeriesInstanceUID", "IMAGE": "SOPInstanceUID"}[level]
        above = {"STUDY": (), "SERIES": ("StudyInstanceUID",), "IMAGE": ("StudyInstanceUID", "SeriesInstanceUID")}[
            level
        ]
        if withheld and not all(event.identifier.get(keyword) for keyword in above):
            return  # Not relational: the keys of all levels above have to be there. Source: PS3.4 C.4.1.2.1.
        for ds in {str(ds[unique].value): ds for ds in matching(event.identifier)}.values():
            answer = pydicom.Dataset()
            answer.QueryRetrieveLevel = level
            for element in event.identifier:
                if element.keyword in ds and element.keyword not in ("QueryRetrieveLevel", *withheld):
                    answer[element.tag] = ds[element.tag]
            yield 0xFF00, answer
        yield 0x0000, None

    def get(event):
        found = matching(event.identifier)
        yield len(found)
        for ds in found:
            yield 0xFF00, ds

    def move(event):
        contexts = [build_context("1.2.840.10008.5.1.4.1.1.2")]
        yield (*destinations[event.move_destination], {"contexts": contexts})
        yield from get(event)

    entity = AE("PACS")
    for context in query.FIND, query.GET, query.MOVE:
        entity.add_supported_context(context)
    for context in AllStoragePresentationContexts:
        entity.add_supported_context(context.abstract_syntax, list(SYNTAXES), scp_role=True, scu_role=True)
    handlers = [(evt.EVT_C_FIND, find), (evt.EVT_C_GET, get), (evt.EVT_C_MOVE, move)]
    server = entity.start_server(("127.0.0.1", port), block=False, evt_handlers=handlers)
    yield Peer("127.0.0.1", port, "PACS", "TEST", 10), files, destinations
    server.shutdown()


def test_a_pacs_is_searched_at_every_level(pacs):
    peer, files, _ = pacs
    (study,) = query.find(peer, query.Level.STUDY, {"PatientID": files[0].PatientID})
    assert study["StudyInstanceUID"] == files[0].StudyInstanceUID and study["PatientName"] == "Okafor^Chidi"
    keys = {"StudyInstanceUID": study["StudyInstanceUID"]}
    assert len(list(query.find(peer, query.Level.SERIES, keys))) == 1
    assert len(list(query.find(peer, query.Level.IMAGE, keys))) == 7
    assert list(query.find(peer, query.Level.STUDY, {"PatientID": "nobody"})) == []


def test_a_study_is_pulled_by_get_with_its_pixels_as_they_are(pacs, tmp_path):
    peer, files, _ = pacs
    inbox = Inbox(tmp_path / "received")
    done = query.get(peer, files[0].StudyInstanceUID, "", inbox)
    assert (done.completed, done.failed, done.ok) == (7, 0, True)
    assert len(received(tmp_path)) == 7
    query.get(peer, files[-1].StudyInstanceUID, "", inbox)
    (rle,) = [path for path in received(tmp_path) if pydicom.dcmread(path).Modality == "MR"]
    assert pydicom.dcmread(rle).file_meta.TransferSyntaxUID == files[-1].file_meta.TransferSyntaxUID


@pytest.mark.parametrize("pacs", [("SOPClassUID",)], indirect=True)
def test_a_study_is_pulled_from_a_pacs_that_is_not_relational_and_tells_no_sop_class(pacs, tmp_path):
    peer, files, _ = pacs
    done = query.get(peer, files[0].StudyInstanceUID, "", Inbox(tmp_path / "received"))
    assert (done.completed, done.failed) == (7, 0)
    assert len(received(tmp_path)) == 7


def test_usual_classes_are_storage_classes():
    for modality in (*modalities._CLASSES, "unheard of"):
        assert all("Storage" in UID(uid).name for uid in modalities.usual_classes(modality))


def test_a_study_is_pulled_by_move_to_a_receiver_of_ours(pacs, tmp_path):
    peer, files, destinations = pacs
    port = free_port()
    destinations["TEST"] = ("127.0.0.1", port)
    server = serve(Inbox(tmp_path / "received"), "TEST", ("127.0.0.1", port))
    try:
        done = query.move(peer, files[0].StudyInstanceUID, "", "TEST")
    finally:
        server.shutdown()
    assert done.ok and len(received(tmp_path)) == 7


def test_a_pacs_that_does_not_answer_a_model_is_said(inbox, tmp_path):
    with pytest.raises(Unavailable, match="association-refused"):
        list(query.find(inbox, query.Level.STUDY, {}))


# -- TLS ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """An authority and what it signed: a server for localhost, a client, and a client of another authority."""
    folder = tmp_path_factory.mktemp("tls")
    now = datetime.datetime.now(datetime.UTC)

    def make(name, issuer=None, server=False):
        key = rsa.generate_private_key(65537, 2048)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer[0].subject if issuer else subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        )
        if issuer is None:
            usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
            builder = builder.add_extension(usage, critical=True)
            builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        else:
            identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer[1].public_key())
            builder = builder.add_extension(identifier, critical=False)
        if server:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        certificate = builder.sign(issuer[1] if issuer else key, hashes.SHA256())
        (folder / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        (folder / f"{name}.key").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return certificate, key

    authority = make("ca")
    make("server", authority, server=True)
    make("client", authority)
    make("stranger", make("other"))
    return folder


@pytest.fixture
def secure(tmp_path, certificates):
    port = free_port()
    files = TlsFiles(certificates / "ca.pem", certificates / "server.pem", certificates / "server.key")
    server = serve(Inbox(tmp_path / "received"), "INBOX", ("127.0.0.1", port), server_context(files))
    yield Peer("localhost", port, "INBOX", "TEST", timeout_s=5)
    server.shutdown()


def client(certificates, name="client"):
    return client_context(TlsFiles(certificates / "ca.pem", certificates / f"{name}.pem", certificates / f"{name}.key"))


def test_files_are_sent_over_tls(secure, certificates, outgoing, tmp_path):
    told = sent(secure, [outgoing], Effort(2), client(certificates))
    assert sorted(one.code for one in told) == ["sent"] * 7
    assert len(received(tmp_path)) == 7
    assert echo(secure, client(certificates)) == 0


def test_a_client_without_a_certificate_of_the_authority_is_refused(secure, certificates):
    for context in (client_context(TlsFiles(certificates / "ca.pem")), client(certificates, "stranger")):
        with pytest.raises(Unavailable):
            echo(secure, context)


def test_a_server_that_is_not_signed_or_not_named_is_refused(secure, certificates):
    with pytest.raises(Unavailable):
        echo(
            secure,
            client_context(
                TlsFiles(certificates / "other.pem", certificates / "client.pem", certificates / "client.key")
            ),
        )
    elsewhere = Peer("127.0.0.1", secure.port, "INBOX", "TEST", 5)
    with pytest.raises(Unavailable, match="tls-failed"):
        echo(elsewhere, client(certificates))
    files = TlsFiles(
        certificates / "ca.pem", certificates / "client.pem", certificates / "client.key", check_name=False
    )
    assert echo(elsewhere, client_context(files)) == 0


def test_a_plain_client_gets_nothing_from_a_tls_port(secure):
    with pytest.raises(Unavailable):
        echo(secure)


def test_a_refusal_that_comes_before_anybody_looks_is_no_failure_of_tls(tmp_path, certificates, monkeypatch):
    port = free_port()
    files = TlsFiles(certificates / "ca.pem", certificates / "server.pem", certificates / "server.key")
    server = serve(Inbox(tmp_path / "received"), "INBOX", ("127.0.0.1", port), server_context(files), called_only=True)
    ask = ACSE.send_request

    def ask_and_look_late(self):
        ask(self)
        time.sleep(0.5)

    monkeypatch.setattr(ACSE, "send_request", ask_and_look_late)
    try:
        with pytest.raises(Unavailable, match="association-refused"):
            echo(Peer("localhost", port, "ANOTHER", "TEST", timeout_s=5), client(certificates))
    finally:
        server.shutdown()


def test_missing_files_are_said():
    with pytest.raises(ConfigurationError, match="tls-files"):
        server_context(TlsFiles())


@pytest.mark.skipif(shutil.which("storescu") is None, reason="dcmtk is not installed")
def test_dcmtk_sends_to_the_receiver(inbox, outgoing, tmp_path):
    command = ["storescu", "-R", "-aet", "DCMTK", "-aec", "INBOX", "127.0.0.1", str(inbox.port)]
    binary = shutil.which("storescu") or ""
    if binary.startswith("/opt"):
        binary = "/usr/bin/storescu"
    command[0] = binary
    subprocess.run([*command, *map(str, sorted(outgoing.iterdir()))], check=True, capture_output=True)
    assert len(received(tmp_path)) == 7


@pytest.mark.skipif(shutil.which("/usr/bin/storescp") is None, reason="dcmtk is not installed")
def test_dcmtk_takes_what_is_sent(outgoing, tmp_path):
    port, folder = free_port(), tmp_path / "dcmtk"
    folder.mkdir()
    process = subprocess.Popen(["/usr/bin/storescp", "-od", str(folder), "+xa", str(port)])
    try:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port), 0.2).close()
                break
            except OSError:
                threading.Event().wait(0.05)
        told = sent(Peer("127.0.0.1", port, "ANY-SCP", "TEST", 10), [outgoing])
    finally:
        process.terminate()
        process.wait()
    assert sorted(one.code for one in told) == ["sent"] * 7
    assert len(list(folder.iterdir())) == 7
