# SPDX-License-Identifier: Apache-2.0
"""A folder in which files appear: what has settled is de-identified, once."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from deidgate.batch.deidentifier import Deidentifier
from deidgate.batch.run import Summary
from deidgate.files.walk import Found, walk


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
        """De-identify what is new and settled; None if there is nothing new, or something is still being written."""
        now = self._clock()
        files, newest, size = 0, 0, 0
        for found in walk([self._incoming]):
            if isinstance(found, Found):
                files += 1
                size += found.size
                newest = max(newest, found.changed_ns)
        state = (files, newest, size)
        if state == self._seen or not files:
            return None
        # A copy can keep an old time of change: the time of the i-node tells when it arrived here.
        if now - max(newest / 1e9, self._arrived()) < self._settle_s:
            return None
        summary = self._deidentifier.run([self._incoming], self._output, layout=self._layout, jobs=self._jobs)
        self._seen = state
        self._tell(summary)
        return summary

    def _arrived(self) -> float:
        latest = 0.0
        for folder, _, names in os.walk(self._incoming):
            for name in names:
                try:
                    latest = max(latest, os.stat(os.path.join(folder, name)).st_ctime)  # noqa: PTH116, PTH118
                except OSError:
                    # It went away: the next look will see.
                    continue
        return latest
