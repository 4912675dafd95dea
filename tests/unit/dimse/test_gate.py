# SPDX-License-Identifier: Apache-2.0
"""The gate in front of ingest, with a real archive behind it and real associations through it."""

import asyncio
import datetime
import socket
import ssl
import threading
import time
from contextlib import contextmanager, suppress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pynetdicom import AE, evt
from pynetdicom.pdu import A_ASSOCIATE_RJ
from pynetdicom.sop_class import Verification

from deidgate.dimse.associate import Refusal, normalised, read_request
from deidgate.dimse.gate import Gate, GateLimits, server_tls, trust
from deidgate.dimse.sites import Admitted, SiteCertificate, Sites
from deidgate.policy.routes import Route

ROUTES = tuple(
    Route(site, site, "p", "basic", calling=(f"CLINIC_{site.upper()}",), called=("DEIDGATE",), tls=site == "c")
    for site in ("a", "b", "c")
)


@pytest.fixture
def archive():
    """A Verification SCP that answers slowly when asked to; yields (host, port)."""
    ae = AE(ae_title="DEIDGATE")
    ae.add_supported_context(Verification)
    ae.maximum_associations = 50
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_ECHO, lambda event: 0x0000)])
    yield "127.0.0.1", server.socket.getsockname()[1]
    server.shutdown()


@contextmanager
def running_gate(upstream, limits=None, certificates=(), tls=None):
    gate = Gate(Sites(ROUTES, certificates).decide, upstream, limits or GateLimits())
    loop = asyncio.new_event_loop()
    ready = threading.Event()
    port = 0

    async def serve():
        nonlocal port
        server = await gate.listen("127.0.0.1", 0, tls)
        port = server.sockets[0].getsockname()[1]
        ready.set()

    starting = loop.create_task(serve())
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    assert ready.wait(5), starting
    yield gate, port
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5)
    for task in asyncio.all_tasks(loop):
        task.cancel()
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()


def associate(port, calling="CLINIC_A", called="DEIDGATE", tls=None, handlers=()):
    ae = AE(ae_title=calling)
    ae.add_requested_context(Verification)
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = 10
    tls_args = (tls, "localhost") if tls else None
    return ae.associate("127.0.0.1", port, ae_title=called, tls_args=tls_args, evt_handlers=list(handlers))


def refused(*words, **named):
    """Whether the answer is a refusal; pynetdicom calls one that comes at once a connection that failed."""
    answers = []
    heard = (evt.EVT_PDU_RECV, lambda event: answers.append(type(event.pdu)))
    assert not associate(*words, **named, handlers=[heard]).is_established
    return answers == [A_ASSOCIATE_RJ]


def test_a_known_pair_of_ae_titles_reaches_the_archive(archive):
    with running_gate(archive) as (gate, port):
        assoc = associate(port)
        assert assoc.is_established
        assert assoc.send_c_echo().Status == 0
        assert gate.open["a"] == 1
        assoc.release()


@pytest.mark.parametrize(
    "calling, called, reason",
    [("NOBODY", "DEIDGATE", "calling-ae-not-recognized"), ("CLINIC_A", "OTHER", "called-ae-not-recognized")],
)
def test_an_unknown_pair_of_ae_titles_is_refused(archive, calling, called, reason):
    with running_gate(archive) as (gate, port):
        assert refused(port, calling, called)
        assert gate.refused[reason] == 1


def request_body(calling, called="DEIDGATE"):
    """An A-ASSOCIATE-RQ without its header, as far as the gate reads it."""
    return b"\0\1\0\0" + called.encode().ljust(16) + calling.encode().ljust(16) + bytes(32)


@pytest.mark.parametrize("title", ["CLINIC_C\0X", "CLINIC_C\0", "\0CLINIC_C", "CLINIC\t", "CLINIC\x7f", "CLINIC\\", ""])
def test_a_title_that_the_archive_might_read_as_another_one_is_nobodys(title):
    anybody = Route("any", "any", "p", "basic", calling=("*",), called=("*",))
    sites = Sites((*ROUTES, anybody), ())
    assert isinstance(sites.decide(read_request(request_body("SOMEBODY")), None), Admitted)
    for body in (request_body(title.ljust(16, "A")[:16] if title else ""), request_body("SOMEBODY", title + "X\0Y")):
        assert isinstance(sites.decide(read_request(body), None), Refusal)


def test_the_archive_gets_the_titles_that_the_gate_has_read():
    body = request_body("  CLINIC_A", " DEIDGATE\0\0") + b"rest"
    request = read_request(body)
    assert (request.calling_aet, request.called_aet) == ("CLINIC_A", "DEIDGATE")
    assert normalised(body, request) == request_body("CLINIC_A") + b"rest"


def test_a_site_that_has_to_come_over_tls_is_refused_without(archive):
    with running_gate(archive) as (gate, port):
        assert refused(port, "CLINIC_C")
        assert gate.refused["no-reason-given"] == 1


def test_what_is_not_dicom_is_cut_without_a_word(archive):
    with running_gate(archive) as (gate, port), socket.create_connection(("127.0.0.1", port), 5) as peer:
        peer.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        peer.settimeout(5)
        # What was sent and not read makes the kernel answer with a reset instead of an end.
        with suppress(ConnectionResetError):
            assert peer.recv(1) == b""
        assert gate.refused["not-dicom"] == 1


def test_a_peer_that_says_nothing_is_cut(archive):
    limits = GateLimits(request_s=0.2)
    with running_gate(archive, limits) as (_, port), socket.create_connection(("127.0.0.1", port), 5) as peer:
        peer.settimeout(5)
        assert peer.recv(1) == b""


def test_one_site_with_many_associations_does_not_keep_another_out(archive):
    limits = GateLimits(associations_per_site=2, wait_s=5, waiting_per_site=64)
    with running_gate(archive, limits) as (gate, port):
        greedy = []
        threads = [threading.Thread(target=lambda: greedy.append(associate(port))) for _ in range(8)]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + 5
        while gate.open["a"] < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        other = associate(port, "CLINIC_B")
        assert other.is_established
        assert other.send_c_echo().Status == 0
        assert gate.open["a"] == 2
        other.release()
        # The greedy site's own get their turn one after the other.
        served = 0
        while served < 8 and time.monotonic() < deadline + 15:
            for assoc in [a for a in list(greedy) if a.is_established]:
                assoc.release()
                served += 1
            time.sleep(0.02)
        assert served == 8
        for thread in threads:
            thread.join(5)


def test_two_sides_that_close_at_once_end_without_an_error(archive, monkeypatch, caplog):
    async def both_closed(self, reader, writer, moved):
        pass

    monkeypatch.setattr(Gate, "_pump", both_closed)
    with running_gate(archive) as (gate, port):
        assert not associate(port).is_established
        deadline = time.monotonic() + 5
        while gate.open["a"] and time.monotonic() < deadline:
            time.sleep(0.01)
        assert gate.admitted["a"] == 1
    assert [record for record in caplog.records if record.name == "asyncio"] == []


def test_what_waits_too_long_is_refused_as_temporary(archive):
    with running_gate(archive, GateLimits(associations_per_site=1, wait_s=0.2)) as (gate, port):
        first = associate(port)
        assert refused(port)
        assert gate.refused["local-limit-exceeded"] == 1
        first.release()


def test_an_archive_that_is_away_is_a_temporary_refusal():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = unused.getsockname()
    with running_gate(address) as (gate, port):
        assert refused(port)
        assert gate.refused["temporary-congestion"] == 1


def _usage(ca):
    return x509.KeyUsage(
        digital_signature=not ca,
        key_cert_sign=ca,
        crl_sign=ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """PEM files of a CA, a server and the clients `a`, `b` and `stranger` (of another CA); yields the folder."""
    folder = tmp_path_factory.mktemp("certificates")
    now = datetime.datetime.now(datetime.UTC)

    def make(name, issuer=None, ca=False):
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        signer_name, signer_key = issuer or (subject, key)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(signer_name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(_usage(ca), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            # Python 3.13 and later take no certificate without it (RFC 5280 4.2.1.1).
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer_key.public_key()), critical=False)
            .sign(signer_key, hashes.SHA256())
        )
        (folder / f"{name}.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        (folder / f"{name}.key").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return subject, key

    ca = make("ca", ca=True)
    other_ca = make("other-ca", ca=True)
    for name in ("server", "a", "b", "c", "unlisted"):
        make(name, ca)
    make("stranger", other_ca)
    return folder


def client_tls(folder, name):
    context = ssl.create_default_context(cafile=str(folder / "ca.crt"))
    if name:
        context.load_cert_chain(folder / f"{name}.crt", folder / f"{name}.key")
    return context


def known(folder, *names):
    return [SiteCertificate(name, (folder / f"{name}.crt").read_text()) for name in names]


def own(folder):
    both = folder / "server.pem"
    both.write_bytes((folder / "server.key").read_bytes() + (folder / "server.crt").read_bytes())
    return str(both)


@pytest.fixture
def tls_gate(archive, certificates):
    sites = known(certificates, "a", "b", "c")
    context = server_tls(own(certificates), [one.pem for one in sites])
    with running_gate(archive, certificates=sites, tls=context) as (gate, port):
        yield gate, port


def test_a_site_with_its_own_certificate_reaches_the_archive_over_tls(tls_gate, certificates):
    assoc = associate(tls_gate[1], tls=client_tls(certificates, "a"))
    assert assoc.is_established
    assert assoc.send_c_echo().Status == 0
    assoc.release()


def test_a_valid_certificate_that_calls_itself_another_site_is_refused(tls_gate, certificates):
    assert refused(tls_gate[1], "CLINIC_B", tls=client_tls(certificates, "a"))


def test_a_site_that_has_to_come_over_tls_is_taken_with_its_certificate(tls_gate, certificates):
    assert associate(tls_gate[1], "CLINIC_C", tls=client_tls(certificates, "c")).is_established


def test_a_certificate_that_was_taken_back_is_refused_though_tls_still_knows_it(archive, certificates):
    sites = known(certificates, "a", "b")
    context = server_tls(own(certificates), [one.pem for one in sites])
    with running_gate(archive, certificates=sites[1:], tls=context) as (gate, port):
        assert refused(port, tls=client_tls(certificates, "a"))
        assert gate.refused["calling-ae-not-recognized"] == 1


def test_a_certificate_that_is_trusted_later_is_taken_without_a_restart(archive, certificates):
    sites = known(certificates, "a")
    context = server_tls(own(certificates), [])
    with running_gate(archive, certificates=sites, tls=context) as (_, port):
        assert not associate(port, tls=client_tls(certificates, "a")).is_established
        trust(context, [one.pem for one in sites])
        assert associate(port, tls=client_tls(certificates, "a")).is_established


@pytest.mark.parametrize("name", ["stranger", "unlisted", None])
def test_a_client_without_a_certificate_that_a_site_has_gets_no_association(tls_gate, certificates, name):
    context = client_tls(certificates, name)
    assert not associate(tls_gate[1], tls=context).is_established


def test_plain_dimse_on_the_tls_port_gets_no_association(tls_gate):
    assert not associate(tls_gate[1]).is_established
