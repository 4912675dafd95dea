# SPDX-License-Identifier: Apache-2.0
"""Any DICOM node by C-STORE: every file as it is, in its own Transfer Syntax, then storage commitment for all of them.

A node may take its time with the answer. What was stored and not answered for is asked for again the next time, and not
sent again unless the node says that it does not have it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydicom.uid import UID
from pynetdicom import build_context, evt
from pynetdicom.association import Association
from pynetdicom.transport import ThreadedAssociationServer

from deidgate.destinations.commitment import COMMITTED, FAILURE_MAY_PASS, PUSH_MODEL, Answers, Named, ask, listen
from deidgate.destinations.sender import Ending, Fetch, Gone, Hand, NotNow
from deidgate.dicom.status import may_pass
from deidgate.dimse.link import MAX_CONTEXTS, Peer, associated
from deidgate.dimse.send import Letter, Sent, accepted, leave_answers, read_letter, store
from deidgate.dimse.tls import TlsFiles, client_context, server_context
from deidgate.errors import Unavailable
from deidgate.policy.destinations import DicomNode, Tls
from deidgate.store.forward_model import Confirmed, Parcel, Refused

COMMITMENT = "commitment"
C_STORE_SUCCESS = "c-store-success"
UNANSWERED = "commitment-unanswered"
_GROUP_BYTES = 256 << 20
"""Files on the disk at a time: one that is larger goes alone."""


@dataclass(frozen=True, slots=True)
class _Post:
    """One instance, ready to be sent."""

    parcel: Parcel
    letter: Letter


class NodeSender:
    """A DICOM node.

    Parameters
    ----------
    place : DicomNode
    timeout_s : float

    Raises
    ------
    ConfigurationError
        ``port-in-use`` or ``tls-files``: answers to commitment cannot be listened for.
    """

    def __init__(self, place: DicomNode, timeout_s: float) -> None:
        self.hand = Hand()
        self.takes_back = False
        self._place = place
        self._peer = Peer(place.host, place.port, place.called_aet, place.calling_aet, timeout_s)
        self._answers = Answers()
        self._server: ThreadedAssociationServer | None = None
        if place.commitment and place.listen:
            own = server_context(_files(place.tls)) if place.tls is not None else None
            self._server = listen(self._answers, place.listen, place.calling_aet, own)

    def close(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.shutdown()

    def send(self, parcels: Sequence[Parcel], fetch: Fetch) -> Iterator[Ending]:
        """Send in groups that fit into one association and on the disk, and have each group committed."""
        left = list(parcels)
        while left:
            with tempfile.TemporaryDirectory(prefix="deidgate-destination-") as folder:
                posts, ended, left = self._group(left, fetch, Path(folder))
                yield from ended
                if posts:
                    yield from self._send(posts)

    def take_back(self, parcel: Parcel) -> bool:
        """DICOM has no way to delete at another node."""
        return False

    def _group(
        self, parcels: Sequence[Parcel], fetch: Fetch, folder: Path
    ) -> tuple[list[_Post], list[Ending], list[Parcel]]:
        """What goes out together, what has an ending already, and what is left."""
        posts: list[_Post] = []
        ended: list[Ending] = []
        size = 0
        for number, parcel in enumerate(parcels):
            # One presentation context is for commitment.
            if size >= _GROUP_BYTES or len({post.letter.kind for post in posts}) == MAX_CONTEXTS - 1:
                return posts, ended, list(parcels[number:])
            path = folder / f"{number}.dcm"
            with self.hand.holding(parcel):
                prepared = _prepared(parcel, fetch, path)
            if isinstance(prepared, _Post):
                posts.append(prepared)
                size += path.stat().st_size
            else:
                ended.append(prepared)
        return posts, ended, []

    def _send(self, posts: Sequence[_Post]) -> Iterator[Ending]:
        kinds = dict.fromkeys(post.letter.kind for post in posts)
        with self._associated(list(kinds)) as association:
            contexts = accepted(association)
            stored: list[_Post] = []
            for post in posts:
                if self._place.commitment and post.parcel.last_code == UNANSWERED:
                    stored.append(post)
                    continue
                if post.letter.kind not in contexts:
                    yield Refused(post.parcel, "context-refused")
                    continue
                with self.hand.holding(post.parcel):
                    ending = _store(association, post, contexts[post.letter.kind])
                if ending is not None:
                    yield ending
                elif self._place.commitment:
                    stored.append(post)
                else:
                    yield Confirmed(post.parcel, C_STORE_SUCCESS)
            if stored:
                yield from self._commit(association, stored)

    def _commit(self, association: Association, posts: Sequence[_Post]) -> Iterator[Ending]:
        named = [Named(post.letter.sop_class_uid, post.parcel.sop_instance_uid) for post in posts]
        with self._answers.transaction() as transaction:
            try:
                ask(association, transaction, named)
            except Unavailable as error:
                # Stored they are: only the question is asked again.
                for post in posts:
                    yield NotNow(post.parcel, UNANSWERED, error.code)
                return
            association.network_timeout = self._place.answer_s + self._peer.timeout_s
            answer = self._answers.wait(
                transaction, self._place.answer_s, lambda: self._server is not None or association.is_established
            )
        for post in posts:
            reason = None if answer is None else answer.get(post.parcel.sop_instance_uid)
            yield _committed(post.parcel, reason)

    @contextmanager
    def _associated(self, kinds: Sequence[tuple[str, str]]) -> Iterator[Association]:
        contexts = [build_context(sop_class, UID(syntax)) for sop_class, syntax in kinds]
        handlers = []
        if self._place.commitment:
            contexts.append(build_context(PUSH_MODEL))
            handlers.append((evt.EVT_N_EVENT_REPORT, self._answers.take))
        # Read each time: a renewed certificate needs no restart.
        tls = client_context(_files(self._place.tls)) if self._place.tls is not None else None
        with associated(self._peer, contexts, tls, handlers=handlers) as association:
            leave_answers(association)
            yield association


def _prepared(parcel: Parcel, fetch: Fetch, path: Path) -> _Post | Ending:
    """The instance as a file at `path` that can be sent, or its ending."""
    try:
        path.write_bytes(fetch(parcel))
    except Gone:
        return NotNow(parcel, "research-gone")
    letter = read_letter(path)
    if letter is None or not letter.agrees:
        return Refused(parcel, "not-dicom")
    return _Post(parcel, letter)


def _files(tls: Tls | None) -> TlsFiles:
    return TlsFiles() if tls is None else TlsFiles(tls.ca, tls.certificate, tls.key or tls.certificate)


def _store(association: Association, post: _Post, context: int) -> Ending | None:
    """The ending of one C-STORE; None when the node took it."""
    try:
        status = store(association, post.letter, context)
    except RuntimeError:
        raise Unavailable("association-lost") from None
    except ValueError:
        return Refused(post.parcel, "not-dicom")
    if status is None:
        raise Unavailable("no-answer")
    if Sent(post.letter.path, status, "").ok:
        return None
    end = NotNow if may_pass(status) else Refused
    return end(post.parcel, "node-refused", f"{status:04X}")


def _committed(parcel: Parcel, reason: int | None) -> Ending:
    if reason is None:
        return NotNow(parcel, UNANSWERED)
    if reason == COMMITTED:
        return Confirmed(parcel, COMMITMENT)
    end = NotNow if reason in FAILURE_MAY_PASS else Refused
    return end(parcel, "commitment-failed", f"{reason:04X}")
