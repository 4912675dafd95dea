# SPDX-License-Identifier: Apache-2.0
"""One database, its parts by concern.

========== ===================================================== =======================
part       for                                                   who
========== ===================================================== =======================
feeder     what ingest has stored                                ingest plugin
queue      claim and settle                                      worker
mapping    pseudonyms, study binding, known content, numbers     worker, toolbox
custody    look-up, import, export, purge, key rotation          honest broker
review     release, reject, recall, process again                honest broker, operator
retention  purge of originals                                    worker
reports    counts, holds, reconciliation, history                everybody
audit      the trail and its check                               everybody
========== ===================================================== =======================
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from types import TracebackType
from typing import Self

from deidgate.store.audit import Audit
from deidgate.store.custody import Custody
from deidgate.store.feeder import Feeder
from deidgate.store.keys import Keys
from deidgate.store.mapping import Mapping
from deidgate.store.queue import Queue
from deidgate.store.reports import Reports
from deidgate.store.retention import Retention
from deidgate.store.review import Review


class Store:
    """An open ledger and mapping table. Open it once per process, after forking."""

    feeder: Feeder
    queue: Queue
    mapping: Mapping
    custody: Custody
    review: Review
    retention: Retention
    reports: Reports
    audit: Audit

    @classmethod
    def open(
        cls, url: str, keys: Keys, *, clock: Callable[[], datetime] | None = None, busy_timeout_s: float = 15
    ) -> Self:
        """The store at `url`, created or upgraded if need be, under a lock.

        Parameters
        ----------
        url : str
            ``sqlite:////absolute/path/ledger.db`` or ``postgresql://user:password@host/database``.
        keys : Keys
            The keys that the database was created with.
        clock : callable, optional
            The present time, aware; the system's UTC clock by default.
        busy_timeout_s : float, optional
            Seconds to wait for another writer before `Unavailable`.

        Raises
        ------
        ConfigurationError
            ``ledger-newer-than-program``, ``pseudonym-key-differs``, ``ledger-url``.
        Unavailable
            ``ledger-unavailable``.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Close all connections."""
        raise NotImplementedError

    def ping(self) -> None:
        """Return if the database answers, for a health check; else raise `Unavailable`."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
