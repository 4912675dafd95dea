# SPDX-License-Identifier: Apache-2.0
"""Another content under a SOP Instance UID that ingest has: kept beside the first, or refused, and never thrown away.

Orthanc answers such an instance with success and throws it away (``OverwriteInstances`` is ``Never``; any other setting
would throw away the first). So every instance is looked at before it is stored:

* its UID is not there: it is stored as it is;
* it is there with the same content: Orthanc throws the second copy away, as it should;
* it is there with another content: it is stored under a UID of its own (`deidgate.dicom.second`). The story knows such
  a file and holds it, until a person decides which of the two it is to be;
* that cannot be made sure: the sender is told that it was not stored.

Orthanc stores an instance as it is when the received-instance callback raises, and answers success when it discards one
that came by C-STORE. So what has to be refused is noted, and refused by the C-STORE filter, which is asked next, in the
same thread. But it is not asked of what the index has already, and success is answered. So it is asked of an instance
that nobody sent, and that is never stored, in the place of the one that is refused.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Callable
from functools import cache
from io import BytesIO

from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

from deidgate.dicom.second import dataset_digest, sop_instance_uid, stand_in
from deidgate.dicom.status import OUT_OF_RESOURCES, PROCESSING_FAILURE, SUCCESS
from deidgate.orthanc_io.ingest.stored import IngestIndex
from deidgate.orthanc_io.sdk import DicomInstance, Orthanc

_log = logging.getLogger(__name__)

_UNDER_WAY_S = 30.0
"""After so long an instance that was let in is stored, or never will be."""


class Conflicts:
    """The received-instance callback, and its part in the C-STORE filter."""

    def __init__(self, orthanc: Orthanc, index: IngestIndex, clock: Callable[[], float] = time.monotonic) -> None:
        self._orthanc = orthanc
        self._index = index
        self._clock = clock
        self._lock = threading.Lock()
        self._under_way: dict[int, tuple[str, float]] = {}
        self._refused: dict[int, int] = {}
        self.kept = 0
        self.refused = 0

    def received(self, file: bytes, origin: int) -> tuple[int, bytes | None]:
        """What Orthanc is to store."""
        actions = self._orthanc.ReceivedInstanceAction
        me = threading.get_ident()
        self._refused.pop(me, None)
        try:
            instead = self._instead(file, me)
        except _BusyError:
            return self._refuse(me, origin, OUT_OF_RESOURCES)
        except BaseException as error:  # noqa: BLE001 -- Orthanc stores the instance when this callback raises
            _log.warning("second-content-refused", extra={"ids": {"error": type(error).__name__}})
            return self._refuse(me, origin, PROCESSING_FAILURE)
        if instead is None:
            return actions.KEEP_AS_IS, None
        self.kept += 1
        _log.info("second-content-kept")
        return actions.MODIFY, instead

    def c_store(self, instance: DicomInstance, admit: Callable[[DicomInstance], int]) -> int:
        """The C-STORE filter's status, `admit` being the rest of it."""
        me = threading.get_ident()
        status = self._refused.pop(me, SUCCESS) or admit(instance)
        if status != SUCCESS:
            self._done(me)
        return status

    def stored(self) -> None:
        """Say that the instance of the present thread is stored: it is found by its UID from now on."""
        self._done(threading.get_ident())

    def _instead(self, file: bytes, me: int) -> bytes | None:
        """The file to store instead; None for the one that came."""
        uid = sop_instance_uid(file)
        if not uid:
            # Without one it is no instance, and Orthanc says so.
            return None
        alone = self._begin(me, uid)
        stored = self._index.stored_as(uid)
        if not stored:
            if not alone:
                raise _BusyError
            return None
        md5 = f"md5:{hashlib.md5(file, usedforsecurity=False).hexdigest()}"
        if any(self._index.digest(orthanc_id) == md5 for orthanc_id in stored):
            return None
        digest = dataset_digest(file)
        if any(dataset_digest(self._index.file(orthanc_id)) == digest for orthanc_id in stored):
            return None
        return stand_in(file)

    def _begin(self, me: int, uid: str) -> bool:
        """Whether nobody else is bringing an instance of this UID at the moment."""
        now = self._clock()
        with self._lock:
            others = [one for thread, one in self._under_way.items() if thread != me]
            self._under_way[me] = (uid, now)
        return not any(other == uid and now - since < _UNDER_WAY_S for other, since in others)

    def _done(self, me: int) -> None:
        with self._lock:
            self._under_way.pop(me, None)

    def _refuse(self, me: int, origin: int, status: int) -> tuple[int, bytes | None]:
        self.refused += 1
        actions = self._orthanc.ReceivedInstanceAction
        if origin != self._orthanc.InstanceOrigin.DICOM_PROTOCOL:
            self._done(me)
            # Over REST this is answered with "FilteredOut".
            return actions.DISCARD, None
        self._refused[me] = status
        return actions.MODIFY, _nobodys()


@cache
def _nobodys() -> bytes:
    """An instance under UIDs that nothing else has (PS3.5 B.2): what the filter refuses is never in the index."""
    made = Dataset()
    made.SOPClassUID = SecondaryCaptureImageStorage
    made.PatientID = ""
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
        setattr(made, keyword, generate_uid(prefix=None))
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file = BytesIO()
    made.save_as(file, enforce_file_format=True)
    return file.getvalue()


class _BusyError(Exception):
    """Two bring instances of one UID at once, and neither is stored: which one is the first is not known yet."""
