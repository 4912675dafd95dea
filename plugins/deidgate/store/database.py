# SPDX-License-Identifier: Apache-2.0
"""Connections and transactions: the same promises on SQLite and PostgreSQL.

* A commit that returned survives a power cut (SQLite: WAL with full sync).
* A write transaction sees and changes the database alone (SQLite) or locks what it reads
  (PostgreSQL); a writer waits for another one `busy_timeout_s` and then gives up.
* What is wrong with the database is `Unavailable`; what is wrong with us is not caught.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, Pool, create_engine, event, make_url
from sqlalchemy import exc as sql

from deidgate.errors import ConfigurationError, Unavailable

# Primary result codes that come from the machine and not from our statements. Source: sqlite.org/rescode.html
_SQLITE_UNAVAILABLE = ("BUSY", "LOCKED", "FULL", "IOERR", "CANTOPEN", "READONLY", "PROTOCOL", "NOMEM", "PERM")
_SQLITE_DAMAGED = ("CORRUPT", "NOTADB")


class Database:
    """An engine with the two kinds of transaction that the store uses."""

    def __init__(self, url: str, busy_timeout_s: float) -> None:
        self._engine = _engine(url, busy_timeout_s)
        self._process = os.getpid()
        self._inherited: list[Pool] = []
        self.dialect = self._engine.dialect.name

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that commits at the end of the block, or not at all."""
        with _translated(), self._connection() as connection, connection.execution_options(writes=True).begin():
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads."""
        with _translated(), self._connection() as connection, connection.begin():
            yield connection

    def snapshot(self, path: Path) -> None:
        """Write the database as it is at one moment to the new file `path`, while others go on.

        Raises
        ------
        ConfigurationError
            ``snapshot-exists``; ``snapshot-by-server``: a PostgreSQL server has its own ways.
        Unavailable
            ``snapshot-unwritable``: no half-written copy is left.
        """
        if self.dialect != "sqlite":
            raise ConfigurationError("snapshot-by-server")
        with _translated():
            try:
                file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            except FileExistsError as error:
                raise ConfigurationError("snapshot-exists", path.name) from error
            except OSError as error:
                raise Unavailable("snapshot-unwritable") from error
            try:
                # Outside of a transaction: SQLite takes one of its own. An empty file is its to fill.
                with self._connection() as connection:
                    connection.connection.cursor().execute("VACUUM INTO ?", (str(path),))
                os.fsync(file)
            except sqlite3.Error as error:  # the driver's own: the statement did not go through SQLAlchemy
                path.unlink()
                raise Unavailable("snapshot-unwritable") from error
            finally:
                os.close(file)

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def _connection(self) -> Connection:
        if os.getpid() != self._process:
            # After a fork the parent's connections must be neither used nor closed here; kept,
            # because SQLite would close them when nothing refers to them any more.
            self._inherited.append(self._engine.pool)
            self._engine.dispose(close=False)
            self._process = os.getpid()
        return self._engine.connect()


def _engine(url: str, busy_timeout_s: float) -> Engine:
    try:
        parsed = make_url(url)
    except sql.ArgumentError as error:
        raise ConfigurationError("ledger-url") from error
    match parsed.get_backend_name():
        case "sqlite" if parsed.database and parsed.database != ":memory:":
            return _sqlite(parsed, busy_timeout_s)
        case "postgresql":
            return _postgresql(parsed, busy_timeout_s)
    raise ConfigurationError("ledger-url", parsed.get_backend_name())


def _sqlite(url: URL, busy_timeout_s: float) -> Engine:
    # The file holds keyed values and pseudonyms: nobody but its owner reads it. SQLite gives
    # the files beside it (-wal, -shm) the same mode.
    try:
        os.close(os.open(Path(str(url.database)), os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise Unavailable("ledger-unavailable") from error
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": busy_timeout_s})

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver must not begin transactions of its own
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA cache_size = -65536")  # KiB: index pages of a few million rows
        cursor.execute("PRAGMA trusted_schema = OFF")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A writer takes the lock at once: upgrading a read lock later can fail without waiting.
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _postgresql(url: URL, busy_timeout_s: float) -> Engine:
    milliseconds = int(busy_timeout_s * 1000)
    return create_engine(
        url.set(drivername="postgresql+psycopg"),
        hide_parameters=True,
        pool_pre_ping=True,  # the server may have been restarted
        connect_args={
            "connect_timeout": max(2, int(busy_timeout_s)),
            "options": f"-c lock_timeout={milliseconds} -c synchronous_commit=on -c timezone=UTC",
        },
    )


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except sql.TimeoutError as error:
        raise Unavailable("ledger-unavailable") from error
    except sql.DBAPIError as error:
        name = getattr(error.orig, "sqlite_errorname", None)
        if name is None:
            if isinstance(error, sql.OperationalError | sql.InterfaceError) or error.connection_invalidated:
                raise Unavailable("ledger-unavailable") from error
            raise
        primary = name.removeprefix("SQLITE_").partition("_")[0]
        if primary in _SQLITE_DAMAGED:
            raise ConfigurationError("ledger-damaged") from error
        if primary in _SQLITE_UNAVAILABLE:
            raise Unavailable("ledger-unavailable") from error
        raise
