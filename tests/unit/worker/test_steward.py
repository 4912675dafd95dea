# SPDX-License-Identifier: Apache-2.0
"""The steward does each thing at its own pace, also while a server is away."""

import threading
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from deidgate.errors import Unavailable
from deidgate.worker.steward import Pace, Steward

HOUR_S = 3600
PACE = Pace(round_s=60.0, reconcile_s=900.0)


@dataclass
class Day:
    """A steward whose two tasks only say when they were done, and whether they find a server."""

    monkeypatch: pytest.MonkeyPatch
    now: float = 0.0
    away: frozenset[str] = frozenset()
    done: dict[str, list[float]] = field(default_factory=lambda: {"round": [], "reconcile": []})
    stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self):
        patch = self.monkeypatch.setattr
        patch("deidgate.worker.steward.time", SimpleNamespace(monotonic=lambda: self.now))
        patch("deidgate.worker.steward.ingest_server", lambda _: None)
        patch("deidgate.worker.steward.research_server", lambda _: None)
        patch("deidgate.worker.steward.OrthancClient", lambda _: None)
        patch(Steward, "_round", lambda _: self.task("round"))
        patch(Steward, "_reconcile", lambda _, __: self.task("reconcile"))
        self.steward = Steward(None, None, None, PACE)

    def task(self, name):
        self.done[name].append(self.now)
        if name in self.away:
            raise Unavailable("server-away")

    def pass_by(self, seconds):
        """A turn each second; how often each task was begun."""
        before = {name: len(times) for name, times in self.done.items()}
        for _ in range(seconds):
            self.steward.turn(self.stop)
            self.now += 1.0
        return {name: len(times) - before[name] for name, times in self.done.items()}


@pytest.fixture
def day(monkeypatch):
    return Day(monkeypatch)


def test_rounds_and_reconciliations_have_their_own_pace(day):
    assert day.pass_by(HOUR_S) == {"round": 60, "reconcile": 4}


def test_recalls_are_carried_out_while_no_reconciliation_is_possible(day):
    day.away = frozenset({"reconcile"})
    assert day.pass_by(HOUR_S) == {"round": 60, "reconcile": 60}


def test_a_reconciliation_is_made_soon_after_the_server_is_back(day):
    day.away = frozenset({"reconcile"})
    day.pass_by(HOUR_S)
    day.away = frozenset()
    assert day.pass_by(60)["reconcile"] == 1
    assert day.pass_by(839)["reconcile"] == 0


def test_a_round_that_fails_keeps_no_reconciliation_waiting(day):
    day.away = frozenset({"round"})
    assert day.pass_by(HOUR_S) == {"round": 60, "reconcile": 4}


def test_told_to_stop_no_reconciliation_is_begun(day):
    day.stop.set()
    assert day.pass_by(HOUR_S)["reconcile"] == 0
