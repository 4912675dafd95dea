# SPDX-License-Identifier: Apache-2.0
"""Every item is in the counts once, and what servers must have can be listed."""

from tests.data.histories import history
from tests.unit.store.making import NOON, claim, delivered, delivery, feed, hold, patient, received

from deidgate.store import Facts, Hold, Reject, State
from deidgate.store.model import ItemFilter


def mixed(store):
    """Seven items: delivered, two held, rejected, claimed, two received; of two sites."""
    mapping = patient(store)
    feed(store, 5)
    a, b, c, d, _ = claim(store, 5)
    facts = Facts(project="trial", study_instance_uid="1.2.4")
    store.queue.settle(
        [delivery(mapping, a), Hold(b, "burned-in-text", facts=facts), Hold(c, "no-route"), Reject(d, "not-wanted")]
    )
    store.feeder.record_received([received(n, site="south") for n in (5, 6)])


def test_counts_are_by_state_site_project_and_reason(store):
    mixed(store)
    assert {(c.state.value, c.site, c.project, c.code): c.number for c in store.reports.counts()} == {
        ("delivered", "north", "trial", None): 1,
        ("held", "north", "trial", "burned-in-text"): 1,
        ("held", "north", None, "no-route"): 1,
        ("rejected", "north", None, "not-wanted"): 1,
        ("claimed", "north", None, None): 1,
        ("received", "south", None, None): 2,
    }


def test_balances_add_up_per_site_and_per_study(store):
    mixed(store)
    balances = store.reports.reconcile()
    assert all(balance.balanced for balance in balances)
    sites = [b for b in balances if b.study_key is None]
    assert [(b.site, b.received, b.delivered, b.held, b.rejected, b.in_flight) for b in sites] == [
        ("north", 5, 1, 2, 1, 1),
        ("south", 2, 0, 0, 0, 2),
    ]
    north = [b for b in balances if b.site == "north" and b.study_key]
    assert sorted((b.received, b.delivered, b.held) for b in north) == [(1, 0, 1), (4, 1, 1)]
    assert {b.research_study_uid is not None for b in north if b.delivered} == {True}
    assert sites[0].codes == {"burned-in-text": 1, "no-route": 1, "not-wanted": 1}
    assert [b.site for b in store.reports.reconcile("south")] == ["south", "south"]


def test_the_backlog_is_what_is_in_flight(store):
    mixed(store)
    assert store.reports.backlog() == 3


def test_the_oldest_open_item_is_the_oldest_in_flight(store):
    assert store.reports.oldest_open() is None
    mixed(store)
    assert store.reports.oldest_open() == NOON.replace(second=4)
    (last, *_) = claim(store, 9)
    assert store.reports.oldest_open() == NOON.replace(second=4)
    hold(store, last, "reason")


def test_holds_are_listed_in_pages_and_by_filter(store):
    mixed(store)
    assert [item.id for item in store.reports.holds()] == [2, 3]
    assert [item.id for item in store.reports.holds(limit=1)] == [2]
    assert [item.id for item in store.reports.holds(after=2)] == [3]
    assert [item.id for item in store.reports.holds(ItemFilter(code="no-route"))] == [3]
    assert [item.id for item in store.reports.holds(ItemFilter(project="trial", site="north"))] == [2]
    assert store.reports.holds(ItemFilter(states=frozenset({State.DELIVERED}))) == []


def test_items_of_one_study_are_found_by_its_key(store):
    mixed(store)
    key = store.reports.item(2).study_key
    assert [item.id for item in store.reports.items(ItemFilter(study_key=key))] == [2]


def test_items_are_found_by_time(store):
    mixed(store)
    window = ItemFilter(received_since=NOON.replace(second=2), received_before=NOON.replace(second=4))
    assert [item.id for item in store.reports.items(window)] == [3, 4]


def test_storage_commitment_is_answered_for_the_latest_item_even_after_the_purge(store):
    delivered(store, 1)
    store.retention.purging([1], "test")
    store.retention.purged([1])
    assert store.reports.states_of(["1.2.3.4.1", "9.9"]) == {"1.2.3.4.1": {"orthanc-0": State.DELIVERED}}
    store.feeder.record_received([received(1, generation=50), received(1, generation=51)])
    hold(store, claim(store)[0], "original-missing")
    assert store.reports.states_of(["1.2.3.4.1"]) == {
        "1.2.3.4.1": {"orthanc-0": State.DELIVERED, "orthanc-1": State.RECEIVED}
    }


def test_the_lists_of_what_servers_must_have_are_complete(store):
    outcomes = delivered(store, 3)
    feed(store, 4)
    store.retention.purging([1], "test")
    store.review.recall(ItemFilter(item_ids=frozenset({2})), "ann", "test")
    assert list(store.reports.at_ingest("ingest")) == ["orthanc-1", "orthanc-2", "orthanc-3"]
    assert list(store.reports.at_research()) == [outcomes[n].delivered.sop_instance_uid for n in (0, 2)]


def test_an_item_that_is_not_there_is_none(store):
    assert store.reports.item(1) is None
    assert history(store, 1) == []
