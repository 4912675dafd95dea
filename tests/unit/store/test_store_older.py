# SPDX-License-Identifier: Apache-2.0
"""Ledgers that earlier versions of the program wrote say the same under this one: tests/data/older_ledgers."""

import json
from pathlib import Path

import pytest
from sqlalchemy import MetaData, func, insert, select, text
from tests.data.older_ledgers.life import Clock, live, says

from deidgate.store import Store, upgrade
from deidgate.store.database import Database
from deidgate.store.schema import metadata

LEDGERS = Path(__file__).parents[2] / "data" / "older_ledgers"
VERSIONS = [f"{number:04d}" for number in range(1, int(upgrade.HEAD))]


def written(version):
    return json.loads((LEDGERS / f"{version}.json").read_text(encoding="utf-8"))


def value(one):
    return bytes.fromhex(one["hex"]) if isinstance(one, dict) else one


def as_it_was(url, version):
    """Make the ledger that `version` wrote: its schema, and its rows as they were."""
    database = Database(url, 5)
    with database.write() as connection:
        upgrade.upgrade(connection, version)
        schema = MetaData()
        schema.reflect(connection)
        # Rows in the middle of their life: what guards a life has to look away.
        sqlite = connection.dialect.name == "sqlite"
        query = text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        guards = connection.execute(query).all() if sqlite else []
        for guard in guards:
            connection.execute(text(f"DROP TRIGGER {guard.name}"))
        if not sqlite:
            connection.execute(text("SET LOCAL session_replication_role = replica"))
        rows = written(version)["tables"]
        assert rows.keys() == schema.tables.keys() - {"alembic_version"}
        assert all(rows.values())
        for table in schema.sorted_tables:
            for row in rows.get(table.name, ()):
                connection.execute(insert(table).values({key: value(one) for key, one in row.items()}))
            if not sqlite and "id" in table.c and table.name in rows:
                sequence = func.pg_get_serial_sequence(table.name, "id")
                connection.execute(select(func.setval(sequence, func.max(table.c.id))))
        for guard in guards:
            connection.execute(text(guard.sql))
    database.close()
    return url


@pytest.mark.parametrize("version", VERSIONS)
def test_a_ledger_that_an_earlier_version_wrote_says_the_same(empty_url, keys, version):
    said = written(version)["said"]
    clock = Clock()
    with Store.open(as_it_was(empty_url, version), keys, clock=clock) as store:
        now = json.loads(json.dumps(says(store, clock)))
    if version == "0001":
        # It served by age, not in turn: the same, in another order.
        for one in (said, now):
            one["claims"].sort(key=str)
    assert said["audit-findings"] == said["then"] == []
    assert all(said[about] for about in said.keys() - {"audit-findings", "then", "fed-again"})
    for about, expected in said.items():
        assert now[about] == expected, about
    assert now.keys() - said.keys() <= {"approvals"}
    assert now["approvals"] == said.get("approvals", [])


@pytest.mark.parametrize("version", VERSIONS)
def test_a_ledger_that_was_upgraded_takes_what_comes_next(empty_url, keys, version):
    clock = Clock()
    with Store.open(as_it_was(empty_url, version), keys, clock=clock) as store:
        held, released = store.reports.holds()[0], 0
        assert store.review.release(held.id, "broker", "looked at", accept=True)
        for claim in store.queue.claim("worker", 100, 60, clock()):
            released += claim.item_id == held.id and claim.accepted == {held.reason_code}
        assert released == 1
        assert (
            store.approvals.ask("export-uids", "broker", "test")
            == len(written(version)["tables"].get("approvals", ())) + 1
        )
        assert store.audit.verify() == []


@pytest.mark.parametrize("version", VERSIONS)
def test_the_upgraded_schema_is_the_one_of_a_new_ledger(empty_url, keys, version, tmp_path):
    Store.open(as_it_was(empty_url, version), keys).close()
    database = Database(empty_url, 5)
    with database.read() as connection:
        found = MetaData()
        found.reflect(connection)
    database.close()
    assert found.tables.keys() - {"alembic_version"} == metadata.tables.keys()
    for name, table in metadata.tables.items():
        assert {column.name for column in found.tables[name].columns} == {column.name for column in table.columns}
        assert {index.name for index in found.tables[name].indexes} == {index.name for index in table.indexes}


def test_everything_that_can_happen_has_happened_in_the_ledgers(empty_url, keys):
    states = {tuple(view[10:12]) for view in written(VERSIONS[-1])["said"]["items"]}
    assert {state for state, _ in states} == {"received", "claimed", "delivered", "held", "rejected", "recalled"}
    assert {original for _, original in states} == {"present", "purging", "purged"}
    # And the life that wrote them can still be lived.
    clock = Clock()
    with Store.open(empty_url, keys, clock=clock) as store:
        live(store, clock)
        assert says(store, clock)["audit-findings"] == []
