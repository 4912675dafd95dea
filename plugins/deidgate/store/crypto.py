# SPDX-License-Identifier: Apache-2.0
"""Identifying values in the database: encrypted, and found by keyed index values.

The index has a key of its own, so that changing the encryption key leaves it alone. Whoever
has the database without the keys can neither read a value nor test a guess.
"""

from __future__ import annotations

import hmac
import secrets
import unicodedata

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from deidgate.errors import ConfigurationError
from deidgate.pseudonym import ProjectKey, normalised
from deidgate.pseudonym.keys import derived
from deidgate.store.keys import Keys

_NONCE_BYTES = 12  # Source: NIST SP 800-38D 8.2
_INDEX_BYTES = 16  # a collision is out of reach at any number of rows


class Cipher:
    """AES-256-GCM under the keys of an installation.

    `place` (column and row) is authenticated with the value: a ciphertext that is moved to
    another row or column does not decrypt.
    """

    def __init__(self, keys: Keys) -> None:
        self.key_id = keys.encryption_id
        self._ciphers = {name: AESGCM(key) for name, key in keys.encryption.items()}

    def encrypt(self, value: str, column: str, row: bytes, key_id: str | None = None) -> bytes:
        """The ciphertext of `value` under `key_id`, by default the present key."""
        nonce, cipher = secrets.token_bytes(_NONCE_BYTES), self._cipher(key_id or self.key_id)
        return nonce + cipher.encrypt(nonce, value.encode(errors="surrogatepass"), _place(column, row))

    def decrypt(self, ciphertext: bytes, column: str, row: bytes, key_id: str) -> str:
        """The value.

        Raises
        ------
        ConfigurationError
            ``encryption-key-missing``, or ``ciphertext-damaged``: changed, moved, or another key.
        """
        cipher = self._cipher(key_id)
        nonce, sealed = ciphertext[:_NONCE_BYTES], ciphertext[_NONCE_BYTES:]
        try:
            return cipher.decrypt(nonce, sealed, _place(column, row)).decode(errors="surrogatepass")
        except InvalidTag as error:
            raise ConfigurationError("ciphertext-damaged", column) from error

    def require(self, key_id: str) -> None:
        """Raise `ConfigurationError` unless the key is there."""
        self._cipher(key_id)

    def _cipher(self, key_id: str) -> AESGCM:
        try:
            return self._ciphers[key_id]
        except KeyError as error:
            raise ConfigurationError("encryption-key-missing", f"encryption-{key_id}.key") from error


def _place(column: str, row: bytes) -> bytes:
    return column.encode() + b"\0" + row


def index_value(key: bytes, kind: str, *parts: str) -> bytes:
    """A keyed index value of `parts`; two different lists of parts never share their bytes."""
    message = "".join(f"{len(part)}:{part}" for part in (kind, *parts))
    return hmac.digest(key, message.encode(errors="surrogatepass"), "sha256")[:_INDEX_BYTES]


def plain(value: str) -> str:
    """`value` without padding, in one Unicode form, so that two encodings of an ID are one ID."""
    return unicodedata.normalize("NFC", normalised(value))


class LedgerIndex:
    """Index values that are the same in all projects: an item has none before it is routed."""

    def __init__(self, keys: Keys) -> None:
        self._key = derived(keys.pseudonym, "ledger-index")

    def study(self, study_instance_uid: str) -> bytes:
        """Of a Study Instance UID."""
        return index_value(self._key, "study", normalised(study_instance_uid))

    def instance(self, sop_instance_uid: str) -> bytes:
        """Of a SOP Instance UID."""
        return index_value(self._key, "instance", normalised(sop_instance_uid))


class ProjectIndex:
    """Index values of one project: two projects cannot be joined by them."""

    def __init__(self, key: ProjectKey) -> None:
        self._key = key.index_key

    def patient(self, site: str, issuer: str, patient_id: str) -> bytes:
        """Of a patient: the issuer's Patient ID, or the site's where there is no issuer."""
        realm = ("issuer", plain(issuer)) if plain(issuer) else ("site", site)
        return index_value(self._key, "patient", *realm, plain(patient_id))

    def patient_id(self, patient_id: str) -> bytes:
        """Of a Patient ID, whoever issued it."""
        return index_value(self._key, "patient-id", plain(patient_id))

    def accession(self, accession: str) -> bytes:
        """Of an Accession Number."""
        return index_value(self._key, "accession", plain(accession))

    def uid(self, uid: str) -> bytes:
        """Of an original UID."""
        return index_value(self._key, "uid", normalised(uid))
