# SPDX-License-Identifier: Apache-2.0
"""The child process of `deidgate.pixels.guard`: decodes frames until its input ends."""

from __future__ import annotations

import json
import sys

import numpy as np
from pydicom.uid import UID

from deidgate.errors import CannotDeidentify
from deidgate.pixels.description import PixelDescription
from deidgate.pixels.frames import decode
from deidgate.pixels.guard import receive, send


def main(memory_bytes: int) -> None:
    """Answer each request on standard input by a frame or an error code on standard output."""
    _limit(memory_bytes)
    while True:
        try:
            request, codestream = receive(sys.stdin.buffer)
        except EOFError:
            return
        request["transfer_syntax"] = UID(request["transfer_syntax"])
        try:
            frame = decode(codestream, PixelDescription(**request))
            values = np.ascontiguousarray(frame.values)
            answer = {"dtype": values.dtype.name, "photometric": frame.photometric}
            body = values.astype(values.dtype.newbyteorder("="), copy=False).tobytes()
        except CannotDeidentify as error:
            answer, body = {"error": error.code}, b""
        send(sys.stdout.buffer, json.dumps(answer).encode(), body)


def _limit(memory_bytes: int) -> None:
    try:
        import resource
    except ImportError:
        # Windows has no such limits: there the time limit alone holds.
        return
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold pixels and names


if __name__ == "__main__":
    main(int(sys.argv[1]))
