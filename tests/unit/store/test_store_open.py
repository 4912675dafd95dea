# SPDX-License-Identifier: Apache-2.0
"""Opening a store: made once by whoever comes first, refused when it is not ours to use."""

import os
import resource
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text
from tests.unit.store.making import feed, patient

from deidgate.errors import ConfigurationError, Unavailable
from deidgate.store import Keys, Store, upgrade
from deidgate.store.database import Database
from deidgate.store.schema import metadata

PLUGINS = Path(upgrade.__file__).parents[2]
OPENS = """
import sys
from deidgate.store import Keys, Store
keys = Keys.of(b"m" * 32, b"e" * 32)
sys.stdin.read()
with Store.open(sys.argv[1], keys) as store:
    store.audit.record("process", "opened")
    print(store.audit.head()[0])
"""


def python(script: str, *arguments: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(PLUGINS), str(Path.cwd())])}
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_the_tables_that_the_migrations_make_are_those_of_the_schema(empty_url, keys):
    Store.open(empty_url, keys).close()
    database = Database(empty_url, 5)
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        difference = compare_metadata(context, metadata)
        assert upgrade.version(connection) == upgrade.HEAD
    database.close()
    assert difference == []


def test_head_names_the_newest_migration():
    scripts = ScriptDirectory(str(Path(upgrade.__file__).with_name("migrations")))
    assert scripts.get_heads() == [upgrade.HEAD]


def test_processes_that_open_a_new_database_at_once_make_it_once(empty_url):
    processes = [python(OPENS, empty_url) for _ in range(4)]
    for process in processes:
        process.stdin.close()
    outputs = [(process.stdout.read(), process.stderr.read(), process.wait(60)) for process in processes]
    assert [(error, code) for _, error, code in outputs] == [("", 0)] * 4
    assert sorted(int(out) for out, _, _ in outputs)[-1] == 4


def test_a_database_of_a_newer_program_is_refused_and_left_alone(url, store, keys):
    database = Database(url, 5)
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ConfigurationError) as error:
        Store.open(url, keys)
    assert (error.value.code, error.value.path) == ("ledger-newer-than-program", "9999")
    with database.read() as connection:
        assert upgrade.version(connection) == "9999"
    database.close()


def test_another_pseudonym_key_is_refused(url, store, keys):
    with pytest.raises(ConfigurationError, match="pseudonym-key-differs"):
        Store.open(url, Keys.of(b"x" * 32, b"e" * 32))


def test_a_migration_that_fails_leaves_an_empty_database(empty_url, keys, monkeypatch):
    from deidgate.store import trail

    def fails(self, connection):
        raise InterruptedError

    with monkeypatch.context() as patched:
        patched.setattr(trail.Trail, "begin", fails)
        with pytest.raises(InterruptedError):
            Store.open(empty_url, keys)
    database = Database(empty_url, 5)
    with database.read() as connection:
        assert upgrade.version(connection) is None
    database.close()
    Store.open(empty_url, keys).close()


@pytest.mark.parametrize("bad", ["", "ledger.db", "mysql://host/db", "sqlite://", "sqlite:///:memory:"])
def test_a_url_that_cannot_keep_a_ledger_is_refused(keys, bad):
    with pytest.raises(ConfigurationError, match="ledger-url"):
        Store.open(bad, keys)


@pytest.mark.parametrize("url", ["sqlite:////nowhere/at/all.db", "postgresql://nobody@127.0.0.1:1/none"])
def test_a_database_that_cannot_be_reached_is_unavailable(keys, url):
    with pytest.raises(Unavailable, match="ledger-unavailable"):
        Store.open(url, keys, busy_timeout_s=1)


def test_a_locked_ledger_is_unavailable_and_works_again_when_it_is_free(url, keys, store):
    with Store.open(url, keys, busy_timeout_s=0.2) as impatient:
        feed(store, 1)
        database = Database(url, 5)
        with database.write() as connection:
            # SQLite: any writer. PostgreSQL: who holds the row that the feeder needs.
            connection.execute(text("UPDATE cursors SET seq = seq"))
            with pytest.raises(Unavailable, match="ledger-unavailable"):
                feed(impatient, 2)
        database.close()
        assert feed(impatient, 2) == 1


def test_a_ledger_on_a_full_disk_is_unavailable_and_loses_nothing(tmp_path, keys):
    with Store.open(f"sqlite:///{tmp_path}/ledger.db", keys) as store:
        feed(store, 10)
        with store._context.database.read() as connection:
            pages = connection.execute(text("PRAGMA page_count")).scalar_one()
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(Unavailable, match="ledger-unavailable"):
            feed(store, 5000)
        assert sum(count.number for count in store.reports.counts()) == 10
        with store._context.database.read() as connection:
            connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
        assert feed(store, 5000) == 4990


def test_a_damaged_file_is_refused(tmp_path, keys):
    (tmp_path / "ledger.db").write_bytes(b"this is no database" * 1000)
    with pytest.raises(ConfigurationError, match="ledger-damaged"):
        Store.open(f"sqlite:///{tmp_path}/ledger.db", keys)


def test_a_store_that_was_opened_before_a_fork_works_in_the_child(url, store):
    patient(store)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            patient(store, "77777")
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert len(list(store.custody.export_patients("ann", "test"))) == 2
    assert store.audit.verify() == []


def test_threads_share_a_store(store):
    asked = [f"{thread}-{n % 3}" for thread in range(4) for n in range(5)]
    with ThreadPoolExecutor(4) as threads:
        mappings = list(threads.map(lambda patient_id: patient(store, patient_id).id, asked))
    assert len(set(zip(asked, mappings, strict=True))) == len(set(mappings)) == 12


def test_every_commit_is_synced_to_disk(tmp_path, keys):
    with Store.open(f"sqlite:///{tmp_path}/ledger.db", keys) as store, store._context.database.read() as connection:
        pragmas = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in ("journal_mode", "synchronous")
        ]
    assert pragmas == ["wal", 2]


def test_a_living_database_is_told_from_a_dead_one(store, tmp_path, keys):
    assert store.reports.counts() == []
    with Store.open(f"sqlite:///{tmp_path}/dead.db", keys) as dying:
        dying.close()
        (tmp_path / "dead.db").write_bytes(b"overwritten by somebody" * 500)
        with pytest.raises((ConfigurationError, Unavailable)):
            dying.reports.counts()


def test_no_module_of_the_store_imports_alembic_until_a_migration_is_due(url, store):
    script = (
        "import sys\nfrom deidgate.store import Keys, Store\n"
        "Store.open(sys.argv[1], Keys.of(b'm' * 32, b'e' * 32)).close()\nprint('alembic' in sys.modules)"
    )
    process = python(script, url)
    process.stdin.close()
    assert process.stdout.read().strip() == "False"
    assert process.wait(60) == 0


def test_a_snapshot_is_the_ledger_of_one_moment_with_the_same_pseudonyms(tmp_path, keys):
    with Store.open(f"sqlite:///{tmp_path}/ledger.db", keys) as store:
        feed(store, 50)
        before = patient(store)
        store.audit.record("ann", "backup")
        store.snapshot(tmp_path / "copy.db")
        feed(store, 60)
        with pytest.raises(ConfigurationError, match="snapshot-exists"):
            store.snapshot(tmp_path / "copy.db")
    assert (tmp_path / "copy.db").stat().st_mode & 0o777 == 0o600
    with Store.open(f"sqlite:///{tmp_path}/copy.db", keys) as copy:
        assert sum(count.number for count in copy.reports.counts()) == 50
        assert patient(copy) == before
        assert copy.audit.verify() == []
        assert feed(copy, 60) == 10


def test_a_snapshot_of_a_server_is_refused_by_name(request, keys, tmp_path):
    url = request.getfixturevalue("cluster").database(request.getfixturevalue("template"))
    with Store.open(url, keys) as store, pytest.raises(ConfigurationError, match="snapshot-by-server"):
        store.snapshot(tmp_path / "copy.db")


def test_a_snapshot_that_cannot_be_written_leaves_nothing_behind(tmp_path, keys):
    with Store.open(f"sqlite:///{tmp_path}/ledger.db", keys) as store:
        feed(store, 2000)
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
        try:
            with pytest.raises(Unavailable, match="snapshot-unwritable"):
                store.snapshot(tmp_path / "copy.db")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
            signal.signal(signal.SIGXFSZ, ignored)
        assert not (tmp_path / "copy.db").exists()
        with pytest.raises(Unavailable, match="snapshot-unwritable"):
            store.snapshot(tmp_path / "nowhere" / "copy.db")
