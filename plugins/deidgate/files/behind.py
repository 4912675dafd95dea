# SPDX-License-Identifier: Apache-2.0
"""Threads that write large files while their caller makes the next."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import SimpleQueue

from deidgate.files.direct import DirectWriter, write_anyhow
from deidgate.files.source import Source


@dataclass(frozen=True, slots=True)
class _Order:
    path: str
    head: bytes
    source: Source
    start: int
    count: int
    done: Future[None] = field(default_factory=Future)


class Behind:
    """So many threads, each with memory of its own.

    Parameters
    ----------
    count : int
        Threads, and files that may be under way.

    Raises
    ------
    RuntimeError
        The system allows no more threads.
    """

    def __init__(self, count: int) -> None:
        self._orders: SimpleQueue[_Order | None] = SimpleQueue()
        self._room = threading.Semaphore(count)
        self._threads: list[threading.Thread] = []
        try:
            for _ in range(count):
                thread = threading.Thread(target=self._serve, daemon=True)
                thread.start()
                self._threads.append(thread)
        except RuntimeError:
            self.close()
            raise

    def write(self, path: str, head: bytes, source: Source, start: int, count: int) -> Future[None]:
        """Make the new file `path` of `head` and of `count` bytes of `source` from `start`, soon.

        Waits while as many as may be are under way. `source` may be closed at once.

        Raises
        ------
        OSError
            No further descriptor can be had. What is said of the writing itself is in the future: OSError, also of a
            `source` that was written to meanwhile (`SourceChangedError`), or MemoryError.
        """
        order = _Order(path, head, source.own(), start, count)
        self._room.acquire()
        self._orders.put(order)
        return order.done

    def close(self) -> None:
        """End the threads when all they were given is written."""
        for _ in self._threads:
            self._orders.put(None)
        for thread in self._threads:
            thread.join()

    def _serve(self) -> None:
        writer = DirectWriter()
        while (order := self._orders.get()) is not None:
            try:
                try:
                    write_anyhow(writer, order.path, order.head, order.source, order.start, order.count)
                finally:
                    order.source.close()
            except BaseException as error:  # noqa: BLE001 - whoever waits for the file is told
                order.done.set_exception(error)
            else:
                order.done.set_result(None)
            finally:
                self._room.release()
