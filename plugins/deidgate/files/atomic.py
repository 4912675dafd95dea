# SPDX-License-Identifier: Apache-2.0
"""Files that appear whole under their final name, or not at all, and replace nothing.

A result is written under a temporary name on the same file system, flushed to the disk, and only then named.
Many results share one flush: see `deidgate.files.staging`.
"""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

PARTIAL = ".deidgate-partial"
"""Name of the folder, or end of the name of the file, that holds what is not finished."""

_COPY_AT_ONCE = 64 << 20


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
