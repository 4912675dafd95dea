# SPDX-License-Identifier: Apache-2.0
"""Further destinations in the ledger: what is to go where, by whom it is claimed, and what a recall does."""

from datetime import timedelta
from itertools import product

import pytest
from sqlalchemy import delete, insert, text, update
from sqlalchemy.exc import DBAPIError
from tests.unit.store.making import NOON, claim, delivered, delivery, feed, hold, patient

from deidgate.store import Store, upgrade
from deidgate.store.database import Database
from deidgate.store.forward_model import (
    COURIER_DIED,
    LEGAL,
    RECALL_BY_HAND,
    Again,
    Confirmed,
    ForwardState,
    Refused,
    by_destination,
)
from deidgate.store.model import ItemFilter
from deidgate.store.schema import forwards

TRIAL = {"pacs": ("trial",)}
LATER = NOON + timedelta(days=2)


@pytest.fixture
def database(url: str, store: Store):
    opened = Database(url, 5)
    yield opened
    opened.close()


def states(store, destination="pacs"):
    return by_destination(store.forwards.counts()).get(destination, {})


def taken(store, limit=9, *, destination="pacs", at=LATER, lease_s=60):
    return store.forwards.claim(destination, "courier", limit, lease_s, at)


def confirmed(store, number=1):
    """That many instances at the destination."""
    outcomes = delivered(store, number)
    store.forward_sync.everything(TRIAL)
    assert store.forwards.settle([Confirmed(parcel, "read-back") for parcel in taken(store)]) == frozenset()
    return outcomes


def recall(store, *item_ids):
    moved = store.review.recall(ItemFilter(item_ids=frozenset(item_ids)), "broker", "consent withdrawn")
    store.review.withdrawn([item.id for item in moved])


def deliver_again(store, outcome, result="md5:other"):
    """Process again what was recalled, with another result."""
    store.review.reprocess(ItemFilter(item_ids=frozenset({outcome.claim.item_id})), "broker", "policy 2")
    (claimed,) = claim(store)
    new = delivery(patient(store), claimed)
    changed = type(new.delivered)(
        new.delivered.research_id,
        new.delivered.study_instance_uid,
        new.delivered.series_instance_uid,
        new.delivered.sop_instance_uid,
        result,
    )
    store.queue.settle([type(new)(new.claim, changed, new.facts, new.uid_pairs)])


def test_what_was_delivered_is_to_go_to_every_destination_of_its_project_once(store):
    delivered(store, 3)
    two = {"pacs": ("trial",), "share": ("other", "trial"), "elsewhere": ("other",)}
    assert store.forward_sync.everything(two).new == 6
    assert store.forward_sync.everything(two).new == 0
    assert by_destination(store.forwards.counts()) == {"pacs": {"waiting": 3}, "share": {"waiting": 3}}


def test_what_is_not_delivered_goes_nowhere(store):
    feed(store, 2)
    (claimed,) = claim(store)
    hold(store, claimed, "no-route")
    store.forward_sync.everything(TRIAL)
    assert store.forwards.counts() == []


def test_without_destinations_the_ledger_has_no_row_of_them(store):
    delivered(store, 2)
    store.forward_sync.everything({})
    assert store.forwards.counts() == []


def test_what_happened_since_a_moment_is_enough_to_look_at(store):
    delivered(store, 2)
    event = store.forward_sync.last_event()
    assert store.forward_sync.since(TRIAL, event).new == 2
    assert store.forward_sync.since(TRIAL, event).new == 0


def test_a_parcel_names_the_file_that_was_verified_and_only_new_identifiers(store):
    (outcome,) = delivered(store)
    store.forward_sync.everything(TRIAL)
    (parcel,) = taken(store)
    there = outcome.delivered
    assert (parcel.research_id, parcel.digest) == (there.research_id, there.result_digest)
    assert parcel.sop_instance_uid == there.sop_instance_uid != outcome.facts.sop_instance_uid
    assert parcel.attempts == 1


def test_each_destination_is_a_queue_of_its_own(store):
    delivered(store, 2)
    store.forward_sync.everything({"pacs": ("trial",), "share": ("trial",)})
    assert len(taken(store)) == 2
    assert taken(store) == []
    assert len(taken(store, destination="share")) == 2


def lapsed(store, seconds):
    return store.forwards.claim_lapsed("pacs", "courier", 60, LATER + timedelta(seconds=seconds))


def test_a_claim_that_ran_out_is_claimed_by_another_and_the_first_one_settles_nothing(store):
    delivered(store)
    store.forward_sync.everything(TRIAL)
    (first,) = taken(store)
    assert lapsed(store, 59) == []
    (second,) = lapsed(store, 61)
    assert store.forwards.settle([Confirmed(first, "read-back")]) == {first.id}
    assert states(store) == {"claimed": 1}
    assert store.forwards.settle([Confirmed(second, "read-back")]) == frozenset()
    assert states(store) == {"confirmed": 1}


def test_what_was_being_sent_when_a_courier_died_is_taken_alone_and_not_with_what_waits(store):
    delivered(store, 4)
    store.forward_sync.everything(TRIAL)
    died_with = taken(store, 3)
    (waits,) = taken(store, at=LATER + timedelta(seconds=61))
    assert waits.id not in {parcel.id for parcel in died_with}
    alone = [lapsed(store, 61) for _ in range(4)]
    assert [[parcel.id for parcel in some] for some in alone] == [[parcel.id] for parcel in died_with] + [[]]


def test_the_deaths_of_couriers_are_counted_apart_from_other_failures(store):
    delivered(store)
    store.forward_sync.everything(TRIAL)
    for _ in range(30):
        (parcel,) = taken(store)
        store.forwards.settle([Again(parcel, NOON, "no-answer", "there")])
    taken(store)
    found = [lapsed(store, 61 * number) for number in (1, 2, 3)]
    assert [(parcel.attempts, parcel.last_code) for (parcel,) in found] == [(n, COURIER_DIED) for n in (2, 3, 4)]
    store.forwards.settle([Again(found[-1][0], NOON, "no-answer")])
    taken(store)
    assert lapsed(store, 61)[0].attempts == 2
    (row,) = store.forwards.view([ForwardState.CLAIMED])
    assert (row.code, row.path) == (COURIER_DIED, None)


def test_a_heartbeat_keeps_a_claim_and_says_which_are_lost(store):
    delivered(store, 2)
    store.forward_sync.everything(TRIAL)
    kept, lost = taken(store)
    store.forwards.settle([Refused(lost, "node-refused")])
    assert store.forwards.heartbeat([kept, lost], 600, LATER) == {lost.id}
    assert taken(store, at=LATER + timedelta(seconds=61)) == []


def test_what_was_put_off_is_due_then_and_not_before_unless_hurried(store):
    delivered(store)
    store.forward_sync.everything(TRIAL)
    (parcel,) = taken(store)
    store.forwards.settle([Again(parcel, LATER + timedelta(seconds=300), "no-answer")])
    assert taken(store) == []
    assert store.forwards.hurry("pacs") == 1
    (parcel,) = taken(store)
    assert (parcel.attempts, parcel.last_code) == (2, "no-answer")


def test_what_a_clock_that_was_put_back_put_off_is_due(store):
    delivered(store)
    store.forward_sync.everything(TRIAL)
    (parcel,) = taken(store)
    store.forwards.settle([Again(parcel, LATER + timedelta(days=30), "no-answer")])
    assert len(taken(store)) == 1


def test_a_recall_before_anything_left_leaves_nothing_to_do(store):
    (outcome,) = delivered(store)
    store.forward_sync.everything(TRIAL)
    recall(store, outcome.claim.item_id)
    store.forward_sync.everything(TRIAL)
    assert states(store) == {"withdrawn": 1}


def ended(store, parcel, end):
    """What was claimed goes on as its courier says; of what is ``claimed`` still, nothing was heard."""
    outcomes = {
        "waiting": [Again(parcel, LATER, "no-answer")],
        "confirmed": [Confirmed(parcel, "commitment")],
        "held": [Refused(parcel, "node-refused")],
        "claimed": [],
    }
    store.forwards.settle(outcomes[end])


@pytest.mark.parametrize("end", ["claimed", "waiting", "confirmed", "held"])
def test_a_recall_of_what_may_have_left_is_to_be_taken_back(store, end):
    (outcome,) = delivered(store)
    store.forward_sync.everything(TRIAL)
    (parcel,) = taken(store)
    ended(store, parcel, end)
    assert states(store) == {end: 1}
    recall(store, outcome.claim.item_id)
    assert store.forward_sync.since(TRIAL, 0).taken_back == 1
    (count,) = store.forwards.counts()
    assert (count.state, count.code) == (ForwardState.RECALLED, RECALL_BY_HAND)
    assert store.forwards.settle([Confirmed(parcel, "commitment")]) == {parcel.id}
    assert taken(store) == []


@pytest.mark.parametrize(
    ("end", "then"),
    [
        ("untried", ("withdrawn", None)),
        ("waiting", ("recalled", RECALL_BY_HAND)),
        ("claimed", ("recalled", RECALL_BY_HAND)),
        ("held", ("recalled", RECALL_BY_HAND)),
        ("confirmed", ("confirmed", None)),
    ],
)
def test_of_a_project_taken_off_a_destination_nothing_more_goes_there_and_what_is_there_stays(store, end, then):
    delivered(store)
    store.forward_sync.everything(TRIAL)
    if end != "untried":
        (parcel,) = taken(store)
        ended(store, parcel, end)
    assert store.forward_sync.everything({"pacs": ("other",)}).taken_back == (end != "confirmed")
    (count,) = store.forwards.counts()
    assert (count.state, count.code) == then
    assert taken(store, at=LATER + timedelta(days=1)) == []
    assert store.forward_sync.everything({"pacs": ("other",)}).taken_back == 0


def test_a_project_that_a_destination_is_given_back_goes_there_after_all(store):
    delivered(store, 2)
    store.forward_sync.everything(TRIAL)
    store.forward_sync.everything({"pacs": ()})
    assert states(store) == {"withdrawn": 2}
    assert store.forward_sync.everything(TRIAL).again == 2
    assert len(taken(store)) == 2


def test_what_waits_for_a_destination_that_is_configured_no_more_waits_on(store):
    delivered(store)
    store.forward_sync.everything(TRIAL)
    assert store.forward_sync.everything({"share": ("other",)}).taken_back == 0
    assert states(store) == {"waiting": 1}


def test_what_another_item_has_confirmed_there_is_not_taken_back_with_its_project(store, database):
    delivered(store, 2)
    with database.write() as connection:
        connection.execute(text("UPDATE items SET research_id = 'same'"))
    store.forward_sync.everything(TRIAL)
    there, not_sure = taken(store)
    store.forwards.settle([Confirmed(there, "read-back"), Again(not_sure, LATER, "no-answer")])
    store.forward_sync.everything({"pacs": ("other",)})
    assert states(store) == {"confirmed": 1, "withdrawn": 1}


def test_of_two_items_that_may_have_left_in_one_form_both_are_taken_back_with_their_project(store, database):
    delivered(store, 2)
    with database.write() as connection:
        connection.execute(text("UPDATE items SET research_id = 'same'"))
    store.forward_sync.everything(TRIAL)
    store.forwards.settle([Again(parcel, LATER, "no-answer") for parcel in taken(store)])
    store.forward_sync.everything({"pacs": ("other",)})
    assert states(store) == {"recalled": 2}


def test_a_recall_shows_although_its_destination_is_configured_no_more(store):
    (outcome,) = confirmed(store)
    recall(store, outcome.claim.item_id)
    store.forward_sync.everything({"another": ("trial",)})
    assert states(store) == {"recalled": 1}


def test_a_person_says_that_it_was_removed_and_the_audit_trail_says_who(store):
    (outcome,) = confirmed(store)
    item = outcome.claim.item_id
    assert store.forwards.withdrawn_by_hand("pacs", [item], "broker", "asked the archive") == frozenset()
    recall(store, item)
    store.forward_sync.everything(TRIAL)
    assert store.forwards.withdrawn_by_hand("pacs", [item, 99], "broker", "asked the archive") == {item}
    assert states(store) == {"withdrawn": 1}
    assert [entry.who for entry in store.audit.entries() if entry.action == "destination-withdrawn"] == ["broker"] * 2


def test_what_a_destination_gave_up_by_itself_is_withdrawn(store):
    (outcome,) = confirmed(store)
    recall(store, outcome.claim.item_id)
    store.forward_sync.everything(TRIAL)
    (parcel,) = store.forwards.recalled("pacs", 9)
    assert store.forwards.recalled("pacs", 9, parcel.id) == []
    store.forwards.withdrawn([parcel])
    assert states(store) == {"withdrawn": 1}


def test_the_new_result_goes_out_when_the_old_one_is_gone_and_not_before(store):
    (outcome,) = confirmed(store)
    recall(store, outcome.claim.item_id)
    deliver_again(store, outcome)
    store.forward_sync.everything(TRIAL)
    assert states(store) == {"recalled": 1}
    assert store.forward_sync.everything(TRIAL).again == 0
    store.forwards.withdrawn_by_hand("pacs", [outcome.claim.item_id], "broker", "done")
    assert store.forward_sync.everything(TRIAL).again == 1
    (parcel,) = taken(store)
    assert (parcel.digest, parcel.attempts) == ("md5:other", 1)


def test_what_another_item_delivers_there_in_the_same_form_stays_there(store, database):
    first, second = confirmed(store, 2)
    with database.write() as connection:
        # The same instance, received twice: one place at research.
        connection.execute(text("UPDATE items SET research_id = 'same'"))
    recall(store, first.claim.item_id)
    store.forward_sync.everything(TRIAL)
    assert states(store) == {"confirmed": 1, "withdrawn": 1}
    recall(store, second.claim.item_id)
    store.forward_sync.everything(TRIAL)
    assert states(store) == {"recalled": 1, "withdrawn": 1}


def test_what_was_refused_is_tried_again_when_a_person_says_so(store):
    delivered(store, 2)
    store.forward_sync.everything(TRIAL)
    store.forwards.settle([Refused(parcel, "node-refused", "C000") for parcel in taken(store)])
    rows = store.forwards.view([ForwardState.HELD])
    assert [(row.code, row.path) for row in rows] == [("node-refused", "C000")] * 2
    assert store.forwards.again("pacs", [rows[0].item_id], "admin", "archive repaired") == {rows[0].item_id}
    assert states(store) == {"held": 1, "waiting": 1}
    assert store.forwards.again("pacs", None, "admin", "archive repaired") == {rows[1].item_id}
    with pytest.raises(ValueError, match="reason"):
        store.forwards.again("pacs", None, "admin", " ")


def test_the_tries_of_what_a_person_has_tried_again_are_counted_anew(store):
    delivered(store)
    store.forward_sync.everything(TRIAL)
    for _ in range(20):
        (parcel,) = taken(store)
        store.forwards.settle([Again(parcel, NOON, "node-refused", "A700")])
    store.forwards.settle([Refused(taken(store)[0], "node-refused", "A700")])
    store.forwards.again("pacs", None, "admin", "the node has room")
    assert taken(store)[0].attempts == 2


def test_the_oldest_that_waits_is_known_for_each_destination(store):
    delivered(store, 2)
    store.forward_sync.everything(TRIAL)
    assert store.forwards.oldest_waiting()["pacs"] == min(
        item.delivered_at for item in store.reports.items(ItemFilter())
    )
    store.forwards.settle([Confirmed(parcel, "read-back") for parcel in taken(store)])
    assert store.forwards.oldest_waiting() == {}


def move(connection, state):
    connection.execute(
        update(forwards).values(
            state=state,
            due_at=NOON if state in ("waiting", "claimed") else None,
            lease_owner="courier" if state == "claimed" else None,
            reason_code="reason" if state in ("held", "recalled") else None,
            confirmation="read-back" if state == "confirmed" else None,
            token=forwards.c.token + 1,
        )
    )


WAYS = {
    "waiting": (),
    "claimed": ("claimed",),
    "confirmed": ("claimed", "confirmed"),
    "held": ("claimed", "held"),
    "recalled": ("recalled",),
    "withdrawn": ("withdrawn",),
}


@pytest.mark.parametrize(("old", "new"), list(product(ForwardState, ForwardState)), ids=lambda state: state.value)
def test_the_database_allows_the_transitions_of_the_table_and_no_other(store, database, old, new):
    delivered(store)
    store.forward_sync.everything(TRIAL)
    with database.write() as connection:
        for state in WAYS[old]:
            move(connection, state)

    def attempt():
        with database.write() as connection:
            move(connection, new)

    if old == new or (old, new) in LEGAL:
        attempt()
    else:
        with pytest.raises(DBAPIError, match="illegal transition of a forward"):
            attempt()


def test_the_database_refuses_to_forget_what_was_handed_on(store, database):
    confirmed(store)
    with pytest.raises(DBAPIError, match="a forward is never deleted"), database.write() as connection:
        connection.execute(delete(forwards))
    for column, value in (("destination", "other"), ("confirmation", None)):
        with pytest.raises(DBAPIError), database.write() as connection:
            connection.execute(update(forwards).values({column: value}))


def test_the_database_refuses_a_row_that_does_not_begin_as_waiting(store, database):
    delivered(store)
    row = {
        "item": 1, "destination": "pacs", "digest": "md5:a", "state": "confirmed", "confirmation": "read-back",
        "token": 0, "attempts": 0, "changed_at": NOON,
    }  # fmt: skip
    with pytest.raises(DBAPIError, match="a forward begins as waiting"), database.write() as connection:
        connection.execute(insert(forwards).values(row))


def test_a_ledger_of_the_version_before_gets_destinations_and_keeps_what_it_has(empty_url, keys):
    database = Database(empty_url, 5)
    with Store.open(empty_url, keys) as store:
        delivered(store, 2)
    with database.write() as connection:
        # As the version before left it.
        connection.execute(text("DROP TABLE forwards"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0003'"))
    with Store.open(empty_url, keys) as store:
        with database.read() as connection:
            assert upgrade.version(connection) == upgrade.HEAD
        assert store.forwards.counts() == []
        assert store.forward_sync.everything(TRIAL).new == 2
        assert store.audit.verify() == []
    database.close()
