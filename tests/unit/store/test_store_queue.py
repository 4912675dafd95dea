# SPDX-License-Identifier: Apache-2.0
"""A claim is ours or it is not; an outcome is written whole or not at all."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.exc import IntegrityError
from tests.data.histories import history
from tests.unit.store.making import NOON, claim, delivered, delivery, feed, hold, patient, received, retry

from deidgate.store import Facts, Hold, Reject, Retry, State, UidKind

DAY = timedelta(days=1)


def states(store):
    return {count.state: count.number for count in store.reports.counts()}


def test_the_oldest_are_claimed_first(store):
    store.feeder.record_received([received(n) for n in (5, 3, 4, 1, 2)])
    assert [c.orthanc_id for c in claim(store, 3)] == ["orthanc-1", "orthanc-2", "orthanc-3"]
    assert [c.orthanc_id for c in claim(store, 9)] == ["orthanc-4", "orthanc-5"]


def test_nothing_is_claimed_twice_while_its_lease_runs(store):
    feed(store, 3)
    assert len(claim(store, 2)) == 2
    assert len(claim(store, 2)) == 1
    assert claim(store, 2) == []


def test_an_item_is_not_claimed_before_its_time(store):
    feed(store, 1)
    (mine,) = claim(store)
    retry(store, mine, NOON + DAY + timedelta(seconds=40))
    assert claim(store, at=NOON + timedelta(seconds=39)) == []
    (again,) = claim(store, at=NOON + timedelta(seconds=40))
    assert again.attempts == 2


def test_a_clock_that_is_put_back_keeps_nobody_waiting(store):
    feed(store, 2)
    given_back, _crashed = claim(store, 2, lease_s=20)
    retry(store, given_back, NOON + DAY + timedelta(seconds=15))
    assert claim(store, 2, at=NOON - timedelta(seconds=20), lease_s=20) == []
    assert len(claim(store, 2, at=NOON - timedelta(hours=1), lease_s=20)) == 2


def test_an_item_whose_lease_ran_out_is_claimed_by_another_and_says_so(store):
    feed(store, 1)
    claim(store, lease_s=60, owner="dead")
    (taken,) = claim(store, at=NOON + timedelta(seconds=61), owner="alive")
    assert (taken.owner, taken.attempts, taken.lapses) == ("alive", 2, 1)
    (again,) = claim(store, at=NOON + timedelta(seconds=200), owner="alive")
    assert again.lapses == 2
    retry(store, again, NOON)
    assert claim(store)[0].lapses == 0
    assert [e.event for e in history(store, taken.item_id)][:3] == ["received", "claimed", "lease-expired"]


@pytest.mark.parametrize("late", ["deliver", "hold", "reject", "retry", "heartbeat"])
def test_who_lost_the_claim_can_change_nothing(store, late):
    feed(store, 1)
    mapping = patient(store)
    (old,) = claim(store, lease_s=1, owner="slow")
    (new,) = claim(store, at=NOON + timedelta(seconds=5), owner="quick")
    before = store.reports.item(new.item_id)
    if late == "heartbeat":
        assert store.queue.heartbeat([old], 60, NOON + DAY) == {old.item_id}
    else:
        outcome = {
            "deliver": delivery(mapping, old),
            "hold": Hold(old, "reason"),
            "reject": Reject(old, "reason"),
            "retry": Retry(old, NOON),
        }[late]
        settled = store.queue.settle([outcome])
        assert (settled.done, settled.lost) == (set(), {old.item_id})
    assert store.reports.item(new.item_id) == before
    assert store.mapping.known_instance("trial", outcome_sop(new)) is None
    hold(store, new, "reason")


def outcome_sop(claimed):
    return f"1.2.3.4.{claimed.item_id}"


def test_a_settled_item_cannot_be_settled_again(store):
    feed(store, 1)
    (mine,) = claim(store)
    hold(store, mine, "reason")
    settled = store.queue.settle([Reject(mine, "reason")])
    assert (settled.done, settled.lost) == (set(), {mine.item_id})
    assert states(store) == {State.HELD: 1}


def test_a_heartbeat_keeps_the_claim(store):
    feed(store, 1)
    (mine,) = claim(store, lease_s=60)
    later = NOON + DAY + timedelta(seconds=50)
    assert store.queue.heartbeat([mine], 60, later) == frozenset()
    assert claim(store, at=NOON + timedelta(seconds=100)) == []
    hold(store, mine, "reason")


def test_a_batch_is_settled_in_one_go_and_the_lost_ones_are_named(store):
    feed(store, 5)
    mapping = patient(store)
    lost, *kept = claim(store, 5, lease_s=1)
    claim(store, 1, at=NOON + timedelta(seconds=2), owner="other", lease_s=9999)
    outcomes = [
        Hold(lost, "reason"),
        delivery(mapping, kept[0]),
        Hold(kept[1], "burned-in-text", "PixelData"),
        Reject(kept[2], "not-wanted"),
        Retry(kept[3], NOON),
    ]
    settled = store.queue.settle(outcomes)
    assert settled.lost == {lost.item_id}
    assert settled.done == {c.item_id for c in kept}
    assert states(store) == {
        State.CLAIMED: 1, State.DELIVERED: 1, State.HELD: 1, State.REJECTED: 1, State.RECEIVED: 1
    }  # fmt: skip


def test_an_item_with_two_outcomes_is_refused(store):
    feed(store, 1)
    (mine,) = claim(store)
    with pytest.raises(ValueError, match="two outcomes"):
        store.queue.settle([Hold(mine, "a"), Hold(mine, "b")])
    assert states(store) == {State.CLAIMED: 1}


def test_nothing_to_settle_is_nothing(store):
    assert store.queue.settle([]).done == frozenset()


@pytest.mark.parametrize(
    "name", ["project", "patient", "policy_hash", "digest", "study_instance_uid", "sop_instance_uid"]
)
def test_a_delivery_that_cannot_be_traced_cannot_be_made(store, name):
    feed(store, 1)
    outcome = delivery(patient(store), claim(store)[0])
    with pytest.raises(ValueError, match=name):
        replace(outcome, facts=replace(outcome.facts, **{name: None}))


def test_a_delivery_without_its_instance_cannot_be_made(store):
    feed(store, 1)
    outcome = delivery(patient(store), claim(store)[0])
    studies = tuple(pair for pair in outcome.uid_pairs if pair.kind is UidKind.STUDY)
    with pytest.raises(ValueError, match="UID pair"):
        replace(outcome, uid_pairs=studies)


def test_a_delivery_records_where_it_went_and_under_which_policy(store):
    (outcome,) = delivered(store)
    item = store.reports.item(1)
    assert item.state is State.DELIVERED
    assert item.research_id == outcome.delivered.research_id
    assert item.research_sop_uid == outcome.delivered.sop_instance_uid
    assert (item.policy_name, item.policy_version, item.policy_hash) == ("basic", "1", "sha256:policy")
    assert (item.digest, item.result_digest) == ("sha256:a", "sha256:result")
    assert item.patient == outcome.facts.patient
    assert item.study_key is not None
    assert [e.event for e in history(store, 1)] == ["received", "claimed", "delivered"]


def test_what_was_learned_about_a_held_item_is_kept_and_nothing_is_forgotten(store):
    feed(store, 1)
    (mine,) = claim(store)
    hold(store, mine, "reason", "PatientName", Facts(site="south", project="trial", digest="sha256:x"))
    store.review.release(mine.item_id, "ann", "looked at it")
    (again,) = claim(store)
    hold(store, again, "other")
    item = store.reports.item(mine.item_id)
    assert (item.site, item.project, item.digest, again.digest) == ("south", "trial", "sha256:x", "sha256:x")
    assert (item.reason_code, item.reason_path) == ("other", "")


def test_changed_content_under_a_delivered_uid_is_held_and_the_first_stays(store):
    delivered(store, 1, sop="1.2.3.4.5", digest="sha256:first")
    store.feeder.record_received([received(1)])
    settled = store.queue.settle([delivery(patient(store), claim(store)[0], sop="1.2.3.4.5", digest="sha256:second")])
    assert settled.conflicts == {2}
    assert settled.done == frozenset()
    assert store.reports.item(2).reason_code == "content-changed"
    assert store.mapping.known_instance("trial", "1.2.3.4.5") == "sha256:first"


def test_changed_content_that_a_person_accepted_is_delivered(store):
    delivered(store, 1, sop="1.2.3.4.5", digest="sha256:first")
    store.feeder.record_received([received(1)])
    second = {"sop": "1.2.3.4.5", "digest": "sha256:second"}
    store.queue.settle([delivery(patient(store), claim(store)[0], **second)])
    store.review.release(2, "ann", "the clinic corrected it", accept=True)
    (again,) = claim(store)
    assert again.accepted == {"content-changed"}
    assert store.queue.settle([delivery(patient(store), again, **second)]).done == {2}
    assert store.mapping.known_instance("trial", "1.2.3.4.5") == "sha256:second"


def test_two_contents_of_one_uid_in_one_batch_are_not_both_delivered(store):
    feed(store, 2)
    mapping = patient(store)
    one, two = claim(store, 2)
    outcomes = [
        delivery(mapping, one, sop="1.9", digest="sha256:a"),
        delivery(mapping, two, sop="1.9", digest="sha256:b"),
    ]
    settled = store.queue.settle(outcomes)
    assert (settled.done, settled.conflicts) == ({one.item_id}, {two.item_id})


def test_the_same_content_sent_again_is_delivered_again_under_the_same_identity(store):
    (first,) = delivered(store, 1, sop="1.9")
    store.feeder.record_received([received(1)])
    again = delivery(patient(store), claim(store)[0], sop="1.9")
    assert again.delivered.sop_instance_uid == first.delivered.sop_instance_uid
    assert store.queue.settle([again]).done == {2}
    assert len(list(store.custody.export_uids("ann", "test"))) == 3


def test_a_delivery_for_a_patient_who_was_purged_meanwhile_is_held(store):
    feed(store, 1)
    mapping = patient(store)
    (mine,) = claim(store)
    store.custody.purge_patient("trial", mapping.pseudonyms.patient_id, "ann", "consent withdrawn")
    settled = store.queue.settle([delivery(mapping, mine)])
    assert settled.conflicts == {mine.item_id}
    assert store.reports.item(mine.item_id).reason_code == "patient-purged"
    assert list(store.custody.export_uids("ann", "test")) == []


def test_a_failing_batch_leaves_no_half_of_it(store):
    feed(store, 2)
    mapping = patient(store)
    good, bad = (delivery(mapping, claimed) for claimed in claim(store, 2))
    unfit = replace(bad, delivered=replace(bad.delivered, research_id=None))
    with pytest.raises(IntegrityError):
        store.queue.settle([good, unfit])
    assert states(store) == {State.CLAIMED: 2}
    assert store.mapping.known_instance("trial", outcome_sop(good.claim)) is None
    assert store.queue.settle([good, bad]).done == {good.claim.item_id, bad.claim.item_id}
    assert len(list(store.custody.export_uids("ann", "test"))) == 4
