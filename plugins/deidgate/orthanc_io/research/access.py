# SPDX-License-Identifier: Apache-2.0
"""Who may ask the research Orthanc for what, over HTTP: an allow list, and nothing else.

Orthanc has checked user and password before this filter is asked, and refuses the request when it raises. Plugins that
ask Orthanc from inside (DICOMweb) do not pass here; their own addresses do.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Allowed:
    """Methods that are allowed on addresses that match as a whole."""

    methods: frozenset[str]
    uri: re.Pattern[str]


def _rule(methods: str, uri: str) -> Allowed:
    return Allowed(frozenset(methods.split()), re.compile(uri))


# GET stores nothing. These tell of the set-up, which is no reader's matter.
_NOT_FOR_READERS = re.compile(r"/(jobs|peers|modalities|storage-area|tools/metrics(-prometheus)?)(/.*)?")
_QUERY = _rule("POST", r"/tools/(find|lookup|count-resources|bulk-content)")

ALLOWED: Mapping[str, tuple[Allowed, ...]] = {
    # People, through nginx.
    "reader": (_rule("GET", r"/.*"), _QUERY),
    # The gateway's worker: deliver, confirm, recall.
    "delivery": (
        _rule("GET", r"/.*"),
        _rule("POST", r"/instances/?"),
        _rule("POST", r"/instances/[0-9a-f-]+/attachments/dicom/verify-md5"),
        _rule("DELETE", r"/(instances|series|studies|patients)/[0-9a-f-]+"),
        _QUERY,
    ),
}
"""What each user may do; a user who is not here may do nothing."""


def allows(user: str, method: str, uri: str) -> bool:
    """Whether `user` may use `method` on `uri`."""
    if user == "reader" and _NOT_FOR_READERS.fullmatch(uri):
        return False
    return any(method in rule.methods and rule.uri.fullmatch(uri) for rule in ALLOWED.get(user, ()))


def user_of(headers: Mapping[str, str]) -> str:
    """The user whose password Orthanc has checked; empty if there is none to see.

    Source: RFC 7617.
    """
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(credentials, validate=True).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        return ""
