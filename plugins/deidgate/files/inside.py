# SPDX-License-Identifier: Apache-2.0
"""Members of an archive by their names, for comparing one archive with another.

`deidgate.files.archive` goes through an archive once, in its order; here somebody asks for one member, and then for
another. Nothing is unfolded to the disk, and what a member says of its length is not believed.
"""

from __future__ import annotations

import contextlib
import tarfile
import zipfile
from collections import defaultdict
from typing import BinaryIO, cast

from deidgate.files.archive import BROKEN, OPENERS, split_name
from deidgate.files.journal import readable
from deidgate.files.kind import Kind, sniff_file
from deidgate.files.limits import Limits


class Inside:
    """The archive in `stream`, which is closed with it; one that cannot be read has no members."""

    def __init__(self, stream: BinaryIO, limits: Limits | None = None) -> None:
        self._stream = stream
        self._most = (limits or Limits()).member_bytes
        self._members: dict[str, list[zipfile.ZipInfo | tarfile.TarInfo]] = defaultdict(list)
        self._archive: zipfile.ZipFile | tarfile.TarFile | None = None
        self._kind = sniff_file(stream)
        stream.seek(0)
        # What is damaged has no members: that is said of each of them.
        with contextlib.suppress(NotImplementedError, *BROKEN):
            self._open()

    def _open(self) -> None:
        if self._kind is Kind.ZIP:
            self._archive = zipfile.ZipFile(self._stream)
            for info in self._archive.infolist():
                if not info.is_dir():
                    self._members[_named(info.filename)].append(info)
            return
        try:
            self._archive = tarfile.open(fileobj=self._stream, mode="r:*")  # noqa: SIM115 - closed by close()
        except tarfile.ReadError:
            self._stream.seek(0)
            return
        for entry in self._archive:
            if entry.isreg():
                self._members[_named(entry.name)].append(entry)

    def close(self) -> None:
        """Close the archive."""
        if self._archive is not None:
            self._archive.close()
        self._stream.close()

    def read(self, name: str, number: int = 0) -> bytes | None:
        """The member `name`, the one of that number among those of one name; None if it is not there or unreadable.

        `name` is as a report spells it.
        A file that is compressed alone is the only member of its archive, whatever its name.
        """
        try:
            if self._archive is None:
                return self._alone()
            found = self._members.get(name, ())
            if number >= len(found):
                return None
            info = found[number]
            if isinstance(self._archive, zipfile.ZipFile):
                with self._archive.open(cast(zipfile.ZipInfo, info)) as member:
                    return self._all(cast(BinaryIO, member))
            source = self._archive.extractfile(cast(tarfile.TarInfo, info))
            return self._all(cast(BinaryIO, source)) if source is not None else None
        except (NotImplementedError, RuntimeError, *BROKEN):
            return None

    def _alone(self) -> bytes | None:
        opener = OPENERS.get(self._kind)
        if opener is None:
            return None
        self._stream.seek(0)
        with opener(self._stream, "rb") as content:
            return self._all(cast(BinaryIO, content))

    def _all(self, stream: BinaryIO) -> bytes | None:
        content = stream.read(self._most + 1)
        return content if len(content) <= self._most else None


def _named(name: str) -> str:
    return readable("/".join(split_name(name) or ()))
