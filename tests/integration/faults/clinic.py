# SPDX-License-Identifier: Apache-2.0
"""Clinics that send all the time, and send again what was not answered with success: as modalities do."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.data.instances import dataset, file_bytes, uid

from deidgate.dimse.dispatch import Effort, dispatch
from deidgate.dimse.link import Peer
from deidgate.dimse.send import Sent
from deidgate.errors import DeidgateError

_GROUP = 8
"""Instances of one association."""
_SERIES = 16
_BLANK = 40
"""Every so many-th instance has no Patient ID, and has to be held."""
_REST_S = 1.0
"""After a refusal, before the same is sent again."""


@dataclass(frozen=True)
class Confirmed:
    """An instance that the gateway has answered for."""

    uid: str
    at: float


def nothing_more(_number: int) -> Mapping[str, Any]:
    """No attributes beside the usual ones."""
    return {}


class Clinic:
    """One sender with its own AE title and patients.

    `more` gives further attributes of the instance with a number, its picture for example.
    """

    def __init__(
        self,
        port: int,
        aet: str,
        patient: int,
        folder: Path,
        per_second: float,
        more: Callable[[int], Mapping[str, Any]] = nothing_more,
    ) -> None:
        self._peer = Peer("127.0.0.1", port, "DEIDGATE", aet, timeout_s=20)
        self._patient = patient
        self._folder = folder
        self._pause_s = _GROUP / per_second
        self._more = more
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.confirmed: list[Confirmed] = []
        self.refused = 0
        folder.mkdir()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """No new instances; what was begun is sent until it is answered with success."""
        self._stop.set()
        self._thread.join(240)
        assert not self._thread.is_alive(), "a clinic was not answered for four minutes"

    @property
    def last(self) -> float:
        """When the latest success was answered."""
        return self.confirmed[-1].at if self.confirmed else 0.0

    def _run(self) -> None:
        made = self._made()
        while not self._stop.is_set():
            began = time.monotonic()
            waiting = dict(next(made) for _ in range(_GROUP))
            while waiting:
                self._try(waiting)
                if waiting:
                    self._stop.wait(_REST_S) or time.sleep(_REST_S)
            self._stop.wait(max(0.0, self._pause_s - (time.monotonic() - began)))

    def _try(self, waiting: dict[Path, str]) -> None:
        with suppress(DeidgateError, RuntimeError, OSError):
            # What is not answered with success is tried again here, and counted: one try is all that is asked for.
            dispatch(self._peer, list(waiting), Effort(tries=1), lambda one: self._told(waiting, one))
        self.refused += bool(waiting)

    def _told(self, waiting: dict[Path, str], sent: Sent) -> None:
        if sent.ok:
            self.confirmed.append(Confirmed(waiting.pop(sent.path), time.time()))
            sent.path.unlink()

    def _made(self) -> Iterator[tuple[Path, str]]:
        number = 0
        while True:
            number += 1
            study, of_patient = number // _SERIES + 1, self._patient + number // (3 * _SERIES)
            blank = {"PatientID": ""} if number % _BLANK == 0 else {}
            more = {**self._more(number), **blank}
            # A study of its own: a blank Patient ID beside a filled one would be two patients in one study.
            made = dataset(of_patient, 1000 + number if blank else study, 1, number, AccessionNumber="", **more)
            path = self._folder / f"{number:06d}.dcm"
            path.write_bytes(file_bytes(made))
            yield path, uid(of_patient, 1000 + number if blank else study, 1, number)
