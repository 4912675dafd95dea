# SPDX-License-Identifier: Apache-2.0
"""An open file of the input, and whether it is still the one that was opened."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from typing import Self


class SourceChangedError(OSError):
    """Somebody wrote to the file while it was read: its first bytes may be of one image, and the rest of another."""

    def __init__(self) -> None:
        super().__init__(errno.ESTALE, "written to while it was read")


@dataclass(frozen=True, slots=True)
class Source:
    """An open file, and its state before anything of it was read.

    Attributes
    ----------
    descriptor : int
    size : int
        Bytes.
    """

    descriptor: int
    size: int
    state: tuple[int, int, int]

    @classmethod
    def of(cls, descriptor: int) -> Self:
        """The open file `descriptor` as it is now; whoever opened it closes it."""
        state = _state(descriptor)
        return cls(descriptor, state[0], state)

    def own(self) -> Source:
        """The same with a descriptor of its own, for whoever outlives the first; to be closed."""
        return Source(os.dup(self.descriptor), self.size, self.state)

    def close(self) -> None:
        """Close the descriptor."""
        os.close(self.descriptor)

    def read(self) -> bytes:
        """All of its bytes.

        Raises
        ------
        SourceChangedError
            See `check`.
        """
        pieces = []
        position = 0
        while position < self.size:
            piece = os.pread(self.descriptor, min(self.size - position, 1 << 26), position)
            if not piece:
                break
            pieces.append(piece)
            position += len(piece)
        self.check()
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def check(self) -> None:
        """Make sure that what was read is of one file.

        Raises
        ------
        SourceChangedError
            It was written to since it was opened.
        """
        if _state(self.descriptor) != self.state:
            raise SourceChangedError


def _state(descriptor: int) -> tuple[int, int, int]:
    # Who sets back the time of change, as copying tools do, does not set back the time of the i-node.
    found = os.fstat(descriptor)
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns
