# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from tests.data.histories import history
from tests.unit.orthanc_io.servers import Listing, content
from tests.unit.store.making import claim, delivery, feed, hold, patient, received

from deidgate.errors import CannotDeidentify, Unavailable
from deidgate.gateway.original import digest_of
from deidgate.orthanc_io.purge import purge_originals
from deidgate.orthanc_io.withdrawal import withdraw_recalled
from deidgate.store import Original, State
from deidgate.store.model import ItemFilter

ALL = ItemFilter(site="north")
LATER = datetime.now(UTC) + timedelta(days=30)


def deliver(store, **words):
    """Deliver what waits, with the kind of digest that the gateway writes."""
    for claimed in claim(store, 10):
        outcome = delivery(patient(store), claimed, digest=digest_of(content(claimed.orthanc_id)))
        store.queue.settle(
            [replace(outcome, delivered=replace(outcome.delivered, **{"result_digest": "md5:r"} | words))]
        )


@pytest.fixture
def store(store):
    feed(store, 5)
    deliver(store)
    return store


@pytest.fixture
def research():
    return Listing(f"research-{n}" for n in range(1, 6))


@pytest.fixture
def ingest():
    return Listing(f"orthanc-{n}" for n in range(5))


def originals(store):
    return [item.original for item in store.reports.items(ItemFilter())]


def test_everything_recalled_leaves_research(store, research):
    store.review.recall(ALL, "me", "why")
    assert withdraw_recalled(store, research) == 5
    assert not research.ids
    assert store.review.to_withdraw(10) == []


def test_a_recall_that_was_cut_short_goes_on_where_it_stopped(store, research):
    store.review.recall(ALL, "me", "why")
    research.fails_after = 2
    with pytest.raises(Unavailable):
        withdraw_recalled(store, research)
    assert len(store.review.to_withdraw(10)) == 3
    research.fails_after = None
    assert withdraw_recalled(store, research) == 3
    assert not research.ids


def test_what_was_sent_twice_stays_while_one_of_the_two_is_delivered(store, research):
    store.feeder.record_received([received(9)])
    deliver(store, research_id="research-1")
    store.review.recall(ItemFilter(item_ids=frozenset({1, 2})), "me", "why")
    assert withdraw_recalled(store, research) == 2
    assert "research-1" in research.ids
    assert "research-2" not in research.ids
    store.review.recall(ALL, "me", "why")
    withdraw_recalled(store, research)
    assert not research.ids


def test_what_is_delivered_in_its_place_meanwhile_stays(store, research):
    store.review.recall(ItemFilter(item_ids=frozenset({1, 2})), "me", "why")
    withdraw = research.withdraw

    def and_another_comes(orthanc_id):
        withdraw(orthanc_id)
        store.feeder.record_received([received(9)])
        deliver(store, research_id="research-2")

    research.withdraw = and_another_comes
    assert withdraw_recalled(store, research) == 2
    assert "research-1" not in research.ids
    assert "research-2" in research.ids


def refuse(store, research, *, purge=False, **words):
    """Research is given an instance, and then the ledger refuses its delivery."""
    store.feeder.record_received([received(9)])
    [claimed] = claim(store)
    mapping = patient(store)
    if purge:
        store.custody.purge_patient("trial", mapping.pseudonyms.patient_id, "ann", "consent withdrawn")
    outcome = delivery(mapping, claimed, sop="1.2.3.4.1", digest="sha256:another")
    given = replace(outcome.delivered, **{"research_id": "research-6", "result_digest": "md5:second"} | words)
    research.ids.add(given.research_id)
    research.digests[given.research_id] = given.result_digest.removeprefix("md5:")
    assert store.queue.settle([replace(outcome, delivered=given)]).conflicts == {claimed.item_id}
    return claimed.item_id


def test_what_was_delivered_while_its_patient_was_forgotten_leaves_research(store, research):
    item = refuse(store, research, purge=True)
    assert withdraw_recalled(store, research) == 1
    assert research.deleted == ["research-6"]
    assert history(store, item)[-1].event == "withdrawn"
    assert withdraw_recalled(store, research) == 0


def test_another_content_that_was_refused_after_it_took_the_place_of_the_first_leaves_research(store, research, caplog):
    refuse(store, research, research_id="research-1")
    assert withdraw_recalled(store, research) == 1
    assert research.deleted == ["research-1"]
    assert "delivered-replaced" in caplog.text


def test_a_first_content_that_research_still_holds_stays(store, research):
    refuse(store, research, research_id="research-1")
    research.digests["research-1"] = "r"
    assert withdraw_recalled(store, research) == 1
    assert research.deleted == []


def test_what_was_delivered_for_another_item_as_well_stays(store, research):
    refuse(store, research, purge=True, research_id="research-1", result_digest="md5:r")
    assert withdraw_recalled(store, research) == 1
    assert research.deleted == []


def test_a_refused_delivery_is_withdrawn_when_research_is_back(store, research):
    refuse(store, research, purge=True)
    research.fails_after = 0
    with pytest.raises(Unavailable):
        withdraw_recalled(store, research)
    research.fails_after = None
    assert withdraw_recalled(store, research) == 1
    assert "research-6" not in research.ids


def test_what_a_person_let_pass_since_is_not_withdrawn(store, research, monkeypatch):
    item = refuse(store, research, research_id="research-1")
    look = store.reports.item

    def released_meanwhile(item_id):
        store.review.release(item_id, "ann", "right", accept=True)
        return look(item_id)

    monkeypatch.setattr(store.reports, "item", released_meanwhile)
    assert withdraw_recalled(store, research) == 0
    assert research.deleted == []
    assert look(item).state == State.RECEIVED


def test_what_was_recalled_and_is_held_since_is_withdrawn_once(store, research):
    store.review.recall(ALL, "me", "why")
    withdraw_recalled(store, research)
    store.review.reprocess(ALL, "me", "why")
    for claimed in claim(store, 10):
        hold(store, claimed, "pixels-text")
    assert withdraw_recalled(store, research) == 0


def test_nothing_is_purged_where_no_project_is_named(store, ingest, research):
    assert purge_originals(store, ingest, research, {}, LATER) == (0, 0)
    assert purge_originals(store, ingest, research, {"another": 0}, LATER) == (0, 0)
    assert ingest.deleted == []


def test_originals_go_after_their_days_and_not_before(store, ingest, research):
    assert purge_originals(store, ingest, research, {"trial": 31}, LATER) == (0, 0)
    assert ingest.deleted == []


def test_originals_that_are_due_go_and_the_ledger_says_so(store, ingest, research):
    assert purge_originals(store, ingest, research, {"trial": 1}, LATER) == (5, 0)
    assert not ingest.ids
    assert set(originals(store)) == {Original.PURGED}


def test_what_research_does_not_confirm_keeps_its_original(store, ingest, research):
    research.digests = dict.fromkeys(research.ids, "another")
    assert purge_originals(store, ingest, research, {"trial": 0}, LATER) == (0, 5)
    research.ids.clear()
    assert purge_originals(store, ingest, research, {"trial": 0}, LATER) == (0, 5)
    assert ingest.deleted == []
    assert set(originals(store)) == {Original.PRESENT}


def test_an_original_that_another_content_took_the_place_of_goes_when_that_one_is_there(store, ingest, research):
    store.feeder.record_received([received(9)])
    ingest.ids.add("orthanc-9")
    deliver(store, research_id="research-1", result_digest="md5:second")
    research.digests = {"research-1": "neither"}
    assert purge_originals(store, ingest, research, {"trial": 0}, LATER) == (4, 2)
    research.digests["research-1"] = "second"
    assert purge_originals(store, ingest, research, {"trial": 0}, LATER) == (2, 0)


def cut_short(store, ingest, research, after):
    """A round that ingest has left after so many deletions."""
    ingest.fails_after = after
    with pytest.raises(Unavailable):
        purge_originals(store, ingest, research, {"trial": 0}, LATER)
    ingest.fails_after = None


def test_a_purge_that_was_cut_short_goes_on_where_it_stopped(store, ingest, research):
    cut_short(store, ingest, research, 2)
    assert originals(store).count(Original.PURGED) == 2
    assert originals(store).count(Original.PURGING) == 3
    ingest.ids.discard("orthanc-4")  # deleted, and the answer was lost
    assert purge_originals(store, ingest, research, {"trial": 0}, LATER) == (3, 0)
    assert set(originals(store)) == {Original.PURGED}
    assert not ingest.ids


def test_what_was_cut_short_is_asked_of_research_again(store, ingest, research):
    cut_short(store, ingest, research, 2)
    research.ids.clear()
    assert purge_originals(store, ingest, research, {"trial": 0}, LATER) == (0, 3)
    assert len(ingest.ids) == 3
    assert originals(store).count(Original.PRESENT) == 3


def test_what_came_in_the_place_of_a_purged_original_is_not_deleted_for_it(store, ingest, research):
    cut_short(store, ingest, research, 0)
    ingest.files["orthanc-1"] = content("another")
    assert purge_originals(store, ingest, research, {"trial": 0}, LATER) == (5, 0)
    assert ingest.ids == {"orthanc-1"}


def test_what_was_cut_short_and_then_recalled_can_be_processed_again(store, ingest, research):
    cut_short(store, ingest, research, 3)
    store.review.recall(ALL, "me", "why")
    withdraw_recalled(store, research)
    assert purge_originals(store, ingest, research, {"trial": 0}, LATER) == (0, 0)
    assert set(store.reports.at_ingest("ingest")) == ingest.ids
    assert store.review.reprocess(ALL, "me", "why") == 2


def sent_again(store, ingest, file=None):
    """The first instance is stored once more, after ingest had lost it."""
    store.feeder.record_received([received(0, generation=99)])
    ingest.files["orthanc-0"] = file or content("orthanc-0")
    [again] = claim(store, 10)
    return again


def test_the_only_copy_of_another_item_is_not_deleted(store, ingest, research):
    again = sent_again(store, ingest, content("changed by the clinic"))
    hold(store, again, "content-changed")
    assert purge_originals(store, ingest, research, {"trial": 0}, LATER) == (5, 0)
    assert ingest.ids == {"orthanc-0"}
    assert originals(store) == [Original.PURGED] * 5 + [Original.PRESENT]


def test_what_was_sent_again_unchanged_stays_until_it_is_delivered_itself(store, ingest, research):
    again = sent_again(store, ingest)
    purge_originals(store, ingest, research, {"trial": 0}, LATER)
    assert ingest.ids == {"orthanc-0"}
    outcome = delivery(patient(store), again, sop="1.2.3.4.1", digest=digest_of(content("orthanc-0")))
    stored = replace(outcome.delivered, research_id="research-1", result_digest="md5:r")
    assert store.queue.settle([replace(outcome, delivered=stored)]).done
    assert purge_originals(store, ingest, research, {"trial": 0}, LATER) == (1, 0)
    assert not ingest.ids
    assert set(originals(store)) == {Original.PURGED}


def test_an_original_stays_while_an_earlier_item_waits_for_it(store, ingest, research):
    store.feeder.record_received([received(7)])
    ingest.ids.add("orthanc-7")
    [first] = claim(store, 10)
    hold(store, first, "pixels-text")
    store.feeder.record_received([received(7, generation=99)])
    research.ids.add("research-7")
    deliver(store)
    assert purge_originals(store, ingest, research, {"trial": 0}, LATER) == (5, 0)
    assert ingest.ids == {"orthanc-7"}
    store.review.reject(first.item_id, "me", "sent twice")
    assert purge_originals(store, ingest, research, {"trial": 0}, LATER) == (1, 0)
    assert not ingest.ids


def test_another_content_that_the_ledger_has_not_read_of_is_not_deleted(store, ingest, research):
    ingest.files["orthanc-1"] = content("another")
    assert purge_originals(store, ingest, research, {"trial": 0}, LATER) == (5, 0)
    assert ingest.ids == {"orthanc-1"}


def test_an_original_that_cannot_be_read_is_not_deleted(store, ingest, research, monkeypatch):
    read = ingest.read

    def damaged(orthanc_id):
        if orthanc_id == "orthanc-1":
            raise CannotDeidentify("original-changed")
        return read(orthanc_id)

    monkeypatch.setattr(ingest, "read", damaged)
    assert purge_originals(store, ingest, research, {"trial": 0}, LATER) == (4, 1)
    assert purge_originals(store, ingest, research, {"trial": 0}, LATER) == (0, 1)
    assert ingest.ids == {"orthanc-1"}


def test_a_round_that_still_runs_is_left_alone(store, ingest, research):
    cut_short(store, ingest, research, 2)
    assert purge_originals(store, ingest, research, {}, datetime.now(UTC)) == (0, 0)
    assert originals(store).count(Original.PURGING) == 3


def test_what_ingest_will_not_delete_is_there_and_tried_another_time(store, ingest, research, monkeypatch):
    monkeypatch.setattr(ingest, "delete", lambda _orthanc_id: False)
    assert purge_originals(store, ingest, research, {"trial": 0}, LATER) == (0, 5)
    assert set(originals(store)) == {Original.PRESENT}
