# SPDX-License-Identifier: Apache-2.0
"""One database, its parts by concern.

========== ===================================================== =======================
part       for                                                   who
========== ===================================================== =======================
feeder     what ingest has stored                                ingest plugin
queue      claim and settle                                      worker
forwards   further destinations: claim and settle                courier
mapping    pseudonyms, study binding, known content, numbers     worker, toolbox
custody    look-up, import, export, purge, key rotation          honest broker
review     release, reject, recall, process again                honest broker, operator
retention  purge of originals                                    worker
reports    counts, holds, reconciliation, history                everybody
approvals  two people for a bulk export, where that is required   honest brokers
audit      the trail and its check                               everybody
========== ===================================================== =======================
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from deidgate.store.approvals import Approvals
from deidgate.store.audit import Audit
from deidgate.store.context import Context
from deidgate.store.crypto import Cipher, LedgerIndex
from deidgate.store.custody import Custody
from deidgate.store.database import Database
from deidgate.store.epoch import Epoch
from deidgate.store.feeder import Feeder
from deidgate.store.forward_sync import ForwardSync
from deidgate.store.forwards import Forwards
from deidgate.store.keys import Keys
from deidgate.store.mapping import Mapping
from deidgate.store.prepare import prepare
from deidgate.store.queue import Queue
from deidgate.store.reports import Reports
from deidgate.store.retention import Retention
from deidgate.store.review import Review
from deidgate.store.trail import Trail


def utc_now() -> datetime:
    """The system's clock."""
    return datetime.now(UTC)


class Store:
    """An open ledger and mapping table. Open it once per process."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.feeder = Feeder(context)
        self.queue = Queue(context)
        self.forwards = Forwards(context)
        self.forward_sync = ForwardSync(context)
        self.mapping = Mapping(context)
        self.custody = Custody(context)
        self.review = Review(context)
        self.retention = Retention(context)
        self.reports = Reports(context)
        self.approvals = Approvals(context)
        self.audit = Audit(context)

    @classmethod
    def open(cls, url: str, keys: Keys, *, clock: Callable[[], datetime] = utc_now, busy_timeout_s: float = 15) -> Self:
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
            ``ledger-newer-than-program``, ``pseudonym-key-differs``, ``ledger-url``, ``ledger-damaged``.
        Unavailable
            ``ledger-unavailable``.
        """
        database = Database(url, busy_timeout_s)
        context = Context(
            database=database,
            keys=keys,
            cipher=Cipher(keys),
            ledger_index=LedgerIndex(keys),
            trail=Trail(keys),
            epoch=Epoch(database),
            clock=clock,
        )
        try:
            prepare(context)
        except BaseException:
            context.database.close()
            raise
        return cls(context)

    def close(self) -> None:
        """Close all connections."""
        self._context.database.close()

    def snapshot(self, path: Path) -> None:
        """Write a consistent copy of a SQLite ledger to the new file `path`, for a backup, while all go on.

        Raises
        ------
        ConfigurationError
            ``snapshot-exists``; ``snapshot-by-server``: use ``pg_dump`` on PostgreSQL.
        """
        self._context.database.snapshot(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
