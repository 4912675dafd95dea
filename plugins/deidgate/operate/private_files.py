# SPDX-License-Identifier: Apache-2.0
"""Files that only their owner can read: a place for them is made before anything is done whose result they hold."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deidgate.operate.problem import Exit, Problem


@contextmanager
def drafts(*targets: Path, new: bool = False) -> Iterator[list[Path]]:
    """Empty files beside `targets`, to be filled; at the end they take their places, each whole.

    Parameters
    ----------
    new : bool
        A target must not be there.

    Raises
    ------
    Problem
        A folder is not there or cannot be written to, or a target is there: before anything was done.
    """
    made: list[Path] = []
    try:
        for target in targets:
            made.append(_draft(target, new))
        yield made
        for draft, target in zip(made, targets, strict=True):
            if new:
                _link(draft, target)
            else:
                draft.replace(target)
    finally:
        for draft in made:
            draft.unlink(missing_ok=True)


def _draft(target: Path, new: bool) -> Path:
    if not target.parent.is_dir():
        raise Problem(f"there is no folder {target.parent}", "make it first", Exit.USAGE)
    if new and target.exists():
        raise _there(target)
    try:
        handle, draft = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    except OSError as error:
        what = f"nothing can be written to {target.parent}: {error.strerror}"
        raise Problem(what, "name a place that is yours", Exit.USAGE) from None
    os.close(handle)
    return Path(draft)


def _link(draft: Path, target: Path) -> None:
    # Unlike a rename, it takes nobody's place.
    try:
        os.link(draft, target)
    except FileExistsError:
        raise _there(target) from None


def _there(target: Path) -> Problem:
    return Problem(f"{target} is there already", "name a new file", Exit.USAGE)
