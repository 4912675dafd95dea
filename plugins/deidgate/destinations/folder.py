# SPDX-License-Identifier: Apache-2.0
"""Instances as files of a folder: whole or not at all, never in the place of another content, read back."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from deidgate.destinations.sender import Ending, Fetch, Gone, Hand, NotNow
from deidgate.dicom.lexical import is_uid
from deidgate.errors import Unavailable
from deidgate.files.atomic import AlreadyThereError, whole_file
from deidgate.store.forward_model import Confirmed, Parcel, Refused

READ_BACK = "read-back"
_CODES = {
    errno.ENOSPC: "folder-full",
    errno.EDQUOT: "folder-full",
    errno.EROFS: "folder-read-only",
    errno.EACCES: "folder-forbids",
    errno.EPERM: "folder-forbids",
}


class FolderSender:
    """A folder that has to be there already: one that is not mounted must not be made on the disk below.

    Parameters
    ----------
    path : Path
    """

    def __init__(self, path: Path) -> None:
        self._root = path
        self.hand = Hand()
        self.takes_back = True

    def send(self, parcels: Sequence[Parcel], fetch: Fetch) -> Iterator[Ending]:
        """Write one after the other. A folder that is full or not there is `Unavailable`."""
        for parcel in parcels:
            if not self._root.is_dir():
                raise Unavailable("folder-missing")
            with self.hand.holding(parcel):
                ending = self._ending(parcel, fetch)
            yield ending

    def close(self) -> None:
        """Nothing is kept open."""

    def take_back(self, parcel: Parcel) -> bool:
        """Delete the file, if it is the one that was written."""
        if not self._root.is_dir():
            raise Unavailable("folder-missing")
        path = self._path(parcel)
        try:
            if not path.exists():
                return True
            if _md5(path) != parcel.md5:
                # Somebody else's, or changed since: not ours to delete.
                return False
            path.unlink()
            for folder in (path.parent, path.parent.parent):
                try:
                    folder.rmdir()
                except OSError:
                    break
        except OSError as error:
            raise Unavailable(_CODES.get(error.errno or 0, "folder-error")) from None
        return True

    def _ending(self, parcel: Parcel, fetch: Fetch) -> Ending:
        try:
            return self._place(parcel, fetch)
        except Gone:
            return NotNow(parcel, "research-gone")
        except OSError as error:
            raise Unavailable(_CODES.get(error.errno or 0, "folder-error")) from None

    def _place(self, parcel: Parcel, fetch: Fetch) -> Ending:
        path = self._path(parcel)
        if not os.path.lexists(path):
            try:
                with whole_file(path, mode=0o640) as stream:
                    stream.write(fetch(parcel))
            except AlreadyThereError:
                pass
        found = _md5(path)
        return Confirmed(parcel, READ_BACK) if found == parcel.md5 else Refused(parcel, "other-content-there")

    def _path(self, parcel: Parcel) -> Path:
        uids = (parcel.study_instance_uid, parcel.series_instance_uid, parcel.sop_instance_uid)
        if not all(map(is_uid, uids)):
            # A name becomes a path only if it is nothing but a UID; ours always are.
            raise ValueError("not a UID")
        return self._root / uids[0] / uids[1] / f"{uids[2]}.dcm"


def _md5(path: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as stream:
        # From the disk and not from memory, where the system can.
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        while piece := stream.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()
