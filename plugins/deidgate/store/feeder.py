# SPDX-License-Identifier: Apache-2.0
"""What an ingest server has stored: written once, however often it is told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from deidgate.store.model import Received


class Feeder:
    """The feeder's side of the ledger."""

    def record_received(self, rows: Sequence[Received], *, cursor: tuple[str, int] | None = None) -> int:
        """How many of `rows` were new to the ledger; the others are ignored.

        `cursor` is (source, sequence number) to be set in the same transaction. A row is
        known if its (source, orthanc_id, generation) is; with generation 0 also if any
        generation of it is known whose original is still at ingest.
        """
        raise NotImplementedError

    def cursor(self, source: str) -> int:
        """The sequence number up to which the changes of `source` are in the ledger; 0 at first."""
        raise NotImplementedError

    def set_cursor(self, source: str, seq: int) -> None:
        """Set the cursor alone, where a batch of changes held no new instance."""
        raise NotImplementedError

    def known(self, source: str, orthanc_ids: Iterable[str]) -> set[str]:
        """Those of `orthanc_ids` that the ledger has with their original still at ingest."""
        raise NotImplementedError
