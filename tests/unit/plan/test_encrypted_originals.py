# SPDX-License-Identifier: Apache-2.0
"""Originals encrypted into the instance: recovered with the key, and by nobody else."""

import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from tests.data.instances import dataset, elements, file_bytes, read
from tests.data.policies import POLICIES, PSEUDONYMS, changed, shipped

from deidgate.apply.elements import apply
from deidgate.errors import ConfigurationError
from deidgate.plan.encrypted import recovered
from deidgate.plan.planner import plan
from deidgate.policy.load import load_policy


def key_pair(key) -> tuple[str, bytes]:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "broker")])
    start = datetime.datetime(2025, 1, 1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=36500))
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return pem, private


@pytest.fixture(scope="module")
def broker():
    return key_pair(rsa.generate_private_key(65537, 2048))


@pytest.fixture(scope="module")
def stranger():
    return key_pair(rsa.generate_private_key(65537, 2048))


def original():
    item = elements(RequestedProcedureID="R-1")
    return dataset(SpecificCharacterSet="ISO_IR 192", PatientName="Müller^Jürgen", RequestAttributesSequence=[item])


def result_of(policy, syntax=ExplicitVRLittleEndian):
    header = read(file_bytes(original(), syntax))
    return read(file_bytes(apply(header, plan(header, policy, PSEUDONYMS)), syntax))


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_the_holder_of_the_key_recovers_every_changed_attribute(broker, syntax):
    result = result_of(changed(encrypt_for=broker[0]), syntax)
    found = recovered(result, *broker)
    assert str(found.PatientName) == "Müller^Jürgen"
    assert (found.PatientID, found.StudyDate, found.SOPInstanceUID) == (
        original().PatientID,
        original().StudyDate,
        original().SOPInstanceUID,
    )
    assert found.RequestAttributesSequence[0].RequestedProcedureID == "R-1"
    assert "Rows" not in found


def test_nobody_else_recovers_anything(broker, stranger):
    result = result_of(changed(encrypt_for=broker[0]))
    with pytest.raises(ConfigurationError) as refused:
        recovered(result, *stranger)
    assert refused.value.code == "nothing-encrypted-for-this-key"
    with pytest.raises(ConfigurationError):
        recovered(result_of(shipped("basic")), *broker)


def test_nothing_of_the_originals_is_readable_in_the_file(broker):
    data = file_bytes(result_of(changed(encrypt_for=broker[0])))
    for needle in ("Müller", "HOSP-0001", "20190517", "R-1"):
        assert needle.encode() not in data


def test_what_others_have_encrypted_does_not_pass(broker):
    result = result_of(changed(encrypt_for=broker[0]))
    again = apply(result, plan(result, shipped("longitudinal"), PSEUDONYMS))
    assert "EncryptedAttributesSequence" not in again


def load(folder, text):
    path = folder / "mine.toml"
    path.write_text((POLICIES / "basic.toml").read_text(encoding="utf-8") + text, encoding="utf-8")
    return load_policy(path)


def test_a_policy_names_the_certificate_beside_it(tmp_path, broker):
    (tmp_path / "broker.pem").write_text(broker[0])
    assert load(tmp_path, '[encrypt_originals]\ncertificate = "broker.pem"\n').encrypt_for == broker[0]


@pytest.mark.parametrize("content", [None, "no certificate", "ec"])
def test_a_certificate_that_cannot_be_used_is_refused(tmp_path, content):
    if content is not None:
        text = key_pair(ec.generate_private_key(ec.SECP256R1()))[0] if content == "ec" else content
        (tmp_path / "broker.pem").write_text(text)
    with pytest.raises(ConfigurationError) as error:
        load(tmp_path, '[encrypt_originals]\ncertificate = "broker.pem"\n')
    assert "mine.toml" in error.value.path
