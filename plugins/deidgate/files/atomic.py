# SPDX-License-Identifier: Apache-2.0
"""Files that appear whole under their final name, or not at all, and replace nothing.

A result is written under a temporary name on the same file system, flushed to the disk, and only then named.
Many small results share one flush: see `Staging`.
"""

from __future__ import annotations

import ctypes
import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import BinaryIO

PARTIAL = ".deidgate-partial"
"""Name of the folder, or end of the name of the file, that holds what is not finished."""

_COPY_AT_ONCE = 64 << 20
_SYNC_FILE_RANGE_WRITE = 2


class AlreadyThereError(Exception):
    """The final name is taken; nothing was written over it."""


@contextmanager
def whole_file(final: Path, *, mode: int = 0o666, replace: bool = False) -> Iterator[BinaryIO]:
    """A stream whose content becomes `final` when the block ends without an error.

    Parameters
    ----------
    final : Path
    mode : int
        Permissions, less the process's umask.
    replace : bool
        Take the place of a file of that name: for our own reports, never for results.

    Raises
    ------
    AlreadyThereError
        `final` exists and `replace` is false.
    """
    final.parent.mkdir(parents=True, exist_ok=True)
    if not replace and os.path.lexists(final):
        raise AlreadyThereError(final.name)
    partial = final.parent / f".{secrets.token_hex(6)}{PARTIAL}"
    descriptor = os.open(partial, os.O_CREAT | os.O_EXCL | os.O_RDWR, mode)
    try:
        with os.fdopen(descriptor, "w+b") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        if replace:
            partial.replace(final)
        else:
            name(partial, final)
        flush_folder(final.parent)
    finally:
        partial.unlink(missing_ok=True)


def name(partial: Path | str, final: Path | str) -> None:
    """Give the finished file `partial` its final name.

    Raises
    ------
    AlreadyThereError
        The name is taken.
    """
    try:
        # link() fails if the name is taken, in one step; rename() would replace without a word.
        os.link(partial, final)
    except FileExistsError:
        raise AlreadyThereError(Path(final).name) from None
    except OSError as error:
        # FAT and some network file systems have no links.
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EACCES):
            raise
        if os.path.lexists(final):
            raise AlreadyThereError(Path(final).name) from None
        os.rename(partial, final)  # noqa: PTH104 - hot path
        return
    os.unlink(partial)  # noqa: PTH108 - hot path


def flush_folder(folder: Path) -> None:
    """Make the names in `folder` durable, where the file system has a way."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
    except OSError:
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EBADF, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def copy_bytes(source: int, target: int, start: int, count: int) -> None:
    """Append `count` bytes of the file `source` from `start` to the file `target`, inside the kernel where it can.

    Raises
    ------
    OSError
        The disk is full, or `source` is shorter than promised (EIO).
    """
    left = count
    while left > 0:
        try:
            done = os.copy_file_range(source, target, min(left, _COPY_AT_ONCE), offset_src=start)
        except (OSError, AttributeError) as error:
            if isinstance(error, OSError) and error.errno not in (
                errno.EXDEV,
                errno.EINVAL,
                errno.ENOSYS,
                errno.EOPNOTSUPP,
                errno.EPERM,
            ):
                raise
            _copy_by_hand(source, target, start, left)
            return
        if done == 0:
            # Some file systems answer 0 where they should refuse.
            _copy_by_hand(source, target, start, left)
            return
        start += done
        left -= done


def _copy_by_hand(source: int, target: int, start: int, count: int) -> None:
    while count > 0:
        piece = os.pread(source, min(count, 1 << 20), start)
        if not piece:
            raise OSError(errno.EIO, "source ends early")
        write_bytes(target, piece)
        start += len(piece)
        count -= len(piece)


def write_bytes(target: int, content: bytes) -> None:
    """Append all of `content` to the file `target`: one write may take less than it is given."""
    view = memoryview(content)
    while view:
        view = view[os.write(target, view) :]


class Staging:
    """Files under way on the output's own file system.

    Files are opened with `open`, and `commit` flushes all of them with one call before any is named: the flush
    costs a disk's round trip, and a small result should not pay a whole one.

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

    def create(self) -> tuple[str, int]:
        """Path and descriptor of a new, empty file; the caller closes it."""
        self._count += 1
        path = f"{self._prefix}{self._count}"
        return path, os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666)

    def begin_flush(self, descriptor: int) -> None:
        """Let the disk begin with a file that is written: `flush` has less to wait for then."""
        _begin_writing(descriptor)

    def flush(self) -> None:
        """Put every file created so far on the disk."""
        _syncfs(self._device)

    def name(self, partial: str, final: str) -> None:
        """As `name`, making the folder of `final` if need be."""
        folder = os.path.dirname(final)  # noqa: PTH120 - hot path
        if folder not in self._made:
            os.makedirs(folder, exist_ok=True)  # noqa: PTH103 - hot path
            if len(self._made) > 10_000:
                self._made.clear()
            self._made.add(folder)
        name(partial, final)

    def close(self) -> None:
        """Throw away what was not named."""
        os.close(self._device)
        shutil.rmtree(self._folder, ignore_errors=True)


def remove_leftovers(output: Path) -> None:
    """Throw away what earlier runs that were killed left unfinished below `output`."""
    shutil.rmtree(output / PARTIAL, ignore_errors=True)


def _begin_writing(descriptor: int) -> None:
    """Start to write the file's pages out, where the kernel has a call for it; promises nothing."""
    call = getattr(_library(), "sync_file_range", None)
    if call is not None:
        call(descriptor, ctypes.c_int64(0), ctypes.c_int64(0), _SYNC_FILE_RANGE_WRITE)


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
