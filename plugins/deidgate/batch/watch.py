# SPDX-License-Identifier: Apache-2.0
"""A folder in which files appear: what has settled is de-identified, once."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from deidgate.batch.deidentifier import Deidentifier
from deidgate.batch.run import Summary
from deidgate.errors import ConfigurationError
from deidgate.files.walk import Found, has_settled, walk

_MOST_WAITS = 32
"""Looks that are left out at most before what failed is tried again: some minutes, as `deidgate serve` looks."""


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
        self._failures = 0
        self._waits = 0

    def look(self) -> Summary | None:
        """De-identify what is new and settled; None if there is none. What is still being written waits.

        Files that come without a pause keep nobody waiting but themselves. What stopped or failed is tried again after
        a number of looks that doubles each time, or as soon as something else has come.
        """
        settled = self._clock() - self._settle_s
        files, newest, size = 0, 0, 0
        for found in walk([self._incoming]):
            if isinstance(found, Found) and has_settled(found, settled):
                files += 1
                size += found.size
                newest = max(newest, found.changed_ns)
        state = (files, newest, size)
        if not files or (state == self._seen and not self._is_due()):
            return None
        if state != self._seen:
            self._failures = 0
        self._seen = state
        summary = self._run(settled)
        failed = bool(summary.stopped or summary.counts.get("failed"))
        self._failures = self._failures + 1 if failed else 0
        self._waits = min(2 ** (self._failures - 1), _MOST_WAITS) if failed else 0
        self._tell(summary)
        return summary

    def _is_due(self) -> bool:
        """True if what failed is to be tried again now; each question counts as a look."""
        if not self._failures:
            return False
        self._waits -= 1
        return self._waits < 0

    def _run(self, settled: float) -> Summary:
        try:
            return self._deidentifier.run(
                [self._incoming], self._output, layout=self._layout, jobs=self._jobs, settled=settled
            )
        except ConfigurationError as error:
            # Said before the first file where too little space is left: it may be freed, and this waits for that.
            if error.code != "disk-full":
                raise
            return Summary({}, {}, stopped=error.code)
