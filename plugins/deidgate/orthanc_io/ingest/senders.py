# SPDX-License-Identifier: Apache-2.0
"""Tell Orthanc who may associate, so that a stranger is refused before a byte of an image is on its way.

The routes are the one list of senders. A pattern with ``*`` or ``?`` names nobody in particular: such senders get
through to the plugin's filter only where Orthanc is configured with ``DicomAlwaysAllowStore``.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping

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
# Orthanc wants a host and a port of a sender; they are used only to answer a request for storage commitment.
_NOWHERE = "127.0.0.1:104"


def introduce(orthanc: Orthanc, patterns: Iterable[str], addresses: Mapping[str, str]) -> None:
    """Make every AE title of `patterns` known to Orthanc as one that may verify, store and ask for commitment.

    Parameters
    ----------
    addresses : mapping of AE title to ``HOST:PORT``
        Where answers to storage commitment go; empty or absent for a sender that does not ask.
    """
    for number, title in enumerate(patterns):
        if "*" in title or "?" in title:
            _log.info("sender-by-pattern", extra={"ids": {"pattern": title}})
            continue
        host, _, port = (addresses.get(title) or _NOWHERE).rpartition(":")
        node = {"AET": title, "Host": host, "Port": int(port), **_MAY}
        orthanc.RestApiPut(f"/modalities/site-{number}", json.dumps(node))
