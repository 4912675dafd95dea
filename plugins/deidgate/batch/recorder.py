# SPDX-License-Identifier: Apache-2.0
"""Writing the journal behind a run's back: giving out work does not wait for the disk."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor

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
        self._journal = journal
        self._thread = ThreadPoolExecutor(1)
        self._under: Future[None] | None = None
        self._waiting: list[Recorded] = []

    def record(self, results: Iterable[Recorded]) -> None:
        """Write down what became of files, soon.

        Raises
        ------
        OSError
            Of what was given before: see `deidgate.files.journal.Journal.record`.
        """
        self._waiting.extend(results)
        if self._waiting and (self._under is None or self._under.done() or len(self._waiting) > _MOST_WAITING):
            self._begin()

    def close(self) -> None:
        """Return when everything is written down.

        Raises
        ------
        OSError
            As `record`.
        """
        try:
            while self._waiting or self._under is not None:
                self._begin()
        finally:
            self._thread.shutdown()

    def _begin(self) -> None:
        under, self._under = self._under, None
        if under is not None:
            under.result()
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            self._under = self._thread.submit(self._journal.record, waiting)
