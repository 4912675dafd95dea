# SPDX-License-Identifier: Apache-2.0
"""The way to one further destination: claim, hand on, settle, rest while it is away. A thread for each.

Nothing of it is shared with the other destinations but the ledger: one that is away, slow or wrong holds up no other.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from deidgate.destinations.sender import Ending, Fetch, Gone, NotNow, Sender
from deidgate.errors import ConfigurationError, Unavailable
from deidgate.log import where
from deidgate.orthanc_io.client import OrthancClient, Refused
from deidgate.store.forward_model import Again, Confirmed, ForwardOutcome, Parcel
from deidgate.store.forward_model import Refused as Held
from deidgate.store.forwards import Forwards
from deidgate.worker.patience import Patience

_log = logging.getLogger(__name__)

PATIENCE = Patience(first_s=5.0, longest_s=900.0, tries=20)
_AWAY = frozenset({"research-gone", "commitment-unanswered"})
"""Not the instance's fault, however often it happens."""


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
        Called before the first work, and again after what it raised or a bug.
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
    ) -> None:
        self.name = name
        self._owner = owner
        self._forwards = forwards
        self._open_sender = open_sender
        self._fetch = fetch
        self._patience = patience
        self._pace = pace
        self._sender: Sender | None = None
        self._failures = 0

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
            _log.exception("destination-failed", extra={"ids": {"destination": self.name}})
            self._close()
            places = where(error.__traceback__)
            return self._failed("internal-error", places[-1] if places else "")
        return 0.0 if worked else self._pace.idle_s

    def _close(self) -> None:
        """Not used again after a bug. Its port has to be free for the next one."""
        sender, self._sender = self._sender, None
        if sender is not None:
            sender.close()

    def _work(self, stop: threading.Event) -> bool:
        sender = self._sender = self._sender or self._open_sender()
        self._take_back(sender)
        # One instance finds out whether a destination that was away is back.
        limit = 1 if self._failures else self._pace.batch
        parcels = self._forwards.claim(self.name, self._owner, limit, self._pace.lease_s, datetime.now(UTC))
        if not parcels:
            return False
        self._send(sender, parcels, stop)
        if self._failures:
            self._failures = 0
            hurried = self._forwards.hurry(self.name)
            _log.info("destination-is-back", extra={"ids": {"destination": self.name, "waiting": hurried}})
        return True

    def _send(self, sender: Sender, parcels: Sequence[Parcel], stop: threading.Event) -> None:
        left = {parcel.id: parcel for parcel in parcels}
        with _Beat(self._forwards, left, self._pace.lease_s):
            try:
                for ending in sender.send(parcels, self._fetch):
                    self._settle([self._outcome(ending)])
                    left.pop(ending.parcel.id, None)
                    if stop.is_set():
                        break
                self._give_back(left, "worker-stopped" if stop.is_set() else "no-ending")
            except (Unavailable, ConfigurationError) as error:
                self._give_back(left, error.code, error.path)
                raise
            except Exception:
                self._blame(left)
                raise

    def _take_back(self, sender: Sender) -> None:
        after = 0
        while recalled := self._forwards.recalled(self.name, self._pace.batch, after):
            after = recalled[-1].id
            self._forwards.withdrawn([parcel for parcel in recalled if sender.take_back(parcel)])

    def _outcome(self, ending: Ending) -> ForwardOutcome:
        parcel = ending.parcel
        match ending:
            case Confirmed():
                return ending
            case Held(code=code, path=path):
                _log.warning("destination-refused", extra={"ids": self._ids(parcel, code, path)})
                return ending
            case NotNow(code=code, path=path) if code not in _AWAY and self._patience.is_over(parcel.attempts):
                _log.warning("destination-refused", extra={"ids": self._ids(parcel, code, path)})
                return Held(parcel, code, path)
            case NotNow(code=code, path=path):
                return self._again(parcel, code, path)

    def _again(self, parcel: Parcel, code: str, path: str = "") -> Again:
        return Again(parcel, datetime.now(UTC) + self._patience.delay(parcel.attempts), code, path)

    def _give_back(self, left: dict[int, Parcel], code: str, path: str = "") -> None:
        if left:
            self._settle([self._again(parcel, code, path) for parcel in left.values()])

    def _blame(self, left: dict[int, Parcel]) -> None:
        """Nothing may be tried for ever, but of several it is not known which one it was."""
        alone = next(iter(left.values())) if len(left) == 1 else None
        if alone is not None and self._patience.is_over(alone.attempts):
            self._settle([Held(alone, "internal-error")])
        else:
            self._give_back(left, "internal-error")

    def _settle(self, outcomes: Sequence[ForwardOutcome]) -> None:
        for lost in self._forwards.settle(outcomes):
            _log.warning("destination-claim-lost", extra={"ids": {"destination": self.name, "forward": lost}})

    def _failed(self, code: str, path: str) -> float:
        self._failures += 1
        wait = self._patience.delay(self._failures).total_seconds()
        ids = {"destination": self.name, "code": code, "path": path, "failures": self._failures}
        _log.warning("destination-away", extra={"ids": ids})
        return wait

    def _ids(self, parcel: Parcel, code: str, path: str) -> dict[str, object]:
        return {"destination": self.name, "item": parcel.item_id, "code": code, "path": path}


class _Beat:
    """Keeps the leases of what is under way, while one instance after the other takes its time."""

    def __init__(self, forwards: Forwards, left: dict[int, Parcel], lease_s: float) -> None:
        self._forwards = forwards
        self._left = left
        self._lease_s = lease_s
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
                self._forwards.heartbeat(list(self._left.values()), self._lease_s, datetime.now(UTC))
            except Unavailable as error:
                _log.warning("ledger-unavailable", extra={"ids": {"code": error.code}})


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
