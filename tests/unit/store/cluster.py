# SPDX-License-Identifier: Apache-2.0
"""A PostgreSQL server of our own, for as long as the tests run."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from sqlalchemy import create_engine, text
from tests.data.ports import free_port

from deidgate.store.schema import metadata
from deidgate.store.upgrade import HEAD


def initdb() -> Path | None:
    """PostgreSQL's own command to make a cluster; Debian keeps it out of the path."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve()
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return installed[-1] if installed else None


@dataclass
class Cluster:
    """A running server with as many databases as the tests want."""

    port: int
    version: str
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def url(self, database: str) -> str:
        return f"postgresql://deidgate@127.0.0.1:{self.port}/{database}"

    def database(self, template: str = "template0") -> str:
        """The URL of a new database."""
        name = f"test_{next(self._numbers)}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    def emptied(self, url: str) -> str:
        """`url`, its database as a new one: quicker than to make a new one."""
        name = url.rpartition("/")[2]
        self.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")  # noqa: S608
        tables = ", ".join(table.name for table in metadata.sorted_tables if table.name not in ("meta", "audit_head"))
        self.run(
            # A superuser may switch off the triggers that refuse to empty a ledger; the gateway's user is none.
            "SET session_replication_role = replica",
            "CREATE TABLE IF NOT EXISTS first_meta AS SELECT * FROM meta",
            "CREATE TABLE IF NOT EXISTS first_head AS SELECT * FROM audit_head",
            f"TRUNCATE {tables}, meta, audit_head RESTART IDENTITY",
            "INSERT INTO meta SELECT * FROM first_meta",
            "INSERT INTO audit_head SELECT * FROM first_head",
            # What tests of forgery and of upgrades may have left.
            "ALTER TABLE audit ENABLE TRIGGER ALL",
            f"UPDATE alembic_version SET version_num = '{HEAD}'",  # noqa: S608
            database=name,
        )
        return url

    def run(self, *statements: str, database: str = "postgres") -> None:
        url = self.url(database).replace("postgresql:", "postgresql+psycopg:")
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))
        engine.dispose()


@contextmanager
def running(command: Path) -> Iterator[Cluster]:
    """A fresh cluster on the loopback address, gone afterwards."""
    # The server refuses to run as root.
    user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    folder = Path(tempfile.mkdtemp(prefix="deidgate-postgresql-"))
    try:
        shutil.chown(folder, user)
        data = folder / "data"
        as_user = {"user": user} if os.geteuid() == 0 else {}
        subprocess.run(
            [command, "-D", data, "-U", "deidgate", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"],
            check=True, capture_output=True, cwd=folder, **as_user,
        )  # fmt: skip
        port = free_port()
        server = subprocess.Popen(
            [command.with_name("postgres"), "-D", data, "-h", "127.0.0.1", "-p", str(port), "-k", folder,
             "-c", "fsync=off", "-c", "max_connections=60"],
            stdout=subprocess.DEVNULL, stderr=(folder / "log").open("wb"), cwd=folder, **as_user,
        )  # fmt: skip
        try:
            wait_for(server, command, port, folder)
            version = subprocess.run([command, "--version"], check=True, capture_output=True, text=True)
            yield Cluster(port, version.stdout.split()[2])
        finally:
            server.send_signal(signal.SIGQUIT)  # immediate: nothing of it is needed any more
            server.wait(30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def wait_for(server: subprocess.Popen[bytes], command: Path, port: int, folder: Path) -> None:
    ready = [command.with_name("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port), "-t", "1"]
    for _ in range(300):
        if subprocess.run(ready, check=False).returncode == 0:
            return
        try:
            server.wait(0.1)
        except subprocess.TimeoutExpired:
            continue
        break
    raise RuntimeError("PostgreSQL did not start:\n" + (folder / "log").read_text())
