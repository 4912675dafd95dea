# SPDX-License-Identifier: Apache-2.0
"""Delivery to the research server: posted, confirmed by its digest, and safe to repeat."""

from __future__ import annotations

from deidgate.errors import Unavailable, VerificationFailed
from deidgate.orthanc_io.client import OrthancClient, Refused


class ResearchStore:
    """The research Orthanc as a place to deliver to."""

    def __init__(self, client: OrthancClient) -> None:
        self._client = client

    def deliver(self, file: bytes, orthanc_id: str, md5: str) -> None:
        """Return when research holds exactly `file`, whose MD5 is `md5`, under `orthanc_id`.

        The file is read back after every answer: an answer says what was meant, the file what is there. Orthanc
        answers success for a small file that a full disk has cut off.

        Raises
        ------
        VerificationFailed
            ``research-refused``; ``research-stored-other``.
        Unavailable
            Research is away, forgets what it stored (``research-forgets``), or damages it (``research-damages``).
        """
        self._post(file, orthanc_id)
        if self.holds(orthanc_id, md5):
            return
        # Another content, or a damaged one, is in its place.
        self.withdraw(orthanc_id)
        self._post(file, orthanc_id)
        if self.holds(orthanc_id, md5):
            return
        stored = self.digest_of(orthanc_id)
        if stored is None:
            raise Unavailable("research-forgets")
        if stored == md5:
            self.withdraw(orthanc_id)
            raise Unavailable("research-damages")
        raise VerificationFailed("research-stored-other")

    def holds(self, orthanc_id: str, md5: str) -> bool:
        """Whether research has a file of this MD5 under `orthanc_id`, and can read it from its disk."""
        if self.digest_of(orthanc_id) != md5:
            return False
        try:
            self._client.post_json(f"/instances/{orthanc_id}/attachments/dicom/verify-md5", {})
        except Refused:
            return False
        except Unavailable as error:
            if error.path != "500":
                raise
            # The file is gone.
            return False
        return True

    def withdraw(self, orthanc_id: str) -> None:
        """Return when research does not hold `orthanc_id` any more."""
        try:
            self._client.delete(f"/instances/{orthanc_id}")
        except Refused as error:
            if error.status != 404:
                raise

    def digest_of(self, orthanc_id: str) -> str | None:
        """MD5 of what research holds under `orthanc_id`; None if it holds nothing."""
        try:
            return self._client.get_bytes(f"/instances/{orthanc_id}/attachments/dicom/md5").decode("ascii", "replace")
        except Refused as error:
            if error.status == 404:
                return None
            raise

    def _post(self, file: bytes, orthanc_id: str) -> str:
        try:
            answer = self._client.post_bytes("/instances", file)
        except Refused as error:
            raise VerificationFailed("research-refused", str(error.status)) from None
        status = answer.get("Status") if isinstance(answer, dict) else None
        if status not in ("Success", "AlreadyStored"):
            # FilteredOut: the plugin there found no valid mark.
            raise VerificationFailed("research-refused", "mark" if status == "FilteredOut" else "")
        if answer.get("ID") != orthanc_id:
            raise VerificationFailed("research-stored-other")
        return str(status)
