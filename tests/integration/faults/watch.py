# SPDX-License-Identifier: Apache-2.0
"""Runs in the witness: prints, a few times a second, how much is where; a line of JSON each time.

Null stands for a server that does not answer.
"""

import json
import os
import time
from collections.abc import Callable

from deidgate.errors import DeidgateError
from deidgate.orthanc_io.client import OrthancClient
from deidgate.settings import Settings
from deidgate.worker.assembly import ingest_server, research_server


def main() -> None:
    settings = Settings.read({**os.environ, "DEIDGATE_TIMEOUT_S": "3"})
    ingest, research = OrthancClient(ingest_server(settings)), OrthancClient(research_server(settings))
    while True:
        flow = asked(lambda: ingest.get_json("/deidgate/status"))
        there = asked(lambda: research.get_json("/statistics")["CountInstances"])
        print(json.dumps({"at": time.time(), "flow": flow, "research": there}), flush=True)
        time.sleep(0.25)


def asked(question: Callable[[], object]) -> object:
    try:
        return question()
    except DeidgateError:
        return None


if __name__ == "__main__":
    main()
