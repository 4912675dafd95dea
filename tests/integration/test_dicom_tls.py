# SPDX-License-Identifier: Apache-2.0
"""DICOM over TLS on a real gateway, sent by DCMTK: who has the right certificate, and who has not."""

import json
import ssl
import subprocess
import threading

import pytest
from pynetdicom import AE
from pynetdicom.sop_class import Verification
from tests.integration.conftest import CALLED, eventually

from deidgate.dimse.sites import fingerprint


def dcmtk(program, gateway, key, certificate, aet, *files):
    """Exit status and output of a DCMTK sender over TLS with this key and certificate."""
    done = subprocess.run(
        [
            *(program, "+tls", str(key), str(certificate)),
            *("--add-cert-file", gateway.credentials["research"]["ca"]),
            *("-aet", aet, "-aec", CALLED, "localhost", str(gateway.credentials["dicom"]["tls_port"])),
            *map(str, files),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={"PATH": "/usr/bin:/bin", "TCP_NODELAY": "1"},
    )
    return done.returncode, done.stdout + done.stderr


def split(path, folder, name):
    """The key and the certificate of a PEM file, each in a file of its own, as DCMTK wants them."""
    text = path.read_text()
    begin = text.index("-----BEGIN CERTIFICATE")
    key, certificate = folder / f"{name}.key", folder / f"{name}.crt"
    key.write_text(text[:begin])
    certificate.write_text(text[begin:])
    return key, certificate


def sites(gateway):
    return {one["site"]: one for one in json.loads(gateway.command("sites", "list", "--json"))}


@pytest.fixture(scope="module")
def issued(gateway, tmp_path_factory):
    """Key and certificate of two sites, issued by the gateway's own commands; taken back at the end."""
    folder = tmp_path_factory.mktemp("issued")
    made = {}
    for site in ("demo", "demo-two"):
        gateway.command("sites", "certificate", site, str(folder / f"{site}.pem"))
        made[site] = split(folder / f"{site}.pem", folder, site)
    eventually(lambda: dcmtk("echoscu", gateway, *made["demo"], "DEMO")[0] == 0, 20)
    yield made
    for one in sites(gateway).values():
        for certificate in one["certificates"]:
            gateway.command("sites", "revoke", certificate["fingerprint"])


@pytest.fixture(scope="module")
def foreign(tmp_path_factory):
    """Key and certificate that somebody made for himself, with the name of a site."""
    folder = tmp_path_factory.mktemp("foreign")
    key, certificate = folder / "f.key", folder / "f.crt"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-days", "2", "-subj", "/CN=demo", "-keyout", str(key), "-out", str(certificate)),
        ],
        capture_output=True,
        check=True,
    )
    return key, certificate


def test_what_a_site_sends_over_tls_is_delivered_as_its_own(gateway, make, issued):
    before = gateway.states().get("delivered", 0)
    status, said = dcmtk("storescu", gateway, *issued["demo"], "DEMO", *make.files(3))
    assert status == 0, said
    gateway.settle()
    assert gateway.states()["delivered"] == before + 3


@pytest.mark.parametrize("site, aet", [("demo", "DEMO2"), ("demo-two", "DEMO"), ("demo", "NOBODY")])
def test_a_valid_certificate_that_calls_itself_another_site_is_refused(gateway, make, issued, site, aet):
    before = gateway.states()
    status, said = dcmtk("storescu", gateway, *issued[site], aet, make.file())
    assert status != 0
    assert "Calling AE Title Not Recognized" in said
    assert gateway.states() == before


def test_a_certificate_of_the_same_name_that_nobody_brought_here_gets_no_association(gateway, make, issued, foreign):
    status, said = dcmtk("storescu", gateway, *foreign, "DEMO", make.file())
    assert status != 0
    assert "Association Request Failed" in said


def test_without_a_certificate_there_is_no_association(gateway, issued):
    done = subprocess.run(
        [
            *("echoscu", "--anonymous-tls", "--add-cert-file", gateway.credentials["research"]["ca"]),
            *("-aet", "DEMO", "-aec", CALLED, "localhost", str(gateway.credentials["dicom"]["tls_port"])),
        ],
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode != 0


def test_plain_dicom_on_the_port_for_tls_gets_no_association(gateway):
    done = subprocess.run(
        ["echoscu", "-aet", "DEMO", "-aec", CALLED, "localhost", str(gateway.credentials["dicom"]["tls_port"])],
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode != 0


def test_a_certificate_of_the_clinics_own_is_taken_when_it_is_brought_and_refused_when_it_is_taken_back(
    gateway, foreign
):
    key, certificate = foreign
    gateway.command("sites", "trust", "demo", str(certificate))
    eventually(lambda: dcmtk("echoscu", gateway, key, certificate, "DEMO")[0] == 0, 20)
    known = fingerprint(ssl.PEM_cert_to_DER_cert(certificate.read_text()))
    [mine] = [one for one in sites(gateway)["demo"]["certificates"] if one["fingerprint"] == known]
    gateway.command("sites", "revoke", mine["fingerprint"][:12])
    eventually(lambda: dcmtk("echoscu", gateway, key, certificate, "DEMO")[0] != 0, 20)


def test_ingest_publishes_no_port_of_its_own(gateway):
    done = subprocess.run(["docker", "port", gateway.container("ingest")], capture_output=True, text=True, check=True)
    assert done.stdout == ""


def test_a_sender_with_64_associations_does_not_keep_another_out(gateway, make):
    """All of them open and silent, which is the worst that a sender can do without breaking a rule."""
    ae = AE(ae_title="DEMO")
    ae.add_requested_context(Verification)
    ae.acse_timeout = ae.network_timeout = 30
    held = []
    held_before = {one["item"] for one in gateway.holds()}

    def hold():
        held.append(ae.associate("127.0.0.1", gateway.dicom_port, ae_title=CALLED))

    threads = [threading.Thread(target=hold) for _ in range(64)]
    for thread in threads:
        thread.start()
    try:
        eventually(lambda: sum(one.is_established for one in held) >= 8, 30)
        files = make.files(20)
        sent = gateway.send(*files, aet="DEMO2")
        assert [one.ok for one in sent] == [True] * 20
        # Still there while the other one sent, and no more of them than a site may have.
        assert sum(one.is_established for one in held) == 8
    finally:
        for thread in threads:
            thread.join()
        for one in held:
            if one.is_established:
                one.release()
    gateway.settle()
    assert {one["item"] for one in gateway.holds()} == held_before
