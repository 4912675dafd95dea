# SPDX-License-Identifier: Apache-2.0
import pytest
from tests.unit.orthanc_io.servers import Listing
from tests.unit.store.making import claim, delivered, feed

from deidgate.cli.balance_commands import as_data, lines
from deidgate.orthanc_io.balance import reconcile
from deidgate.store.model import ItemFilter


@pytest.fixture
def world(store):
    delivered(store, 3)
    return Listing(f"orthanc-{n}" for n in range(3)), Listing(f"research-{n}" for n in range(1, 4))


def looked(store, world, pause=lambda: None):
    return reconcile(store, "ingest", *world, pause, looks=2)


def test_what_is_everywhere_as_the_ledger_says_adds_up(store, world):
    found = looked(store, world)
    assert found.adds_up
    assert [balance.delivered for balance in found.balances] == [3, 3]
    assert lines(found)[-1] == "it adds up"


def test_an_original_that_is_gone_is_missing_by_name(store, world):
    world[0].ids.remove("orthanc-1")
    found = looked(store, world)
    assert not found.adds_up
    assert found.ingest.missing == ("orthanc-1",)
    assert "  orthanc-1" in lines(found)
    assert lines(found)[-1] == "it does NOT add up"


def test_a_delivered_instance_that_is_gone_is_missing(store, world):
    world[1].ids.remove("research-2")
    found = looked(store, world)
    assert found.research.missing == ("research-2",)
    assert as_data(found)["adds_up"] is False


@pytest.mark.parametrize("server", [0, 1])
def test_what_the_ledger_does_not_know_is_too_much(store, world, server):
    world[server].ids.add("stranger")
    found = looked(store, world)
    assert (found.ingest, found.research)[server].extra == ("stranger",)
    assert not found.adds_up


def test_what_arrives_while_one_looks_is_no_difference(store, world):
    world[0].ids.remove("orthanc-1")
    world[1].ids.add("on-its-way")

    def pause():
        world[0].ids.add("orthanc-1")
        world[1].ids.discard("on-its-way")

    assert looked(store, world, pause).adds_up


def test_what_is_in_flight_is_counted_and_adds_up(store, world):
    feed(store, 5)
    claim(store, 1)
    world[0].ids |= {"orthanc-3", "orthanc-4"}
    found = looked(store, world)
    assert found.adds_up
    assert found.balances[0].in_flight == 2


def test_a_recall_that_research_did_not_carry_out_does_not_add_up(store, world):
    store.review.recall(ItemFilter(site="north"), "me", "why")
    found = looked(store, world)
    assert found.unwithdrawn == 3
    assert not found.adds_up


def test_what_names_a_study_is_a_keyed_value_and_not_its_uid(store, world):
    text = str(as_data(looked(store, world)))
    assert "'1.2.3'" not in text
    assert "12345" not in text
