# SPDX-License-Identifier: Apache-2.0
"""Each file once, also where inputs overlap: a folder and a file of it, a folder and one below it, one given twice."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path


class Once:
    """Knows what was met before, in as little memory as the inputs allow: none where they do not overlap.

    Parameters
    ----------
    inputs : sequence of Path
        Files and folders. Paths count, as in the journal's keys: what a link leads to is another file.
    """

    def __init__(self, inputs: Sequence[Path]) -> None:
        paths = [_spelled(path) for path in inputs]
        self._shared = tuple(
            {
                path
                for number, path in enumerate(paths)
                if any(_holds(other, path) for index, other in enumerate(paths) if index != number)
            }
        )
        self._met: set[bytes] = set()

    def is_new(self, path: Path, key: bytes) -> bool:
        """True the first time that this is asked about a file."""
        if not self._shared:
            return True
        spelled = _spelled(path)
        if not any(_holds(shared, spelled) for shared in self._shared):
            return True
        new = key not in self._met
        self._met.add(key)
        return new


def _spelled(path: Path) -> str:
    return os.path.abspath(path)  # noqa: PTH100 - links count


def _holds(folder: str, path: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)
