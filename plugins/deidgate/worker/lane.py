# SPDX-License-Identifier: Apache-2.0
"""The way to one further destination: claim, hand on, settle, rest while it is away. A thread for each.

Nothing of it is shared with the other destinations but the ledger: one that is away, slow or wrong holds up no other.
Nor does one instance hold up the others of its destination: see `suspects`.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from deidgate.destinations.sender import Ending, Fetch, Gone, NotNow, Sender
from deidgate.errors import ConfigurationError, Unavailable
from deidgate.log import where
from deidgate.orthanc_io.client import OrthancClient, Refused
from deidgate.store.forward_model import COURIER_DIED, Again, Confirmed, ForwardOutcome, Parcel
from deidgate.store.forward_model import Refused as Held
from deidgate.store.forwards import Forwards
from deidgate.store.store import utc_now
from deidgate.worker.patience import Patience
from deidgate.worker.suspects import Suspects

_log = logging.getLogger(__name__)

PATIENCE = Patience(first_s=5.0, longest_s=900.0, tries=20)
_AWAY = frozenset({"research-gone", "commitment-unanswered"})
"""Not the instance's fault, however often it happens."""
_READ_AT_OPENING = frozenset({"stow-forbids"})
"""May lie in a password or token, which a person may put right meanwhile: open it again."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Sizes and times of a lane."""

    batch: int = 20
    lease_s: float = 120.0
    idle_s: float = 2.0
    """Wait this long before looking for work again when there was none."""


class Lane:
    """Work for one destination.

    Parameters
    ----------
    name : str
        The destination.
    open_sender : callable
        Called before the first work, and again after what it raised, a bug, or when the destination forbids.
    clock : callable, optional
        The present time, aware.
    """

    def __init__(
        self,
        name: str,
        owner: str,
        forwards: Forwards,
        open_sender: Callable[[], Sender],
        fetch: Fetch,
        patience: Patience = PATIENCE,
        pace: Pace = Pace(),
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.name = name
        self._owner = owner
        self._forwards = forwards
        self._open_sender = open_sender
        self._fetch = fetch
        self._patience = patience
        self._pace = pace
        self._clock = clock
        self._suspects = Suspects(patience)
        self._sender: Sender | None = None
        self._suspect_next = False
        self._failures = 0
        self._rest_until = self._next_lapsed = clock()
        self._strays: dict[int, Parcel] = {}
        self._told: set[int] = set()

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set."""
        while not stop.is_set():
            stop.wait(self.turn(stop))

    def turn(self, stop: threading.Event) -> float:
        """Do what is due; the seconds to wait before the next turn."""
        try:
            worked = self._work(stop)
        except (Unavailable, ConfigurationError) as error:
            return self._failed(error.code, error.path)
        except Exception as error:  # noqa: BLE001 -- the outermost loop: this destination rests, the others go on
            self._bug()
            return self._failed("internal-error", _place(error))
        return 0.0 if worked else self._pace.idle_s

    def _bug(self) -> None:
        _log.exception("destination-failed", extra={"ids": {"destination": self.name}})
        # Not used again after a bug.
        self._close()

    def _close(self) -> None:
        # Its port has to be free for the next one.
        sender, self._sender = self._sender, None
        if sender is not None:
            sender.close()

    def _work(self, stop: threading.Event) -> bool:
        sender = self._sender = self._sender or self._open_sender()
        self._take_back(sender)
        parcels = self._lapsed() or self._claim()
        if not parcels:
            return False
        if self._send(sender, parcels, stop) and self._failures:
            self._failures = 0
            hurried = self._forwards.hurry(self.name, self._suspects.ids())
            _log.info("destination-is-back", extra={"ids": {"destination": self.name, "waiting": hurried}})
        return True

    def _lapsed(self) -> list[Parcel]:
        """One whose courier ended with it, or lost it: alone, and held when that was so too often.

        What ends the process (its memory, for one) is found out by nobody else, and would take a batch with it.
        """
        now = self._clock()
        if now < self._next_lapsed:
            return []
        parcels = self._forwards.claim_lapsed(self.name, self._owner, self._pace.lease_s, now)
        if not parcels:
            # All that waits is read to find none; and a lease that ran out is in no hurry.
            self._next_lapsed = now + timedelta(seconds=self._pace.lease_s / 4)
        elif self._patience.is_over(parcels[0].attempts - 1):
            self._settle([self._held(parcels[0], COURIER_DIED, "")])
            return []
        return parcels

    def _claim(self) -> list[Parcel]:
        """What to send next: suspects alone, and in turns with the others.

        One instance finds out whether a destination that was away is back: one that is no suspect, if it can.
        """
        self._suspect_next = not self._suspect_next
        if self._failures:
            return self._others(1) or ([] if self._clock() < self._rest_until else self._suspect())
        if self._suspect_next:
            return self._suspect() or self._others(self._pace.batch)
        return self._others(self._pace.batch) or self._suspect()

    def _suspect(self) -> list[Parcel]:
        suspects = self._suspects.ids()
        return self._due(1, only=suspects) if suspects else []

    def _others(self, limit: int) -> list[Parcel]:
        return self._due(limit, but=self._suspects.ids())

    def _due(self, limit: int, *, only: Sequence[int] | None = None, but: Sequence[int] = ()) -> list[Parcel]:
        lease_s, now = self._pace.lease_s, self._clock()
        return self._forwards.claim(self.name, self._owner, limit, lease_s, now, only=only, but=but)

    def _send(self, sender: Sender, parcels: Sequence[Parcel], stop: threading.Event) -> bool:
        """Whether the destination was there, as far as that is known now. It raises if it was not."""
        left = {parcel.id: parcel for parcel in parcels}
        sender.hand.parcel = None
        with _Beat(self._forwards, left, self._pace.lease_s, self._clock):
            try:
                for ending in sender.send(parcels, self._fetch):
                    self._settle([self._outcome(ending)])
                    left.pop(ending.parcel.id, None)
                    if stop.is_set():
                        break
                self._give_back(left, "worker-stopped" if stop.is_set() else "no-ending")
            except (Unavailable, ConfigurationError) as error:
                says_nothing = self._broke(sender.hand.parcel, left, error.code, error.path)
                if error.code in _READ_AT_OPENING:
                    self._close()
                if not says_nothing:
                    raise
                return False
            except Exception as error:
                if not self._broke(sender.hand.parcel, left, "internal-error", _place(error), bug=True):
                    raise
                self._bug()
                return False
        return True

    def _take_back(self, sender: Sender) -> None:
        if not sender.takes_back:
            return
        self._take_back_strays(sender)
        after = 0
        while recalled := self._forwards.recalled(self.name, self._pace.batch, after):
            after = recalled[-1].id
            self._forwards.withdrawn([parcel for parcel in recalled if self._is_gone(sender, parcel)])

    def _take_back_strays(self, sender: Sender) -> None:
        """What we sent although it was no longer ours, if nobody wants it there in that form."""
        unwanted = self._forwards.unwanted(list(self._strays.values()))
        kept = [parcel for parcel in unwanted if self._is_gone(sender, parcel) is None]
        self._strays = {parcel.id: parcel for parcel in kept}

    def _is_gone(self, sender: Sender, parcel: Parcel) -> bool | None:
        """Whether it was taken back; None if that could not be found out, which holds up nothing else."""
        try:
            return sender.take_back(parcel)
        except Unavailable as error:
            code, path = error.code, error.path
        except Exception as error:  # noqa: BLE001 -- as in `turn`: a bug with one stops neither the others nor sending
            code, path = "internal-error", _place(error)
        if parcel.id not in self._told:
            self._told.add(parcel.id)
            _log.warning("destination-keeps", extra={"ids": self._ids(parcel, code, path)})
        return None

    def _outcome(self, ending: Ending) -> ForwardOutcome:
        parcel = ending.parcel
        self._suspects.spoken_of(parcel.id, through=not isinstance(ending, NotNow))
        match ending:
            case Confirmed():
                return ending
            case Held(code=code, path=path):
                return self._held(parcel, code, path)
            case NotNow(code=code, path=path) if code not in _AWAY and self._patience.is_over(parcel.attempts):
                return self._held(parcel, code, path)
            case NotNow(code=code, path=path):
                return self._again(parcel, code, path)

    def _held(self, parcel: Parcel, code: str, path: str) -> Held:
        _log.warning("destination-refused", extra={"ids": self._ids(parcel, code, path)})
        return Held(parcel, code, path)

    def _again(self, parcel: Parcel, code: str, path: str = "", tries: int | None = None) -> Again:
        delay = self._patience.delay(parcel.attempts if tries is None else tries)
        return Again(parcel, self._clock() + delay, code, path)

    def _give_back(self, left: dict[int, Parcel], code: str, path: str = "") -> None:
        if left:
            self._settle([self._again(parcel, code, path) for parcel in left.values()])

    def _broke(self, held: Parcel | None, left: dict[int, Parcel], code: str, path: str, *, bug: bool = False) -> bool:
        """Settle what has no ending because the way broke. Whether that says nothing new of the destination."""
        suspect = left.pop(held.id, None) if held is not None else None
        if suspect is None and bug and len(left) == 1:
            _, suspect = left.popitem()
        if suspect is None:
            self._give_back(left, code, path)
            return False
        _log.warning("destination-broke-off", extra={"ids": self._ids(suspect, code, path)})
        suspicion = self._suspects.broke(suspect.id, away=self._failures > 0)
        # A bug is nothing that passes: it needs no others to show whose it is.
        if self._suspects.is_certain(suspicion) or (bug and self._patience.is_over(suspicion.tries)):
            self._suspects.spoken_of(suspect.id, through=False)
            self._settle([self._held(suspect, code, path)])
        else:
            self._settle([self._again(suspect, code, path, suspicion.tries)])
        # The others are no part of it: they wait for the destination, and not for a time of their own.
        now = self._clock()
        self._settle([Again(parcel, now, code, path) for parcel in left.values()])
        if self._failures and not suspicion.is_new:
            self._rest()
        return not suspicion.is_new

    def _settle(self, outcomes: Sequence[ForwardOutcome]) -> None:
        lost = self._forwards.settle(outcomes)
        if not lost:
            return
        for parcel in (outcome.parcel for outcome in outcomes if outcome.parcel.id in lost):
            _log.warning("destination-claim-lost", extra={"ids": {"destination": self.name, "forward": parcel.id}})
            self._strays[parcel.id] = parcel
        # Whoever took it back in between found nothing yet, and does not look again.
        if self._sender is not None and self._sender.takes_back:
            self._take_back_strays(self._sender)
        else:
            self._strays.clear()

    def _rest(self) -> float:
        """Count a failure; the seconds to rest. Only those that are no suspects may come sooner."""
        self._failures += 1
        wait = self._patience.delay(self._failures)
        self._rest_until = self._clock() + wait
        return wait.total_seconds()

    def _failed(self, code: str, path: str) -> float:
        wait = self._rest()
        ids = {"destination": self.name, "code": code, "path": path, "failures": self._failures}
        _log.warning("destination-away", extra={"ids": ids})
        return wait

    def _ids(self, parcel: Parcel, code: str, path: str) -> dict[str, object]:
        return {"destination": self.name, "item": parcel.item_id, "code": code, "path": path}


class _Beat:
    """Keeps the leases of what is under way, while one instance after the other takes its time."""

    def __init__(
        self, forwards: Forwards, left: dict[int, Parcel], lease_s: float, clock: Callable[[], datetime]
    ) -> None:
        self._forwards = forwards
        self._left = left
        self._lease_s = lease_s
        self._clock = clock
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lease", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(self._lease_s / 4):
            try:
                self._forwards.heartbeat(list(self._left.values()), self._lease_s, self._clock())
            except Unavailable as error:
                _log.warning("ledger-unavailable", extra={"ids": {"code": error.code}})


def _place(error: Exception) -> str:
    """Where in our own code it happened; what the exception says may hold a value."""
    places = where(error.__traceback__)
    return places[-1] if places else ""


class FromResearch:
    """The files, as research has them: what was verified and signed, or nothing."""

    def __init__(self, client: OrthancClient) -> None:
        self._client = client

    def __call__(self, parcel: Parcel) -> bytes:
        """The file of `parcel`.

        Raises
        ------
        Gone
            Research does not have it, or has another by now.
        Unavailable
        """
        try:
            file = self._client.get_bytes(f"/instances/{parcel.research_id}/attachments/dicom/data")
        except Refused:
            raise Gone from None
        if hashlib.md5(file, usedforsecurity=False).hexdigest() != parcel.md5:
            raise Gone
        return file
