# SPDX-License-Identifier: Apache-2.0
"""The gateway's mark: a signature inside the instance, over every byte of its file.

The mark is the last two values of De-identification Method (0012,0063) of the outermost dataset::

    Deidgate mark 1/2 <43 characters>
    Deidgate mark 2/2 <43 characters>

The 86 characters are the Ed25519 signature (64 bytes) in base64url without padding. What is signed is the
SHA-256 of the file from after its preamble, with the 86 characters taken as ``A``. The preamble must be zero.
So nothing in the file can change unseen, and the file is a valid Part 10 file with a valid LO value.

Only the worker can sign; whoever has the public key can check. A mark says that the gateway has verified and
delivered exactly these bytes; it says nothing of who may see them.

Source: PS3.10 7.1 (preamble), PS3.5 6.2 (LO: 64 characters a value), RFC 8032.
"""

from __future__ import annotations

import base64
import hashlib
import re
from io import BytesIO

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from pydicom import dcmread
from pydicom.dataelem import RawDataElement

from deidgate.errors import ConfigurationError, DeidgateError

PREFIX = "Deidgate mark"
"""What every value that belongs to a mark begins with."""

_HALF = 43
_PREAMBLE = 128
_METHOD = 0x00120063
_IDENTITY_REMOVED = 0x00120062
_METHOD_CODES = 0x00120064
_SPOT = re.compile(
    rb"(?:^|\\)" + PREFIX.encode() + rb" 1/2 ([A-Za-z0-9_-]{43})\\" + PREFIX.encode() + rb" 2/2 ([A-Za-z0-9_-]{43}) ?$"
)

RESERVED = (f"{PREFIX} 1/2 {'A' * _HALF}", f"{PREFIX} 2/2 {'A' * _HALF}")
"""The two values that keep the place until `sign` fills it in."""


class Unmarked(DeidgateError):
    """The file does not carry a valid mark of this gateway: refuse it."""


def sign(file: bytes | bytearray, key: Ed25519PrivateKey) -> bytes:
    """`file` with its reserved mark filled in: of equal length, and otherwise equal.

    Raises
    ------
    Unmarked
        The file has no place for a mark, or claims nothing.
    """
    first, second = _places(file)
    signature = base64.urlsafe_b64encode(key.sign(_digest(file, first, second))).rstrip(b"=")
    view = memoryview(file)
    # Joined and not patched: one copy of a file that may be as large as the memory allows.
    return b"".join(
        [view[:first], signature[:_HALF], view[first + _HALF : second], signature[_HALF:], view[second + _HALF :]]
    )


def check(file: bytes | bytearray, key: Ed25519PublicKey) -> None:
    """Return if every byte of `file` is as the gateway delivered it.

    Raises
    ------
    Unmarked
        ``not-dicom``, ``preamble``, ``claims-missing``, ``mark-missing`` or ``mark-invalid``.
    """
    first, second = _places(file)
    text = bytes(file[first : first + _HALF]) + bytes(file[second : second + _HALF])
    signature = base64.urlsafe_b64decode(text + b"==")
    # Several spellings decode to the same bytes (the last character has spare bits): only one is a mark.
    if base64.urlsafe_b64encode(signature).rstrip(b"=") != text:
        raise Unmarked("mark-invalid")
    try:
        key.verify(signature, _digest(file, first, second))
    except InvalidSignature:
        raise Unmarked("mark-invalid") from None


def load_private_key(pem: bytes) -> Ed25519PrivateKey:
    """The worker's key from its PEM file.

    Raises
    ------
    ConfigurationError
        It is not an Ed25519 private key.
    """
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise ConfigurationError("mark-key-unreadable", "mark.key") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigurationError("mark-key-kind", "mark.key")
    return key


def load_public_key(pem: bytes) -> Ed25519PublicKey:
    """The key that research checks with, from its PEM file.

    Raises
    ------
    ConfigurationError
        It is not an Ed25519 public key.
    """
    try:
        key = load_pem_public_key(pem)
    except ValueError as error:
        raise ConfigurationError("mark-key-unreadable", "mark.pub") from error
    if not isinstance(key, Ed25519PublicKey):
        raise ConfigurationError("mark-key-kind", "mark.pub")
    return key


def _places(file: bytes | bytearray) -> tuple[int, int]:
    """Offsets in `file` of the two halves of the mark, of a file that claims what a delivery claims."""
    if len(file) < _PREAMBLE + 4 or file[_PREAMBLE : _PREAMBLE + 4] != b"DICM":
        raise Unmarked("not-dicom")
    if any(file[:_PREAMBLE]):
        raise Unmarked("preamble")
    method, claimed = _claims(file)
    if not claimed:
        raise Unmarked("claims-missing")
    if method is None:
        raise Unmarked("mark-missing")
    value, start = method
    spot = _SPOT.search(value)
    # A deflated dataset has no offsets in the file: the bytes that are there decide.
    if spot is None or bytes(file[start : start + len(value)]) != value:
        raise Unmarked("mark-missing")
    return start + spot.start(1), start + spot.start(2)


def _claims(file: bytes | bytearray) -> tuple[tuple[bytes, int] | None, bool]:
    """De-identification Method with its offset, and whether the other claims are there."""
    tags = [_IDENTITY_REMOVED, _METHOD, _METHOD_CODES]
    try:
        dataset = dcmread(BytesIO(file), stop_before_pixels=True, specific_tags=tags)
        claimed = bool(dataset.get(_IDENTITY_REMOVED) and dataset.get(_METHOD_CODES))
        method = dataset.get_item(_METHOD)
    except Exception as error:  # whatever a parser stumbles over, the answer is no
        raise Unmarked("not-dicom") from error
    if isinstance(method, RawDataElement) and method.value:
        return (method.value, method.value_tell), claimed
    return None, claimed


def _digest(file: bytes | bytearray, first: int, second: int) -> bytes:
    view, blank = memoryview(file), b"A" * _HALF
    digest = hashlib.sha256(view[_PREAMBLE:first])
    digest.update(blank)
    digest.update(view[first + _HALF : second])
    digest.update(blank)
    digest.update(view[second + _HALF :])
    return digest.digest()
