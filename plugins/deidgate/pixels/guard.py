# SPDX-License-Identifier: Apache-2.0
"""Decoding in a process of its own, because decoders written in C abort and hang on damaged codestreams.

Of a few thousand mutated JPEG streams, several per cent ended the whole process (an abort inside GDCM), and some kept a
JPEG 2000 decoder busy for minutes. A worker must lose one instance by that and not its life. The child is told what to
decode by a header and bytes, and answers with a header and bytes: nothing that it says is executed, so a child that was
taken over by its input cannot take over the parent.
"""

from __future__ import annotations

import contextlib
import json
import os
import struct
import subprocess
import sys
import threading
from dataclasses import asdict, dataclass, field
from typing import IO, Any

import numpy as np

from deidgate.errors import CannotDeidentify
from deidgate.pixels.description import PixelDescription
from deidgate.pixels.frames import Frame

DTYPES = frozenset(("uint8", "uint16", "uint32", "int8", "int16", "int32"))
"""What a decoded frame may be made of."""

_LENGTHS = struct.Struct("<II")


@dataclass(slots=True)
class GuardedDecoder:
    """A `deidgate.pixels.frames.Decoder` whose work is done by a child process; one caller at a time.

    Attributes
    ----------
    timeout_s : float
        Seconds that one frame may take.
    memory_bytes : int
        Address space of the child.
    python : str
        The interpreter that runs the child.
    """

    timeout_s: float = 60.0
    memory_bytes: int = 6 << 30
    python: str = sys.executable
    _child: subprocess.Popen[bytes] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, codestream: bytes, description: PixelDescription) -> Frame:
        """The frame of `codestream`.

        Raises
        ------
        CannotDeidentify
            What `deidgate.pixels.frames.decode` raises, ``pixel-data-decoder-crash`` or ``pixel-data-decoder-timeout``.
        """
        request = json.dumps({**asdict(description), "transfer_syntax": str(description.transfer_syntax)}).encode()
        with self._lock:
            child = self._running()
            late = threading.Event()
            timer = threading.Timer(self.timeout_s, _end, (child, late))
            timer.start()
            try:
                assert child.stdin is not None and child.stdout is not None  # noqa: S101  they are pipes
                send(child.stdin, request, codestream)
                header, body = receive(child.stdout)
            except (OSError, EOFError, ValueError) as error:
                self.close()
                code = "pixel-data-decoder-timeout" if late.is_set() else "pixel-data-decoder-crash"
                raise CannotDeidentify(code, description.keyword) from error
            finally:
                timer.cancel()
        return _frame(header, body, description)

    def close(self) -> None:
        """End the child; the next frame starts another."""
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            child.wait()
            for pipe in (child.stdin, child.stdout):
                if pipe is not None:
                    # The child is gone: what was still to be written to it is not wanted.
                    with contextlib.suppress(OSError):
                        pipe.close()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._child is None or self._child.poll() is not None:
            self.close()
            self._child = subprocess.Popen(
                [self.python, "-m", "deidgate.pixels.guarded", str(self.memory_bytes)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )
        return self._child


def send(pipe: IO[bytes], header: bytes, body: bytes) -> None:
    """Write one message: two lengths, a JSON header, bytes."""
    pipe.write(_LENGTHS.pack(len(header), len(body)))
    pipe.write(header)
    pipe.write(body)
    pipe.flush()


def receive(pipe: IO[bytes]) -> tuple[dict[str, Any], bytes]:
    """Read one message.

    Raises
    ------
    EOFError
        The other side is gone.
    ValueError
        The header is not JSON, or not an object.
    """
    lengths = _exactly(pipe, _LENGTHS.size)
    header_length, body_length = _LENGTHS.unpack(lengths)
    header = json.loads(_exactly(pipe, header_length))
    if not isinstance(header, dict):
        raise ValueError("header")
    return header, _exactly(pipe, body_length)


def _exactly(pipe: IO[bytes], length: int) -> bytes:
    data = pipe.read(length)
    if len(data) != length:
        raise EOFError
    return data


def _end(child: subprocess.Popen[bytes], late: threading.Event) -> None:
    late.set()
    child.kill()


def _frame(header: dict[str, Any], body: bytes, description: PixelDescription) -> Frame:
    code, dtype, photometric = (header.get(key) for key in ("error", "dtype", "photometric"))
    if isinstance(code, str) and code.startswith("pixel-data-") and code.replace("-", "").isalnum():
        raise CannotDeidentify(code, description.keyword)
    shape = (description.rows, description.columns, description.samples)
    known = isinstance(dtype, str) and dtype in DTYPES and isinstance(photometric, str)
    if not known or len(body) != int(np.prod(shape)) * np.dtype(str(dtype)).itemsize:
        raise CannotDeidentify("pixel-data-decoder-crash", description.keyword)
    return Frame(np.frombuffer(body, dtype=str(dtype)).reshape(shape), str(photometric))
