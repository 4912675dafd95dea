# SPDX-License-Identifier: Apache-2.0
import json
from datetime import timedelta

import pytest
from tests.data.fake_orthanc import FakeOrthanc
from tests.unit.store.making import NOON, claim, delivered, delivery, feed, hold, patient, received, reject

from deidgate.errors import ConfigurationError, Unavailable
from deidgate.orthanc_io.ingest.commitment import Commitment
from deidgate.orthanc_io.ingest.senders import introduce
from deidgate.policy.routes import load_routes
from deidgate.store import Facts
from deidgate.store.model import ItemFilter

REASONS = FakeOrthanc.StorageCommitmentFailureReason


class Has:
    """An Orthanc that stores these, by SOP Instance UID or by Orthanc ID."""

    def __init__(self, *names):
        self.has = self.is_there = set(names).__contains__


def answers(store, uids, stored=Has()):  # noqa: B008 -- it is not changed
    commitment = Commitment(FakeOrthanc(), store.reports.states_of, stored)
    known = commitment.request("job", "1.2", ["1.2.840.10008.5.1.4.1.1.2"] * len(uids), uids, "DEMO", "DEIDGATE")
    return [commitment.answer("1.2.840.10008.5.1.4.1.1.2", uid, known) for uid in uids]


def test_what_was_received_is_answered_for_and_what_never_came_is_not(store):
    feed(store, 2)
    uids = ["1.2.3.4.0", "1.2.3.4.1", "1.2.3.4.2"]
    assert answers(store, uids, Has("orthanc-0", "orthanc-1")) == [
        REASONS.SUCCESS,
        REASONS.SUCCESS,
        REASONS.NO_SUCH_OBJECT_INSTANCE,
    ]


def test_what_is_held_or_rejected_is_answered_for(store):
    feed(store, 2)
    held, rejected = claim(store, 2)
    hold(store, held, "sop-class-unknown")
    reject(store, rejected, "sop-class-rejected")
    assert answers(store, ["1.2.3.4.0", "1.2.3.4.1"], Has("orthanc-0")) == [REASONS.SUCCESS] * 2


def test_what_was_not_delivered_and_is_lost_has_to_be_sent_again(store):
    feed(store, 3)
    held, _under_way = claim(store, 2)
    hold(store, held, "sop-class-unknown")
    assert answers(store, [f"1.2.3.4.{number}" for number in range(3)]) == [REASONS.NO_SUCH_OBJECT_INSTANCE] * 3


def test_what_was_delivered_and_purged_is_still_answered_for(store):
    outcomes = delivered(store, 1)
    [item] = store.retention.purgeable(NOON + timedelta(days=100_000), 10)
    store.retention.purging([item.id], "test")
    store.retention.purged([item.id])
    assert answers(store, [outcomes[0].facts.sop_instance_uid]) == [REASONS.SUCCESS]


def test_what_was_recalled_is_still_answered_for(store):
    [outcome] = delivered(store, 1)
    store.review.recall(ItemFilter(site="north"), "me", "why")
    assert answers(store, [outcome.facts.sop_instance_uid]) == [REASONS.SUCCESS]


def another_content(store):
    """A second content of the first instance is kept beside it, and held."""
    store.feeder.record_received([received(9)])
    [second] = claim(store)
    hold(store, second, "content-changed", "SOPInstanceUID", Facts(sop_instance_uid="1.2.3.4.0"))


def test_what_was_delivered_and_purged_is_answered_for_beside_another_content(store):
    delivered(store, 1, sop="1.2.3.4.0")
    store.retention.purging([1], "test")
    store.retention.purged([1])
    another_content(store)
    assert answers(store, ["1.2.3.4.0"], Has("orthanc-9")) == [REASONS.SUCCESS]


def test_another_content_that_is_lost_has_to_be_sent_again(store):
    delivered(store, 1, sop="1.2.3.4.0")
    another_content(store)
    assert answers(store, ["1.2.3.4.0"], Has("orthanc-0", "1.2.3.4.0")) == [REASONS.NO_SUCH_OBJECT_INSTANCE]


def test_what_was_lost_and_sent_again_is_answered_for(store):
    feed(store, 1)
    hold(store, claim(store)[0], "original-missing")
    store.feeder.record_received([received(0, generation=99)])
    assert answers(store, ["1.2.3.4.0"], Has("orthanc-0")) == [REASONS.SUCCESS]
    [again] = claim(store)
    store.queue.settle([delivery(patient(store), again, sop="1.2.3.4.0")])
    assert answers(store, ["1.2.3.4.0"]) == [REASONS.SUCCESS]


def test_what_orthanc_has_and_the_ledger_has_not_read_is_answered_for(store):
    assert answers(store, ["1.9", "1.8"], Has("1.9")) == [REASONS.SUCCESS, REASONS.NO_SUCH_OBJECT_INSTANCE]


def test_a_ledger_that_does_not_answer_says_neither_yes_nor_no():
    def away(_uids):
        raise Unavailable("ledger-unavailable")

    commitment = Commitment(FakeOrthanc(), away, Has("1.9"))
    known = commitment.request("job", "1.2", ["1"], ["1.9"], "DEMO", "DEIDGATE")
    assert commitment.answer("1", "1.9", known) == REASONS.PROCESSING_FAILURE


def test_the_answer_goes_where_the_route_says():
    orthanc = FakeOrthanc()
    introduce(orthanc, ("CT", "MR", "XA*"), {"CT": "ct.clinic.example:11112", "MR": ""})
    assert [(node["AET"], node["Host"], node["Port"]) for node in orthanc.put.values()] == [
        ("CT", "ct.clinic.example", 11112),
        ("MR", "127.0.0.1", 104),
    ]
    assert json.dumps(orthanc.put).count("true") >= 3


ROUTE = '[[route]]\nname = "a"\nsite = "a"\nproject = "p"\npolicy = "basic"\ncommitment = "{}"\n'


@pytest.mark.parametrize("address", ["ct", "ct:", ":104", "ct:0", "ct:x", "ct:70000"])
def test_an_address_that_is_none_is_refused(tmp_path, address):
    (tmp_path / "routes.toml").write_text(ROUTE.format(address), encoding="utf-8")
    with pytest.raises(ConfigurationError, match="not-an-address"):
        load_routes(tmp_path / "routes.toml")


def test_an_address_is_read(tmp_path):
    (tmp_path / "routes.toml").write_text(ROUTE.format("10.0.0.7:104"), encoding="utf-8")
    assert load_routes(tmp_path / "routes.toml").routes[0].commitment == "10.0.0.7:104"
