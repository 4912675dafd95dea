# SPDX-License-Identifier: Apache-2.0
"""What the plugins use of Orthanc's Python SDK (plugin 7.1), as Protocols.

A contract test compares every name and number here, and in the fake of the tests, with the real module.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

ReceivedCallback = Callable[[bytes, int], tuple[int, bytes | None]]
HttpFilter = Callable[..., bool]
RestCallback = Callable[..., None]


class DicomInstance(Protocol):
    """An instance on its way into the store."""

    def GetInstanceRemoteAet(self) -> str: ...

    def GetInstanceData(self) -> bytes: ...


class RestOutput(Protocol):
    """Where a REST callback answers."""

    def AnswerBuffer(self, content: str, mime: str) -> None: ...


class Orthanc(Protocol):
    """The module `orthanc`."""

    ReceivedInstanceAction: Any
    InstanceOrigin: Any
    HttpMethod: Any
    ChangeType: Any
    StorageCommitmentFailureReason: Any
    OrthancException: type[Exception]

    def RegisterIncomingCStoreInstanceFilter(self, callback: Callable[[DicomInstance], int]) -> None: ...

    def RegisterReceivedInstanceCallback(self, callback: ReceivedCallback) -> None: ...

    def RegisterOnStoredInstanceCallback(self, callback: Callable[[DicomInstance, str], None]) -> None: ...

    def RegisterOnChangeCallback(self, callback: Callable[[int, int, str], None]) -> None: ...

    def RegisterIncomingHttpRequestFilter(self, callback: HttpFilter) -> None: ...

    def RegisterStorageCommitmentScpCallback(
        self, callback: Callable[..., object], lookup: Callable[..., object]
    ) -> None: ...

    def RegisterRestCallback(self, uri: str, callback: RestCallback) -> None: ...

    def RestApiGet(self, uri: str) -> bytes: ...

    def RestApiPost(self, uri: str, body: str | bytes) -> bytes: ...

    def RestApiPut(self, uri: str, body: str | bytes) -> bytes: ...

    def LogWarning(self, message: str) -> None: ...
