# SPDX-License-Identifier: Apache-2.0
"""Every test of the store runs on SQLite and on PostgreSQL; the summary says on which it ran."""

import os
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.unit.store.cluster import Cluster, initdb, running
from tests.unit.store.making import Clock

from deidgate.store import Keys, Store

DATABASES = pytest.StashKey[dict[str, str]]()


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    said = request.config.stash.setdefault(DATABASES, {})
    command = initdb()
    if command is None:
        said["PostgreSQL"] = "NOT RUN: no initdb on this machine"
        if os.environ.get("CI"):
            pytest.fail("PostgreSQL is not installed (package postgresql): its half of the tests would not run")
        pytest.skip("PostgreSQL is not installed (package postgresql)")
    with running(command) as started:
        said["PostgreSQL"] = started.version
        yield started


@pytest.fixture(scope="session")
def session_keys() -> Keys:
    return Keys.of(b"m" * 32, b"e" * 32)


@pytest.fixture
def keys(session_keys: Keys) -> Keys:
    return session_keys


@pytest.fixture(scope="session")
def template(cluster: Cluster, session_keys: Keys) -> str:
    """A PostgreSQL database with the schema in it: a copy of it takes a tenth of the time of making it."""
    url = cluster.database()
    Store.open(url, session_keys).close()
    return url.rpartition("/")[2]


@pytest.fixture(scope="session")
def ledger_url(cluster: Cluster, template: str) -> str:
    """A PostgreSQL database that the tests use one after the other."""
    return cluster.database(template)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without a table."""
    if request.param == "postgresql":
        return request.getfixturevalue("cluster").database()
    request.config.stash.setdefault(DATABASES, {})["SQLite"] = sqlite3.sqlite_version
    return f"sqlite:///{tmp_path}/ledger.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database that may have the schema already."""
    if request.param == "postgresql":
        return request.getfixturevalue("cluster").emptied(request.getfixturevalue("ledger_url"))
    request.config.stash.setdefault(DATABASES, {})["SQLite"] = sqlite3.sqlite_version
    return f"sqlite:///{tmp_path}/ledger.db"


@pytest.fixture
def clock() -> Clock:
    return Clock(datetime(2026, 3, 1, 12, tzinfo=UTC), timedelta(milliseconds=1))


@pytest.fixture
def store(url: str, keys: Keys, clock: Clock) -> Iterator[Store]:
    with Store.open(url, keys, clock=clock) as opened:
        yield opened


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    said = config.stash.get(DATABASES, {})
    if said:
        terminalreporter.write_line("Databases of the store's tests: " + ", ".join(f"{k} {v}" for k, v in said.items()))
