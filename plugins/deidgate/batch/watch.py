# SPDX-License-Identifier: Apache-2.0
"""A folder in which files appear: what has settled is de-identified, once."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from deidgate.batch.deidentifier import Deidentifier
from deidgate.batch.run import Summary
from deidgate.files.walk import Found, has_settled, walk


class Watch:
    """Looks into a folder.

    Parameters
    ----------
    deidentifier : Deidentifier
    incoming, output : Path
    layout : str
    jobs : int
    settle_s : float
        A file is taken when its size and its time of change have been the same for so long.
    tell : callable
        Hears how each look ended that found something.
    clock : callable
        Seconds since the epoch, as in the files' times.
    """

    def __init__(
        self,
        deidentifier: Deidentifier,
        incoming: Path,
        output: Path,
        *,
        layout: str = "mirror",
        jobs: int = 1,
        settle_s: float = 5.0,
        tell: Callable[[Summary], None] = lambda _: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._deidentifier = deidentifier
        self._incoming = incoming
        self._output = output
        self._layout = layout
        self._jobs = jobs
        self._settle_s = settle_s
        self._tell = tell
        self._clock = clock
        self._seen: tuple[int, int, int] | None = None

    def look(self) -> Summary | None:
        """De-identify what is new and settled; None if there is none. What is still being written waits.

        Files that come without a pause keep nobody waiting but themselves.
        """
        settled = self._clock() - self._settle_s
        files, newest, size = 0, 0, 0
        for found in walk([self._incoming]):
            if isinstance(found, Found) and has_settled(found, settled):
                files += 1
                size += found.size
                newest = max(newest, found.changed_ns)
        state = (files, newest, size)
        if state == self._seen or not files:
            return None
        summary = self._deidentifier.run(
            [self._incoming], self._output, layout=self._layout, jobs=self._jobs, settled=settled
        )
        self._seen = state
        self._tell(summary)
        return summary
