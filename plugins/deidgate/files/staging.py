# SPDX-License-Identifier: Apache-2.0
"""Results between being made and being named, on the output's own file system.

A flush costs a disk's round trip, and a small result should not pay a whole one: many are flushed with one call. While
the disk takes one large result the caller makes the next.
"""

from __future__ import annotations

import ctypes
import os
import secrets
import shutil
from concurrent.futures import Future
from functools import cache
from pathlib import Path

from deidgate.files.atomic import PARTIAL, name
from deidgate.files.behind import Behind
from deidgate.files.direct import DirectWriter, write_cached
from deidgate.files.source import Source

LARGE = 128 << 10
"""Bytes; a smaller file costs less in the kernel's cache, where it shares its way to the disk with others."""

_WRITERS = 3
"""Large files that are written at the same time: a disk is at its best with some requests to choose from."""


class Staging:
    """Files under way.

    Parameters
    ----------
    output : Path
        The folder that results go to, or below.
    """

    def __init__(self, output: Path) -> None:
        self._folder = output / PARTIAL / secrets.token_hex(6)
        self._folder.mkdir(parents=True)
        self._prefix = str(self._folder) + os.sep
        self._count = 0
        self._device = os.open(self._folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
        self._made: set[str] = set()
        self._direct = DirectWriter()
        self._behind = Behind(_WRITERS)
        self._under: dict[str, Future[None]] = {}

    def create(self) -> tuple[str, int]:
        """Path and descriptor of a new, empty file; the caller closes it."""
        path = self._new_path()
        return path, os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666)

    def write(self, content: bytes) -> str:
        """Path of a new file with `content`.

        Raises
        ------
        OSError
            The disk is full.
        """
        path = self._new_path()
        if len(content) < LARGE or not self._direct.write(path, content, -1, 0, 0):
            write_cached(path, content, -1, 0, 0)
        return path

    def copy(self, source: Source) -> str:
        """Path of a new file with the bytes of `source`.

        Raises
        ------
        OSError
            As `write`.
        SourceChangedError
            Somebody wrote to `source` since it was opened.
        """
        # Through the cache: some file systems have a way to share what is copied whole.
        path = self._new_path()
        write_cached(path, b"", source.descriptor, 0, source.size)
        source.check()
        return path

    def write_soon(self, head: bytes, source: Source, start: int, count: int) -> str:
        """Path of a new file of `head` and of `count` bytes of `source` from `start`: see `settle`.

        A large one is written while the caller goes on, and `source` may be closed at once.

        Raises
        ------
        OSError, SourceChangedError
            As `copy`, of a small one; or no further descriptor can be had.
        """
        path = self._new_path()
        if len(head) + count < LARGE:
            write_cached(path, head, source.descriptor, start, count)
            source.check()
        else:
            self._under[path] = self._behind.write(path, head, source, start, count)
        return path

    def settle(self, partial: str) -> None:
        """Return when the file `partial` is written.

        Raises
        ------
        OSError, SourceChangedError, MemoryError
            What went wrong with it.
        """
        under = self._under.pop(partial, None)
        if under is not None:
            under.result()

    def flush(self) -> None:
        """Put every file that is written so far on the disk."""
        _syncfs(self._device)

    def name(self, partial: str, final: str) -> None:
        """As `deidgate.files.atomic.name`, making the folder of `final` if need be."""
        folder = os.path.dirname(final)  # noqa: PTH120 - hot path
        if folder not in self._made:
            os.makedirs(folder, exist_ok=True)  # noqa: PTH103 - hot path
            if len(self._made) > 10_000:
                self._made.clear()
            self._made.add(folder)
        name(partial, final)

    def close(self) -> None:
        """Throw away what was not named."""
        self._behind.close()
        os.close(self._device)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _new_path(self) -> str:
        self._count += 1
        return f"{self._prefix}{self._count}"


def remove_leftovers(output: Path) -> None:
    """Throw away what earlier runs that were killed left unfinished below `output`."""
    shutil.rmtree(output / PARTIAL, ignore_errors=True)


def _syncfs(descriptor: int) -> None:
    call = getattr(_library(), "syncfs", None)
    if call is None:
        os.sync()
        return
    if call(descriptor) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


@cache
def _library() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
