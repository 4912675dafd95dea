# SPDX-License-Identifier: Apache-2.0
"""The way to one destination: its own retries and delays; one that is away holds up no other."""

import logging
import threading
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.unit.destinations.parcels import Shelf
from tests.unit.store.making import NOON, Clock, claim, delivered, delivery, feed, patient

from deidgate.destinations.folder import FolderSender
from deidgate.destinations.sender import Gone, Hand, NotNow
from deidgate.errors import ConfigurationError, Unavailable
from deidgate.orthanc_io.client import Refused
from deidgate.policy.destinations import Destination, Folder
from deidgate.settings import Settings
from deidgate.store import Keys, Store
from deidgate.store.forward_model import Again, Confirmed, ForwardState, by_destination
from deidgate.store.forward_model import Refused as Held
from deidgate.store.model import ItemFilter
from deidgate.store.store import utc_now
from deidgate.worker.courier import Clerk, hand_on
from deidgate.worker.lane import PATIENCE, FromResearch, Lane, Pace
from deidgate.worker.patience import Patience
from deidgate.worker.supervisor import numbers

AT_ONCE = Patience(first_s=0.0, longest_s=0.0, tries=3)
GO_ON = threading.Event()


@dataclass
class Scripted:
    """A destination that does with each instance what it is told to."""

    does: object = field(default=lambda parcel: Confirmed(parcel, "read-back"))
    batches: list[int] = field(default_factory=list)
    takes_back: bool = False
    keeps: dict = field(default_factory=dict)
    closed: int = 0
    hand: Hand = field(default_factory=Hand)

    def send(self, parcels, fetch):
        self.batches.append(len(parcels))
        for parcel in parcels:
            with self.hand.holding(parcel):
                ending = self.does(parcel)
            yield ending

    def take_back(self, parcel):
        if parcel.item_id in self.keeps:
            raise self.keeps[parcel.item_id]
        return self.takes_back

    def close(self):
        self.closed += 1


@dataclass
class Unreached(Scripted):
    """Nobody answers, before anything was sent."""

    away: bool = True

    def send(self, parcels, fetch):
        if self.away:
            self.batches.append(len(parcels))
            raise Unavailable("association-refused")
        yield from super().send(parcels, fetch)


def raises(error):
    def does(_parcel):
        raise error

    return does


def lane(store, sender, name="there", patience=AT_ONCE, **pace):
    return Lane(name, "courier", store.forwards, lambda: sender, Shelf(), patience, Pace(**pace))


def states(store):
    return by_destination(store.forwards.counts())


def codes(store):
    return {(count.state.value, count.code): count.number for count in store.forwards.counts()}


def to_go(store, number, *destinations):
    outcomes = delivered(store, number)
    store.forward_sync.everything(dict.fromkeys(destinations or ("there",), ("trial",)))
    return outcomes


def test_what_a_destination_takes_is_confirmed_by_what_it_proves(store):
    to_go(store, 3)
    sender = Scripted()
    assert lane(store, sender).turn(GO_ON) == 0.0
    assert states(store) == {"there": {"confirmed": 3}}
    assert sender.batches == [3]
    assert lane(store, sender, idle_s=7.0).turn(GO_ON) == 7.0


def test_one_that_is_away_holds_up_no_other(store):
    to_go(store, 4, "away", "silent", "there")
    hangs, stop = threading.Event(), threading.Event()

    def hang(parcel):
        hangs.wait(30)
        return NotNow(parcel, "no-answer")

    senders = {"away": Scripted(raises(Unavailable("association-refused"))), "silent": Scripted(hang)}
    senders["there"] = Scripted()
    expected = {"away": {"waiting": 4}, "silent": {"claimed": 4}, "there": {"confirmed": 4}}
    lanes = [lane(store, sender, name, PATIENCE) for name, sender in senders.items()]
    threads = [threading.Thread(target=one.run, args=(stop,)) for one in lanes]
    for thread in threads:
        thread.start()
    try:
        for _ in range(600):
            if states(store) == expected:
                break
            stop.wait(0.05)
        assert states(store) == expected
    finally:
        hangs.set()
        stop.set()
        for thread in threads:
            thread.join()


def test_one_that_is_away_is_asked_with_growing_delays_by_one_instance_and_gets_all_when_it_is_back(store):
    to_go(store, 5)
    steady = replace(PATIENCE, chance=lambda: 1.0)
    sender = Unreached()
    one = lane(store, sender, patience=steady)
    waits = []
    for _ in range(12):
        waits.append(one.turn(GO_ON))
        store.forwards.hurry("there")
    assert waits == [5, 10, 20, 40, 80, 160, 320, 640, 900, 900, 900, 900]
    assert sender.batches == [5] + [1] * 11
    assert codes(store) == {("waiting", "association-refused"): 5}
    sender.away = False
    assert one.turn(GO_ON) == 0.0
    assert one.turn(GO_ON) == 0.0
    assert states(store) == {"there": {"confirmed": 5}}


def test_being_away_never_becomes_the_fault_of_an_instance(store):
    to_go(store, 1)
    for error in (Unavailable("no-answer"), ConfigurationError("tls-files")):
        one = lane(store, Scripted(raises(error)))
        for _ in range(10):
            one.turn(GO_ON)
    assert states(store) == {"there": {"waiting": 1}}


@pytest.mark.parametrize("code", ["commitment-unanswered", "research-gone"])
def test_an_answer_that_is_late_is_waited_for_however_often(store, code):
    to_go(store, 1)
    one = lane(store, Scripted(lambda parcel: NotNow(parcel, code)))
    for _ in range(10):
        one.turn(GO_ON)
    assert codes(store) == {("waiting", code): 1}


def test_what_is_refused_is_held_at_once_and_what_keeps_failing_after_some_tries(store):
    to_go(store, 2)
    one = lane(
        store,
        Scripted(lambda p: Held(p, "node-refused", "C000") if p.item_id == 1 else NotNow(p, "stow-failed", "A700")),
    )
    for turns in range(1, 4):
        one.turn(GO_ON)
        found = codes(store)
        assert found[("held", "node-refused")] == 1
        assert found[("held" if turns == 3 else "waiting", "stow-failed")] == 1


def test_a_bug_in_one_instance_stops_neither_the_others_nor_the_process(store, caplog):
    to_go(store, 3)

    def does(parcel):
        if parcel.item_id == 2:
            raise RuntimeError("DOE^JANE")
        return Confirmed(parcel, "read-back")

    one = lane(store, Scripted(does))
    with caplog.at_level(logging.INFO):
        for _ in range(12):
            one.turn(GO_ON)
    assert codes(store) == {("confirmed", None): 2, ("held", "internal-error"): 1}
    assert "destination-failed" in caplog.text


def test_told_to_stop_what_is_not_sent_is_given_back_at_once(store):
    to_go(store, 3)
    stop = threading.Event()

    def does(parcel):
        stop.set()
        return Confirmed(parcel, "read-back")

    lane(store, Scripted(does)).turn(stop)
    assert codes(store) == {("confirmed", None): 1, ("waiting", "worker-stopped"): 2}


def test_what_has_no_ending_is_tried_again(store):
    to_go(store, 2)

    class Forgetful(Scripted):
        def send(self, parcels, fetch):
            yield Confirmed(parcels[0], "read-back")

    lane(store, Forgetful()).turn(GO_ON)
    assert codes(store) == {("confirmed", None): 1, ("waiting", "no-ending"): 1}


def test_after_a_bug_the_port_is_given_back_before_it_is_opened_again(store):
    to_go(store, 1)
    opened = []

    def open_sender():
        assert all(sender.closed == 1 for sender in opened)
        opened.append(Scripted(raises(ZeroDivisionError())))
        return opened[-1]

    one = Lane("there", "courier", store.forwards, open_sender, Shelf(), AT_ONCE, Pace())
    for _ in range(3):
        one.turn(GO_ON)
    assert [sender.batches for sender in opened] == [[1], [1], [1]]


def test_a_password_that_is_put_right_is_read_again_without_a_restart(store):
    to_go(store, 2)
    password, opened = ["wrong"], []

    def open_sender():
        forbids = raises(Unavailable("stow-forbids", "401"))
        opened.append(Scripted(forbids) if password == ["wrong"] else Scripted())
        return opened[-1]

    one = Lane("there", "courier", store.forwards, open_sender, Shelf(), AT_ONCE, Pace())
    for _ in range(3):
        one.turn(GO_ON)
    password[0] = "right"
    for _ in range(3):
        one.turn(GO_ON)
    assert states(store) == {"there": {"confirmed": 2}}
    assert [sender.closed for sender in opened] == [1, 1, 1, 0]


@pytest.mark.parametrize(("able", "state"), [(True, "withdrawn"), (False, "recalled")])
def test_what_was_recalled_is_taken_back_where_there_is_a_way_else_reported(store, able, state):
    (outcome,) = to_go(store, 1)
    sender = Scripted(takes_back=able)
    one = lane(store, sender)
    one.turn(GO_ON)
    store.review.recall(ItemFilter(item_ids=frozenset({outcome.claim.item_id})), "broker", "consent withdrawn")
    store.forward_sync.everything({"there": ("trial",)})
    one.turn(GO_ON)
    assert states(store) == {"there": {state: 1}}
    rows = store.forwards.view([ForwardState.RECALLED])
    assert [row.code for row in rows] == ([] if able else ["recall-by-hand"])


def test_from_delivery_to_a_folder_and_back(store, tmp_path):
    root = tmp_path / "share"
    root.mkdir()
    shelf = Shelf()
    verified = shelf.parcel(1).digest
    feed(store, 1)
    outcome = delivery(patient(store), claim(store)[0])
    store.queue.settle([replace(outcome, delivered=replace(outcome.delivered, result_digest=verified))])
    clerk = Clerk(store, [Destination("share", ("trial",), Folder(root))])
    one = Lane("share", "courier", store.forwards, lambda: FolderSender(root), lambda _: shelf.files[1], AT_ONCE)
    clerk.turn()
    one.turn(GO_ON)
    (file,) = (path for path in root.rglob("*") if path.is_file())
    assert file.read_bytes() == shelf.files[1]
    assert file.stem == outcome.delivered.sop_instance_uid
    store.review.recall(ItemFilter(item_ids=frozenset({outcome.claim.item_id})), "broker", "consent withdrawn")
    clerk.turn()
    one.turn(GO_ON)
    assert list(root.iterdir()) == []
    assert states(store) == {"share": {"withdrawn": 1}}


def recalled_everywhere(store, *outcomes):
    items = frozenset(outcome.claim.item_id for outcome in outcomes)
    store.review.recall(ItemFilter(item_ids=items), "broker", "consent withdrawn")
    store.forward_sync.everything(dict.fromkeys(states(store), ("trial",)))


@pytest.mark.parametrize("error", [Unavailable("folder-forbids"), RuntimeError("DOE^JANE")])
def test_what_cannot_be_taken_back_now_holds_up_neither_the_others_nor_what_is_to_be_sent(store, error):
    stuck, other = to_go(store, 2)
    sender = Scripted(takes_back=True)
    one = lane(store, sender)
    one.turn(GO_ON)
    recalled_everywhere(store, stuck, other)
    to_go(store, 3)
    sender.keeps = {stuck.claim.item_id: error}
    one.turn(GO_ON)
    assert states(store) == {"there": {"recalled": 1, "withdrawn": 1, "confirmed": 1}}
    sender.keeps.clear()
    one.turn(GO_ON)
    assert states(store) == {"there": {"withdrawn": 2, "confirmed": 1}}


def test_where_nothing_can_be_taken_back_the_ledger_is_not_asked_for_it(store, monkeypatch):
    (outcome,) = to_go(store, 1)
    one = lane(store, Scripted(takes_back=False))
    one.turn(GO_ON)
    recalled_everywhere(store, outcome)

    asked = []
    monkeypatch.setattr(store.forwards, "recalled", lambda *_: asked.append(1))
    one.turn(GO_ON)
    assert asked == []
    assert states(store) == {"there": {"recalled": 1}}


@pytest.fixture
def share(tmp_path):
    folder = tmp_path / "share"
    folder.mkdir()
    return folder


def files(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def to_share(store, shelf):
    """An instance whose file is on the shelf, to go to the destination `share`."""
    verified = shelf.parcel(1).digest
    feed(store, 1)
    outcome = delivery(patient(store), claim(store)[0])
    store.queue.settle([replace(outcome, delivered=replace(outcome.delivered, result_digest=verified))])
    store.forward_sync.everything({"share": ("trial",)})
    return outcome


def test_what_was_recalled_and_taken_back_while_it_was_written_is_not_left_there(store, share):
    shelf = Shelf()
    outcome = to_share(store, shelf)
    sender = FolderSender(share)
    other = Lane("share", "other", store.forwards, lambda: FolderSender(share), shelf, AT_ONCE)

    def fetch(_parcel):
        recalled_everywhere(store, outcome)
        other.turn(GO_ON)
        assert states(store) == {"share": {"withdrawn": 1}}
        return shelf.files[1]

    one = Lane("share", "courier", store.forwards, lambda: sender, fetch, AT_ONCE)
    one.turn(GO_ON)
    assert files(share) == []
    assert states(store) == {"share": {"withdrawn": 1}}


def test_what_was_written_too_late_is_taken_back_as_soon_as_the_folder_is_there_again(store, share, monkeypatch):
    shelf = Shelf()
    outcome = to_share(store, shelf)
    sender = FolderSender(share)
    taken_back = sender.take_back

    def away(_parcel):
        raise Unavailable("folder-forbids")

    def fetch(_parcel):
        recalled_everywhere(store, outcome)
        store.forwards.withdrawn(store.forwards.recalled("share", 9))
        monkeypatch.setattr(sender, "take_back", away)
        return shelf.files[1]

    one = Lane("share", "courier", store.forwards, lambda: sender, fetch, AT_ONCE)
    one.turn(GO_ON)
    assert len(files(share)) == 1
    monkeypatch.setattr(sender, "take_back", taken_back)
    one.turn(GO_ON)
    assert files(share) == []


def test_what_another_courier_has_confirmed_is_not_taken_back_by_the_one_that_was_slow(store, share):
    shelf = Shelf()
    to_share(store, shelf)
    other = Lane("share", "other", store.forwards, lambda: FolderSender(share), lambda _: shelf.files[1], AT_ONCE)

    def fetch(parcel):
        # Its lease has run out.
        store.forwards.settle([Again(parcel, NOON, "no-answer")])
        other.turn(GO_ON)
        assert states(store) == {"share": {"confirmed": 1}}
        return shelf.files[1]

    one = Lane("share", "courier", store.forwards, lambda: FolderSender(share), fetch, AT_ONCE)
    one.turn(GO_ON)
    one.turn(GO_ON)
    assert len(files(share)) == 1


class Answers:
    """Research as the client shows it."""

    def __init__(self, file):
        self._file = file

    def get_bytes(self, path):
        assert path == "/instances/research-1/attachments/dicom/data"
        if self._file is None:
            raise Refused("research", 404)
        return self._file


def test_only_the_file_that_was_verified_is_handed_on():
    shelf = Shelf()
    parcel = shelf.parcel(1)
    assert FromResearch(Answers(shelf.files[1]))(parcel) == shelf.files[1]
    for other in (shelf.files[1] + b"x", None):
        with pytest.raises(Gone):
            FromResearch(Answers(other))(parcel)


def test_what_was_delivered_anew_goes_out_as_soon_as_the_old_one_is_withdrawn(store):
    (outcome,) = to_go(store, 1)
    clerk = Clerk(store, [Destination("there", ("trial",), Folder(Path("/unused")))])
    lane(store, Scripted()).turn(GO_ON)
    this = ItemFilter(item_ids=frozenset({outcome.claim.item_id}))
    store.review.withdrawn([item.id for item in store.review.recall(this, "broker", "wrong policy")])
    clerk.turn()
    store.review.reprocess(this, "broker", "policy 2")
    store.queue.settle([delivery(patient(store), claim(store, at=utc_now())[0])])
    clerk.turn()
    assert states(store) == {"there": {"recalled": 1}}
    store.forwards.withdrawn_by_hand("there", [outcome.claim.item_id], "admin", "removed")
    # Nothing happened to the item since.
    clerk.turn()
    assert states(store) == {"there": {"waiting": 1}}


def test_what_is_delivered_later_is_found_by_the_next_look(tmp_path):
    clock = Clock(NOON, timedelta(milliseconds=1))
    with Store.open(f"sqlite:///{tmp_path}/l.db", Keys.of(b"m" * 32, b"e" * 32), clock=clock) as store:
        clerk = Clerk(store, [Destination("share", ("trial",), Folder(tmp_path))])
        clerk.turn()
        assert store.forwards.counts() == []
        delivered(store, 2)
        clerk.turn()
        assert states(store) == {"share": {"waiting": 2}}
        clerk.turn()
        assert states(store) == {"share": {"waiting": 2}}


class UntilOneTurn:
    """Orders and clerk around one lane: the ledger is away at first, and all ends after a turn of the lane."""

    name = "there"

    def __init__(self, clerk, way):
        self.stop = threading.Event()
        self._ledger_answers = iter((False, True))
        self._clerk = clerk
        self._way = way

    def go_on(self):
        return not self.stop.is_set()

    def turn(self):
        return next(self._ledger_answers, True) and self._clerk.turn()

    def run(self, stop):
        self._way.turn(GO_ON)
        stop.set()


def test_before_it_is_known_what_is_to_go_where_nothing_leaves(store, monkeypatch):
    monkeypatch.setattr("deidgate.worker.courier._TURN_S", 0.01)
    to_go(store, 2)
    sender = Scripted()
    off = Clerk(store, [Destination("there", ("other",), Folder(Path("/unused")))])
    all_of_it = UntilOneTurn(off, lane(store, sender))
    hand_on(all_of_it, all_of_it, [all_of_it])
    assert sender.batches == []
    assert states(store) == {"there": {"withdrawn": 2}}


def test_without_further_destinations_no_process_more_is_started(tmp_path):
    settings = replace(Settings(), config=tmp_path, processes=2)
    assert numbers(settings) == (-1, 0, 1)
    path = tmp_path / "destinations.toml"
    path.write_text("# none yet\n")
    assert numbers(settings) == (-1, 0, 1)
    path.write_text('[[destination]]\nname = "a"\nprojects = ["p"]\nkind = "folder"\npath = "/a"\n')
    assert numbers(settings) == (-1, -2, 0, 1)
    path.write_text('[[destination]]\nname = "a"\n')
    with pytest.raises(ConfigurationError, match="missing-key"):
        numbers(settings)
