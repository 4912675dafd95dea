# SPDX-License-Identifier: Apache-2.0
"""What ingest stored is in the ledger once, however and however often it is told."""

from datetime import timedelta

import pytest
from sqlalchemy.exc import IntegrityError
from tests.unit.store.making import NOON, claim, delivered, feed, received

from deidgate.store import State
from deidgate.store.model import ItemFilter


def number_of_items(store):
    return sum(count.number for count in store.reports.counts())


def test_rows_that_are_told_twice_are_written_once(store):
    assert feed(store, 5) == 5
    assert feed(store, 7) == 2
    assert number_of_items(store) == 7


def test_rows_that_are_told_twice_in_one_batch_are_written_once(store):
    assert store.feeder.record_received([received(1), received(1), received(1, generation=0)]) == 1


def test_the_cursor_moves_with_its_rows_or_not_at_all(store):
    store.feeder.record_received([received(1)], cursor=("ingest", 41))
    unfit = [received(2), received(3, site=None)]
    with pytest.raises(IntegrityError):
        store.feeder.record_received(unfit, cursor=("ingest", 42))
    assert store.feeder.cursor("ingest") == 41
    assert number_of_items(store) == 1


def test_every_source_has_its_own_cursor_starting_at_zero(store):
    store.feeder.set_cursor("north", 7)
    assert (store.feeder.cursor("north"), store.feeder.cursor("south")) == (7, 0)


def test_a_source_may_have_the_same_orthanc_id_as_another(store):
    assert store.feeder.record_received([received(1), received(1, source="second")]) == 2


def test_a_callback_and_its_change_are_one_item(store):
    assert store.feeder.record_received([received(1, generation=0)]) == 1
    assert store.feeder.record_received([received(1, generation=17)]) == 0
    assert store.feeder.record_received([received(1, generation=17)]) == 0


def test_a_full_listing_adds_only_what_no_change_told(store):
    feed(store, 3)
    listing = [received(n, generation=0) for n in range(5)]
    assert store.feeder.record_received(listing) == 2


def test_an_instance_that_is_stored_again_is_a_new_item(store):
    store.feeder.record_received([received(1, generation=10)])
    assert store.feeder.record_received([received(1, generation=11)]) == 1


def test_a_number_that_a_lost_index_gave_before_is_no_reason_to_ignore_an_instance(store):
    store.feeder.record_received([received(1, generation=7)])
    again = received(1, generation=7, at=NOON + timedelta(days=1))
    assert store.feeder.record_received([again, again]) == 1
    assert store.feeder.record_received([again]) == 0
    assert number_of_items(store) == 2


def test_an_instance_without_a_number_is_not_taken_for_one_of_a_new_index(store):
    store.feeder.record_received([received(1, generation=0)])
    again = received(1, generation=7, at=NOON + timedelta(days=1))
    assert store.feeder.record_received([again]) == 1
    assert store.feeder.record_received([again]) == 0


def test_an_instance_that_a_listing_found_gets_a_number_that_a_lost_index_gave_before(store):
    store.feeder.record_received([received(1, generation=7)])
    delivered(store, 1)
    store.retention.purging([1], "retention")
    store.retention.purged([1])
    again = [received(1, generation=n, at=NOON + timedelta(days=1)) for n in (0, 7)]
    assert [store.feeder.record_received([row]) for row in again] == [1, 0]
    assert store.feeder.record_received([again[1]]) == 0


def test_a_log_that_is_read_again_from_its_beginning_tells_nothing_new(store):
    first, second = received(1, generation=7), received(1, generation=9, at=NOON + timedelta(days=1))
    store.feeder.record_received([first])
    store.feeder.record_received([second])
    # What the log tells of the first storing is described by what is stored now.
    told_again = received(1, generation=7, at=NOON + timedelta(days=1))
    assert store.feeder.record_received([told_again, second]) == 0


def test_an_instance_that_arrives_again_after_its_original_was_purged_is_a_new_item(store):
    feed(store, 1, generation=0)
    delivered(store, 1)
    store.retention.purging([1], "retention")
    store.retention.purged([1])
    assert store.feeder.known("ingest", ["orthanc-0"]) == set()
    assert store.feeder.record_received([received(0, generation=0)]) == 1
    assert store.feeder.record_received([received(0, generation=99)]) == 0


def test_known_are_those_whose_original_is_still_there(store):
    feed(store, 2)
    assert store.feeder.known("ingest", ["orthanc-0", "orthanc-1", "orthanc-2"]) == {"orthanc-0", "orthanc-1"}
    assert store.feeder.known("other", ["orthanc-0"]) == set()


def test_an_unprintable_ae_title_cannot_stop_the_feed(store):
    row = received(1)
    strange = type(row)(**{
        **{name: getattr(row, name) for name in row.__dataclass_fields__},
        "calling_aet": "A\0B\nÄ" + "X" * 40,
    })  # fmt: skip
    assert store.feeder.record_received([strange]) == 1
    assert store.reports.item(1).calling_aet == "AB" + "X" * 14


def test_no_rows_and_no_cursor_is_nothing(store):
    assert store.feeder.record_received([]) == 0


def test_what_was_received_keeps_its_time_and_site(store):
    feed(store, 1, site="south")
    item = store.reports.items(ItemFilter(states=frozenset({State.RECEIVED})))[0]
    assert (item.site, item.received_at) == ("south", NOON)
    assert claim(store)[0].received_at == NOON
