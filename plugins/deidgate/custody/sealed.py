# SPDX-License-Identifier: Apache-2.0
"""One encrypted stream in a file: what a backup is written in.

Layout: a line of ASCII ``deidgate-backup 1 SALT``, SALT being 32 hexadecimal digits, then sealed pieces.

* Key: scrypt (n = 2^17, r = 8, p = 1) of the passphrase and the salt; 32 bytes.
* Piece: up to 1 MiB of plain text under AES-256-GCM, so with 16 bytes more; the line is its associated data.
* Nonce of piece number i: i in 11 bytes, then 1 for the last piece and 0 for every other. So a piece that is changed,
  left out, repeated, moved or cut off at the end does not open. The salt, and with it the key, is new for each file.
"""

from __future__ import annotations

import hashlib
import io
import secrets
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from deidgate.errors import ConfigurationError

MAGIC = b"deidgate-backup 1 "
PIECE = 1 << 20
_TAG = 16
_SALT = 16


class SealingWriter(io.RawIOBase):
    """Encrypts what is written to it; `close` writes the last piece, without which the file does not open."""

    def __init__(self, file: BinaryIO, passphrase: bytes) -> None:
        salt = secrets.token_bytes(_SALT)
        self._file = file
        self._head = MAGIC + salt.hex().encode() + b"\n"
        self._cipher = _cipher(passphrase, salt)
        self._number = 0
        self._waiting = bytearray()
        file.write(self._head)

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        given = bytes(data)  # type: ignore[call-overload]
        self._waiting += given
        # More than a piece, and not as much: the last one must not be empty unless all is.
        while len(self._waiting) > PIECE:
            self._seal(bytes(self._waiting[:PIECE]), last=False)
            del self._waiting[:PIECE]
        return len(given)

    def finish(self) -> None:
        """Write the last piece."""
        self._seal(bytes(self._waiting), last=True)
        self._waiting.clear()

    def _seal(self, piece: bytes, *, last: bool) -> None:
        self._file.write(self._cipher.encrypt(_nonce(self._number, last), piece, self._head))
        self._number += 1


class OpeningReader(io.RawIOBase):
    """Reads what a `SealingWriter` wrote; nothing comes out that was not checked.

    Raises
    ------
    ConfigurationError
        ``backup-not-one``: it does not begin as a backup. ``backup-unreadable``: the passphrase is another, or the
        file was changed or cut off.
    """

    def __init__(self, file: BinaryIO, passphrase: bytes) -> None:
        self._head = file.readline(len(MAGIC) + 2 * _SALT + 1)
        salt = self._head[len(MAGIC) : -1]
        if not self._head.startswith(MAGIC) or len(salt) != 2 * _SALT or self._head[-1:] != b"\n":
            raise ConfigurationError("backup-not-one")
        try:
            self._cipher = _cipher(passphrase, bytes.fromhex(salt.decode("ascii")))
        except ValueError:
            raise ConfigurationError("backup-not-one") from None
        self._file = file
        self._number = 0
        self._plain = b""
        self._place = 0
        self._sealed = file.read(PIECE + _TAG)
        self._over = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]
        while self._place == len(self._plain):
            if self._over:
                return 0
            self._open()
        part = self._plain[self._place : self._place + len(view)]
        view[: len(part)] = part
        self._place += len(part)
        return len(part)

    def drain(self) -> None:
        """Check all that is left, to the end."""
        while not self._over:
            self._open()

    def _open(self) -> None:
        following = self._file.read(PIECE + _TAG)
        self._over = not following
        try:
            self._plain = self._cipher.decrypt(_nonce(self._number, self._over), self._sealed, self._head)
        except (InvalidTag, ValueError):
            raise ConfigurationError("backup-unreadable") from None
        self._place = 0
        self._number += 1
        self._sealed = following


def _cipher(passphrase: bytes, salt: bytes) -> AESGCM:
    return AESGCM(hashlib.scrypt(passphrase, salt=salt, n=1 << 17, r=8, p=1, maxmem=1 << 28, dklen=32))


def _nonce(number: int, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])
