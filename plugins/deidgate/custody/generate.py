# SPDX-License-Identifier: Apache-2.0
"""Make the secret files of an installation that are not there yet; touch one that is only when its time is over.

Usage: python -m deidgate.custody.generate FOLDER OWNER NAME[,NAME...]

Prints the names of certificates that were renewed, one a line.

OWNER is the number of the user that the containers run as; the names are those that people type to reach this machine.
"""

from __future__ import annotations

import base64
import contextlib
import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deidgate.custody.certificates import (
    Authority,
    has_to_be_renewed,
    new_authority,
    new_key,
    new_server,
    private_pem,
    read_key,
)

KEY_BYTES = 32
PASSWORD_BYTES = 24
RESEARCHER = "researcher"
SERVERS = {
    "ingest.tls.pem": ("ingest", "localhost"),
    "research.tls.pem": ("research", "localhost"),
}
GATES = ("gate-research.tls.pem", "gate-dicom.tls.pem")
SITES = "site-certificates.pem"
PASSWORDS = ("ingest.password", "research-delivery.password", "research-read.password", "researcher.password")
KEYS = ("pseudonym.key", "encryption.key")
EARLIER = "encryption-earlier.key"


class Folder:
    """Secret files that are written once."""

    def __init__(self, path: Path, owner: int | None) -> None:
        self.path = path
        self.owner = owner
        """Number of the user whom the files are given to; None leaves them with the one who makes them."""

    def once(self, name: str, make: Callable[[], bytes]) -> bytes:
        """What the file holds; made first when there is none.

        A file is there whole or not at all, and two that run at once agree on one.
        """
        target = self.path / name
        if not target.exists():
            draft = self._draft(name, make())
            with contextlib.suppress(FileExistsError):
                os.link(draft, target)
            draft.unlink()
        return target.read_bytes()

    def replace(self, name: str, content: bytes) -> None:
        """Put a file in the place of the one of that name, in one step."""
        self._draft(name, content).replace(self.path / name)

    def _draft(self, name: str, content: bytes) -> Path:
        draft = self.path / f".{name}.{secrets.token_hex(8)}"
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if self.owner is not None:
            os.chown(draft, self.owner, self.owner)
        return draft


def password_hash(password: str) -> str:
    """A line's hash for nginx.

    The fewest rounds that the format has: the password has 192 random bits, so slowness protects nothing, and nginx
    computes this for every request.
    """
    salt = f"rounds=1000${secrets.token_hex(8)}"
    done = subprocess.run(
        ["openssl", "passwd", "-6", "-stdin", "-salt", salt],
        input=password,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def generate(folder: Folder, names: tuple[str, ...], now: datetime) -> tuple[str, ...]:
    """Make what is missing in `folder`; the names of the servers' certificates that were renewed.

    Parameters
    ----------
    folder : Folder
    names : tuple of str
        What people and modalities reach the gates by.
    now : datetime
    """
    for name in KEYS:
        folder.once(name, lambda: secrets.token_bytes(KEY_BYTES))
    # Only while the encryption key is being changed is this another one: see `rotation`.
    folder.once(EARLIER, (folder.path / "encryption.key").read_bytes)
    # None yet: see `sites`.
    folder.once(SITES, lambda: b"")
    _mark(folder)
    passwords = {name: folder.once(name, _password).decode() for name in PASSWORDS}
    _derived(folder, passwords)
    authority = _authority(folder, now)
    renewed = []
    for name, hosts in {**SERVERS, **dict.fromkeys(GATES, names)}.items():
        pem = folder.once(name, lambda hosts=hosts: new_server(authority, hosts, now))  # type: ignore[misc]
        if has_to_be_renewed(pem, authority, now):
            folder.replace(name, new_server(authority, hosts, now))
            renewed.append(name)
    return tuple(renewed)


def _password() -> bytes:
    return secrets.token_urlsafe(PASSWORD_BYTES).encode()


def _mark(folder: Folder) -> None:
    private = folder.once(
        "mark.key",
        lambda: Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
    )
    public = serialization.load_pem_private_key(private, password=None).public_key()
    folder.once(
        "mark.pub",
        lambda: public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo),
    )


def _derived(folder: Folder, passwords: Mapping[str, str]) -> None:
    researcher = passwords["researcher.password"]
    folder.once("researcher.htpasswd", lambda: f"{RESEARCHER}:{password_hash(researcher)}\n".encode())
    reader = base64.b64encode(f"reader:{passwords['research-read.password']}".encode()).decode()
    folder.once("gate-research.reader.conf", lambda: f'proxy_set_header Authorization "Basic {reader}";\n'.encode())


def _authority(folder: Folder, now: datetime) -> Authority:
    key = read_key(folder.once("ca.key", lambda: private_pem(new_key())))
    pem = folder.once("ca.pem", lambda: new_authority(key, now).certificate.public_bytes(serialization.Encoding.PEM))
    return Authority(key, x509.load_pem_x509_certificate(pem))


if __name__ == "__main__":
    where, owner, names = sys.argv[1:]
    os.chown(where, int(owner), int(owner))
    # Passed through, not listed: Compose must be able to name the files in it for a user who may not read them.
    Path(where).chmod(0o711)
    for renewed in generate(Folder(Path(where), int(owner)), tuple(names.split(",")), datetime.now(UTC)):
        sys.stdout.write(f"{renewed}\n")
