# SPDX-License-Identifier: Apache-2.0
"""Processes of this machine that work on chunks of tasks, a bounded number at a time.

Each process has one chunk under way and one in its pipe. When one dies (killed by the kernel for memory, a decoder that
crashed), its chunks are done again file by file, so that the one that kills is found and told of, and the rest goes on.
"""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import TYPE_CHECKING, Protocol

from deidgate.batch.job import Done, Job, Task
from deidgate.batch.start import warmed_up
from deidgate.errors import DeidgateError
from deidgate.files.journal import Line

if TYPE_CHECKING:
    from deidgate.batch.worker import Worker

_AHEAD = 3
"""Chunks that a process is given before it has answered the first."""


class Pool(Protocol):
    """Where chunks are worked on: here, or on a cluster."""

    def results(self, chunks: Iterable[Sequence[Task]]) -> Iterator[list[Done]]:
        """What became of each chunk, in any order; `chunks` is read as fast as it is worked off."""
        ...


class SameProcess:
    """No other process: for few files, and for looking into."""

    def __init__(self, job: Job) -> None:
        self._job = job

    def results(self, chunks: Iterable[Sequence[Task]]) -> Iterator[list[Done]]:
        """See `Pool`."""
        from deidgate.batch.home import open_mapping
        from deidgate.batch.worker import Worker

        store = None if self._job.dry_run else open_mapping(self._job.mapping)
        try:
            with Worker(self._job, store) as worker:
                for chunk in chunks:
                    yield worker.work(chunk)
        finally:
            if store is not None:
                store.close()


@dataclass(slots=True)
class _Process:
    process: BaseProcess
    connection: Connection
    chunks: deque[Sequence[Task]] = field(default_factory=deque)


class Processes:
    """So many processes of this machine.

    Parameters
    ----------
    job : Job
    count : int
        At least 1.
    """

    def __init__(self, job: Job, count: int) -> None:
        self._job = job
        self._count = count
        self._context = warmed_up()

    def results(self, chunks: Iterable[Sequence[Task]]) -> Iterator[list[Done]]:
        """See `Pool`.

        Raises
        ------
        DeidgateError
            A process could not begin: the mapping table or the policy is wrong.
        """
        source = iter(chunks)
        running: list[_Process] = []
        try:
            more = self._feed(running, source)
            while running:
                for ready in wait([one.connection for one in running]):
                    one = next(one for one in running if one.connection is ready)
                    answer = _received(one)
                    if isinstance(answer, DeidgateError):
                        raise answer
                    if answer is None:
                        running.remove(one)
                        one.process.join()
                        yield from self._one_by_one(one.chunks)
                    else:
                        one.chunks.popleft()
                        yield answer
                if more:
                    more = self._feed(running, source)
                for one in [one for one in running if not one.chunks]:
                    self._dismiss(running, one)
        finally:
            for one in list(running):
                self._dismiss(running, one, now=True)

    def _feed(self, running: list[_Process], source: Iterator[Sequence[Task]]) -> bool:
        """Give out chunks until everybody has enough; False when there are no more."""
        while True:
            one = min(running, key=lambda one: len(one.chunks), default=None)
            if one is None or (one.chunks and len(running) < self._count):
                one = None
            elif len(one.chunks) >= _AHEAD:
                return True
            chunk = next(source, None)
            if chunk is None:
                return False
            if one is None:
                one = self._begin()
                running.append(one)
            one.chunks.append(chunk)
            try:
                one.connection.send(chunk)
            except OSError:
                # It has died: its end of the pipe tells so when it is waited for.
                continue

    def _begin(self) -> _Process:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=serve, args=(theirs, self._job), daemon=True)
        process.start()
        theirs.close()
        return _Process(process, ours)

    def _dismiss(self, running: list[_Process], one: _Process, *, now: bool = False) -> None:
        running.remove(one)
        try:
            one.connection.send(None)
        except OSError:
            now = True
        if now and one.chunks:
            one.process.terminate()
        one.process.join(30)
        one.connection.close()

    def _one_by_one(self, chunks: Iterable[Sequence[Task]]) -> Iterator[list[Done]]:
        """Do the tasks of a process that died again, each alone; one that dies again is the cause."""
        one: _Process | None = None
        for task in (task for chunk in chunks for task in chunk):
            if one is None:
                one = self._begin()
            answer = None
            try:
                one.connection.send([task])
                answer = _received(one)
            except OSError:
                answer = None
            if isinstance(answer, DeidgateError):
                raise answer
            if answer is None:
                one.process.join()
                one = None
                line = Line(str(task.path), "failed", "worker-died", size=task.size)
                answer = [Done(task.key, (line,))]
            yield answer
        if one is not None:
            one.connection.send(None)
            one.process.join(30)


def serve(connection: Connection, job: Job) -> None:
    """Work on what comes through `connection` until nothing does: the body of a process."""
    from deidgate.batch.home import open_mapping
    from deidgate.batch.worker import Worker

    # An interrupt from the keyboard reaches everybody; who gave out the work decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        store = None if job.dry_run else open_mapping(job.mapping)
        with Worker(job, store) as worker, ThreadPoolExecutor(1) as finisher:
            _work(connection, worker, finisher)
        if store is not None:
            store.close()
    except DeidgateError as error:
        connection.send(_plain(error))
    except (EOFError, BrokenPipeError):
        # Whoever gave out the work is gone.
        return


def _work(connection: Connection, worker: Worker, finisher: ThreadPoolExecutor) -> None:
    """Make the results of a chunk while those of the one before are flushed and named."""
    under: Future[list[Done]] | None = None
    while True:
        if under is not None and not connection.poll():
            # Whoever gives out the work may be waiting for this answer before there is more.
            connection.send(under.result())
            under = None
        chunk = connection.recv()
        made = worker.make(chunk) if chunk is not None else None
        if under is not None:
            connection.send(under.result())
        if made is None:
            return
        under = finisher.submit(worker.finish, made)


def _plain(error: DeidgateError) -> DeidgateError:
    """The error without what cannot be sent, such as its cause."""
    plain = type(error)(error.code, error.path)
    plain.__cause__ = plain.__context__ = None
    return plain


def _received(one: _Process) -> list[Done] | DeidgateError | None:
    try:
        answer: list[Done] | DeidgateError = one.connection.recv()
    except (EOFError, ConnectionError):
        return None
    return answer
