# SPDX-License-Identifier: Apache-2.0
"""Nothing without a valid mark is stored, by whatever door it comes.

Orthanc asks in two places, and each fails in another way (seen on 1.13.0 with plugin 7.1):

* The received-instance callback sees every instance from every origin. When it raises or answers nonsense, the
  instance is **stored**; so this one catches everything. When it discards, a C-STORE is answered with *success*.
* The C-STORE filter sees what comes by C-STORE, after the callback. When it raises, the instance is refused, and its
  answer is the DIMSE status. So C-STORE is left to it, and its sender learns the truth.

The check is made in threads of Python's own. Those of Orthanc's HTTP server have a stack of 100 kB, and an exception
that is caught near the end of a stack leaves its frames behind for ever, with the whole file in them (seen on
Python 3.14: research grew by every instance that it took).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from deidgate.dicom.status import NOT_AUTHORIZED, SUCCESS
from deidgate.errors import DeidgateError
from deidgate.orthanc_io.sdk import DicomInstance, Orthanc

_THREADS = 4
"""Checks at a time: most of one is a digest, which does not hold the interpreter."""


class Check(Protocol):
    """Returns for a marked file and raises for every other."""

    def __call__(self, file: bytes, /) -> None: ...


class Gate:
    """Admits what `check` lets pass."""

    def __init__(self, orthanc: Orthanc, check: Check) -> None:
        self._orthanc = orthanc
        self._check = check
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="gate")
        self.refused = 0

    def received(self, file: bytes, origin: int) -> tuple[int, bytes | None]:
        """The received-instance callback: for every door but C-STORE."""
        actions = self._orthanc.ReceivedInstanceAction
        try:
            if origin == self._orthanc.InstanceOrigin.DICOM_PROTOCOL:
                return actions.KEEP_AS_IS, None
            refusal = self._threads.submit(_refusal, self._check, file).result()
        except BaseException as error:  # noqa: BLE001 -- Orthanc stores the instance when this callback raises
            refusal = type(error).__name__
        if refusal is not None:
            self._tell(refusal)
            return actions.DISCARD, None
        return actions.KEEP_AS_IS, None

    def c_store(self, instance: DicomInstance) -> int:
        """The C-STORE filter: the DIMSE status. Orthanc refuses by itself when this raises."""
        refusal = self._threads.submit(_refusal, self._check, instance.GetInstanceData()).result()
        if refusal is not None:
            self._tell(refusal)
            return NOT_AUTHORIZED
        return SUCCESS

    def _tell(self, code: str) -> None:
        self.refused += 1
        self._orthanc.LogWarning(f"deidgate refused an instance: {code}")


def _refusal(check: Check, file: bytes) -> str | None:
    """Why `file` is refused; None if it is not. A value and no exception: that would carry the file along."""
    try:
        check(file)
    except BaseException as error:  # noqa: BLE001 -- whatever a check stumbles over, the answer is no
        return error.code if isinstance(error, DeidgateError) else type(error).__name__
    return None
