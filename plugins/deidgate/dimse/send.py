# SPDX-License-Identifier: Apache-2.0
"""C-STORE of one file: the bytes of its dataset as they are on the disk, under the names that the dataset has.

The library's own way either decodes the file and encodes it again, or believes the file meta and reads the whole file
into its queue. So the request is made here: the dataset is not decoded, and goes out in parts, a few at a time.
"""

from __future__ import annotations

import struct
import time
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydicom import dcmread
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, MediaStorageDirectoryStorage
from pydicom.uid import ImplicitVRLittleEndian as ImplicitVR
from pynetdicom.association import Association
from pynetdicom.dimse_messages import C_STORE_RQ
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.dsutils import split_dataset

from deidgate.dicom.status import SUCCESS
from deidgate.dimse.link import MAX_PDU

_AHEAD = 4 << 20
"""Bytes of a dataset that are in memory at a time, before they are on the wire."""

_STANDARD = "1.2.840.10008."
_LONGEST_UID = 64
"""Source: PS3.5 9.1."""

_BROKEN = (
    *(InvalidDicomError, OSError, EOFError, ValueError, TypeError, LookupError, NotImplementedError, AttributeError),
    *(BytesLengthException, struct.error, zlib.error),
)


@dataclass(frozen=True, slots=True)
class Letter:
    """A file that can be sent, and what it is.

    Attributes
    ----------
    path : Path
    sop_class_uid, sop_instance_uid, transfer_syntax_uid : str
        Of the dataset itself, whatever the file meta says.
    offset : int
        Where the dataset begins.
    agrees : bool
        The file meta says the same.
    """

    path: Path
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    offset: int
    agrees: bool

    @property
    def kind(self) -> tuple[str, str]:
        """SOP Class and Transfer Syntax: what a presentation context is for."""
        return self.sop_class_uid, self.transfer_syntax_uid


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of one file.

    Attributes
    ----------
    path : Path
    status : int or None
        The DIMSE status; None when it was not sent, or not answered.
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


def read_letter(path: Path) -> Letter | None:
    """What has to be known to send the file; None if it is no DICOM instance, or none that could be sent as it is."""
    try:
        meta, offset = split_dataset(path)
        names = ("MediaStorageSOPClassUID", "MediaStorageSOPInstanceUID", "TransferSyntaxUID")
        told = tuple(str(meta.get(name) or "") for name in names)
        # Behind the pixels they are only where the elements have no order.
        named = _names(path, stop_before_pixels=True) or _names(path, stop_before_pixels=False)
        syntax = _true_syntax(path, offset, told[2])
    except _BROKEN:
        return None
    # A DICOMDIR has a class of its own and is no instance that is stored. Source: PS3.4 Annex I.
    if not (named and syntax) or named[0] == MediaStorageDirectoryStorage:
        return None
    # Nobody can be asked to take these, and to try would end the association for all others.
    if not all(uid.isascii() and len(uid) <= _LONGEST_UID for uid in (named[0], syntax)):
        return None
    return Letter(path, *named, syntax, offset, agrees=(*named, syntax) == told)


def _names(path: Path, *, stop_before_pixels: bool) -> tuple[str, str] | None:
    """SOP Class and Instance of the dataset; None if one of them is missing."""
    header = dcmread(path, specific_tags=["SOPClassUID", "SOPInstanceUID"], stop_before_pixels=stop_before_pixels)
    sop_class, instance = header.get("SOPClassUID"), header.get("SOPInstanceUID")
    # Several values are no name either.
    if isinstance(sop_class, str) and isinstance(instance, str) and sop_class and instance:
        return str(sop_class), str(instance)
    return None


def _true_syntax(path: Path, offset: int, told: str) -> str:
    """The Transfer Syntax that the dataset is in; empty if it is not known."""
    if told == DeflatedExplicitVRLittleEndian or not told.startswith(_STANDARD):
        # Deflated it was read as such; of what a manufacturer made up, nobody else knows how it looks.
        return told
    with path.open("rb") as stream:
        stream.seek(offset + 4)
        vr = stream.read(2)
    explicit = vr.isalpha() and vr.isupper()
    if told == ImplicitVR and explicit:
        return ExplicitVRLittleEndian
    return told if explicit or told == ImplicitVR else ""


def accepted(association: Association) -> dict[tuple[str, str], int]:
    """Numbers of the presentation contexts that the peer took, by SOP Class and Transfer Syntax."""
    return {
        (str(context.abstract_syntax), str(context.transfer_syntax[0])): context.context_id or 0
        for context in association.accepted_contexts
        if context.as_scu
    }


def store(association: Association, letter: Letter, context: int) -> int | None:
    """The peer's answer, a DIMSE status; None if it gave none, and the association is over.

    Parameters
    ----------
    association : Association
        One that `leave_answers` has seen.
    letter : Letter
    context : int
        Of the contexts that were `accepted`, the one of the letter's kind.

    Raises
    ------
    RuntimeError
        The association is over already.
    ValueError, OSError
        The file has a UID that cannot be sent, or cannot be read.
    """
    request = C_STORE()
    request.MessageID = 1
    request.Priority = 2
    request.AffectedSOPClassUID = letter.sop_class_uid
    request.AffectedSOPInstanceUID = letter.sop_instance_uid
    request._dataset_path = (letter.path, letter.offset)
    message = C_STORE_RQ()
    message.primitive_to_message(request)
    # What is gone shall not end the association, as it would once the request is on its way.
    letter.path.open("rb").close()
    # Pause the association's own thread, or it would take the answer.
    association._reactor_checkpoint.clear()
    try:
        while association.is_alive() and not association._is_paused:
            time.sleep(0.0001)
        if not association.is_established:
            raise RuntimeError("association-lost")
        whole = _put(association, message, context)
        answer = association.dimse.get_msg(block=True)[1] if whole else None
    except OSError:
        # In the middle of a message, nothing else can follow.
        association.abort()
        raise
    finally:
        association._reactor_checkpoint.set()
    if answer is None:
        association._handle_no_response()
        return None
    status = association._check_received_status(answer).get("Status")
    return None if status is None else int(status)


def _put(association: Association, message: C_STORE_RQ, context: int) -> bool:
    """Hand a message over part by part, each when those before are nearly on the wire; whether it was taken whole."""
    size = min(association.dimse.maximum_pdu_size or MAX_PDU, MAX_PDU)
    waiting = association.dul.to_provider_queue
    for part in message.encode_msg(context, size):
        patience = time.monotonic() + (association.dimse_timeout or 60)
        while waiting.qsize() * size >= _AHEAD:
            gone = not (association.is_established and association.dul.is_alive())
            if gone or time.monotonic() > patience:
                return False
            time.sleep(0.001)
        association.dul.send_pdu(part)
    return True


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
