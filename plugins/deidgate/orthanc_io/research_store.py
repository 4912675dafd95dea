# SPDX-License-Identifier: Apache-2.0
"""Delivery to the research server: posted, confirmed by its digest, and safe to repeat."""

from __future__ import annotations

from deidgate.errors import VerificationFailed
from deidgate.orthanc_io.client import OrthancClient, Refused


class ResearchStore:
    """The research Orthanc as a place to deliver to."""

    def __init__(self, client: OrthancClient) -> None:
        self._client = client

    def deliver(self, file: bytes, orthanc_id: str, md5: str) -> None:
        """Return when research holds exactly `file`, whose MD5 is `md5`, under `orthanc_id`.

        The digest is asked for after every answer: an answer says what was meant, the digest what is there.
        """
        status = self._post(file, orthanc_id)
        if self.digest_of(orthanc_id) == md5:
            return
        if status == "AlreadyStored":
            self.withdraw(orthanc_id)
            self._post(file, orthanc_id)
            if self.digest_of(orthanc_id) == md5:
                return
        raise VerificationFailed("research-stored-other")

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
