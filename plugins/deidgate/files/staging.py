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
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from pathlib import Path
from queue import SimpleQueue

from deidgate.files.atomic import PARTIAL, copy_bytes, name, write_bytes
from deidgate.files.direct import DirectWriter

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
        self._threads = ThreadPoolExecutor(_WRITERS)
        self._idle: SimpleQueue[DirectWriter] = SimpleQueue()
        for _ in range(_WRITERS):
            self._idle.put(DirectWriter())
        self._under: dict[str, Future[None]] = {}

    def create(self) -> tuple[str, int]:
        """Path and descriptor of a new, empty file; the caller closes it."""
        path = self._new_path()
        return path, _opened(path)

    def write(self, head: bytes, source: int = -1, start: int = 0, count: int = 0) -> str:
        """Path of a new file of `head` and of `count` bytes of the file `source` from `start`.

        Raises
        ------
        OSError
            The disk is full, or `source` is shorter than promised (EIO).
        """
        path = self._new_path()
        if len(head) + count < LARGE:
            _write_cached(path, head, source, start, count)
        else:
            self._write_large(self._idle.get(), path, head, source, start, count)
        return path

    def write_soon(self, head: bytes, source: int, start: int, count: int) -> str:
        """As `write`, for the caller's next steps: `settle` tells when it is written, and what went wrong.

        `source` may be closed at once.
        """
        if len(head) + count < LARGE:
            return self.write(head, source, start, count)
        path = self._new_path()
        # Whoever is faster than the disk waits here.
        writer = self._idle.get()
        own = os.dup(source)
        self._under[path] = self._threads.submit(self._write_behind, writer, path, head, own, start, count)
        return path

    def settle(self, partial: str) -> None:
        """Return when the file `partial` is written.

        Raises
        ------
        OSError
            As `write`.
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
        self._threads.shutdown()
        os.close(self._device)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _new_path(self) -> str:
        self._count += 1
        return f"{self._prefix}{self._count}"

    def _write_behind(self, writer: DirectWriter, path: str, head: bytes, source: int, start: int, count: int) -> None:
        try:
            self._write_large(writer, path, head, source, start, count)
        finally:
            os.close(source)

    def _write_large(self, writer: DirectWriter, path: str, head: bytes, source: int, start: int, count: int) -> None:
        """Write with `writer`, which is free again afterwards."""
        try:
            if not writer.write(path, head, source, start, count):
                _write_cached(path, head, source, start, count)
        finally:
            self._idle.put(writer)


def remove_leftovers(output: Path) -> None:
    """Throw away what earlier runs that were killed left unfinished below `output`."""
    shutil.rmtree(output / PARTIAL, ignore_errors=True)


def _opened(path: str) -> int:
    return os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666)


def _write_cached(path: str, head: bytes, source: int, start: int, count: int) -> None:
    target = _opened(path)
    try:
        write_bytes(target, head)
        copy_bytes(source, target, start, count)
    finally:
        os.close(target)


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
