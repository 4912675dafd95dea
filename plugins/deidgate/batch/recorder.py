# SPDX-License-Identifier: Apache-2.0
"""Writing the journal behind a run's back: giving out work does not wait for the disk."""

from __future__ import annotations

from collections.abc import Iterable

from deidgate.batch.gather import Gather
from deidgate.files.journal import Journal, Line

_MOST_WAITING = 20_000
"""Files; above it the run waits, so that its memory does not grow with a disk that is too slow."""

Recorded = tuple[bytes, list[Line]]


class Recorder:
    """Hands what became of files to a journal; all that came while the disk was at work goes in one transaction.

    What is not written down when the process is killed is done again by the next run, and found equal.

    Parameters
    ----------
    journal : Journal
    """

    def __init__(self, journal: Journal) -> None:
        self._gather = Gather(journal.record, _MOST_WAITING)

    def record(self, results: Iterable[Recorded]) -> None:
        """Write down what became of files, soon.

        Raises
        ------
        OSError
            Of what was given before: see `deidgate.files.journal.Journal.record`.
        """
        self._gather.give(results)

    def close(self) -> None:
        """Return when everything is written down.

        Raises
        ------
        OSError
            As `record`.
        """
        try:
            for _ in self._gather.rest():
                pass
        finally:
            self._gather.close()
