# SPDX-License-Identifier: Apache-2.0
"""A mark holds for the bytes it was made for, and for no others."""

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian
from tests.data.instances import dataset, elements, file_bytes, read

from deidgate import marks
from deidgate.errors import ConfigurationError
from deidgate.marks import RESERVED, Unmarked, check, sign

KEY = Ed25519PrivateKey.from_private_bytes(b"1" * 32)
PUBLIC = KEY.public_key()


def reserved(syntax: str = "1.2.840.10008.1.2.1", methods: tuple[str, ...] = ("Deidgate basic 1", *RESERVED)) -> bytes:
    made = dataset(
        PatientIdentityRemoved="YES",
        DeidentificationMethod=list(methods),
        DeidentificationMethodCodeSequence=[elements(CodeValue="113100", CodingSchemeDesignator="DCM")],
    )
    return file_bytes(made, syntax)


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.1", ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_a_signed_file_passes_the_check(syntax):
    check(sign(reserved(syntax), KEY), PUBLIC)


def test_signing_changes_nothing_but_the_86_characters():
    before = reserved()
    after = sign(before, KEY)
    assert len(after) == len(before)
    assert sum(a != b for a, b in zip(before, after, strict=True)) <= 86
    assert list(read(after).DeidentificationMethod)[:1] == ["Deidgate basic 1"]
    assert all(len(value) <= 64 for value in read(after).DeidentificationMethod)


def test_signing_twice_gives_the_same_bytes():
    assert sign(reserved(), KEY) == sign(reserved(), KEY)
    assert sign(sign(reserved(), KEY), KEY) == sign(reserved(), KEY)


def test_every_changed_byte_is_refused():
    signed = sign(reserved(), KEY)
    for place in range(len(signed)):
        changed = bytearray(signed)
        changed[place] ^= 0x01
        with pytest.raises(Unmarked):
            check(bytes(changed), PUBLIC)


def test_a_file_that_is_cut_off_or_longer_is_refused():
    signed = sign(reserved(), KEY)
    for other in (signed[:-2], signed + b"\0\0", signed[:200], b""):
        with pytest.raises(Unmarked):
            check(other, PUBLIC)


def test_the_mark_of_another_key_is_refused():
    other = Ed25519PrivateKey.from_private_bytes(b"2" * 32)
    with pytest.raises(Unmarked) as refused:
        check(sign(reserved(), other), PUBLIC)
    assert refused.value.code == "mark-invalid"


def test_the_reserved_place_itself_is_no_mark():
    with pytest.raises(Unmarked) as refused:
        check(reserved(), PUBLIC)
    assert refused.value.code == "mark-invalid"


def test_a_mark_moved_into_another_file_is_refused():
    signed = sign(reserved(), KEY)
    methods = list(read(signed).DeidentificationMethod)
    other = read(reserved())
    other.DeidentificationMethod = methods
    other.InstanceNumber = 7
    with pytest.raises(Unmarked) as refused:
        check(file_bytes(other), PUBLIC)
    assert refused.value.code == "mark-invalid"


def test_a_file_without_a_mark_is_refused():
    for methods in (("Deidgate basic 1",), (RESERVED[0],), (RESERVED[1], RESERVED[0]), (*RESERVED, "and more")):
        with pytest.raises(Unmarked) as refused:
            sign(reserved(methods=methods), KEY)
        assert refused.value.code == "mark-missing"


def test_a_mark_inside_a_sequence_is_no_mark():
    inner = elements(DeidentificationMethod=list(RESERVED))
    made = dataset(
        PatientIdentityRemoved="YES",
        DeidentificationMethodCodeSequence=[elements(CodeValue="113100")],
        RequestAttributesSequence=[inner],
    )
    with pytest.raises(Unmarked) as refused:
        sign(file_bytes(made), KEY)
    assert refused.value.code == "mark-missing"


@pytest.mark.parametrize("keyword", ["PatientIdentityRemoved", "DeidentificationMethodCodeSequence"])
def test_a_file_that_does_not_claim_to_be_de_identified_is_refused(keyword):
    silent = read(reserved())
    delattr(silent, keyword)
    with pytest.raises(Unmarked) as refused:
        sign(file_bytes(silent), KEY)
    assert refused.value.code == "claims-missing"


def test_a_preamble_that_holds_something_is_refused():
    signed = sign(reserved(), KEY)
    with pytest.raises(Unmarked) as refused:
        check(b"MUSTER" + signed[6:], PUBLIC)
    assert refused.value.code == "preamble"


def test_a_deflated_file_has_no_place_for_a_mark():
    with pytest.raises(Unmarked):
        sign(reserved(DeflatedExplicitVRLittleEndian), KEY)


def test_what_is_not_dicom_is_refused():
    for data in (b"", b"no", b"\0" * 128 + b"DICM", b"\0" * 128 + b"DICM" + b"\xff" * 60, b"\0" * 5000):
        with pytest.raises(Unmarked):
            check(data, PUBLIC)


def test_keys_are_read_from_pem_and_other_kinds_are_refused():
    private = KEY.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = PUBLIC.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    check(sign(reserved(), marks.load_private_key(private)), marks.load_public_key(public))
    other = ec.generate_private_key(ec.SECP256R1())
    for load, pem in (
        (marks.load_private_key, public),
        (marks.load_public_key, private),
        (
            marks.load_public_key,
            other.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            ),
        ),
    ):
        with pytest.raises(ConfigurationError):
            load(pem)
