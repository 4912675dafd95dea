# SPDX-License-Identifier: Apache-2.0
"""Runs in the witness: what both servers have, from their own lists, and whether each delivered file bears the mark."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

from deidgate import marks
from deidgate.orthanc_io.client import OrthancClient
from deidgate.settings import Settings
from deidgate.worker.assembly import ingest_server, research_server

PAGE = 1000


def listed(server: OrthancClient) -> Iterator[tuple[str, str]]:
    since = 0
    while page := server.get_json(f"/instances?expand&since={since}&limit={PAGE}"):
        yield from ((one["ID"], one["MainDicomTags"]["SOPInstanceUID"]) for one in page)
        since += len(page)


def main() -> None:
    settings = Settings.read(os.environ)
    ingest, research = OrthancClient(ingest_server(settings)), OrthancClient(research_server(settings))
    key = marks.load_public_key(Path("/run/secrets/mark_pub").read_bytes())
    delivered = list(listed(research))
    unmarked = []
    for name, _ in delivered:
        try:
            marks.check(research.get_bytes(f"/instances/{name}/file"), key=key)
        except marks.Unmarked:
            unmarked.append(name)
    print(json.dumps({"ingest": list(listed(ingest)), "research": delivered, "unmarked": unmarked}))


if __name__ == "__main__":
    main()
