# SPDX-License-Identifier: Apache-2.0
"""Originals of changed elements, encrypted into the instance for the holder of one key, and recovered from it.

Every top-level element that the plan changes goes as it was into an item of Modified Attributes Sequence, this into a
dataset in Explicit VR Little Endian, and that into CMS Enveloped-data with AES-256-CBC for the RSA key of the policy's
certificate. The content key is drawn at random by the cryptographic library, so that two plans of one instance differ
in these bytes and in nothing else.

Source: PS3.15 E.1.1 and E.1.2, PS3.3 C.12.1.1.4 (Encrypted Attributes).
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers import algorithms
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key, pkcs7
from cryptography.x509 import Certificate, load_pem_x509_certificate
from pydicom import DataElement, Dataset, dcmread
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRLittleEndian

from deidgate.dicom.path import ElementPath
from deidgate.errors import ConfigurationError
from deidgate.plan.model import Action, Added, Decision, Reason

ENCRYPTED_ATTRIBUTES = 0x04000500
_SYNTAX, _CONTENT = 0x04000510, 0x04000520
_MODIFIED_ATTRIBUTES = 0x04000550
_CHARACTER_SET = 0x00080005
_CLAIMS = (0x00120062, 0x00120063, 0x00120064, 0x00280303)
_BECAUSE = Reason("policy [encrypt_originals]")


def encrypted_originals(header: Dataset, decisions: Iterable[Decision], pem: str) -> Added:
    """Encrypted Attributes Sequence with everything of `header` (not changed) that `decisions` change."""
    touched = {_top(decision.path) for decision in decisions if _changes(decision)}
    kept = {Tag(tag): element for tag, element in header.items() if int(tag) in touched or int(tag) == _CHARACTER_SET}
    item = Dataset(kept, parent_encoding=header._parent_encoding)
    item.set_original_encoding(*header.original_encoding)
    outer = Dataset()
    outer.add(DataElement(_MODIFIED_ATTRIBUTES, "SQ", Sequence([item])))
    target = DicomBytesIO()
    target.is_implicit_VR, target.is_little_endian = False, True
    write_dataset(target, outer)
    certificate = load_pem_x509_certificate(pem.encode("ascii"))
    builder = pkcs7.PKCS7EnvelopeBuilder().set_data(target.getvalue()).add_recipient(certificate)
    builder = builder.set_content_encryption_algorithm(algorithms.AES256)
    content = builder.encrypt(Encoding.DER, [pkcs7.PKCS7Options.Binary])
    content += b"\0" * (len(content) % 2)
    encrypted = (
        Added(ElementPath.top(_SYNTAX), "UI", ExplicitVRLittleEndian, _BECAUSE),
        Added(ElementPath.top(_CONTENT), "OB", content, _BECAUSE),
    )
    return Added(ElementPath.top(ENCRYPTED_ATTRIBUTES), "SQ", (encrypted,), _BECAUSE)


def recovered(dataset: Dataset, pem: str, private_key: bytes, password: bytes | None = None) -> Dataset:
    """The original attributes that are encrypted in `dataset` (not changed) for the holder of the key.

    Parameters
    ----------
    dataset : Dataset
        A result of a policy with ``[encrypt_originals]``.
    pem : str
        The certificate; other PEM blocks beside it do not matter.
    private_key : bytes
        Its private key in PEM.
    password : bytes, optional
        Of the private key.

    Raises
    ------
    ConfigurationError
        ``certificate-unreadable``, ``key-unreadable`` (also by a wrong password), ``key-not-rsa``,
        ``key-of-another-certificate``, ``nothing-encrypted``, ``nothing-encrypted-for-this-key`` or
        ``encrypted-content-damaged``.
    """
    certificate, key = _certificate(pem), _private_key(private_key, password)
    if key.public_key() != certificate.public_key():
        raise ConfigurationError("key-of-another-certificate")
    contents = _contents(dataset)
    if not contents:
        raise ConfigurationError("nothing-encrypted", str(ElementPath.top(ENCRYPTED_ATTRIBUTES)))
    for content in contents:
        try:
            data = pkcs7.pkcs7_decrypt_der(_der(content), certificate, key, [])
        except ValueError:
            # For somebody else, or damaged: the library's message does not always tell which.
            continue
        try:
            found = dcmread(DicomBytesIO(_as_file(data)))
            originals: Dataset = found[_MODIFIED_ATTRIBUTES].value[0]
        except (ValueError, LookupError, TypeError, NotImplementedError, EOFError, AttributeError):
            raise ConfigurationError("encrypted-content-damaged", str(ElementPath.top(ENCRYPTED_ATTRIBUTES))) from None
        return originals
    raise ConfigurationError("nothing-encrypted-for-this-key", str(ElementPath.top(ENCRYPTED_ATTRIBUTES)))


def restored(dataset: Dataset, originals: Dataset) -> Dataset:
    """A copy of `dataset` with the `originals` in their places, and without claims of a de-identification.

    Source: PS3.15 E.1.2 (re-identification).
    """
    result = deepcopy(dataset)
    for tag in (ENCRYPTED_ATTRIBUTES, *_CLAIMS):
        if tag in result:
            del result[tag]
    for element in originals:
        result[element.tag] = element
    result.file_meta.MediaStorageSOPInstanceUID = result.SOPInstanceUID
    return result


def _certificate(pem: str) -> Certificate:
    try:
        return load_pem_x509_certificate(pem.encode("latin_1"))
    except ValueError:
        raise ConfigurationError("certificate-unreadable") from None


def _private_key(pem: bytes, password: bytes | None) -> rsa.RSAPrivateKey:
    try:
        key = load_pem_private_key(pem, password)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ConfigurationError("key-unreadable") from None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ConfigurationError("key-not-rsa")
    return key


def _contents(dataset: Dataset) -> list[bytes]:
    """Encrypted Content of each item, for whomever."""
    element = dataset.get(ENCRYPTED_ATTRIBUTES)
    items = element.value if element is not None and element.VR == "SQ" else ()
    return [bytes(item[_CONTENT].value or b"") for item in items if _CONTENT in item]


def _top(path: ElementPath) -> int:
    """Tag of the element of the outermost dataset in which the path leads."""
    return path.parents[0][0] if path.parents else path.tag


def _changes(decision: Decision) -> bool:
    return decision.action in (Action.REMOVE, Action.EMPTY) or decision.value is not None


def _der(content: bytes) -> bytes:
    """The DER value without the byte that pads it to even length."""
    if len(content) < 2 or content[1] < 0x80:
        return content
    count = content[1] & 0x7F
    return content[: 2 + count + int.from_bytes(content[2 : 2 + count], "big")]


def _as_file(data: bytes) -> bytes:
    syntax = ExplicitVRLittleEndian.encode() + b"\0" * (len(ExplicitVRLittleEndian) % 2)
    meta = b"\x02\0\x10\0UI" + len(syntax).to_bytes(2, "little") + syntax
    return b"\0" * 128 + b"DICM" + meta + data
