# SPDX-License-Identifier: Apache-2.0
"""Write everything that an installation cannot be made again from into one encrypted file.

Usage: python -m deidgate.custody.backup FILE PASSPHRASE-FILE SECRETS CONFIG SETTINGS LEDGER [NAME=FOLDER...]

The pairs are folders of images. The file is there whole or not at all.
"""

from __future__ import annotations

import io
import json
import os
import sys
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from deidgate import __version__
from deidgate.custody.sealed import SealingWriter
from deidgate.errors import ConfigurationError
from deidgate.store.database import Database
from deidgate.store.keys import key_id
from deidgate.store.rotation import keys_in

MANIFEST = "manifest.json"
LEDGER = "ledger.db"
CONFIG_FILES = ("*.toml", "policies/*.toml")
_TRIES = 3


@dataclass(frozen=True)
class Sources:
    """What goes into a backup."""

    secrets: Path
    config: Path
    settings: Path
    ledger: Path
    """Folder of the ledger."""
    images: Mapping[str, Path]


def passphrase_of(path: Path) -> bytes:
    """The passphrase in a file, without the line's end.

    Raises
    ------
    ConfigurationError
        ``passphrase-too-short``: it has fewer than 12 characters.
    """
    passphrase = path.read_bytes().strip()
    if len(passphrase) < 12:
        raise ConfigurationError("passphrase-too-short")
    return passphrase


def write(target: Path, passphrase: bytes, sources: Sources, now: datetime) -> None:
    """Write the backup `target`.

    Raises
    ------
    ConfigurationError
        ``ledger-not-here``: the ledger is on a database server, which has its own ways. ``backup-without-key``: rows
        of the ledger are encrypted with a key that is not among the secrets.
    Unavailable
        The ledger does not answer.
    """
    if not (sources.ledger / LEDGER).exists():
        raise ConfigurationError("ledger-not-here")
    draft = target.with_name(f".{target.name}.part")
    # In the ledger's folder: the one place that surely has room for it, and nobody else reads.
    snapshot = sources.ledger / f".snapshot-{os.getpid()}.db"
    try:
        secrets = _agreeing(sources, snapshot)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            sealed = SealingWriter(file, passphrase)
            with tarfile.open(fileobj=sealed, mode="w|", bufsize=1 << 16) as archive:
                _fill(archive, sources, secrets, snapshot, now)
            sealed.finish()
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
    finally:
        snapshot.unlink(missing_ok=True)
        draft.unlink(missing_ok=True)


def _agreeing(sources: Sources, snapshot: Path) -> dict[str, bytes]:
    """The secrets by name, and a copy of the ledger as `snapshot` that can be read with them.

    The encryption key may be changed meanwhile: then the copy may need the old one, which is gone when the secrets are
    read. A second copy needs the new one.
    """
    database = Database(f"sqlite:///{sources.ledger / LEDGER}", 30)
    try:
        for _ in range(_TRIES):
            snapshot.unlink(missing_ok=True)
            database.snapshot(snapshot)
            secrets = _secrets(sources.secrets)
            missing = keys_in(snapshot) - {
                key_id(key) for name, key in secrets.items() if name.startswith("encryption")
            }
            if not missing:
                return secrets
    finally:
        database.close()
    raise ConfigurationError("backup-without-key", f"encryption-{min(missing)}.key")


def _secrets(folder: Path) -> dict[str, bytes]:
    found = {}
    for path in sorted(folder.iterdir()):
        if path.is_file() and not path.name.startswith("."):
            try:
                found[path.name] = path.read_bytes()
            except FileNotFoundError:
                # An old key that was destroyed since: whether that matters is looked at.
                continue
    return found


def _fill(
    archive: tarfile.TarFile, sources: Sources, secrets: Mapping[str, bytes], snapshot: Path, now: datetime
) -> None:
    manifest = {"form": 1, "deidgate": __version__, "at": now.isoformat(), "images": sorted(sources.images)}
    _add(archive, MANIFEST, json.dumps(manifest).encode(), now)
    for name, content in secrets.items():
        _add(archive, f"secrets/{name}", content, now)
    archive.add(snapshot, LEDGER, recursive=False)
    if sources.settings.exists():
        archive.add(sources.settings, "settings", recursive=False)
    for pattern in CONFIG_FILES:
        for path in sorted(sources.config.glob(pattern)):
            archive.add(path, f"config/{path.relative_to(sources.config).as_posix()}", recursive=False)
    for name, folder in sorted(sources.images.items()):
        archive.add(folder, f"images/{name}")


def _add(archive: tarfile.TarFile, name: str, content: bytes, now: datetime) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mtime = len(content), int(now.timestamp())
    archive.addfile(info, io.BytesIO(content))


def main(words: Sequence[str]) -> None:
    """Run from the words of a command line."""
    target, passphrase, secrets, config, settings, ledger = map(Path, words[:6])
    images = {name: Path(folder) for name, _, folder in (word.partition("=") for word in words[6:])}
    sources = Sources(secrets, config, settings, ledger, images)
    try:
        write(target, passphrase_of(passphrase), sources, datetime.now(UTC))
    except ConfigurationError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(sys.argv[1:])
