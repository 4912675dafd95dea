# SPDX-License-Identifier: Apache-2.0
"""The parts of the research plugin, put together."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from deidgate import __version__, marks
from deidgate.orthanc_io.research.access import allows, user_of
from deidgate.orthanc_io.research.gate import Gate
from deidgate.orthanc_io.sdk import Orthanc, RestOutput
from deidgate.settings import Settings, secret


def install(orthanc: Orthanc, settings: Settings) -> None:
    """Register everything. What raises here keeps Orthanc from starting.

    Raises
    ------
    ConfigurationError
        There is no key to check marks with.
    """
    key = marks.load_public_key(secret(settings.mark_public_key_file))
    gate = Gate(orthanc, partial(marks.check, key=key))
    methods = {getattr(orthanc.HttpMethod, name): name for name in ("GET", "POST", "PUT", "DELETE")}

    def may(uri: str, **request: Any) -> bool:
        return allows(user_of(request["headers"]), methods[request["method"]], uri)

    def status(output: RestOutput, _uri: str, **_request: Any) -> None:
        output.AnswerBuffer(json.dumps({"version": __version__, "refused": gate.refused}), "application/json")

    orthanc.RegisterReceivedInstanceCallback(gate.received)
    orthanc.RegisterIncomingCStoreInstanceFilter(gate.c_store)
    orthanc.RegisterIncomingHttpRequestFilter(may)
    orthanc.RegisterRestCallback("/deidgate/status", status)
