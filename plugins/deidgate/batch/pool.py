# SPDX-License-Identifier: Apache-2.0
"""Processes of this machine that work on chunks of tasks, a bounded number at a time.

Each process makes chunks while it finishes those before: all that wait are flushed, numbered and named together, so a
slow disk makes the groups larger and not the waiting longer. When a process dies (killed by the kernel for memory, a
decoder that crashed), its chunks are done again file by file, so that the one that kills is found and told of, and the
rest goes on.
"""

from __future__ import annotations

import contextlib
import signal
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain, islice
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import TYPE_CHECKING, Protocol

from deidgate.batch.gather import Gather
from deidgate.batch.job import Done, Job, Task
from deidgate.batch.start import cannot_start, warmed_up
from deidgate.errors import DeidgateError
from deidgate.files.journal import Line
from deidgate.log import silence

if TYPE_CHECKING:
    from deidgate.batch.worker import Worker

MOST_WAITING = 6
"""Chunks of a process that may be made and not yet finished, besides those that are being finished."""


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


class _Ready:
    """What a process says when it waits for a chunk."""


@dataclass(slots=True)
class _Process:
    process: BaseProcess
    connection: Connection
    chunks: deque[Sequence[Task]] = field(default_factory=deque)
    """Given out, and not answered yet."""
    started: bool = False


class Processes:
    """So many processes of this machine.

    A process asks for each chunk, so that nobody ever sends to somebody who is sending.

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
            A process could not begin: the mapping table or the policy is wrong, or ``worker-cannot-start``.
        """
        source = iter(chunks)
        first = list(islice(source, self._count))
        source = chain(first, source)
        running: list[_Process] = []
        try:
            for _ in first:
                running.append(self._begin())
            while running:
                for ready in wait([one.connection for one in running]):
                    one = next(one for one in running if one.connection is ready)
                    answer = _received(one)
                    if isinstance(answer, _Ready):
                        one.started = True
                        _give(one, next(source, None))
                    elif answer is not None:
                        one.chunks.popleft()
                        yield answer
                    else:
                        running.remove(one)
                        yield from self._after(one)
                        rest = next(source, None) if one.chunks else None
                        if rest is not None:
                            source = chain([rest], source)
                            running.append(self._begin())
        finally:
            for one in running:
                _end(one)

    def _begin(self, *, most_waiting: int = MOST_WAITING) -> _Process:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=serve, args=(theirs, self._job, most_waiting), daemon=True)
        process.start()
        theirs.close()
        return _Process(process, ours)

    def _after(self, one: _Process) -> Iterator[list[Done]]:
        """A process has ended: what it had not answered is done again, task by task, to find what killed it."""
        one.process.join(30)
        one.connection.close()
        if not one.started:
            raise cannot_start()
        tasks = deque(task for chunk in one.chunks for task in chunk)
        while tasks:
            again = self._begin(most_waiting=0)
            last: Task | None = None
            try:
                while (answer := _received(again)) is not None:
                    if isinstance(answer, _Ready):
                        again.started = True
                        last = tasks.popleft() if tasks else None
                        _give(again, [last] if last is not None else None)
                    else:
                        yield answer
                        last = None
                again.process.join(30)
            finally:
                _end(again)
            if not again.started:
                raise cannot_start()
            if last is not None:
                line = Line(str(last.path), "failed", "worker-died", size=last.size)
                yield [Done(last.key, (line,))]


def _end(one: _Process) -> None:
    """Leave no process behind, whatever it is at."""
    one.process.terminate()
    one.process.join(30)
    one.connection.close()


def _give(one: _Process, chunk: Sequence[Task] | None) -> None:
    """Send a chunk, or that there is none."""
    if chunk is not None:
        one.chunks.append(chunk)
    # If it has died since it asked, its end of the pipe tells so when it is waited for.
    with contextlib.suppress(OSError):
        one.connection.send(chunk)


def serve(connection: Connection, job: Job, most_waiting: int) -> None:
    """Ask for work through `connection` until there is none: the body of a process.

    Parameters
    ----------
    most_waiting : int
        How many chunks may wait for their flush while it is the turn of others; with 0 each is finished before the next
        is begun.
    """
    from deidgate.batch.home import open_mapping
    from deidgate.batch.worker import Worker

    # An interrupt from the keyboard reaches everybody; who gave out the work decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    silence()
    try:
        store = None if job.dry_run else open_mapping(job.mapping)
        with Worker(job, store) as worker:
            work_off(connection, worker, most_waiting)
        if store is not None:
            store.close()
    except DeidgateError as error:
        connection.send(_plain(error))
    except (EOFError, BrokenPipeError):
        # Whoever gave out the work is gone.
        return


def work_off(connection: Connection, worker: Worker, most_waiting: int) -> None:
    """Make chunks as `connection` brings them, and finish all that wait in a thread of its own; see `serve`."""
    with closing(Gather(worker.finish, most_waiting)) as gather:
        connection.send(_Ready())
        while (chunk := connection.recv()) is not None:
            _answer(connection, gather.give([worker.make(chunk)]))
            if not most_waiting:
                _answer(connection, gather.rest())
            connection.send(_Ready())
        _answer(connection, gather.rest())


def _answer(connection: Connection, groups: Iterable[list[list[Done]]]) -> None:
    for group in groups:
        for done in group:
            connection.send(done)


def _plain(error: DeidgateError) -> DeidgateError:
    """The error without what cannot be sent, such as its cause, which some libraries send along."""
    error.__cause__ = error.__context__ = error.__traceback__ = None
    return error


def _received(one: _Process) -> list[Done] | _Ready | None:
    """What the process says; None when it has ended.

    Raises
    ------
    DeidgateError
        It said that it cannot work.
    """
    try:
        answer: list[Done] | _Ready | DeidgateError = one.connection.recv()
    except (EOFError, OSError):
        # It says OSError of an answer of which only a part came.
        return None
    if isinstance(answer, DeidgateError):
        raise answer
    return answer
