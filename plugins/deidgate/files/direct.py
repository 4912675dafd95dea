# SPDX-License-Identifier: Apache-2.0
"""Writing large results past the kernel's cache of files.

A result is written once and not read again by the run. Through the cache its bytes are copied into new pages first,
which costs more than all else that is done for an image with native pixels, and whoever flushes waits for all of them.
"""

from __future__ import annotations

import errno
import fcntl
import mmap
import os

from deidgate.files.atomic import copy_bytes, write_bytes
from deidgate.files.source import Source

BLOCK = 4096
"""Bytes; what is written past the cache begins and ends at multiples of it, in memory and in the file."""

_AT_ONCE = 4 << 20
_REFUSED = (errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP)


def write_anyhow(writer: DirectWriter, path: str, head: bytes, source: Source, start: int, count: int) -> None:
    """Make the new file `path` of `head` and of `count` bytes of `source` from `start`, past the cache if possible.

    Raises
    ------
    OSError
        The disk is full, or `source` is shorter than promised (EIO); what is there is not finished.
    SourceChangedError
        Somebody wrote to `source` since it was opened.
    """
    if not writer.write(path, head, source.descriptor, start, count):
        write_cached(path, head, source.descriptor, start, count)
    source.check()


def write_cached(path: str, head: bytes, source: int, start: int, count: int) -> None:
    """As `write_anyhow` without the check, through the cache."""
    target = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666)
    try:
        write_bytes(target, head)
        copy_bytes(source, target, start, count)
    finally:
        os.close(target)


class DirectWriter:
    """Writes files past the cache where the file system has a way; for one thread."""

    def __init__(self) -> None:
        self._can = hasattr(os, "O_DIRECT")
        self._pieces: memoryview | None = None

    def write(self, path: str, head: bytes, source: int, start: int, count: int) -> bool:
        """Make the file `path` of `head` and of `count` bytes of the file `source` from `start`.

        Returns
        -------
        bool
            False if the file system has no way; then nothing is there.

        Raises
        ------
        OSError
            The disk is full, or `source` is shorter than promised (EIO); what is there is not finished.
        """
        if not self._can:
            return False
        try:
            target = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_DIRECT, 0o666)
            try:
                self._fill(target, head, source, start, len(head) + count)
            finally:
                os.close(target)
        except OSError as error:
            if error.errno not in _REFUSED:
                raise
            # Some file systems make the name before they refuse.
            self._can = False
            if os.path.lexists(path):
                os.unlink(path)  # noqa: PTH108 - hot path
            return False
        return True

    def _fill(self, target: int, head: bytes, source: int, start: int, total: int) -> None:
        if self._pieces is None:
            # Memory of its own begins at a page.
            self._pieces = memoryview(mmap.mmap(-1, _AT_ONCE))
        position = 0
        while position < total:
            piece = self._pieces[: min(total - position, _AT_ONCE)]
            own = len(head) - position
            if own > 0:
                piece[:own] = head[position : position + len(piece)]
            _read(source, piece[max(own, 0) :], start + max(-own, 0))
            whole = len(piece) // BLOCK * BLOCK
            _write(target, piece[:whole])
            if whole < len(piece):
                # The end of a file is no whole block: as everybody writes it.
                fcntl.fcntl(target, fcntl.F_SETFL, 0)
                _write(target, piece[whole:])
            position += len(piece)


def _read(source: int, into: memoryview, start: int) -> None:
    while into:
        done = os.preadv(source, [into], start)
        if not done:
            raise OSError(errno.EIO, "source ends early")
        start += done
        into = into[done:]


def _write(target: int, content: memoryview) -> None:
    while content:
        content = content[os.write(target, content) :]
