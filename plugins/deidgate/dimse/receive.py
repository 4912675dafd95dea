# SPDX-License-Identifier: Apache-2.0
"""Instances that arrive by C-STORE, as files in a folder: the bytes that came, whole or not at all.

Success is answered when the file is on the disk. What is there already with the same content is success too; other
content under the same SOP Instance UID becomes a second file, and nothing is lost.
"""

from __future__ import annotations

import errno
import ssl
import threading
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

from pydicom import dcmread
from pydicom.errors import InvalidDicomError
from pydicom.uid import AllTransferSyntaxes
from pynetdicom import AE, AllStoragePresentationContexts, evt
from pynetdicom.transport import ThreadedAssociationServer

from deidgate.dicom.lexical import is_uid
from deidgate.dicom.status import CANNOT_UNDERSTAND, OUT_OF_RESOURCES, PROCESSING_FAILURE, SUCCESS
from deidgate.dimse.link import MAX_PDU, VERIFICATION
from deidgate.errors import ConfigurationError
from deidgate.files.atomic import AlreadyThereError, whole_file

SYNTAXES = tuple(sorted(AllTransferSyntaxes, key=lambda uid: (uid.is_compressed, uid != "1.2.840.10008.1.2.1", uid)))
"""All Transfer Syntaxes, the uncompressed first."""


class Inbox:
    """A folder for arriving instances: ``<Study>/<Series>/<SOP Instance>.dcm``. These are originals.

    Parameters
    ----------
    folder : Path
    tell : callable
        Hears of each file that was written.
    """

    def __init__(self, folder: Path, tell: Callable[[Path], None] = lambda _: None) -> None:
        self._folder = folder
        self._tell = tell
        self._lock = threading.Lock()

    def store(self, event: Any) -> int:
        """Handler of C-STORE: the status to answer."""
        content = event.encoded_dataset(include_meta=True)
        try:
            path = self._folder.joinpath(*_place(content))
        except ValueError:
            return CANNOT_UNDERSTAND
        try:
            self._write(content, path)
        except OSError as error:
            return OUT_OF_RESOURCES if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS) else PROCESSING_FAILURE
        return SUCCESS

    def _write(self, content: bytes, path: Path) -> None:
        number = 1
        while True:
            final = path if number == 1 else path.with_name(f"{path.stem}_{number}{path.suffix}")
            try:
                with whole_file(final) as stream:
                    stream.write(content)
            except AlreadyThereError:
                if _same(final, content):
                    return
                number += 1
                continue
            with self._lock:
                self._tell(final)
            return


def serve(
    inbox: Inbox, aet: str, address: tuple[str, int], tls: ssl.SSLContext | None = None, *, called_only: bool = False
) -> ThreadedAssociationServer:
    """Begin to accept associations in threads; ``shutdown()`` of what is returned ends it.

    Parameters
    ----------
    called_only : bool
        Refuse associations for another AE title.

    Raises
    ------
    ConfigurationError
        ``port-in-use``.
    """
    entity = AE(ae_title=aet)
    entity.require_called_aet = called_only
    entity.maximum_pdu_size = MAX_PDU
    entity.maximum_associations = 32
    for context in AllStoragePresentationContexts:
        entity.add_supported_context(context.abstract_syntax or "", list(SYNTAXES))
    entity.add_supported_context(VERIFICATION)
    # SOP Classes that nobody knows are originals too.
    handlers: list[Any] = [(evt.EVT_C_STORE, inbox.store)]
    try:
        server = entity.start_server(address, block=False, evt_handlers=handlers, ssl_context=tls)
    except OSError:
        raise ConfigurationError("port-in-use", f"{address[0]}:{address[1]}") from None
    if server is None:
        raise ConfigurationError("port-in-use", f"{address[0]}:{address[1]}")
    return server


def _place(content: bytes) -> tuple[str, str, str]:
    """Names of folder and file.

    Raises
    ------
    ValueError
        A UID is missing or is none.
    """
    try:
        header = dcmread(
            BytesIO(content),
            specific_tags=["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"],
            stop_before_pixels=True,
        )
        uids = [str(header.get(name, "")) for name in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")]
    except (InvalidDicomError, TypeError, LookupError, NotImplementedError, OSError, AttributeError):
        raise ValueError from None
    if not all(map(is_uid, uids)):
        # A name from outside becomes a path only if it is nothing but a UID.
        raise ValueError
    return uids[0], uids[1], f"{uids[2]}.dcm"


def _same(path: Path, content: bytes) -> bool:
    return path.stat().st_size == len(content) and path.read_bytes() == content
