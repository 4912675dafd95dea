# SPDX-License-Identifier: Apache-2.0
"""A backlog of one site keeps no other site waiting, and within a site nobody is overtaken."""

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import text
from tests.unit.store.making import NOON, claim, delivered, feed, received, retry

from deidgate.store import Hold, Retry
from deidgate.store.model import ItemFilter
from deidgate.store.states import State

NEXT_DAY = timedelta(days=1)


def send(store, site, first, number):
    return store.feeder.record_received([received(n, site=site) for n in range(first, first + number)])


def sites(claims):
    return [c.site for c in claims]


def test_a_site_that_sends_its_first_is_next_however_long_anothers_backlog(store):
    send(store, "big", 0, 200)
    claim(store, 10)
    send(store, "small", 1000, 2)
    assert "small" in sites(claim(store, 2))


def test_sites_take_turns(store):
    send(store, "a", 0, 6)
    send(store, "b", 100, 3)
    send(store, "c", 200, 3)
    claimed = [sites(claim(store, 3)) for _ in range(4)]
    assert [sorted(some) for some in claimed] == [["a", "b", "c"]] * 3 + [["a", "a", "a"]]


def test_a_burst_of_a_new_site_does_not_overtake_the_old_one(store):
    send(store, "old", 0, 100)
    for _ in range(5):
        claim(store, 10)
    send(store, "new", 1000, 100)
    assert sites(claim(store, 20)).count("old") in (9, 10, 11)


def test_a_site_keeps_its_own_order_over_several_batches(store):
    for first in (0, 10, 20):
        send(store, "a", first, 10)
        send(store, "b", 100 + first, 10)
    claims = claim(store, 60)
    for site in "ab":
        ours = [c.received_at for c in claims if c.site == site]
        assert ours == sorted(ours)


def test_a_retried_item_is_not_sent_to_the_end(store):
    send(store, "a", 0, 50)
    (first,) = claim(store, 1)
    retry(store, first, NOON + NEXT_DAY)
    assert claim(store, 1)[0].item_id == first.item_id


def test_an_item_that_failed_lets_others_have_their_turns(store):
    send(store, "a", 0, 50)
    (first,) = claim(store, 1)
    store.queue.settle([Retry(first, NOON, turns=8)])
    assert first.item_id not in {c.item_id for c in claim(store, 8)}
    assert first.item_id in {c.item_id for c in claim(store, 2)}


def test_an_item_that_failed_goes_behind_those_that_are_served_now(store):
    send(store, "a", 0, 50)
    (first, *_) = claim(store, 20)
    store.queue.settle([Retry(first, NOON, turns=8)])
    assert first.item_id not in {c.item_id for c in claim(store, 8)}
    assert first.item_id in {c.item_id for c in claim(store, 2)}


def test_nobody_waits_behind_an_item_that_failed(store):
    send(store, "a", 0, 1)
    (failed,) = claim(store, 1)
    send(store, "b", 100, 50)
    store.queue.settle([Retry(failed, NOON, turns=1024)])
    send(store, "a", 200, 1)
    assert "a" in sites(claim(store, 2))


def test_the_last_is_the_one_that_all_others_come_before(store):
    send(store, "a", 0, 50)
    send(store, "b", 100, 10)
    (last,) = store.queue.claim_last("worker", 60, NOON + NEXT_DAY)
    retry(store, last, NOON)
    *_, expected = claim(store, 60)
    assert last.item_id == expected.item_id


def test_an_item_that_waits_for_a_later_time_lets_no_newcomer_pass_all_others(store):
    send(store, "old", 0, 60)
    (late, *_) = claim(store, 40)
    retry(store, late, NOON + timedelta(days=300))
    send(store, "new", 1000, 30)
    assert sites(claim(store, 20)).count("old") in (9, 10, 11)


def test_a_released_item_is_next(store):
    send(store, "a", 0, 50)
    *_, last = claim(store, 30)
    store.queue.settle([Hold(last, "reason")])
    store.review.release(last.item_id, "ann", "fine")
    assert claim(store, 1)[0].item_id == last.item_id


def test_a_bulk_that_is_processed_again_keeps_no_newcomer_waiting(store):
    delivered(store, 30)
    store.review.recall(ItemFilter(), "ann", "new policy")
    store.review.withdrawn(range(1, 31))
    send(store, "waiting", 100, 3)
    assert store.review.reprocess(ItemFilter(), "ann", "new policy") == 30
    assert sites(claim(store, 3)) == ["waiting"] * 3
    send(store, "new", 200, 1)
    assert "new" in sites(claim(store, 2))
    again = [c.item_id for c in claim(store, 50)]
    assert again == sorted(again)


def test_a_bulk_that_is_processed_again_keeps_no_newcomer_of_its_own_site_waiting(store):
    delivered(store, 60)
    store.review.recall(ItemFilter(), "ann", "new policy")
    store.review.withdrawn(range(1, 61))
    store.review.reprocess(ItemFilter(), "ann", "new policy")
    claim(store, 10)
    send(store, "north", 1000, 2)
    new = {received(n).orthanc_id for n in (1000, 1001)}
    assert new <= {c.orthanc_id for c in claim(store, 4)}
    again = [c.item_id for c in claim(store, 60)]
    assert again == sorted(again)


def test_what_is_processed_again_has_no_reason_once_it_is_delivered(store):
    (outcome,) = delivered(store, 1)
    store.review.recall(ItemFilter(), "ann", "new policy")
    store.review.withdrawn([1])
    store.review.reprocess(ItemFilter(), "ann", "new policy")
    (again,) = claim(store, 1)
    store.queue.settle([replace(outcome, claim=again)])
    assert [(c.state, c.code) for c in store.reports.counts()] == [(State.DELIVERED, None)]


def test_a_claim_reads_a_long_backlog_in_order_of_its_index(tmp_path, keys):
    from deidgate.store import Store

    with Store.open(f"sqlite:///{tmp_path}/ledger.db", keys) as store:
        feed(store, 10)
        query = "SELECT id FROM items WHERE due_at <= 1 ORDER BY turn, id LIMIT 5"
        with store._context.database.read() as connection:
            plan = repr(connection.execute(text(f"EXPLAIN QUERY PLAN {query}")).all())
    assert "COVERING INDEX ix_items_turn" in plan
    assert "TEMP B-TREE" not in plan
