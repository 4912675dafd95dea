# SPDX-License-Identifier: Apache-2.0
"""From what ingest has stored to rows of the ledger: exactly one for each reception.

The change log of Orthanc is written in the transaction that stores the instance: it is the truth. The callback
`OnStoredInstance` only wakes the feeder, so a lost call costs latency and no data. The number up to which the log was
read is kept in the ledger, in the transaction that writes the rows.

A full listing is compared at start and now and then. It is made *before* the change log is read to its end: whatever
the listing has and the ledger then lacks is missing from the log as well, and not merely on its way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import takewhile
from typing import Protocol

from deidgate.orthanc_io.ingest.stored import IngestIndex, Stored

_BATCH = 100


class Rows(Protocol):
    """The feeder's side of the ledger; the adapter adds source and site."""

    def record(self, rows: Sequence[tuple[Stored, int]], cursor: int | None) -> None:
        """Write instances with their generation, and the cursor if one is given, in one transaction."""
        ...

    def cursor(self) -> int:
        """Where to go on in the change log."""
        ...

    def missing(self, orthanc_ids: Iterable[str]) -> list[str]:
        """Those that the ledger does not have."""
        ...


class Feeder:
    """Reads on where it stopped."""

    def __init__(self, index: IngestIndex, rows: Rows) -> None:
        self._index = index
        self._rows = rows
        self.lag = 0
        """Changes that were not read yet when last looked."""

    def drain(self, go_on: Callable[[], bool] = lambda: True) -> None:
        """Write everything that the change log has and the ledger has not, while `go_on` says so."""
        cursor = self._rows.cursor()
        last = self._index.last_change()
        if last < cursor:
            # Another index than the one the cursor was made for: read it from its beginning.
            cursor = 0
        while go_on():
            self.lag = max(0, last - cursor)
            page = self._index.changes(cursor)
            for batch, seq in _batches(page.new, page.last):
                self._rows.record([(stored, number) for stored, number in self._described(batch)], seq)
            cursor = page.last
            if page.done:
                self.lag = 0
                return

    def reconcile(self, go_on: Callable[[], bool] = lambda: True) -> int:
        """Compare all that ingest stores with the ledger; the number of instances that had been missing.

        `go_on` is asked for each page of the listing, of the change log and of the comparison.
        """
        pages = list(takewhile(lambda _: go_on(), self._index.listing()))
        self.drain(go_on)
        found = 0
        for listed in pages:
            if not go_on():
                break
            missing = [(orthanc_id, 0) for orthanc_id in self._rows.missing(listed)]
            for batch, _ in _batches(missing, 0):
                rows = list(self._described(batch))
                self._rows.record(rows, None)
                found += len(rows)
        return found

    def _described(self, batch: Sequence[tuple[str, int]]) -> Iterator[tuple[Stored, int]]:
        for orthanc_id, number in batch:
            stored = self._index.describe(orthanc_id)
            if stored is not None:
                yield stored, number


def _batches(new: Sequence[tuple[str, int]], last: int) -> Iterator[tuple[Sequence[tuple[str, int]], int]]:
    """Parts of `new`, each with the number up to which the change log is read once the part is written."""
    for start in range(0, max(len(new), 1), _BATCH):
        batch = new[start : start + _BATCH]
        is_last = start + _BATCH >= len(new)
        yield batch, last if is_last else batch[-1][1]
