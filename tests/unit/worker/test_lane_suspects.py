# SPDX-License-Identifier: Apache-2.0
"""One instance that a destination fails on holds up no other; a destination that fails on all holds none."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from threading import Event

import pytest
from tests.unit.destinations.parcels import Shelf
from tests.unit.store.making import delivered

from deidgate.destinations.folder import FolderSender
from deidgate.destinations.sender import Hand, NotNow
from deidgate.errors import Unavailable
from deidgate.store import Keys, Store
from deidgate.store.forward_model import Confirmed, by_destination
from deidgate.worker.lane import PATIENCE, Lane, Pace
from deidgate.worker.patience import Patience
from deidgate.worker.suspects import Suspects

GO_ON = Event()
STEADY = replace(PATIENCE, chance=lambda: 1.0)
SLOW = Pace(idle_s=60.0)


@dataclass
class Moment:
    """A clock that stands until it is put on."""

    now: datetime = datetime(2026, 6, 1, tzinfo=UTC)

    def __call__(self):
        return self.now


@dataclass
class Failing:
    """A destination that breaks off on some instances; it answers at once, or at the end for all that it got."""

    breaks: object
    at_the_end: bool = False
    hand: Hand = field(default_factory=Hand)
    sent: int = 0
    takes_back: bool = False

    def send(self, parcels, fetch):
        taken = []
        for parcel in parcels:
            self.sent += 1
            with self.hand.holding(parcel):
                error = self.breaks(parcel)
                if error is not None:
                    raise error
            if self.at_the_end:
                taken.append(parcel)
            else:
                yield Confirmed(parcel, "there")
        for parcel in taken:
            yield Confirmed(parcel, "there")

    def take_back(self, parcel):
        return False

    def close(self):
        pass


@pytest.fixture
def moment():
    return Moment()


@pytest.fixture
def store(tmp_path, moment):
    with Store.open(f"sqlite:///{tmp_path}/l.db", Keys.of(b"m" * 32, b"e" * 32), clock=moment) as opened:
        yield opened


@dataclass
class Way:
    """A lane, its destination and the clock that both live by."""

    store: object
    moment: Moment
    sender: object
    fetch: object = field(default_factory=Shelf)

    def __post_init__(self):
        self.lane = Lane("there", "c", self.store.forwards, lambda: self.sender, self.fetch, STEADY, SLOW, self.moment)

    def go(self, hours):
        """Let so much time pass."""
        until = self.moment.now + timedelta(hours=hours)
        while self.moment.now < until:
            # A turn takes its time, if only a little.
            self.moment.now += timedelta(seconds=max(self.lane.turn(GO_ON), 0.05))

    def codes(self):
        return {(one.state.value, one.code, one.number) for one in self.store.forwards.counts()}


def to_go(store, moment, number):
    delivered(store, number)
    store.forward_sync.everything({"there": ("trial",)})
    moment.now += timedelta(seconds=1)


def on(bad, error):
    return lambda parcel: error if parcel.item_id in bad else None


@pytest.mark.parametrize("at_the_end", [False, True])
@pytest.mark.parametrize("bad", [{1}, {20}, {1, 2, 21, 60}])
def test_instances_that_a_destination_fails_on_hold_up_no_other_and_are_held_in_the_end(store, moment, bad, at_the_end):
    to_go(store, moment, 60)
    way = Way(store, moment, Failing(on(bad, Unavailable("stow-error", "500")), at_the_end))
    way.go(0.1)
    assert way.codes() == {("confirmed", None, 60 - len(bad)), ("waiting", "stow-error", len(bad))}
    for total in range(61, 70):
        to_go(store, moment, total)
        way.go(1)
    assert way.codes() == {("confirmed", None, 69 - len(bad)), ("held", "stow-error", len(bad))}


def test_what_is_held_so_says_what_the_destination_said(store, moment):
    to_go(store, moment, 60)
    way = Way(store, moment, Failing(on({3}, Unavailable("stow-error", "503"))))
    way.go(8)
    (row,) = store.forwards.view(["held"])
    assert (row.item_id, row.code, row.path) == (3, "stow-error", "503")
    store.forwards.again("there", [3], "admin", "their disk repaired")
    way.sender.breaks = lambda parcel: None
    moment.now += timedelta(seconds=1)
    way.go(0.1)
    assert by_destination(store.forwards.counts()) == {"there": {"confirmed": 60}}


def test_one_that_is_bad_and_alone_lets_what_comes_later_pass_at_once(store, moment):
    to_go(store, moment, 1)
    way = Way(store, moment, Failing(on({1}, Unavailable("no-answer"))))
    way.go(5)
    assert way.codes() == {("waiting", "no-answer", 1)}
    to_go(store, moment, 3)
    way.go(0.01)
    assert by_destination(store.forwards.counts()) == {"there": {"confirmed": 2, "waiting": 1}}


def test_one_that_is_bad_is_asked_for_with_growing_delays(store, moment):
    to_go(store, moment, 1)
    way = Way(store, moment, Failing(on({1}, Unavailable("no-answer"))))
    way.go(24)
    # 5 s to 15 min, as for a destination that is away.
    assert 90 <= way.sender.sent <= 110


@pytest.mark.parametrize("at_the_end", [False, True])
def test_a_destination_that_fails_on_all_holds_none_and_gets_all_when_it_is_back(store, moment, at_the_end):
    to_go(store, moment, 60)
    way = Way(store, moment, Failing(lambda parcel: Unavailable("stow-error", "503"), at_the_end))
    way.go(8)
    assert by_destination(store.forwards.counts()) == {"there": {"waiting": 60}}
    way.sender.breaks = lambda parcel: None
    way.go(0.5)
    assert way.codes() == {("confirmed", None, 60)}


def test_a_destination_that_comes_and_goes_gets_all_and_none_is_held(store, moment):
    to_go(store, moment, 60)
    begun = moment.now

    def breaks(_parcel):
        # There for two minutes of ten, and slow.
        moment.now += timedelta(seconds=11)
        return None if (moment.now - begun) % timedelta(minutes=10) < timedelta(minutes=2) else Unavailable("no-answer")

    way = Way(store, moment, Failing(breaks))
    seen = set()
    for _ in range(12):
        way.go(0.5)
        seen |= {state for state, _, _ in way.codes()}
    assert way.codes() == {("confirmed", None, 60)}
    assert "held" not in seen


def test_research_that_fails_on_one_file_holds_up_no_other(store, moment, tmp_path):
    root = tmp_path / "share"
    root.mkdir()
    to_go(store, moment, 30)

    def fetch(parcel):
        if parcel.item_id == 1:
            raise Unavailable("research-error", "500")
        return b"another content, which is refused and so has got through"

    way = Way(store, moment, FolderSender(root), fetch)
    way.go(8)
    assert way.codes() == {("held", "other-content-there", 29), ("held", "research-error", 1)}


def test_a_bug_in_one_instance_holds_up_no_other(store, moment):
    to_go(store, moment, 60)
    way = Way(store, moment, Failing(on({1}, RuntimeError("DOE^JANE")), at_the_end=True))
    way.go(0.1)
    assert way.codes() == {("confirmed", None, 59), ("waiting", "internal-error", 1)}
    way.go(8)
    assert way.codes() == {("confirmed", None, 59), ("held", "internal-error", 1)}


class Killed(BaseException):
    """The process ends here: nobody settles anything."""


@dataclass
class Raised(Way):
    """A way whose courier is started anew whenever it was killed."""

    deaths: int = 0

    def go(self, hours):
        until = self.moment.now + timedelta(hours=hours)
        while self.moment.now < until:
            try:
                super().go((until - self.moment.now) / timedelta(hours=1))
            except Killed:
                self.deaths += 1
                # The supervisor's.
                self.moment.now += timedelta(seconds=4)
                self.__post_init__()


def test_an_instance_that_ends_the_courier_holds_up_no_other_and_is_held_in_the_end(store, moment):
    to_go(store, moment, 60)
    way = Raised(store, moment, Failing(on({3}, Killed())))
    way.go(0.25)
    assert by_destination(store.forwards.counts())["there"]["confirmed"] == 59
    way.go(2)
    assert way.codes() == {("confirmed", None, 59), ("held", "courier-died", 1)}
    assert way.deaths == PATIENCE.tries
    store.forwards.again("there", None, "ann", "more memory")
    way.sender.breaks = lambda parcel: None
    way.go(0.1)
    assert way.codes() == {("confirmed", None, 60)}


def test_what_waited_long_for_its_destination_is_not_held_for_one_death_of_a_courier(store, moment):
    to_go(store, moment, 5)
    way = Raised(store, moment, Failing(lambda parcel: Unavailable("no-answer")))
    way.go(24)
    assert max(row.attempts for row in store.forwards.view(["waiting"])) > PATIENCE.tries
    way.sender.breaks = lambda parcel: Killed() if way.deaths == 0 else None
    way.go(1)
    assert way.deaths == 1
    assert way.codes() == {("confirmed", None, 5)}


def test_what_died_is_looked_for_now_and_then_and_not_at_each_turn(store, moment, monkeypatch):
    to_go(store, moment, 200)
    looks = []
    monkeypatch.setattr(store.forwards, "claim_lapsed", lambda *_: looks.append(moment.now) or [])
    Way(store, moment, Failing(lambda parcel: None)).go(0.1)
    assert 2 <= len(looks) <= 13


def test_what_a_person_has_tried_again_is_not_given_up_after_one_try(store, moment):
    to_go(store, moment, 1)

    @dataclass
    class Full(Failing):
        def send(self, parcels, fetch):
            for parcel in parcels:
                self.sent += 1
                yield NotNow(parcel, "node-refused", "A700")

    way = Way(store, moment, Full(None))
    way.go(6)
    assert (way.codes(), way.sender.sent) == ({("held", "node-refused", 1)}, PATIENCE.tries)
    store.forwards.again("there", None, "ann", "the node has room")
    way.go(6)
    assert (way.codes(), way.sender.sent) == ({("held", "node-refused", 1)}, 2 * PATIENCE.tries - 1)


def test_once_is_no_proof_against_an_instance_however_often_it_was_tried():
    suspects = Suspects(Patience(tries=3))
    suspects.broke(1, away=False)
    suspects.spoken_of(2, through=True)
    found = [suspects.broke(1, away=False) for _ in range(9)]
    assert not any(map(suspects.is_certain, found))
    suspects.spoken_of(3, through=False)
    assert not suspects.is_certain(suspects.broke(1, away=False))
    suspects.spoken_of(3, through=True)
    assert suspects.is_certain(suspects.broke(1, away=False))


def test_while_the_destination_is_away_nothing_is_found_out_about_one():
    suspects = Suspects(Patience(tries=1))
    for _ in range(9):
        suspects.spoken_of(2, through=True)
        assert not suspects.is_certain(suspects.broke(1, away=True))


def test_what_the_destination_speaks_of_is_suspected_no_more():
    suspects = Suspects(PATIENCE)
    suspects.broke(1, away=False)
    suspects.broke(2, away=False)
    suspects.spoken_of(1, through=False)
    assert suspects.ids() == (2,)
    assert suspects.broke(1, away=False).is_new


def test_a_long_absence_leaves_no_endless_list_of_suspects():
    suspects = Suspects(PATIENCE)
    for number in range(1000):
        suspects.broke(number, away=True)
    assert suspects.ids() == tuple(range(800, 1000))
