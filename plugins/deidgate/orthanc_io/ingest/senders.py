# SPDX-License-Identifier: Apache-2.0
"""Tell Orthanc who may associate, so that a stranger is refused before a byte of an image is on its way.

The routes are the one list of senders. A pattern with ``*`` or ``?`` names nobody in particular: such senders get
through to the plugin's filter only where Orthanc is configured with ``DicomAlwaysAllowStore``.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable

from deidgate.orthanc_io.sdk import Orthanc

_log = logging.getLogger(__name__)

_MAY = {
    "AllowEcho": True,
    "AllowStore": True,
    "AllowStorageCommitment": True,
    "AllowFind": False,
    "AllowFindWorklist": False,
    "AllowGet": False,
    "AllowMove": False,
}
# Orthanc wants a host and a port of a sender; they are used only when it is the one who calls.
_NOWHERE = {"Host": "127.0.0.1", "Port": 104}


def introduce(orthanc: Orthanc, patterns: Iterable[str]) -> None:
    """Make every AE title of `patterns` known to Orthanc as one that may verify, store and ask for commitment."""
    for number, title in enumerate(patterns):
        if "*" in title or "?" in title:
            _log.info("sender-by-pattern", extra={"ids": {"pattern": title}})
            continue
        orthanc.RestApiPut(f"/modalities/site-{number}", json.dumps({"AET": title, **_NOWHERE, **_MAY}))
