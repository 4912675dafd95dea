# SPDX-License-Identifier: Apache-2.0
"""`deidgate recover`: the broker's key gives each instance its own originals back, and no other key gives any."""

import datetime
import json
from pathlib import Path

import pydicom
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from tests.data.policies import header_only
from tests.data.toolbox_series import ct, encoded
from tests.data.typed import deidgate

PASSWORD = b"of the key"
SOURCE = 5


def made_pair(folder: Path, name: str, password: bytes | None = None) -> None:
    """``NAME.key`` and ``NAME.pem`` in `folder`."""
    key = rsa.generate_private_key(65537, 2048)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    start = datetime.datetime(2025, 1, 1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=36500))
        .sign(key, hashes.SHA256())
    )
    secret = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, secret)
    (folder / f"{name}.key").write_bytes(private)
    (folder / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


@pytest.fixture
def results(tmp_path, monkeypatch) -> list[Path]:
    """Of one series, under a policy that encrypts originals for `broker.pem`."""
    monkeypatch.chdir(tmp_path)
    for name in ("broker", "other"):
        made_pair(tmp_path, name)
    text = header_only(tmp_path, "basic").read_text(encoding="utf-8")
    Path("mine.toml").write_text(text + '\n[encrypt_originals]\ncertificate = "broker.pem"\n', encoding="utf-8")
    Path("in").mkdir()
    for number in range(1, SOURCE + 1):
        Path(f"in/IM{number}.dcm").write_bytes(encoded(ct(1, 1, 1, number, rows=8)))
    deidgate("run", "--policy", "mine.toml", "--mapping", "m.db", "--jobs", 0, "--quiet", "in", "out")
    return sorted(Path("out").rglob("*.dcm"))


def test_every_instance_of_a_series_gets_its_own_originals_back(results):
    before = {ds.SOPInstanceUID: ds for ds in map(pydicom.dcmread, Path("in").iterdir())}
    for path in results:
        deidgate("recover", path, "--key", "broker.key", "--certificate", "broker.pem", "--output", f"back-{path.name}")
        back = pydicom.dcmread(f"back-{path.name}")
        assert back == before.pop(back.SOPInstanceUID)
        assert back.file_meta.MediaStorageSOPInstanceUID == back.SOPInstanceUID
    assert before == {}


def test_originals_are_listed_as_lines_of_json(results):
    Path("both.pem").write_bytes(Path("broker.key").read_bytes() + Path("broker.pem").read_bytes())
    lines = [json.loads(line) for line in deidgate("recover", results[0], "--key", "both.pem", "--json").splitlines()]
    assert {"PatientName", "PatientID", "SOPInstanceUID"} <= {line["name"] for line in lines}


def test_a_key_with_a_password_is_asked_for_it(results, tmp_path):
    private = serialization.load_pem_private_key(Path("broker.key").read_bytes(), None)
    secret = serialization.BestAvailableEncryption(PASSWORD)
    encrypted = private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, secret)
    Path("locked.key").write_bytes(encrypted)
    arguments = ("recover", results[0], "--key", "locked.key", "--certificate", "broker.pem")
    assert "PatientName" in deidgate(*arguments, typed=PASSWORD.decode() + "\n")
    assert "key-unreadable" in deidgate(*arguments, typed="wrong\n", code=1)


@pytest.mark.parametrize(
    ("file", "key", "certificate", "code"),
    [
        (None, "other.key", "other.pem", "nothing-encrypted-for-this-key"),
        (None, "other.key", "broker.pem", "key-of-another-certificate"),
        (None, "broker.pem", "broker.pem", "key-unreadable"),
        (None, "broker.key", "broker.key", "certificate-unreadable"),
        ("in/IM1.dcm", "broker.key", "broker.pem", "nothing-encrypted"),
    ],
)
def test_everybody_else_is_told_why_not(results, file, key, certificate, code):
    said = deidgate("recover", file or results[0], "--key", key, "--certificate", certificate, code=1)
    assert f"{code}" in said
    assert "PatientName" not in said


def test_nothing_is_overwritten(results):
    arguments = ("recover", results[0], "--key", "broker.key", "--certificate", "broker.pem", "--output", "in/IM1.dcm")
    before = Path("in/IM1.dcm").read_bytes()
    deidgate(*arguments, code=1)
    assert Path("in/IM1.dcm").read_bytes() == before
