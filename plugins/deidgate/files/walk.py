# SPDX-License-Identifier: Apache-2.0
"""Every file below the given inputs, once, in constant memory.

Rules
-----
* A folder is read in blocks, each sorted by name: a series stays together, and a folder of a million files
  needs no list of a million names.
* Links to files are followed. A link to a folder is followed when it leads outside all inputs; one that leads
  inside would visit files twice or for ever, and is reported instead.
* Only regular files are opened: a pipe would block, a device never ends.
* What cannot be read is reported and does not stop the walk.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

BLOCK = 20_000
"""Names that are sorted at a time."""


@dataclass(frozen=True, slots=True)
class Found:
    """A regular file.

    Attributes
    ----------
    path : Path
        Where it can be opened.
    relative : tuple of str
        Its place below the input that led to it; the file's own name alone if it was itself an input.
    root : int
        Index of that input.
    size : int
        Bytes.
    changed_ns : int
        Time of its last change, with the size a cheap sign that it is still the same file.
    alone : bool
        True when the file itself was an input.
    medium : int
        How many leading folders of `relative` lead to the DICOMDIR that it belongs to; -1 if to none.
    """

    path: Path
    relative: tuple[str, ...]
    root: int
    size: int
    changed_ns: int
    alone: bool = False
    medium: int = -1


@dataclass(frozen=True, slots=True)
class Passed:
    """Something that was not read, and why.

    Attributes
    ----------
    path : Path
    root : int
    code : str
        A key of `deidgate.words`.
    """

    path: Path
    root: int
    code: str


def has_settled(found: Found, since: float) -> bool:
    """True if nobody has written to the file since that moment (seconds since the epoch).

    A copy can keep an old time of change: the time of the i-node tells when it arrived here.
    """
    try:
        arrived_ns = os.stat(found.path).st_ctime_ns  # noqa: PTH116 - hot path
    except OSError:
        # It went away: the next look will see.
        return False
    return max(found.changed_ns, arrived_ns) <= since * 1e9


def walk(inputs: Iterable[Path], skip: Iterable[Path] = ()) -> Iterator[Found | Passed]:
    """Files below `inputs`, in the order of the inputs.

    Parameters
    ----------
    inputs : iterable of Path
        Files and folders.
    skip : iterable of Path
        Folders that are not entered (our own state beside an input).
    """
    roots = list(inputs)
    real_roots = [Path(os.path.realpath(root)) for root in roots]
    avoided = {os.path.realpath(path) for path in skip}
    linked: set[str] = set()
    for index, root in enumerate(roots):
        try:
            status = root.stat()
        except FileNotFoundError:
            yield Passed(root, index, "input-missing")
        except OSError:
            yield Passed(root, index, "unreadable-file")
        else:
            if stat.S_ISDIR(status.st_mode):
                yield from _walk_folder(root, (), index, real_roots, avoided, linked)
            elif stat.S_ISREG(status.st_mode):
                yield Found(root, (root.name,), index, status.st_size, status.st_mtime_ns, alone=True)
            else:
                yield Passed(root, index, "not-a-regular-file")


def _walk_folder(
    top: Path, prefix: tuple[str, ...], index: int, roots: list[Path], avoided: set[str], linked: set[str]
) -> Iterator[Found | Passed]:
    pending: list[tuple[Path, tuple[str, ...], int]] = [(top, prefix, -1)]
    while pending:
        folder, relative, medium = pending.pop()
        if medium < 0 and any(os.path.isfile(folder / name) for name in ("DICOMDIR", "dicomdir")):  # noqa: PTH113 - never raises
            medium = len(relative)
        below: list[str] = []
        try:
            with os.scandir(folder) as entries:
                while block := sorted(islice(entries, BLOCK), key=lambda entry: entry.name):
                    for entry in block:
                        if entry.is_dir(follow_symlinks=False):
                            below.append(entry.name)
                            continue
                        seen = _look(entry, relative, index, roots, linked, medium)
                        if seen == "folder":
                            below.append(entry.name)
                        elif not isinstance(seen, str):
                            yield seen
        except OSError as error:
            code = "symlink-loop" if error.errno == errno.ELOOP else "unreadable-folder"
            yield Passed(folder, index, code)
        for name in sorted(below, reverse=True):
            path = folder / name
            if not avoided or os.path.realpath(path) not in avoided:
                pending.append((path, (*relative, name), medium))


def _look(
    entry: os.DirEntry[str], relative: tuple[str, ...], index: int, roots: list[Path], linked: set[str], medium: int
) -> Found | Passed | str:
    """What one entry that is no plain folder is; ``"folder"`` for a link to a folder that is to be entered."""
    path = Path(entry.path)
    try:
        if entry.is_symlink() and entry.is_dir():
            target = Path(os.path.realpath(path))
            if str(target) in linked or any(_holds(root, target) or _holds(target, root) for root in roots):
                return Passed(path, index, "symlink-loop")
            linked.add(str(target))
            return "folder"
        status = entry.stat()
    except FileNotFoundError:
        return Passed(path, index, "dangling-link" if entry.is_symlink() else "vanished")
    except OSError as error:
        return Passed(path, index, "symlink-loop" if error.errno == errno.ELOOP else "unreadable-file")
    if not stat.S_ISREG(status.st_mode):
        return Passed(path, index, "not-a-regular-file")
    return Found(path, (*relative, entry.name), index, status.st_size, status.st_mtime_ns, medium=medium)


def _holds(folder: Path, path: Path) -> bool:
    return path == folder or folder in path.parents
