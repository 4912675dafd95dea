# SPDX-License-Identifier: Apache-2.0
"""Where the mapping table and its keys are when no server keeps them.

The default is one folder of the user, ``$XDG_DATA_HOME/deidgate`` (``~/.local/share/deidgate``): ``mapping.db`` and the
folder ``keys``. They are made at first use, for the owner only. Whoever has both can undo the pseudonyms; whoever
loses them cannot continue the series of pseudonyms: back them up, and not with the results.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deidgate.errors import ConfigurationError
from deidgate.store.keys import Keys
from deidgate.store.store import Store


@dataclass(frozen=True, slots=True)
class MappingPlace:
    """A mapping table and its keys.

    Attributes
    ----------
    url : str
        As SQLAlchemy spells it.
    keys : Path
        Folder of ``pseudonym.key`` and ``encryption.key``.
    """

    url: str
    keys: Path

    @property
    def file(self) -> Path | None:
        """The database's file; None for a server."""
        head = "sqlite:///"
        return Path(self.url[len(head) :]) if self.url.startswith(head) else None


def default_folder(environment: Mapping[str, str]) -> Path:
    """The user's own folder for the mapping table."""
    data = environment.get("XDG_DATA_HOME") or ""
    base = Path(data) if Path(data).is_absolute() else Path.home() / ".local" / "share"
    return base / "deidgate"


def place(mapping: str | None, keys: Path | None, environment: Mapping[str, str]) -> MappingPlace:
    """The mapping table that options or the default name.

    Parameters
    ----------
    mapping : str or None
        A database file, or an address with ``://`` (the gateway's own, to share it).
    keys : Path or None
        Folder of the keys; by default ``keys`` beside the database file.

    Raises
    ------
    ConfigurationError
        ``keys-folder-needed``: a server's address says nothing about where its keys are.
    """
    if mapping and "://" in mapping:
        if keys is None:
            found = MappingPlace(mapping, Path()).file
            if found is None:
                raise ConfigurationError("keys-folder-needed", "--keys")
            keys = found.parent / "keys"
        return MappingPlace(mapping, keys)
    file = Path(mapping).absolute() if mapping else default_folder(environment) / "mapping.db"
    return MappingPlace(f"sqlite:///{file}", keys or file.parent / "keys")


def open_mapping(where: MappingPlace, *, create: bool = True) -> Store:
    """The open store at `where`; the caller closes it.

    Parameters
    ----------
    create : bool
        Make database and keys if neither is there. With only one of them nothing is made: a new key beside an old
        table, or a new table beside an old key, would give every patient another identity.

    Raises
    ------
    ConfigurationError
        ``mapping-absent``, ``mapping-without-keys`` or ``keys-without-mapping``.
    """
    file = where.file
    has_keys = (where.keys / "pseudonym.key").exists()
    if file is not None:
        if not file.exists() and not has_keys:
            if not create:
                raise ConfigurationError("mapping-absent", str(file))
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            Keys.generate(where.keys)
        elif file.exists() and not has_keys:
            raise ConfigurationError("mapping-without-keys", str(where.keys))
        elif not file.exists() and not create:
            raise ConfigurationError("mapping-absent", str(file))
    store = Store.open(where.url, Keys.load(where.keys))
    if file is not None and os.name == "posix" and file.stat().st_mode & 0o077:
        file.chmod(0o600)
    return store
