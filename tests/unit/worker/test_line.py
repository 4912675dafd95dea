# SPDX-License-Identifier: Apache-2.0
"""Every claimed instance is settled, whatever its story does, and the flow of the others goes on."""

import threading
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from tests.unit.store.making import patient

from deidgate.errors import Unavailable
from deidgate.gateway.outcome import Delivered, Held, Learned, Postponed
from deidgate.store import Received, State
from deidgate.worker.ending import recorded
from deidgate.worker.line import Line, Shape
from deidgate.worker.meter import Meter
from deidgate.worker.patience import Patience

SHAPE = Shape(threads=3, batch=12, lease_s=60, idle_s=0.02, gather_s=0.01, rest_s=0.05, drain_s=5)
QUICK = Patience(first_s=0.01, longest_s=0.05, tries=3, chance=lambda: 1.0)


def receive(store, number, first=0):
    now = datetime.now(UTC)
    store.feeder.record_received(
        [Received("ingest", f"id-{n}", "site", "DEMO", "DEIDGATE", now) for n in range(first, first + number)]
    )


def states(store):
    found = {}
    for count in store.reports.counts():
        key = (count.state, count.code)
        found[key] = found.get(key, 0) + count.number
    return found


def work(store, tell, until, *, shape=SHAPE, patience=QUICK, registry=None, queue=None):
    """Run a line until `until()` is true."""
    stop = threading.Event()
    line = Line("me", queue or store.queue, tell, Meter(registry or CollectorRegistry()), shape, patience)
    thread = threading.Thread(target=line.run, args=(stop, lambda: None))
    thread.start()
    try:
        end = time.monotonic() + 30
        while not until():
            assert time.monotonic() < end, states(store)
            time.sleep(0.01)
    finally:
        stop.set()
        thread.join(timeout=30)
    assert not thread.is_alive()


def held(claim):
    return Held(Learned(), "no-route")


def test_every_claimed_instance_is_settled_once(store):
    receive(store, 100)
    told = []

    def tell(claim):
        told.append(claim.orthanc_id)
        return held(claim)

    work(store, tell, lambda: states(store) == {(State.HELD, "no-route"): 100})
    assert sorted(told) == sorted(f"id-{n}" for n in range(100))


def test_a_bug_holds_its_instance_says_where_and_stops_nobody(store):
    receive(store, 10)

    def tell(claim):
        if claim.orthanc_id == "id-3":
            raise ZeroDivisionError("Doe^John")
        return held(claim)

    work(
        store,
        tell,
        lambda: states(store) == {(State.HELD, "no-route"): 9, (State.HELD, "internal-error"): 1},
    )
    [item] = [item for item in store.reports.holds() if item.reason_code == "internal-error"]
    assert item.reason_path.startswith("deidgate/worker/line.py:")
    assert "Doe" not in item.reason_path


def test_what_is_postponed_is_told_again_until_it_ends(store):
    receive(store, 6)
    away = threading.Event()
    away.set()

    def tell(claim):
        return Postponed(Learned(), "research-unavailable") if away.is_set() else held(claim)

    threading.Timer(0.3, away.clear).start()
    work(store, tell, lambda: states(store) == {(State.HELD, "no-route"): 6})


def test_while_a_server_is_away_only_one_instance_at_a_time_is_tried(store):
    receive(store, 50)
    tries = []

    def tell(claim):
        tries.append(claim.orthanc_id)
        return Postponed(Learned(), "research-unavailable")

    started = time.monotonic()
    shape = Shape(threads=3, batch=12, lease_s=60, idle_s=0.01, gather_s=0.01, rest_s=0.2)
    work(store, tell, lambda: time.monotonic() - started > 1.0, shape=shape)
    # The first batch, then one for each rest.
    assert len(tries) <= 12 + 1.0 / 0.2 + 2


def delivering(store):
    """What tells that an instance was delivered."""
    theirs = patient(store)

    def tell(claim):
        learned = Learned(
            site="north",
            project=theirs.project,
            policy_hash="sha256:policy",
            digest=f"sha256:{claim.orthanc_id}",
            patient=theirs.id,
            study_instance_uid="1.2.3",
            sop_instance_uid=f"1.2.3.{claim.item_id}",
        )
        plan = SimpleNamespace(
            study_instance_uid="2.25.1", series_instance_uid="2.25.2", sop_instance_uid=f"2.25.3.{claim.item_id}"
        )
        return Delivered(learned, plan, f"research-{claim.item_id}", "md5:result")

    return tell


NEVER = Patience(first_s=0.01, longest_s=0.05, tries=1_000_000, chance=lambda: 1.0)


@pytest.mark.parametrize("code", ["ingest-error", "research-error", "ingest-unavailable"])
def test_instances_that_always_fail_do_not_keep_others_waiting(store, code):
    receive(store, 40)
    receive(store, 60, first=100)

    def tell(claim):
        return Postponed(Learned(), code) if len(claim.orthanc_id) < len("id-100") else held(claim)

    ended = (State.HELD, "no-route")
    work(store, tell, lambda: states(store).get(ended) == 60, patience=NEVER)
    assert states(store)[ended] == 60


def test_a_long_series_that_always_fails_keeps_its_own_site_waiting_no_longer_than_needed(store):
    receive(store, 300)
    receive(store, 1, first=1000)

    def tell(claim):
        return held(claim) if claim.orthanc_id == "id-1000" else Postponed(Learned(), "ingest-error")

    tried = CollectorRegistry()
    shape = Shape(threads=3, batch=12, lease_s=60, idle_s=0.01, gather_s=0.01, rest_s=0.01)
    ended = (State.HELD, "no-route")
    patience = Patience(first_s=100, longest_s=100, tries=1_000_000)
    work(store, tell, lambda: ended in states(store), shape=shape, patience=patience, registry=tried)
    failed = 'deidgate_stories_total{code="ingest-error",end="postponed"}'
    [line] = [line for line in generate_latest(tried).decode().splitlines() if line.startswith(failed)]
    assert float(line.split()[1]) < 60


@pytest.mark.parametrize("code", ["ingest-error", "research-error", "ingest-unavailable"])
def test_an_instance_that_fails_while_others_are_delivered_is_given_up(store, code):
    receive(store, 1)
    deliver = delivering(store)
    number = 1

    def tell(claim):
        return Postponed(Learned(), code) if claim.orthanc_id == "id-0" else deliver(claim)

    def is_over():
        nonlocal number
        receive(store, 1, first=number)
        number += 1
        return (State.HELD, "keeps-failing") in states(store)

    work(store, tell, is_over)
    [item] = store.reports.holds()
    assert (item.orthanc_id, item.reason_path) == ("id-0", code)


@pytest.mark.parametrize("code", ["ingest-error", "ingest-answer-unreadable"])
def test_what_ingest_cannot_read_has_an_end_when_there_is_nothing_to_deliver_meanwhile(store, code):
    receive(store, 3)
    work(store, lambda _: Postponed(Learned(), code), lambda: states(store) == {(State.HELD, "keeps-failing"): 3})
    assert {item.reason_path for item in store.reports.holds()} == {code}


@pytest.mark.parametrize("code", ["research-error", "ingest-unavailable", "research-unavailable"])
def test_servers_that_are_away_for_long_hold_nobody(store, code):
    receive(store, 5)
    tries = []

    def tell(claim):
        tries.append(claim.orthanc_id)
        return Postponed(Learned(), code) if len(tries) < 100 else held(claim)

    work(store, tell, lambda: states(store) == {(State.HELD, "no-route"): 5})
    assert len(tries) >= 5 * QUICK.tries


def test_a_worker_that_is_told_to_stop_gives_back_what_it_did_not_begin(store):
    receive(store, 12)
    begun = threading.Event()
    go_on = threading.Event()

    def tell(claim):
        begun.set()
        go_on.wait(10)
        return held(claim)

    stop = threading.Event()
    line = Line("me", store.queue, tell, Meter(CollectorRegistry()), SHAPE, QUICK)
    thread = threading.Thread(target=line.run, args=(stop, lambda: None))
    thread.start()
    assert begun.wait(10)
    stop.set()
    time.sleep(0.2)
    go_on.set()
    thread.join(timeout=20)
    found = states(store)
    assert found[State.HELD, "no-route"] == 3
    assert found[State.RECEIVED, "worker-stopped"] == 9
    work(store, held, lambda: states(store) == {(State.HELD, "no-route"): 12})


def test_an_instance_that_ends_worker_after_worker_is_held(store):
    receive(store, 1)
    now = datetime.now(UTC)
    for dead in range(4):
        store.queue.claim(f"dead-{dead}", 1, 1, now + timedelta(seconds=dead * 10))
    work(
        store,
        held,
        lambda: states(store) == {(State.HELD, "worker-died"): 1},
        queue=Later(store.queue, timedelta(seconds=60)),
    )


class Later:
    """A queue whose clock is ahead."""

    def __init__(self, queue, ahead):
        self.queue, self.ahead = queue, ahead

    def claim(self, owner, limit, lease_s, now):
        return self.queue.claim(owner, limit, lease_s, now + self.ahead)

    def __getattr__(self, name):
        return getattr(self.queue, name)


class Shaky:
    """A queue whose ledger does not answer every second time."""

    def __init__(self, queue):
        self.queue, self.calls = queue, 0

    def __getattr__(self, name):
        method = getattr(self.queue, name)

        def call(*arguments):
            self.calls += 1
            if self.calls % 2:
                raise Unavailable("ledger-unavailable")
            return method(*arguments)

        return call


def test_a_ledger_that_does_not_answer_loses_nothing(store):
    receive(store, 30)
    work(store, held, lambda: states(store) == {(State.HELD, "no-route"): 30}, queue=Shaky(store.queue))


def test_an_instance_that_was_taken_over_is_not_settled_by_the_first(store):
    receive(store, 1)

    def tell(claim):
        # Somebody else claims it while the story is told: our lease has run out.
        store.queue.claim("other", 1, 30, datetime.now(UTC) + timedelta(seconds=120))
        return held(claim)

    work(store, tell, lambda: states(store) == {(State.CLAIMED, None): 1} and store.reports.item(1).attempts == 2)
    assert store.reports.item(1).state == State.CLAIMED


def test_what_happens_is_counted(store):
    receive(store, 3)
    registry = CollectorRegistry()

    def tell(claim):
        return Held(Learned(), "research-refused", alert=claim.orthanc_id == "id-0")

    work(store, tell, lambda: states(store) == {(State.HELD, "research-refused"): 3}, registry=registry)
    text = generate_latest(registry).decode()
    assert 'deidgate_stories_total{code="research-refused",end="held"} 3.0' in text
    assert 'deidgate_alerts_total{code="research-refused"} 1.0' in text


# -- patience ---------------------------------------------------------------------------------


def test_delays_grow_and_are_bounded():
    patience = Patience(first_s=1, longest_s=15, chance=lambda: 1.0)
    delays = [patience.delay(attempt).total_seconds() for attempt in (1, 2, 3, 4, 5, 6, 100_000)]
    assert delays == [1, 2, 4, 8, 15, 15, 15]


def test_chance_never_makes_a_delay_longer_or_nothing():
    for chance in (0.0, 0.5, 1.0):
        delay = Patience(chance=lambda chance=chance: chance).delay(3).total_seconds()
        assert 2.0 <= delay <= 4.0


def test_the_turns_of_others_grow_and_are_bounded():
    assert [Patience().turns(attempt) for attempt in (1, 2, 3, 10, 11, 100_000)] == [2, 4, 8, 1024, 1024, 1024]


def test_only_failures_that_count_end_in_a_hold(store):
    receive(store, 1)
    [claim] = store.queue.claim("me", 1, 60, datetime.now(UTC))
    now, patience = datetime.now(UTC), Patience(tries=2)
    failed = Postponed(Learned(), "research-unavailable", "Timeout")
    over = recorded(claim, failed, patience, 2, now)
    assert (over.code, over.path) == ("keeps-failing", "research-unavailable")
    again = recorded(claim, failed, patience, 1, now)
    assert (again.code, again.path) == ("research-unavailable", "Timeout")
    assert again.not_before > now
