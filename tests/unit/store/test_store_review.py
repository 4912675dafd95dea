# SPDX-License-Identifier: Apache-2.0
"""What people decide is done once, with a name and a reason, and can be resumed after a crash."""

import pytest
from tests.data.histories import history
from tests.unit.store.making import NOON, claim, delivered, delivery, feed, hold, patient

from deidgate.store import Original, State
from deidgate.store.model import ItemFilter


@pytest.fixture
def held(store):
    feed(store, 1)
    (mine,) = claim(store)
    hold(store, mine, "burned-in-text", "PixelData")
    return store.reports.item(mine.item_id)


def audited(store):
    return [(e.who, e.action, e.objects, e.why) for e in store.audit.entries()]


def test_a_released_item_goes_back_to_work_at_once_with_what_was_decided(store, held):
    boxes = {"boxes": [[1, 2, 3, 4, None]]}
    assert store.review.release(held.id, "ann", "only a ruler", accept=True, instructions=boxes)
    (again,) = claim(store)
    assert (again.accepted, again.instructions, again.attempts) == ({"burned-in-text"}, boxes, 1)
    assert audited(store) == [
        ("ann", "release-accepting", ("item:1", "burned-in-text", "boxes:[[1,2,3,4,null]]"), "only a ruler")
    ]
    assert [e.event for e in history(store, held.id)][-2:] == ["released", "claimed"]


def test_what_was_to_be_hidden_stays_hidden_when_something_else_holds_the_item_in_between(store, held):
    store.review.release(held.id, "ann", "a name", instructions={"boxes": [[1, 2, 3, 4, None]]})
    for more, expected in (({}, [1, 2, 3, 4, None]), ({"instructions": {"boxes": [[5, 6, 7, 8, 0]]}}, [5, 6, 7, 8, 0])):
        hold(store, claim(store)[0], "research-refused")
        store.review.release(held.id, "ann", "room again", **more)
        (again,) = claim(store)
        assert again.instructions == {"boxes": [expected]}
        hold(store, again, "research-refused")
        store.review.release(held.id, "ann", "room again", accept=True)


def test_a_release_without_accepting_lets_nothing_pass(store, held):
    store.review.release(held.id, "ann", "try again")
    assert claim(store)[0].accepted == frozenset()


def test_reasons_that_were_accepted_add_up(store, held):
    store.review.release(held.id, "ann", "fine", accept=True)
    hold(store, claim(store)[0], "content-changed")
    store.review.release(held.id, "ann", "fine too", accept=True)
    assert claim(store)[0].accepted == {"burned-in-text", "content-changed"}


def test_a_rejected_item_stays_rejected(store, held):
    assert store.review.reject(held.id, "ann", "not of this trial")
    assert store.reports.item(held.id).reason_code == "by-person"
    assert not store.review.release(held.id, "ann", "oh no")
    assert claim(store) == []


def test_two_people_cannot_overwrite_each_other(store, held):
    assert store.review.release(held.id, "ann", "fine", token=held.token)
    assert not store.review.reject(held.id, "bob", "not fine", token=held.token)
    hold(store, claim(store)[0], "burned-in-text")
    assert not store.review.reject(held.id, "bob", "not fine", token=held.token)
    assert store.review.reject(held.id, "bob", "not fine", token=store.reports.item(held.id).token)
    assert [who for who, *_ in audited(store)] == ["ann", "bob"]


def test_what_is_not_held_cannot_be_released_or_rejected(store):
    delivered(store)
    assert not store.review.release(1, "ann", "test")
    assert not store.review.reject(1, "ann", "test")
    assert not store.review.release(99, "ann", "test")
    assert audited(store) == []


@pytest.mark.parametrize("by", ["pseudonym", "study", "series", "policy", "items"])
def test_a_recall_takes_back_what_was_selected_and_nothing_else(store, by):
    ours = delivered(store, 2)
    feed(store, 3)
    other = patient(store, "99999")
    outsider = delivery(other, claim(store)[0], study="9.9.9")
    store.queue.settle([outsider])
    selection = {
        "pseudonym": ItemFilter(pseudonym=patient(store).pseudonyms.patient_id),
        "study": ItemFilter(research_study_uid=ours[0].delivered.study_instance_uid),
        "series": ItemFilter(research_series_uid=ours[0].delivered.series_instance_uid),
        "policy": ItemFilter(policy_version="1", received_before=NOON.replace(minute=0, second=2)),
        "items": ItemFilter(item_ids=frozenset({1, 2})),
    }[by]
    recalled = store.review.recall(selection, "ann", "consent withdrawn")
    assert [item.id for item in recalled] == [1, 2]
    assert {item.research_sop_uid for item in recalled} == {o.delivered.sop_instance_uid for o in ours}
    assert store.reports.item(outsider.claim.item_id).state is State.DELIVERED
    assert audited(store)[0][1] == "recall"


def test_a_recall_that_finds_nothing_is_audited_too(store):
    assert store.review.recall(ItemFilter(pseudonym="P-NOBODY"), "ann", "test") == []
    assert audited(store) == [("ann", "recall", ("pseudonym:P-NOBODY", "items:0"), "test")]


def test_a_recall_can_be_resumed_until_research_confirmed_it(store):
    delivered(store, 2)
    store.review.recall(ItemFilter(), "ann", "test")
    assert [item.id for item in store.review.to_withdraw(10)] == [1, 2]
    store.review.withdrawn([1])
    assert [item.id for item in store.review.to_withdraw(10)] == [2]
    store.review.withdrawn([1, 2])
    assert store.review.to_withdraw(10) == []


def test_only_what_is_withdrawn_and_has_its_original_is_processed_again(store):
    delivered(store, 3)
    store.retention.purging([3], "test")
    store.retention.purged([3])
    store.review.recall(ItemFilter(), "ann", "new policy")
    assert store.review.reprocess(ItemFilter(), "ann", "new policy") == 0
    store.review.withdrawn([1, 3])
    assert store.review.reprocess(ItemFilter(), "ann", "new policy") == 1
    (again,) = claim(store, 9)
    assert again.item_id == 1
    assert store.queue.settle([delivery(patient(store), again)]).done == {1}
    store.review.recall(ItemFilter(item_ids=frozenset({1})), "ann", "once more")
    assert [item.id for item in store.review.to_withdraw(10)] == [1, 2]


def test_originals_are_purged_only_after_delivery_and_only_when_old_enough(store):
    delivered(store, 1)
    feed(store, 2)
    delivered_at = store.reports.item(1).delivered_at
    assert store.retention.purgeable(delivered_at, 10) == []
    (item,) = store.retention.purgeable(delivered_at.replace(year=2030), 10)
    assert store.retention.purging([item.id, 2], "30 days") == {1}
    assert store.reports.item(1).original is Original.PURGING
    store.retention.purged([1, 2])
    assert store.reports.item(1).original is Original.PURGED
    assert store.reports.item(2).original is Original.PRESENT
    assert store.retention.purgeable(delivered_at.replace(year=2030), 10) == []


def test_a_purge_that_a_crash_interrupted_is_not_due_but_left(store):
    delivered(store, 3)
    later = NOON.replace(year=2030)
    store.retention.purging([2], "30 days")
    assert [item.id for item in store.retention.purgeable(later, 9)] == [1, 3]
    assert [item.id for item in store.retention.left(later, 9)] == [2]
    assert store.retention.left(later, 9, after=2) == []
    assert store.retention.left(NOON.replace(year=2020), 9) == []
    assert store.retention.purging([2], "30 days") == frozenset()
    store.retention.not_purged([2], "ingest-refused")
    assert store.reports.item(2).original is Original.PRESENT
    assert [item.id for item in store.retention.purgeable(later, 9, project="trial")] == [1, 2, 3]
    assert store.retention.purgeable(later, 9, project="other") == []


def test_what_was_recalled_is_not_purged(store):
    delivered(store, 1)
    store.review.recall(ItemFilter(), "ann", "test")
    assert store.retention.purging([1], "30 days") == frozenset()
