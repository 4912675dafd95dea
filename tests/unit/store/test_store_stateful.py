# SPDX-License-Identifier: Apache-2.0
"""The ledger against a model of it that is a dictionary: any order of calls, time going on.

A rule does to both what a feeder, a worker (also one that lost its claim), a person or the
retention may do; after every step the ledger must say what the model says.
"""

from collections import Counter
from datetime import timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from tests.data.histories import history
from tests.unit.store.making import NOON, delivery, patient, received

from deidgate.store import Hold, Original, Reject, Retry, State, Store
from deidgate.store.model import ItemFilter


class Ledger(RuleBasedStateMachine):
    """One ledger, two workers who may both think that an item is theirs."""

    make_store: staticmethod

    @initialize()
    def begin(self):
        self.store: Store = self.make_store(lambda: self.now)
        self.now = NOON
        self.mapping = patient(self.store)
        self.state: dict[int, State] = {}
        self.original: dict[int, Original] = {}
        self.due: dict[int, object] = {}
        self.holder: dict[int, int] = {}  # item: token of the claim that is good
        self.claims: list = []  # every claim that was ever given out
        self.withdrawn: set[int] = set()
        self.told = 0

    @rule(number=st.integers(1, 4), again=st.booleans())
    def receive(self, number, again):
        rows = [received(self.told + n, at=NOON) for n in range(number)]
        rows = [
            type(r)(**{**{f: getattr(r, f) for f in r.__dataclass_fields__}, "received_at": self.now}) for r in rows
        ]
        assert self.store.feeder.record_received(rows) == number
        if again:
            assert self.store.feeder.record_received(rows) == 0
        for _ in range(number):
            self.told += 1
            self.state[self.told] = State.RECEIVED
            self.original[self.told] = Original.PRESENT
            self.due[self.told] = self.now

    @rule(seconds=st.integers(1, 200))
    def wait(self, seconds):
        self.now += timedelta(seconds=seconds)

    @rule(
        limit=st.integers(1, 3),
        lease_s=st.sampled_from([30, 90]),
        owner=st.sampled_from(["one", "two"]),
        after_s=st.sampled_from([0, 60, 120]),
    )
    def claim(self, limit, lease_s, owner, after_s):
        self.now += timedelta(seconds=after_s)
        due = {i for i in self.due if self.due[i] <= self.now}
        claims = self.store.queue.claim(owner, limit, lease_s, self.now)
        assert {c.item_id for c in claims} <= due
        assert len(claims) == min(limit, len(due))
        for c in claims:
            self.state[c.item_id] = State.CLAIMED
            self.due[c.item_id] = self.now + timedelta(seconds=lease_s)
            self.holder[c.item_id] = c.token
            self.claims.append(c)

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), how=st.sampled_from(["deliver", "hold", "reject", "retry", "heartbeat"]))
    def settle(self, data, how):
        self.attempt(data.draw(st.sampled_from(self.claims[-6:])), how)

    @rule(how=st.sampled_from(["deliver", "hold", "reject", "retry", "heartbeat"]))
    def be_overtaken(self, how):
        """A worker is slow, another takes over, and the first comes back with a result."""
        given_out = len(self.claims)
        self.claim(1, 30, "one", 0)
        self.claim(3, 90, "two", 60)
        if len(self.claims) > given_out:
            self.attempt(self.claims[given_out], how)

    def attempt(self, c, how):
        item = c.item_id
        ours = self.state[item] is State.CLAIMED and self.holder.get(item) == c.token
        if how == "heartbeat":
            assert (self.store.queue.heartbeat([c], 90, self.now) == frozenset()) == ours
            if ours:
                self.due[item] = self.now + timedelta(seconds=90)
            return
        outcome, after = {
            "deliver": (delivery(self.mapping, c), State.DELIVERED),
            "hold": (Hold(c, "reason"), State.HELD),
            "reject": (Reject(c, "reason"), State.REJECTED),
            "retry": (Retry(c, self.now + timedelta(seconds=50)), State.RECEIVED),
        }[how]
        settled = self.store.queue.settle([outcome])
        assert settled.done == ({item} if ours else set())
        assert settled.lost == (set() if ours else {item})
        if not ours:
            return
        self.state[item] = after
        self.due.pop(item)
        if how == "retry":
            self.due[item] = self.now + timedelta(seconds=50)

    @precondition(lambda self: self.state)
    @rule(data=st.data(), act=st.sampled_from(["release", "reject"]))
    def decide(self, data, act):
        item = data.draw(st.sampled_from(sorted(self.state)))
        was_held = self.state[item] is State.HELD
        assert getattr(self.store.review, act)(item, "ann", "test") == was_held
        if was_held:
            self.state[item] = State.RECEIVED if act == "release" else State.REJECTED
            if act == "release":
                self.due[item] = self.now

    @precondition(lambda self: self.state)
    @rule(data=st.data())
    def recall(self, data):
        item = data.draw(st.sampled_from(sorted(self.state)))
        recalled = self.store.review.recall(ItemFilter(item_ids=frozenset({item})), "ann", "test")
        assert [i.id for i in recalled] == ([item] if self.state[item] is State.DELIVERED else [])
        if recalled:
            self.state[item] = State.RECALLED
            self.withdrawn.discard(item)

    @rule(again=st.booleans())
    def withdraw(self, again):
        waiting = {i for i, s in self.state.items() if s is State.RECALLED and i not in self.withdrawn}
        assert {i.id for i in self.store.review.to_withdraw(1000)} == waiting
        self.store.review.withdrawn(sorted(waiting))
        self.withdrawn |= waiting
        if again:
            ready = {i for i in self.withdrawn if self.original[i] is Original.PRESENT}
            assert self.store.review.reprocess(ItemFilter(), "ann", "test") == len(ready)
            for item in ready:
                self.withdrawn.discard(item)
                self.state[item] = State.RECEIVED
                self.due[item] = self.now

    @rule(finish=st.sampled_from(["purged", "not_purged", "crash"]))
    def purge(self, finish):
        left = {item.id for item in self.store.retention.left(self.now + timedelta(days=1), 100)}
        assert left == {i for i, original in self.original.items() if original is Original.PURGING}
        due = self.store.retention.purgeable(self.now + timedelta(days=1), 2)
        marked = self.store.retention.purging([i.id for i in due], "test")
        expected = {i for i, s in self.state.items() if s is State.DELIVERED and self.original[i] is Original.PRESENT}
        assert marked <= expected
        assert bool(marked) == bool(expected)
        marked |= left
        for item in marked:
            self.original[item] = Original.PURGING
        if finish == "purged":
            self.store.retention.purged(sorted(marked))
        elif finish == "not_purged":
            self.store.retention.not_purged(sorted(marked), "ingest-refused")
        if finish != "crash":
            for item in marked:
                self.original[item] = Original.PURGED if finish == "purged" else Original.PRESENT

    @invariant()
    def the_ledger_says_what_the_model_says(self):
        if not hasattr(self, "state"):
            return
        items = self.store.reports.items(ItemFilter(), limit=10_000)
        assert {i.id: i.state for i in items} == self.state
        assert {i.id: i.original for i in items} == self.original
        counts = Counter()
        for count in self.store.reports.counts():
            counts[count.state] += count.number
        assert counts == Counter(self.state.values())
        assert all(balance.balanced for balance in self.store.reports.reconcile())
        assert (self.store.reports.oldest_open() is None) == (not self.due)

    def teardown(self):
        if hasattr(self, "store"):
            assert self.store.audit.verify() == []
            for item in self.state:
                found = history(self.store, item)
                assert found[-1].to_state == self.state[item]
            self.store.close()


def test_any_order_of_calls_leaves_the_ledger_as_the_model_says(request, tmp_path, keys, url):
    numbers = iter(range(10**6))

    def make_store(clock):
        if url.startswith("sqlite"):
            return Store.open(f"sqlite:///{tmp_path}/{next(numbers)}.db", keys, clock=clock)
        template = request.getfixturevalue("template")
        return Store.open(request.getfixturevalue("cluster").database(template), keys, clock=clock)

    machine = type("Machine", (Ledger,), {"make_store": staticmethod(make_store)})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=50 if url.startswith("sqlite") else 12,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
