# SPDX-License-Identifier: Apache-2.0
"""C-STORE of files: as few associations as possible, every Transfer Syntax as it is, nothing converted.

A presentation context is asked for each pair of SOP Class and Transfer Syntax that the files have; an association has
room for 128 of them. SOP Classes that nobody knows are asked for like all others: whether they are taken is the
receiver's matter.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydicom import dcmread
from pydicom.errors import InvalidDicomError
from pydicom.uid import UID, MediaStorageDirectoryStorage
from pynetdicom import AE, _config, build_context
from pynetdicom.association import Association
from pynetdicom.presentation import PresentationContext

from deidgate.errors import Unavailable

MAX_CONTEXTS = 128
"""Source: PS3.8 9.3.2.2: odd numbers from 1 to 255."""

SUCCESS = 0x0000


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is sent to, and as whom.

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


@dataclass(frozen=True, slots=True)
class Letter:
    """A file that can be sent, and the context it needs.

    Attributes
    ----------
    path : Path
    sop_class_uid, transfer_syntax_uid : str
    agrees : bool
        File meta and dataset name the same instance. Where they do not, the dataset is right, and the file cannot go
        out as it is.
    """

    path: Path
    sop_class_uid: str
    transfer_syntax_uid: str
    agrees: bool


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of one file.

    Attributes
    ----------
    path : Path
    status : int or None
        The DIMSE status; None when it was not sent.
    code : str
        ``sent``, ``refused``, ``not-dicom``, ``context-refused`` or ``no-answer``.
    """

    path: Path
    status: int | None
    code: str

    @property
    def ok(self) -> bool:
        """Whether the receiver took it. Warnings (Bxxx) are successes. Source: PS3.4 Table B.2-1."""
        return self.status is not None and (self.status == SUCCESS or self.status >> 12 == 0xB)


def files_in(paths: Iterable[Path]) -> Iterator[Path]:
    """All files that `paths` name, those in folders in order of their names."""
    for path in paths:
        if path.is_dir():
            yield from (child for child in sorted(path.rglob("*")) if child.is_file())
        else:
            yield path


def read_letter(path: Path) -> Letter | None:
    """What has to be known to send the file; None if it is no DICOM file that could be sent."""
    try:
        header = dcmread(path, specific_tags=["SOPClassUID", "SOPInstanceUID"], stop_before_pixels=True)
        meta = header.file_meta
        told = tuple(str(meta.get(name) or "") for name in ("MediaStorageSOPClassUID", "MediaStorageSOPInstanceUID"))
        true = tuple(str(header.get(name) or "") for name in ("SOPClassUID", "SOPInstanceUID"))
        transfer_syntax = str(meta.get("TransferSyntaxUID") or "")
    except (InvalidDicomError, OSError, ValueError, TypeError, LookupError, NotImplementedError, AttributeError):
        return None
    # What is cut off or broken goes out as it says that it is: the receiver's answer is what one wants to know.
    sop_class, instance = true if all(true) else told
    # A DICOMDIR has a class of its own and is no instance that is stored. Source: PS3.4 Annex I.
    if not (sop_class and instance and transfer_syntax) or sop_class == MediaStorageDirectoryStorage:
        return None
    return Letter(path, sop_class, transfer_syntax, agrees=(sop_class, instance) == told)


def send(peer: Peer, paths: Iterable[Path], tell: Callable[[Sent], None]) -> None:
    """Send every file that `paths` name, and tell of each what became of it.

    Raises
    ------
    Unavailable
        ``association-refused`` or ``association-lost``.
    """
    # A file goes out as it is on the disk, in parts: not decoded, and not in memory as a whole. pynetdicom has this as
    # a setting of the whole module.
    _config.STORE_SEND_CHUNKED_DATASET = True
    letters = []
    for path in files_in(paths):
        letter = read_letter(path)
        if letter is None:
            tell(Sent(path, None, "not-dicom"))
        else:
            letters.append(letter)
    for group in _groups(letters):
        _send_group(peer, group, tell)


def _groups(letters: Sequence[Letter]) -> Iterator[list[Letter]]:
    """Letters in their order, in groups that fit into one association."""
    group: list[Letter] = []
    kinds: set[tuple[str, str]] = set()
    for letter in letters:
        kind = (letter.sop_class_uid, letter.transfer_syntax_uid)
        if kind not in kinds and len(kinds) == MAX_CONTEXTS:
            yield group
            group, kinds = [], set()
        kinds.add(kind)
        group.append(letter)
    if group:
        yield group


def _send_group(peer: Peer, letters: Sequence[Letter], tell: Callable[[Sent], None]) -> None:
    kinds = dict.fromkeys((letter.sop_class_uid, letter.transfer_syntax_uid) for letter in letters)
    association = _associate(peer, [build_context(sop_class, UID(syntax)) for sop_class, syntax in kinds])
    try:
        accepted = {(str(c.abstract_syntax), str(c.transfer_syntax[0])) for c in association.accepted_contexts}
        for letter in letters:
            if (letter.sop_class_uid, letter.transfer_syntax_uid) not in accepted:
                tell(Sent(letter.path, None, "context-refused"))
                continue
            tell(_send_one(association, letter))
    finally:
        if association.is_established:
            association.release()


def _send_one(association: Association, letter: Letter) -> Sent:
    if not association.is_established:
        raise Unavailable("association-lost")
    try:
        answer = association.send_c_store(letter.path if letter.agrees else dcmread(letter.path))
    except (ValueError, AttributeError, InvalidDicomError):
        return Sent(letter.path, None, "not-dicom")
    status = answer.get("Status")
    if status is None:
        return Sent(letter.path, None, "no-answer")
    sent = Sent(letter.path, int(status), "sent")
    return sent if sent.ok else Sent(letter.path, int(status), "refused")


def _associate(peer: Peer, contexts: list[PresentationContext]) -> Association:
    entity = AE(ae_title=peer.calling_aet)
    entity.acse_timeout = entity.dimse_timeout = entity.connection_timeout = peer.timeout_s
    entity.maximum_pdu_size = 131072
    association = entity.associate(peer.host, peer.port, contexts=contexts, ae_title=peer.called_aet, max_pdu=131072)
    if not association.is_established:
        raise Unavailable("association-refused", f"{peer.host}:{peer.port}")
    leave_answers(association)
    transport = association.dul.socket
    if transport is not None and transport.socket is not None:
        # Without it, the end of each small message waits for an acknowledgement that waits for more data.
        transport.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return association


def leave_answers(association: Association) -> None:
    """Have the association's own thread put back what answers us, where one answer is waited for at a time.

    pynetdicom pauses that thread while it asks, and takes it for paused when it has only just gone on: then the answer
    is thrown away as unexpected, and the association ends (seen once in some thousand instances on a busy machine).
    """
    serve = association._serve_request

    def put_back(msg: Any, context_id: int) -> None:
        if getattr(msg, "Status", None) is None:
            serve(msg, context_id)
        else:
            association.dimse.msg_queue.put((context_id, msg))

    association._serve_request = put_back  # type: ignore[method-assign]
