# SPDX-License-Identifier: Apache-2.0
"""Storage commitment, answered from the ledger: the gateway answers for an instance from its reception on, for ever.

The original may have been purged since, after its delivery was confirmed; Orthanc's own index would then say that it
never came. What has not left yet is only answered for while Orthanc has it: a disk that was lost, or a backup that was
put back without images, leaves rows behind whose original has to be sent again. Where several contents came under one
UID, *yes* is said of all of them: nobody knows which one the sender means, and deletes. When the ledger does not
answer, neither *yes* nor *no* is said, but *processing failure*: the sender asks again.

Source: PS3.4 J.3; failure reasons of (0008,1197) in PS3.3 C.14.1.1.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from deidgate.errors import Unavailable
from deidgate.orthanc_io.sdk import Orthanc
from deidgate.store.states import State

_log = logging.getLogger(__name__)

Known = frozenset[str] | None
"""The SOP Instance UIDs of one request that the gateway has; None when that could not be found out."""

_DONE = frozenset({State.DELIVERED, State.RECALLED, State.REJECTED})
"""States in which the original is not needed any more."""


class Stored(Protocol):
    """What Orthanc has."""

    def has(self, sop_instance_uid: str) -> bool:
        """Whether an instance with this SOP Instance UID is stored."""
        ...

    def is_there(self, orthanc_id: str) -> bool:
        """Whether an instance is stored under this Orthanc ID."""
        ...


class Commitment:
    """The two callbacks."""

    def __init__(
        self,
        orthanc: Orthanc,
        states_of: Callable[[Sequence[str]], Mapping[str, Mapping[str, State]]],
        stored: Stored,
    ) -> None:
        self._reasons = orthanc.StorageCommitmentFailureReason
        self._states_of = states_of
        self._stored = stored

    def request(
        self,
        job_id: str,
        _transaction_uid: str,
        _sop_class_uids: Sequence[str],
        sop_instance_uids: Sequence[str],
        _remote_aet: str,
        _called_aet: str,
    ) -> Known:
        """What is known of the instances of one request; handed to `answer` for each of them."""
        try:
            states = self._states_of(sop_instance_uids)
        except Unavailable as error:
            _log.warning("commitment-postponed", extra={"ids": {"job": job_id, "code": error.code}})
            return None
        return frozenset(uid for uid in sop_instance_uids if self._has(uid, states.get(uid)))

    def _has(self, sop_instance_uid: str, states: Mapping[str, State] | None) -> bool:
        if states is None:
            # The ledger has not read of it yet.
            return self._stored.has(sop_instance_uid)
        return all(state in _DONE or self._stored.is_there(orthanc_id) for orthanc_id, state in states.items())

    def answer(self, _sop_class_uid: str, sop_instance_uid: str, known: Known) -> object:
        """The reason of failure for one instance, or success.

        The SOP Class is not compared: the ledger does not keep it, and the file is what was received.
        """
        if known is None:
            return self._reasons.PROCESSING_FAILURE
        return self._reasons.SUCCESS if sop_instance_uid in known else self._reasons.NO_SUCH_OBJECT_INSTANCE
