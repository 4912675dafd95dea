# SPDX-License-Identifier: Apache-2.0
import ipaddress
import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from deidgate.custody.certificates import RENEWED_BEFORE, SERVER_FOR
from deidgate.custody.generate import SITES, Folder, generate
from deidgate.operate.secret_files import NAMES

NOW = datetime(2026, 11, 21, tzinfo=UTC)
HOSTS = ("localhost", "127.0.0.1", "gateway.example")
SERVERS = (
    "ingest.tls.pem",
    "research.tls.pem",
    "gate-research.tls.pem",
    "gate-dicom.tls.pem",
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    path = tmp_path_factory.mktemp("secrets")
    generate(Folder(path, None), HOSTS, NOW)
    return path


def certificate(made, name):
    return x509.load_pem_x509_certificate((made / name).read_bytes())


def test_exactly_the_files_are_made_that_the_operator_expects(made):
    assert sorted(path.name for path in made.iterdir()) == sorted(NAMES)


def test_only_the_owner_reads_them(made):
    assert {path.stat().st_mode & 0o777 for path in made.iterdir()} == {0o400}


def test_a_file_that_is_there_is_never_touched(made):
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in made.iterdir()}
    generate(Folder(made, None), ("other.example",), NOW + timedelta(days=400))
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in made.iterdir()} == before


def test_a_file_of_an_earlier_version_is_left_as_it_is(tmp_path):
    earlier = tmp_path / "gate-clinical.tls.pem"
    earlier.write_bytes(b"of a gate that is no more")
    generate(Folder(tmp_path, None), HOSTS, NOW)
    assert earlier.name not in generate(Folder(tmp_path, None), HOSTS, NOW + SERVER_FOR)
    assert earlier.read_bytes() == b"of a gate that is no more"


def test_server_certificates_are_renewed_before_they_end_and_nothing_else_is_touched(tmp_path):
    assert generate(Folder(tmp_path, None), HOSTS, NOW) == ()
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    late = NOW + SERVER_FOR - RENEWED_BEFORE
    assert generate(Folder(tmp_path, None), HOSTS, late - timedelta(days=1)) == ()
    assert sorted(generate(Folder(tmp_path, None), HOSTS, late)) == sorted(SERVERS)
    after = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert {name for name in after if after[name] != before.get(name)} == set(SERVERS)
    for name in SERVERS:
        assert certificate(tmp_path, name).not_valid_after_utc == late + SERVER_FOR
        certificate(tmp_path, name).verify_directly_issued_by(certificate(tmp_path, "ca.pem"))
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o400
    assert generate(Folder(tmp_path, None), HOSTS, late) == ()


def test_the_guide_says_how_long_server_certificates_hold_and_when_they_are_renewed():
    guide = (Path(__file__).parents[3] / "docs" / "operate.md").read_text(encoding="utf-8")
    assert f"hold {SERVER_FOR.days} days" in guide
    assert f"less than {RENEWED_BEFORE.days} days left" in guide


def test_a_certificate_that_somebody_put_there_is_not_renewed(tmp_path, tmp_path_factory):
    generate(Folder(tmp_path, None), HOSTS, NOW)
    other = tmp_path_factory.mktemp("other")
    generate(Folder(other, None), HOSTS, NOW)
    (tmp_path / "gate-research.tls.pem").unlink()
    shutil.copy(other / "gate-research.tls.pem", tmp_path)
    renewed = generate(Folder(tmp_path, None), HOSTS, NOW + SERVER_FOR)
    assert sorted(renewed) == sorted(set(SERVERS) - {"gate-research.tls.pem"})


def test_what_is_missing_is_made_again_under_the_same_authority(tmp_path):
    generate(Folder(tmp_path, None), HOSTS, NOW)
    (tmp_path / "research.tls.pem").unlink()
    generate(Folder(tmp_path, None), HOSTS, NOW)
    certificate(tmp_path, "research.tls.pem").verify_directly_issued_by(certificate(tmp_path, "ca.pem"))


def test_an_authority_whose_certificate_was_not_written_before_a_crash_is_completed(tmp_path):
    generate(Folder(tmp_path, None), HOSTS, NOW)
    for name in ("ca.pem", *SERVERS):
        (tmp_path / name).unlink()
    generate(Folder(tmp_path, None), HOSTS, NOW)
    certificate(tmp_path, "ingest.tls.pem").verify_directly_issued_by(certificate(tmp_path, "ca.pem"))


@pytest.mark.parametrize("name", SERVERS)
def test_every_server_has_its_own_key_and_a_certificate_of_the_authority(made, name):
    pem = (made / name).read_bytes()
    own = x509.load_pem_x509_certificate(pem)
    own.verify_directly_issued_by(certificate(made, "ca.pem"))
    assert load_pem_private_key(pem, None).public_key() == own.public_key()
    assert sum((made / other).read_bytes() == pem for other in SERVERS) == 1


def test_the_gates_are_for_the_names_that_people_type(made):
    names = certificate(made, "gate-research.tls.pem").extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert names.value.get_values_for_type(x509.DNSName) == ["localhost", "gateway.example"]
    assert names.value.get_values_for_type(x509.IPAddress) == [ipaddress.ip_address("127.0.0.1")]


def test_no_server_can_sign_for_others(made):
    for name in SERVERS:
        found = certificate(made, name).extensions
        assert found.get_extension_for_class(x509.BasicConstraints).value.ca is False
        assert found.get_extension_for_class(x509.KeyUsage).value.key_cert_sign is False


def test_browsers_accept_how_long_a_certificate_lives(made):
    own = certificate(made, "gate-research.tls.pem")
    assert own.not_valid_after_utc - NOW <= timedelta(days=825)


def test_keys_are_32_random_bytes_each(made):
    keys = [(made / name).read_bytes() for name in ("pseudonym.key", "encryption.key")]
    assert [len(key) for key in keys] == [32, 32]
    assert keys[0] != keys[1]


def test_passwords_are_long_different_and_safe_to_paste(made):
    passwords = [path.read_text() for path in made.glob("*.password")]
    assert len(passwords) == len(set(passwords)) == 4
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{32}", password) for password in passwords)


def test_two_installations_share_nothing(made, tmp_path):
    generate(Folder(tmp_path, None), HOSTS, NOW)
    for name in set(NAMES) - {SITES}:
        assert (made / name).read_bytes() != (tmp_path / name).read_bytes(), name
    assert (tmp_path / SITES).read_bytes() == b""


def test_the_public_mark_key_checks_what_the_private_one_signs(made):
    signature = load_pem_private_key((made / "mark.key").read_bytes(), None).sign(b"file")
    public = load_pem_public_key((made / "mark.pub").read_bytes())
    public.verify(signature, b"file")
    with pytest.raises(InvalidSignature):
        public.verify(signature, b"files")


def test_the_log_in_file_holds_a_hash_and_no_password(made):
    password = (made / "researcher.password").read_text()
    line = (made / "researcher.htpasswd").read_text()
    assert re.fullmatch(r"researcher:\$6\$rounds=1000\$[0-9a-f]{16}\$[./A-Za-z0-9]{86}\n", line)
    assert password not in line
