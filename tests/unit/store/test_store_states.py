# SPDX-License-Identifier: Apache-2.0
"""Every pair of states, tried on the database itself: what the table in code allows and nothing else."""

from itertools import product

import pytest
from sqlalchemy import Connection, delete, insert, update
from sqlalchemy.exc import DBAPIError
from tests.unit.store.making import NOON, delivered, feed, patient

from deidgate.store import Store
from deidgate.store.database import Database
from deidgate.store.schema import audit, events, items
from deidgate.store.states import LEGAL, LEGAL_ORIGINAL, Original, State

# How to get from `received` to a state by legal steps, and what each state needs beside its name.
ROUTES = {
    State.RECEIVED: (),
    State.CLAIMED: (State.CLAIMED,),
    State.DELIVERED: (State.CLAIMED, State.DELIVERED),
    State.HELD: (State.CLAIMED, State.HELD),
    State.REJECTED: (State.CLAIMED, State.REJECTED),
    State.RECALLED: (State.CLAIMED, State.DELIVERED, State.RECALLED),
}


@pytest.fixture
def database(url: str, store: Store):
    opened = Database(url, 5)
    yield opened
    opened.close()


def move(connection: Connection, to: State, mapping_id: int) -> None:
    """Write a state with everything that the state's own constraints ask for, and nothing else."""
    delivered_columns = {
        "delivered_at": NOON,
        "research_id": "research-1",
        "research_sop_uid": "2.25.1",
        "project": "trial",
        "patient": mapping_id,
        "digest": "sha256:a",
    }
    connection.execute(
        update(items).values(
            state=to,
            due_at=NOON if to in (State.RECEIVED, State.CLAIMED) else None,
            lease_owner="worker" if to is State.CLAIMED else None,
            reason_code="reason" if to in (State.HELD, State.REJECTED) else None,
            token=items.c.token + 1,
            **(delivered_columns if to in (State.DELIVERED, State.RECALLED) else {}),
        )
    )


@pytest.mark.parametrize(("old", "new"), list(product(State, State)), ids=lambda state: state.value)
def test_the_database_allows_the_transitions_in_the_table_and_refuses_the_rest(store, database, old, new):
    mapping = patient(store)
    feed(store, 1)
    with database.write() as connection:
        for state in ROUTES[old]:
            move(connection, state, mapping.id)
    allowed = old == new or (old, new) in LEGAL

    def attempt() -> None:
        with database.write() as connection:
            move(connection, new, mapping.id)

    if allowed:
        attempt()
    else:
        with pytest.raises(DBAPIError, match="illegal transition of an item"):
            attempt()
    assert store.reports.item(1).state == (new if allowed else old)


@pytest.mark.parametrize(("old", "new"), list(product(Original, Original)), ids=lambda state: state.value)
def test_an_original_goes_from_present_over_purging_to_purged_and_no_other_way(store, database, old, new):
    delivered(store)
    steps = {Original.PRESENT: (), Original.PURGING: ("purging",), Original.PURGED: ("purging", "purged")}
    with database.write() as connection:
        for step in steps[old]:
            connection.execute(update(items).values(original=step))
    allowed = old == new or (old, new) in LEGAL_ORIGINAL

    def attempt() -> None:
        with database.write() as connection:
            connection.execute(update(items).values(original=new))

    if allowed:
        attempt()
    else:
        with pytest.raises(DBAPIError, match="illegal transition of an original"):
            attempt()


@pytest.mark.parametrize("state", [State.RECEIVED, State.CLAIMED, State.HELD, State.REJECTED], ids=str)
def test_the_database_refuses_to_purge_an_original_that_was_not_delivered(store, database, state):
    mapping = patient(store)
    feed(store, 1)
    with pytest.raises(DBAPIError, match="ck_items_purge"), database.write() as connection:
        for step in ROUTES[state]:
            move(connection, step, mapping.id)
        connection.execute(update(items).values(original=Original.PURGING))


@pytest.mark.parametrize("state", [s for s in State if s is not State.RECEIVED], ids=str)
def test_the_database_refuses_an_item_that_does_not_begin_as_received(store, database, state):
    feed(store, 1)
    row = {
        "source": "ingest", "orthanc_id": "x", "generation": 1, "site": "", "calling_aet": "", "called_aet": "",
        "received_at": NOON, "state": state, "original": "present", "token": 0, "attempts": 0, "lapses": 0,
        "changed_at": NOON, "reason_code": "reason",
    }  # fmt: skip
    with pytest.raises(DBAPIError, match="an item begins as received"), database.write() as connection:
        connection.execute(insert(items).values(row))


@pytest.mark.parametrize("table", [items, events, audit], ids=lambda table: table.name)
def test_the_database_refuses_to_delete_from_ledger_history_and_audit(store, database, table):
    delivered(store)
    store.audit.record("somebody", "policy-change")
    with pytest.raises(DBAPIError, match="never deleted"), database.write() as connection:
        connection.execute(delete(table))


@pytest.mark.parametrize("table", [events, audit], ids=lambda table: table.name)
def test_the_database_refuses_to_change_history_and_audit(store, database, table):
    delivered(store)
    store.audit.record("somebody", "policy-change")
    values = {"by": "nobody"} if table is events else {"body": "{}"}
    with pytest.raises(DBAPIError, match="never changes"), database.write() as connection:
        connection.execute(update(table).values(values))


def test_the_database_refuses_a_claim_without_a_new_token(store, database):
    feed(store, 1)
    with pytest.raises(DBAPIError, match="fencing token"), database.write() as connection:
        connection.execute(update(items).values(state=State.CLAIMED, lease_owner="worker"))


@pytest.mark.parametrize("column", ["source", "orthanc_id", "received_at"])
def test_the_database_refuses_to_change_what_was_received(store, database, column):
    feed(store, 1)
    value = NOON if column == "received_at" else "other"
    with pytest.raises(DBAPIError, match="what was received does not change"), database.write() as connection:
        connection.execute(
            update(items).values({column: value if column != "received_at" else NOON.replace(year=2020)})
        )


@pytest.mark.parametrize(
    ("state", "column"),
    [
        (State.HELD, "reason_code"),
        (State.REJECTED, "reason_code"),
        (State.DELIVERED, "research_id"),
        (State.DELIVERED, "delivered_at"),
        (State.DELIVERED, "patient"),
        (State.DELIVERED, "digest"),
        (State.CLAIMED, "lease_owner"),
        (State.CLAIMED, "due_at"),
        (State.RECEIVED, "due_at"),
    ],
)
def test_the_database_refuses_a_state_without_what_it_must_name(store, database, state, column):
    mapping = patient(store)
    feed(store, 1)
    with database.write() as connection:
        for step in ROUTES[state]:
            move(connection, step, mapping.id)
    with pytest.raises(DBAPIError, match="ck_items_"), database.write() as connection:
        connection.execute(update(items).values({column: None}))
