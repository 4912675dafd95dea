# SPDX-License-Identifier: Apache-2.0
"""The key files of the mapping table: read once, kept outside the database.

* ``pseudonym.key``: 32 bytes. Every UID, every index value and the seal of the audit trail
  come from it. It never changes: another one would give every patient another identity.
* ``encryption.key``: 32 bytes. Encrypts the identifying columns; may be changed.
* ``encryption-<id>.key``: earlier encryption keys, needed until their rows are re-encrypted.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from deidgate.errors import ConfigurationError
from deidgate.pseudonym.keys import KEY_BYTES, derived

_PSEUDONYM = "pseudonym.key"
_ENCRYPTION = "encryption.key"


def key_id(key: bytes) -> str:
    """The public name of an encryption key: 8 hexadecimal digits, derived from it one way."""
    return derived(key, "encryption-key-id")[:4].hex()


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one installation. Its representation shows names only."""

    pseudonym: bytes = field(repr=False)
    encryption_id: str  # the key that new rows are encrypted with
    encryption: Mapping[str, bytes] = field(repr=False)  # by key id, the earlier ones too

    @classmethod
    def of(cls, pseudonym: bytes, encryption: bytes, *earlier: bytes) -> Keys:
        """Keys from bytes.

        Raises
        ------
        ConfigurationError
            A key is not 32 bytes long.
        """
        if any(len(key) != KEY_BYTES for key in (pseudonym, encryption, *earlier)):
            raise ConfigurationError("key-length")
        by_id = {key_id(key): key for key in (encryption, *earlier)}
        return cls(pseudonym, key_id(encryption), MappingProxyType(by_id))

    @classmethod
    def load(cls, directory: Path) -> Keys:
        """The keys in `directory`.

        Raises
        ------
        ConfigurationError
            A file is missing, is not 32 bytes long, or others than its owner and group can read it.
        """
        earlier = [_read(path) for path in sorted(directory.glob("encryption-*.key"))]
        return cls.of(_read(directory / _PSEUDONYM), _read(directory / _ENCRYPTION), *earlier)

    @classmethod
    def generate(cls, directory: Path) -> Keys:
        """New keys, written to `directory`, which is created for its owner only.

        Raises
        ------
        ConfigurationError
            There is a key already: it is never overwritten.
        """
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in (_PSEUDONYM, _ENCRYPTION):
            _write_new(directory / name, secrets.token_bytes(KEY_BYTES))
        _sync_directory(directory)
        return cls.load(directory)

    @classmethod
    def rotate(cls, directory: Path) -> Keys:
        """A new encryption key in `directory`; the present one is kept as an earlier one.

        Rows keep their key until `Custody.rotate_encryption_key` has been run. Safe against a
        crash: before the new key takes the name, the old one has its own.
        """
        present = cls.load(directory)
        earlier = directory / f"encryption-{present.encryption_id}.key"
        if not earlier.exists():
            _write_new(earlier, present.encryption[present.encryption_id])
            _sync_directory(directory)
        fresh = directory / "encryption.key.new"
        fresh.unlink(missing_ok=True)
        _write_new(fresh, secrets.token_bytes(KEY_BYTES))
        fresh.replace(directory / _ENCRYPTION)
        _sync_directory(directory)
        return cls.load(directory)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & stat.S_IRWXO:
                raise ConfigurationError("key-readable-by-others", path.name)
            content = file.read(KEY_BYTES + 1)
    except OSError as error:
        raise ConfigurationError("key-unreadable", path.name) from error
    if len(content) != KEY_BYTES:
        raise ConfigurationError("key-length", path.name)
    return content


def _write_new(path: Path, content: bytes) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise ConfigurationError("key-exists", path.name) from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
