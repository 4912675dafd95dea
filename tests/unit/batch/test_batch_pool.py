# SPDX-License-Identifier: Apache-2.0
"""How a process of a run works chunks off: made one by one, finished together."""

import threading
from multiprocessing import Pipe

import pytest

from deidgate.batch.pool import work_off


class SlowDisk:
    """Stands in for a `Worker`: the first flush lasts until the test says otherwise."""

    def __init__(self) -> None:
        self.made: list[int] = []
        self.groups: list[list[int]] = []
        self.flushed = threading.Event()

    def make(self, chunk: int) -> int:
        self.made.append(chunk)
        return chunk

    def finish(self, chunks: list[int]) -> list[list[str]]:
        self.groups.append(list(chunks))
        assert self.flushed.wait(30)
        return [[f"done {chunk}"] for chunk in chunks]


class Process:
    """`work_off` in a thread, and the other end of its pipe."""

    def __init__(self, most_waiting: int) -> None:
        self.worker = SlowDisk()
        self.connection, self._theirs = Pipe()
        self._thread = threading.Thread(target=work_off, args=(self._theirs, self.worker, most_waiting))
        self._thread.start()

    def heard(self) -> list[object]:
        """What it says within a moment."""
        said = []
        while self.connection.poll(0.3):
            said.append(self.connection.recv())
        return said

    def end(self) -> list[object]:
        self.worker.flushed.set()
        self.connection.send(None)
        self._thread.join(30)
        return self.heard()


@pytest.fixture
def opened():
    running = []

    def begin(most_waiting: int) -> Process:
        running.append(Process(most_waiting))
        return running[-1]

    yield begin
    for one in running:
        one.worker.flushed.set()


def test_chunks_that_wait_for_a_slow_disk_are_finished_together_and_answered_in_their_order(opened):
    process = opened(3)
    for chunk in range(4):
        process.connection.send(chunk)
        # Asks for the next one though nothing is finished.
        assert len(process.heard()) == (2 if chunk == 0 else 1)
    process.worker.flushed.set()
    process.connection.send(4)
    process.heard()
    process.end()
    assert process.worker.groups[:2] == [[0], [1, 2, 3, 4]]


def test_no_more_chunks_wait_than_allowed(opened):
    process = opened(2)
    for chunk in range(9):
        process.connection.send(chunk)
    process.heard()
    # One is being finished, two wait, and the one more that was made waits for its turn.
    assert process.worker.made == [0, 1, 2, 3]
    answers = [answer for answer in process.end() if isinstance(answer, list)]
    assert answers == [[f"done {chunk}"] for chunk in range(9)]


def test_each_chunk_is_finished_before_the_next_when_none_may_wait(opened):
    process = opened(0)
    process.connection.send(0)
    process.connection.send(1)
    process.heard()
    assert process.worker.made == [0]
    assert [answer for answer in process.end() if isinstance(answer, list)] == [["done 0"], ["done 1"]]
    assert process.worker.groups == [[0], [1]]
