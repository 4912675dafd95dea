# SPDX-License-Identifier: Apache-2.0
"""Storage commitment as its user: what was asked for, and the answers that come in later.

The answer comes on the association of the request, or on one that the other side opens to us; either may bring it.

Source: PS3.4 Annex J (Push Model); failure reasons of (0008,1197) in PS3.3 C.14.1.1.
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pydicom import Dataset
from pydicom.uid import UID, generate_uid
from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.transport import ThreadedAssociationServer

from deidgate.errors import ConfigurationError, Unavailable

PUSH_MODEL = UID("1.2.840.10008.1.20.1")
_PUSH_MODEL_INSTANCE = UID("1.2.840.10008.1.20.1.1")
_REQUEST = 1
_LOOK_S = 0.5

COMMITTED = 0
"""In the place of a failure reason."""
FAILURE_MAY_PASS = frozenset({0x0110, 0x0112, 0x0131, 0x0213})
"""Processing failure, no such object instance (it is sent again), duplicate transaction, resource limitation."""


@dataclass(frozen=True, slots=True)
class Named:
    """An instance in a request."""

    sop_class_uid: str
    sop_instance_uid: str


class Answers:
    """Transactions that wait for their answer. Used by several threads."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._open: dict[str, Mapping[str, int] | None] = {}

    @contextmanager
    def transaction(self) -> Iterator[str]:
        """A new Transaction UID, that an answer may come to until the end of the block."""
        transaction = str(generate_uid())
        with self._changed:
            self._open[transaction] = None
        try:
            yield transaction
        finally:
            with self._changed:
                del self._open[transaction]

    @property
    def waiting(self) -> int:
        """How many transactions are open."""
        with self._changed:
            return len(self._open)

    def take(self, event: Any) -> tuple[int, None]:
        """Handler of N-EVENT-REPORT: the status to answer, and no dataset."""
        try:
            information = event.event_information
            transaction = str(information.get("TransactionUID", ""))
            answer = _answer(information)
        except (ValueError, TypeError, AttributeError, LookupError, NotImplementedError, OSError):
            return 0x0110, None
        with self._changed:
            # A transaction that nobody waits for (any more) is asked for again: its answer is of no use.
            if transaction in self._open:
                self._open[transaction] = answer
                self._changed.notify_all()
        return 0x0000, None

    def wait(self, transaction: str, within_s: float, may_come: Callable[[], bool]) -> Mapping[str, int] | None:
        """Failure reason, or `COMMITTED`, of each instance that the answer names; None if no answer came.

        Parameters
        ----------
        may_come : callable
            Whether there is still a way for it to come.
        """
        until = time.monotonic() + within_s
        with self._changed:
            while self._open[transaction] is None:
                # Once more after the way was found closed: the answer may be the last thing that came on it.
                open_still = may_come()
                left = until - time.monotonic()
                self._changed.wait(min(_LOOK_S, max(left, 0.0)))
                if self._open[transaction] is None and (left <= 0 or not open_still):
                    break
            return self._open[transaction]


def ask(association: Association, transaction: str, named: Sequence[Named]) -> None:
    """N-ACTION: ask to keep these.

    Raises
    ------
    Unavailable
        ``commitment-not-supported``, ``commitment-refused`` or ``no-answer``.
    """
    if PUSH_MODEL not in {context.abstract_syntax for context in association.accepted_contexts}:
        raise Unavailable("commitment-not-supported")
    request = Dataset()
    request.TransactionUID = transaction
    request.ReferencedSOPSequence = [_reference(one) for one in named]
    try:
        answer, _ = association.send_n_action(request, _REQUEST, PUSH_MODEL, _PUSH_MODEL_INSTANCE)
    except (RuntimeError, ValueError):
        raise Unavailable("association-lost") from None
    status = answer.get("Status")
    if status is None:
        raise Unavailable("no-answer")
    if status != 0x0000:
        raise Unavailable("commitment-refused", f"{int(status):04X}")


def listen(answers: Answers, port: int, aet: str, tls: ssl.SSLContext | None) -> ThreadedAssociationServer:
    """Take answers on associations that others open; ``shutdown()`` of what is returned ends it.

    Raises
    ------
    ConfigurationError
        ``port-in-use``.
    """
    entity = AE(ae_title=aet)
    entity.require_called_aet = True
    entity.maximum_associations = 8
    entity.add_supported_context(PUSH_MODEL, scu_role=True, scp_role=True)
    handlers: list[Any] = [(evt.EVT_N_EVENT_REPORT, answers.take)]
    try:
        server = entity.start_server(("", port), block=False, evt_handlers=handlers, ssl_context=tls)
    except OSError:
        raise ConfigurationError("port-in-use", str(port)) from None
    if server is None:
        raise ConfigurationError("port-in-use", str(port))
    return server


def _reference(one: Named) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = one.sop_class_uid, one.sop_instance_uid
    return item


def _answer(information: Dataset) -> Mapping[str, int]:
    kept = {str(item.ReferencedSOPInstanceUID): COMMITTED for item in information.get("ReferencedSOPSequence") or []}
    failed = {
        # Named as failed without a reason is failed; what is named as both is failed.
        str(item.ReferencedSOPInstanceUID): int(item.get("FailureReason") or 0x0110)
        for item in information.get("FailedSOPSequence") or []
    }
    return kept | failed
