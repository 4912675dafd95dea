# SPDX-License-Identifier: Apache-2.0
"""Read a backup back, after all of it has been checked.

Usage: python -m deidgate.custody.restore check FILE PASSPHRASE-FILE
       python -m deidgate.custody.restore put FILE PASSPHRASE-FILE SECRETS CONFIG SETTINGS LEDGER OWNER INDEX
                                              [NAME=FOLDER...]

INDEX is ``new-index`` where ingest has lost what it had, else ``same-index``. Folders of images are emptied first.

`check` reads everything, writes nothing, and prints what the backup says of itself. `put` replaces what is there: what
it replaces is moved aside, into a folder ``replaced-TIME`` beside it.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import sys
import tarfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO, Any

from deidgate.custody.backup import LEDGER, MANIFEST, Sources, passphrase_of
from deidgate.custody.sealed import OpeningReader
from deidgate.errors import ConfigurationError

_SIDE_FILES = (LEDGER, f"{LEDGER}-wal", f"{LEDGER}-shm")


@dataclass(frozen=True)
class Put:
    """Where the parts of a backup go."""

    places: Sources
    owner: int
    """Number of the user that the containers run as."""
    new_index: bool
    """Ingest has lost its images, and does not get them back from this backup."""
    now: datetime

    @property
    def aside(self) -> str:
        """Name of the folder for what is replaced."""
        return f"replaced-{self.now:%Y%m%dT%H%M%SZ}"


def check(path: Path, passphrase: bytes) -> dict[str, Any]:
    """What the backup says of itself, when every byte of it is as it was written.

    Raises
    ------
    ConfigurationError
        It is not a backup, not whole, or not opened by this passphrase.
    """
    with path.open("rb") as file:
        sealed = OpeningReader(file, passphrase)
        with _tar(sealed) as archive:
            manifest: dict[str, Any] = json.loads(_content(archive, _first(archive)))
            names = {member.name for member in archive}
        sealed.drain()
    if manifest.get("form") != 1 or not {LEDGER, "secrets/pseudonym.key", "secrets/encryption.key"} <= names:
        raise ConfigurationError("backup-incomplete")
    return manifest


def put(path: Path, passphrase: bytes, put: Put) -> None:
    """Put everything in its place; call `check` first.

    Raises
    ------
    ConfigurationError
        As `check`; what was replaced until then is in the folders beside.
    """
    places = put.places
    _move_aside(places.secrets, [file.name for file in places.secrets.iterdir() if file.is_file()], put)
    _move_aside(places.ledger, [name for name in _SIDE_FILES if (places.ledger / name).exists()], put)
    for folder in places.images.values():
        _empty(folder)
    with path.open("rb") as file:
        sealed = OpeningReader(file, passphrase)
        with _tar(sealed) as archive:
            for member in archive:
                _one(archive, member, put)
        sealed.drain()
    os.chown(places.ledger, put.owner, put.owner)
    places.secrets.chmod(0o711)
    if put.new_index:
        _expect_new_index(places.ledger / LEDGER)


def _one(archive: tarfile.TarFile, member: tarfile.TarInfo, put: Put) -> None:
    parts = PurePosixPath(member.name).parts
    if ".." in parts or member.name.startswith("/") or not (member.isreg() or member.isdir()):
        raise ConfigurationError("backup-incomplete")
    places = put.places
    match parts:
        case ("secrets", name):
            _write(archive, member, places.secrets / name, 0o400, put.owner)
        case (name,) if name == LEDGER:
            _write(archive, member, places.ledger / LEDGER, 0o600, put.owner)
        case ("settings",):
            # Ports and addresses may be others on this machine: settings that are here stay.
            if not places.settings.exists() or not places.settings.stat().st_size:
                _write(archive, member, places.settings, 0o644, None)
        case ("config", *rest):
            _config(archive, member, places.config.joinpath(*rest))
        case ("images", name, *rest) if name in places.images:
            target = places.images[name].joinpath(*rest)
            if member.isdir():
                target.mkdir(parents=True, exist_ok=True)
                os.chown(target, member.uid, member.gid)
            else:
                _write(archive, member, target, member.mode, member.uid)


def _config(archive: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    content = _content(archive, member)
    before = target.read_bytes() if target.exists() else None
    if content == before:
        return
    if before is not None:
        target.with_name(f"{target.name}.before-restore").write_bytes(before)
    target.parent.mkdir(parents=True, exist_ok=True)
    # As what is beside it: the checkout belongs to a person.
    beside = target.parent.stat()
    target.write_bytes(content)
    os.chown(target, beside.st_uid, beside.st_gid)


def _write(archive: tarfile.TarFile, member: tarfile.TarInfo, target: Path, mode: int, owner: int | None) -> None:
    source = archive.extractfile(member)
    if source is None:
        raise ConfigurationError("backup-incomplete")
    # Written over, not renamed: the settings file may be mounted by itself.
    with target.open("wb") as file:
        shutil.copyfileobj(source, file, 1 << 20)
        file.flush()
        os.fsync(file.fileno())
    target.chmod(mode)
    if owner is not None:
        os.chown(target, owner, owner)


def _move_aside(folder: Path, names: Sequence[str], put: Put) -> None:
    if not names:
        return
    aside = folder / put.aside
    aside.mkdir(mode=0o700)
    for name in names:
        (folder / name).replace(aside / name)


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _expect_new_index(ledger: Path) -> None:
    """Make the ledger ready for an ingest that has lost everything and counts its changes from 1 again.

    Else an instance that is sent once more, and happens to get the number that it had before, would be taken for known.
    """
    with closing(sqlite3.connect(ledger)) as connection, connection:
        connection.execute("UPDATE items SET generation = -id WHERE generation >= 0")
        connection.execute("UPDATE cursors SET seq = 0")


def _tar(sealed: OpeningReader) -> tarfile.TarFile:
    return tarfile.open(fileobj=sealed, mode="r|", bufsize=1 << 16)


def _first(archive: tarfile.TarFile) -> tarfile.TarInfo:
    member = archive.next()
    if member is None or member.name != MANIFEST:
        raise ConfigurationError("backup-incomplete")
    return member


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    source: IO[bytes] | None = archive.extractfile(member)
    return b"" if source is None else source.read()


def main(words: Sequence[str]) -> None:
    """Run from the words of a command line."""
    what, backup, passphrase = words[0], Path(words[1]), passphrase_of(Path(words[2]))
    try:
        if what == "check":
            print(json.dumps(check(backup, passphrase)))  # noqa: T201 -- read by the operator's command
            return
        secrets, config, settings, ledger = map(Path, words[3:7])
        images = {name: Path(folder) for name, _, folder in (word.partition("=") for word in words[9:])}
        places = Sources(secrets, config, settings, ledger, images)
        put(backup, passphrase, Put(places, int(words[7]), words[8] == "new-index", datetime.now(UTC)))
    except ConfigurationError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(sys.argv[1:])
