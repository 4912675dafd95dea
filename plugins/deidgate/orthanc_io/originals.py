# SPDX-License-Identifier: Apache-2.0
"""The ingest server as the story uses it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deidgate.errors import CannotDeidentify
from deidgate.orthanc_io.client import OrthancClient, Refused


class IngestOriginals:
    """Files of originals, and what Orthanc makes of them."""

    def __init__(self, client: OrthancClient) -> None:
        self._client = client

    def read(self, orthanc_id: str) -> bytes:
        """The stored file; whole, because verification compares pixels and the digest tells rot of the disk."""
        try:
            return self._client.get_bytes(f"/instances/{orthanc_id}/attachments/dicom/data")
        except Refused as error:
            # Orthanc answers 400 for a file that is shorter than it should be: a full disk has cut it off.
            raise CannotDeidentify("original-missing" if error.status == 404 else "original-changed") from None

    def modify(self, orthanc_id: str, request: Mapping[str, Any]) -> bytes:
        """The file as `request` says; Orthanc stores nothing."""
        try:
            return self._client.post_for_bytes(f"/instances/{orthanc_id}/modify", request)
        except Refused as error:
            raise CannotDeidentify("modify-refused" if error.status != 404 else "original-missing") from None

    def delete(self, orthanc_id: str) -> bool:
        """Whether the original is gone; False when Orthanc would not delete it."""
        try:
            self._client.delete(f"/instances/{orthanc_id}")
        except Refused as error:
            return error.status == 404
        return True
