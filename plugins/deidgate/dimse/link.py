# SPDX-License-Identifier: Apache-2.0
"""One association to a peer, plain or over TLS, opened and released."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pydicom.uid import UID
from pynetdicom import AE, build_context, evt
from pynetdicom.association import Association
from pynetdicom.pdu import A_ASSOCIATE_RJ
from pynetdicom.presentation import PresentationContext

from deidgate.errors import Unavailable

VERIFICATION = UID("1.2.840.10008.1.1")
MAX_CONTEXTS = 128
"""Source: PS3.8 9.3.2.2: odd numbers from 1 to 255."""
MAX_PDU = 131072
"""Bytes of a PDU, at most, that we take, and that we send."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is called, and as whom.

    Attributes
    ----------
    host : str
    port : int
    called_aet, calling_aet : str
    timeout_s : float
        Seconds to wait for the association and for each answer.
    """

    host: str
    port: int
    called_aet: str
    calling_aet: str
    timeout_s: float = 60.0


@contextmanager
def associated(
    peer: Peer,
    contexts: Sequence[PresentationContext],
    tls: ssl.SSLContext | None = None,
    *,
    roles: Sequence[Any] = (),
    handlers: Sequence[Any] = (),
) -> Iterator[Association]:
    """An open association, released at the end.

    Parameters
    ----------
    peer : Peer
    contexts : sequence of PresentationContext
        At most `MAX_CONTEXTS`.
    tls : SSLContext, optional
    roles, handlers : sequence, optional
        Role selection items and event handlers of pynetdicom, for C-GET.

    Raises
    ------
    Unavailable
        ``host-unknown``, ``not-reached`` (nobody listens there), ``tls-failed`` or ``association-refused``.
    """
    entity = AE(ae_title=peer.calling_aet)
    entity.acse_timeout = entity.dimse_timeout = entity.connection_timeout = peer.timeout_s
    entity.network_timeout = max(peer.timeout_s, 60)
    answers: list[type] = []
    heard = (evt.EVT_PDU_RECV, lambda event: answers.append(type(event.pdu)))
    try:
        association = entity.associate(
            peer.host,
            peer.port,
            contexts=list(contexts),
            ae_title=peer.called_aet,
            max_pdu=MAX_PDU,
            ext_neg=list(roles) or None,
            tls_args=(tls, peer.host) if tls is not None else None,
            evt_handlers=[*handlers, heard],
        )
    except socket.gaierror:
        # The name is not known (any more): the library looks it up before it tries.
        raise Unavailable("host-unknown", f"{peer.host}:{peer.port}") from None
    except OSError:
        raise Unavailable("not-reached", f"{peer.host}:{peer.port}") from None
    if not association.is_established:
        # The library calls a refusal that comes at once a connection that failed.
        if association.is_rejected or A_ASSOCIATE_RJ in answers:
            raise Unavailable("association-refused", f"{peer.host}:{peer.port}")
        raise _why_not(peer, tls is not None)
    association.unbind(*heard)
    # Without it, the end of each small message waits for an acknowledgement that waits for more data.
    transport = association.dul.socket
    if transport is not None and transport.socket is not None:
        transport.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        yield association
    finally:
        if association.is_established:
            association.release()


def _why_not(peer: Peer, over_tls: bool) -> Unavailable:
    """What to say when nobody said anything."""
    where = f"{peer.host}:{peer.port}"
    try:
        socket.create_connection((peer.host, peer.port), timeout=min(peer.timeout_s, 10)).close()
    except socket.gaierror:
        return Unavailable("host-unknown", where)
    except OSError:
        return Unavailable("not-reached", where)
    return Unavailable("tls-failed" if over_tls else "association-refused", where)


def echo(peer: Peer, tls: ssl.SSLContext | None = None) -> int:
    """Status of a C-ECHO.

    Raises
    ------
    Unavailable
        As `associated`, and ``no-answer``.
    """
    with associated(peer, [build_context(VERIFICATION)], tls) as association:
        status = association.send_c_echo().get("Status")
    if status is None:
        raise Unavailable("no-answer", f"{peer.host}:{peer.port}")
    return int(status)
