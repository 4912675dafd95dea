# SPDX-License-Identifier: Apache-2.0
"""Files of one folder sorted into folders by the part of their name before a delimiter.

``P001_left.png`` and ``P001_right.png`` go to ``P001/``. What would happen is planned first and is a value; nothing
is moved before every collision is known, and nothing is ever overwritten.
"""

from __future__ import annotations

import fnmatch
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from deidgate.files.atomic import AlreadyThereError, whole_file


@dataclass(frozen=True, slots=True)
class Move:
    """One file and where it goes; `target` is None when it stays, for the reason in `code`."""

    source: Path
    target: Path | None
    code: str = ""


def plan_split(source: Path, output: Path, mask: str, delimiter: str, *, copy: bool = False) -> list[Move]:
    """What `carry_out` would do with the files of the folder `source`, in the order of their names.

    Parameters
    ----------
    source : Path
        A folder; folders in it are not entered.
    output : Path
        Where the folders are made; may be `source` itself.
    mask : str
        A suffix such as ``.png`` or a pattern such as ``*_mask.png``; compared without case.
    delimiter : str
        Not empty. The name before its first occurrence is the folder's name.
    copy : bool
        Plan to copy, not to move.

    Notes
    -----
    A name without the delimiter, or with nothing before it, stays (``no-delimiter``). A target that exists, or that
    two sources share on a file system that ignores case, stays (``collision``). A link is not moved (``link``): from
    another folder it may lead nowhere. Copied is what it leads to; if that is nothing, it stays (``dangling-link``).
    """
    pattern = mask.lower() if any(sign in mask for sign in "*?[") else "*" + mask.lower()
    entries = [entry for entry in os.scandir(source) if entry.is_file() or (entry.is_symlink() and not entry.is_dir())]
    links = {entry.name: entry.is_file() for entry in entries if entry.is_symlink()}
    taken: set[str] = set()
    moves = []
    for name in sorted(entry.name for entry in entries):
        if not fnmatch.fnmatchcase(name.lower(), pattern):
            continue
        stem, found, _ = name.partition(delimiter)
        folder = stem.strip()
        if not found or not folder or folder in (".", ".."):
            moves.append(Move(source / name, None, "no-delimiter"))
            continue
        if name in links and not (copy and links[name]):
            moves.append(Move(source / name, None, "dangling-link" if copy else "link"))
            continue
        target = output / folder / name
        in_the_way = (output / folder).exists() and not (output / folder).is_dir()
        if os.path.lexists(target) or in_the_way or str(target).casefold() in taken:
            moves.append(Move(source / name, None, "collision"))
            continue
        taken.add(str(target).casefold())
        moves.append(Move(source / name, target))
    return moves


def carry_out(move: Move, *, copy: bool) -> Move:
    """Move or copy one file and say what became of it; a planned stay is a stay.

    Raises
    ------
    OSError
        The disk is full, the output cannot be written.
    """
    if move.target is None:
        return move
    move.target.parent.mkdir(parents=True, exist_ok=True)
    try:
        if copy:
            _copy(move.source, move.target)
        else:
            _rename(move.source, move.target)
    except AlreadyThereError:
        return Move(move.source, None, "collision")
    return move


def _rename(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except FileExistsError:
        raise AlreadyThereError(target.name) from None
    except OSError:
        # Another file system, or one without links: the copy is on the disk before the original goes.
        _copy(source, target)
    source.unlink()


def _copy(source: Path, target: Path) -> None:
    with source.open("rb") as reader, whole_file(target) as sink:
        shutil.copyfileobj(reader, sink)
    shutil.copystat(source, target)
