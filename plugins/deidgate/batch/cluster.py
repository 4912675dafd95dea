# SPDX-License-Identifier: Apache-2.0
"""Chunks on a Dask cluster.

Every worker has to see the inputs, the output, the policy file and the mapping table under the same paths; with more
than one host the mapping table is a PostgreSQL address. A chunk whose worker is lost is done again by another: results
that were named already are compared and found equal.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from deidgate.batch.home import open_mapping
from deidgate.batch.job import Done, Job, Task
from deidgate.batch.worker import Worker
from deidgate.convert.missing import need
from deidgate.errors import Unavailable
from deidgate.files.journal import Line
from deidgate.log import silence
from deidgate.store.store import Store

_AHEAD = 3
"""Chunks for each thread of the cluster that are given out at a time."""


def check_scheduler(address: str) -> None:
    """Make sure that somebody can be asked, before anything is made for a run.

    Raises
    ------
    Unavailable
        ``scheduler-unavailable``.
    ExtraMissingError
        Dask is not installed.
    """
    _client(need("distributed", "cluster"), address).close()


def _client(distributed: Any, address: str) -> Any:
    try:
        return distributed.Client(address, timeout="20s", set_as_default=False)
    except (OSError, TimeoutError):
        raise Unavailable("scheduler-unavailable", address) from None


class Cluster:
    """A Dask cluster.

    Parameters
    ----------
    job : Job
    scheduler : str
        Its address, ``tcp://host:8786``.
    """

    def __init__(self, job: Job, scheduler: str) -> None:
        self._job = job
        self._scheduler = scheduler

    def results(self, chunks: Iterable[Sequence[Task]]) -> Iterator[list[Done]]:
        """See `deidgate.batch.pool.Pool`.

        Raises
        ------
        Unavailable
            ``scheduler-unavailable``, ``cluster-without-workers``, ``cluster-cannot-work``.
        ExtraMissingError
            Dask is not installed.
        """
        distributed = need("distributed", "cluster")
        with _client(distributed, self._scheduler) as client:
            try:
                client.wait_for_workers(1, timeout=60)
            except TimeoutError:
                raise Unavailable("cluster-without-workers", self._scheduler) from None
            try:
                yield from self._results(distributed, client, iter(chunks))
            finally:
                # One that is lost by now has nothing to end.
                client.run(end, self._job, on_error="ignore")

    def _results(self, distributed: Any, client: Any, source: Iterator[Sequence[Task]]) -> Iterator[list[Done]]:
        waiting = distributed.as_completed(loop=client.loop)
        given: dict[str, Sequence[Task]] = {}
        more = True
        while more or given:
            while more and len(given) < _AHEAD * max(1, sum(client.nthreads().values())):
                chunk = next(source, None)
                if chunk is None:
                    more = False
                    break
                future = client.submit(work, self._job, chunk, pure=False, retries=0)
                given[future.key] = chunk
                waiting.add(future)
            if not given:
                break
            future = next(waiting)
            chunk = given.pop(future.key)
            if future.status == "finished":
                yield future.result()
            else:
                # The worker died with it again and again; or the mapping table does not answer there.
                error = future.exception()
                code = getattr(error, "code", "")
                if not code and not isinstance(error, distributed.KilledWorker):
                    raise Unavailable("cluster-cannot-work", type(error).__name__)
                code = code or "worker-died"
                lines = [Line(str(task.path), "failed", code, size=task.size) for task in chunk]
                yield [Done(task.key, (line,)) for task, line in zip(chunk, lines, strict=True)]


@dataclass
class _Open:
    """What a worker of the cluster keeps open for a job."""

    worker: Worker
    store: Store | None
    lock: threading.Lock = field(default_factory=threading.Lock)


def work(job: Job, chunk: Sequence[Task]) -> list[Done]:
    """What became of `chunk`; runs on a worker of the cluster, which keeps the job's `Worker` for the next chunk."""
    here = need("distributed", "cluster").get_worker()
    with here._lock:
        kept = getattr(here, "deidgate_jobs", None)
        if kept is None:
            kept = here.deidgate_jobs = {}
        if job not in kept:
            silence()
            store = None if job.dry_run else open_mapping(job.mapping)
            kept[job] = _Open(Worker(job, store), store)
        one: _Open = kept[job]
    with one.lock:
        return one.worker.work(chunk)


def end(job: Job, dask_worker: Any) -> None:
    """Let go of what a worker of the cluster, which lives on, keeps open for `job`."""
    with dask_worker._lock:
        one: _Open | None = getattr(dask_worker, "deidgate_jobs", {}).pop(job, None)
    if one is None:
        return
    with one.lock:
        one.worker.close()
        if one.store is not None:
            one.store.close()
