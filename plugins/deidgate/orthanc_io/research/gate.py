# SPDX-License-Identifier: Apache-2.0
"""Nothing without a valid mark is stored, by whatever door it comes.

Orthanc asks in two places, and each fails in another way (seen on 1.13.0 with plugin 7.1):

* The received-instance callback sees every instance from every origin. When it raises or answers nonsense, the
  instance is **stored**; so this one catches everything. When it discards, a C-STORE is answered with *success*.
* The C-STORE filter sees what comes by C-STORE, after the callback. When it raises, the instance is refused, and its
  answer is the DIMSE status. So C-STORE is left to it, and its sender learns the truth.
"""

from __future__ import annotations

from typing import Protocol

from deidgate.marks import Unmarked
from deidgate.orthanc_io.sdk import DicomInstance, Orthanc

NOT_AUTHORIZED = 0x0124
"""Refused: not authorized. Source: PS3.7 C.4.2 and PS3.4 B.2.3, Table B.2-1."""


class Check(Protocol):
    """Returns for a marked file and raises for every other."""

    def __call__(self, file: bytes, /) -> None: ...


class Gate:
    """Admits what `check` lets pass."""

    def __init__(self, orthanc: Orthanc, check: Check) -> None:
        self._orthanc = orthanc
        self._check = check
        self.refused = 0

    def received(self, file: bytes, origin: int) -> tuple[int, bytes | None]:
        """The received-instance callback: for every door but C-STORE."""
        actions = self._orthanc.ReceivedInstanceAction
        try:
            if origin == self._orthanc.InstanceOrigin.DICOM_PROTOCOL:
                return actions.KEEP_AS_IS, None
            self._check(file)
        except BaseException as error:  # noqa: BLE001 -- Orthanc stores the instance when this callback raises
            self._tell(error)
            return actions.DISCARD, None
        return actions.KEEP_AS_IS, None

    def c_store(self, instance: DicomInstance) -> int:
        """The C-STORE filter: the DIMSE status. Orthanc refuses by itself when this raises."""
        try:
            self._check(instance.GetInstanceData())
        except Unmarked as error:
            self._tell(error)
            return NOT_AUTHORIZED
        return 0

    def _tell(self, error: BaseException) -> None:
        self.refused += 1
        code = error.code if isinstance(error, Unmarked) else type(error).__name__
        self._orthanc.LogWarning(f"deidgate refused an instance: {code}")
