# SPDX-License-Identifier: Apache-2.0
"""DICOMweb by STOW-RS: one instance in a request, confirmed by the answer that names it.

Source: PS3.18 10.5 (Store Transaction) and Annex I.2.2 (Store Instances Response Module).
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import requests
from requests.auth import AuthBase

from deidgate.destinations.sender import Ending, Fetch, Gone, Hand, NotNow
from deidgate.dicom.status import PROCESSING_FAILURE, may_pass
from deidgate.errors import Unavailable
from deidgate.policy.destinations import DicomWeb
from deidgate.settings import password
from deidgate.store.forward_model import Confirmed, Parcel, Refused

STOW_REFERENCED = "stow-referenced"
_FAILED_SOP_SEQUENCE, _REFERENCED_SOP_SEQUENCE = "00081198", "00081199"
_REFERENCED_SOP_INSTANCE_UID, _FAILURE_REASON = "00081155", "00081197"


class _Bearer(AuthBase):
    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class StowSender:
    """A DICOMweb server.

    Parameters
    ----------
    place : DicomWeb
    timeout_s : float

    Raises
    ------
    ConfigurationError
        A file of it cannot be read.
    """

    def __init__(self, place: DicomWeb, timeout_s: float) -> None:
        self.hand = Hand()
        self.takes_back = False
        self._url = f"{place.url}/studies"
        self._timeout = (min(timeout_s, 10.0), timeout_s)
        self._session = requests.Session()
        # A machine's proxy settings and .netrc are no part of what was configured.
        self._session.trust_env = False
        if place.tls.ca is not None:
            self._session.verify = str(place.tls.ca)
        if place.tls.certificate is not None:
            own = str(place.tls.certificate)
            self._session.cert = (own, str(place.tls.key)) if place.tls.key is not None else own
        if place.password is not None:
            self._session.auth = (place.user, password(place.password))
        elif place.token is not None:
            self._session.auth = _Bearer(password(place.token))

    def send(self, parcels: Sequence[Parcel], fetch: Fetch) -> Iterator[Ending]:
        """Post one after the other. A server that does not answer, or forbids, is `Unavailable`."""
        for parcel in parcels:
            with self.hand.holding(parcel):
                ending = self._one(parcel, fetch)
            yield ending

    def take_back(self, parcel: Parcel) -> bool:
        """DICOMweb has no standard way to delete."""
        return False

    def close(self) -> None:
        """Close what is kept open."""
        self._session.close()

    def _one(self, parcel: Parcel, fetch: Fetch) -> Ending:
        try:
            file = fetch(parcel)
        except Gone:
            return NotNow(parcel, "research-gone")
        status, answer = self._post(file)
        return _ending(parcel, status, answer)

    def _post(self, file: bytes) -> tuple[int, Any]:
        boundary = secrets.token_hex(16)
        head = f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
        try:
            with self._session.post(
                self._url,
                data=b"".join((head, file, f"\r\n--{boundary}--\r\n".encode())),
                headers={
                    "Content-Type": f'multipart/related; type="application/dicom"; boundary={boundary}',
                    "Accept": "application/dicom+json",
                },
                timeout=self._timeout,
                # Elsewhere is not where it was to go; and a redirected POST loses its body.
                allow_redirects=False,
            ) as answer:
                if answer.status_code >= 500 or answer.status_code in (408, 429):
                    raise Unavailable("stow-error", str(answer.status_code))
                if answer.status_code in (401, 403, 404, 407) or 300 <= answer.status_code < 400:
                    # A wrong password or address is the operator's matter; the instance has no part in it.
                    raise Unavailable("stow-forbids", str(answer.status_code))
                return answer.status_code, _json(answer)
        except requests.exceptions.SSLError:
            raise Unavailable("stow-certificate") from None
        except (requests.exceptions.RequestException, OSError) as error:
            raise Unavailable("stow-unavailable", type(error).__name__) from None


def _json(answer: requests.Response) -> Any:
    try:
        return answer.json()
    except requests.exceptions.JSONDecodeError:
        return None


def _ending(parcel: Parcel, status: int, answer: Any) -> Ending:
    """What one answer says of one instance: an HTTP status alone confirms nothing."""
    failed = _named(answer, _FAILED_SOP_SEQUENCE, parcel.sop_instance_uid)
    if failed is not None:
        reason = _first(failed, _FAILURE_REASON)
        number = reason if isinstance(reason, int) else 0
        # Source: PS3.18 Table I.2-2.
        if number == PROCESSING_FAILURE or may_pass(number):
            return NotNow(parcel, "stow-failed", f"{number:04X}")
        return Refused(parcel, "stow-failed", f"{number:04X}")
    if status in (200, 202) and _named(answer, _REFERENCED_SOP_SEQUENCE, parcel.sop_instance_uid) is not None:
        return Confirmed(parcel, STOW_REFERENCED)
    if 200 <= status < 300:
        return NotNow(parcel, "stow-answer-unreadable")
    return Refused(parcel, "stow-refused", str(status))


def _named(answer: Any, sequence: str, sop_instance_uid: str) -> Mapping[str, Any] | None:
    """The item of a sequence of the answer (DICOM JSON) that is about the instance."""
    answers = answer if isinstance(answer, list) else [answer]
    for dataset in answers:
        element = dataset.get(sequence) if isinstance(dataset, dict) else None
        values = element.get("Value") if isinstance(element, dict) else None
        for item in values if isinstance(values, list) else []:
            if isinstance(item, dict) and _first(item, _REFERENCED_SOP_INSTANCE_UID) == sop_instance_uid:
                return item
    return None


def _first(item: Mapping[str, Any], tag: str) -> Any:
    element = item.get(tag)
    values = element.get("Value") if isinstance(element, dict) else None
    return values[0] if isinstance(values, list) and values else None
