# SPDX-License-Identifier: Apache-2.0
"""What the ingest Orthanc knows of the instances that it stored: asked from inside, by a thread of our own.

Measured on Orthanc 1.13: 0.4 ms for the three questions about one instance.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from deidgate.orthanc_io.sdk import Orthanc

_PAGE = 1000
_UIDS = "requestedTags=StudyInstanceUID;SOPInstanceUID"


@dataclass(frozen=True, slots=True)
class Stored:
    """One instance as ingest stored it."""

    orthanc_id: str
    calling_aet: str
    called_aet: str
    received_at: datetime
    digest: str | None
    study_instance_uid: str | None = field(repr=False)
    sop_instance_uid: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Changes:
    """A page of the change log.

    Attributes
    ----------
    new : tuple of (str, int)
        Orthanc ID and sequence number of the instances that came in.
    last : int
        Sequence number of the last change of the page.
    done : bool
        No further change is there.
    """

    new: tuple[tuple[str, int], ...]
    last: int
    done: bool


class IngestIndex:
    """Questions to the Orthanc that this code runs in."""

    def __init__(self, orthanc: Orthanc) -> None:
        self._orthanc = orthanc

    def changes(self, since: int) -> Changes:
        """The changes after number `since`, a page of them."""
        page = self._get(f"/changes?since={since}&limit={_PAGE}")
        new = tuple((row["ID"], row["Seq"]) for row in page["Changes"] if row["ChangeType"] == "NewInstance")
        return Changes(new, page["Last"], page["Done"])

    def last_change(self) -> int:
        """Number of the latest change of all."""
        return int(self._get("/changes?last")["Last"])

    def listing(self) -> Iterator[list[str]]:
        """Orthanc IDs of all stored instances, page by page."""
        since = 0
        while page := self._get(f"/instances?since={since}&limit={_PAGE}"):
            yield page
            since += len(page)

    def has(self, sop_instance_uid: str) -> bool:
        """Whether an instance with this SOP Instance UID is stored."""
        return bool(self.stored_as(sop_instance_uid))

    def stored_as(self, sop_instance_uid: str) -> list[str]:
        """Orthanc IDs of the stored instances with this SOP Instance UID."""
        found = json.loads(self._orthanc.RestApiPost("/tools/lookup", sop_instance_uid))
        return [row["ID"] for row in found if row["Type"] == "Instance"]

    def digest(self, orthanc_id: str) -> str | None:
        """``md5:…`` of the stored file, as Orthanc noted it."""
        md5 = self._get(f"/instances/{orthanc_id}/attachments/dicom/info").get("UncompressedMD5")
        return f"md5:{md5}" if md5 else None

    def file(self, orthanc_id: str) -> bytes:
        """The stored file."""
        return self._orthanc.RestApiGet(f"/instances/{orthanc_id}/attachments/dicom/data")

    def describe(self, orthanc_id: str) -> Stored | None:
        """What is known of one instance; None if it is there no more."""
        try:
            tags = self._get(f"/instances/{orthanc_id}?{_UIDS}")["RequestedTags"]
            metadata = self._get(f"/instances/{orthanc_id}/metadata?expand")
            digest = self.digest(orthanc_id)
        except self._orthanc.OrthancException:
            if self.is_there(orthanc_id):
                raise
            return None
        return Stored(
            orthanc_id,
            calling_aet=metadata.get("RemoteAET", ""),
            called_aet=metadata.get("CalledAET", ""),
            # Orthanc writes the time of reception in UTC or local time as configured; containers run in UTC.
            received_at=datetime.strptime(metadata["ReceptionDate"], "%Y%m%dT%H%M%S").replace(tzinfo=UTC),
            digest=digest,
            study_instance_uid=tags.get("StudyInstanceUID") or None,
            sop_instance_uid=tags.get("SOPInstanceUID") or None,
        )

    def is_there(self, orthanc_id: str) -> bool:
        """Whether an instance is stored under this Orthanc ID."""
        try:
            self._orthanc.RestApiGet(f"/instances/{orthanc_id}")
        except self._orthanc.OrthancException:
            return False
        return True

    def _get(self, uri: str) -> Any:
        return json.loads(self._orthanc.RestApiGet(uri))
