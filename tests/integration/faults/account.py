# SPDX-License-Identifier: Apache-2.0
"""What became of everything, by the gateway's own report and the servers' own lists; nothing else is believed."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Set
from pathlib import Path
from typing import Any

from tests.integration.faults.rig import Broken


def account(broken: Broken, sent: Set[str]) -> dict[str, Any]:
    """Figures for `sent`: the SOP Instance UIDs that were answered with success."""
    report, servers = broken.reconciled(), broken.count()
    holds = broken.holds()
    at_ingest = dict(servers["ingest"])
    on_research = Counter(uid for _, uid in servers["research"])
    with tempfile.TemporaryDirectory() as folder:
        new_uids = broken.uids(Path(folder))
    held = {at_ingest[row["orthanc_id"]] for row in holds if row["orthanc_id"] in at_ingest}
    delivered = {uid for uid in sent if on_research[new_uids.get(uid, "")]}
    return {
        "instances sent": len(sent),
        "delivered": len(delivered),
        "held": dict(Counter(row["code"] for row in holds)),
        "lost": len(sent - delivered - held),
        "duplicated": sum(number - 1 for number in on_research.values()) + len(delivered & held),
        "unverified": len(servers["unmarked"]) + len(report["research"]["extra"]),
        "adds up": report["adds_up"],
    }
