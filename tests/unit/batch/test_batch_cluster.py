# SPDX-License-Identifier: Apache-2.0
"""A Dask cluster of two workers: the same files, also when one of them is lost."""

import operator
import os
import signal
import threading
import time

import pytest
from distributed import Client, LocalCluster
from tests.data.toolbox_series import ct, encoded

from deidgate import Deidentifier
from deidgate.errors import Unavailable


@pytest.fixture
def incoming(tmp_path):
    folder = tmp_path / "incoming"
    folder.mkdir()
    for number in range(1, 501):
        (folder / f"IM{number:04d}.dcm").write_bytes(encoded(ct(1, 1, 1, number, rows=32)))
    return folder


@pytest.fixture
def cluster():
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as one:
        yield one


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.glob("*.dcm")}


def test_a_cluster_gives_the_same_files_as_this_machine(incoming, tmp_path, cluster):
    with Deidentifier("basic", mapping=tmp_path / "private" / "mapping.db") as one:
        one.run([incoming], tmp_path / "local", jobs=0)
        summary = one.run([incoming], tmp_path / "cluster", scheduler=cluster.scheduler_address)
    assert summary.counts == {"done": 500}
    assert contents(tmp_path / "local") == contents(tmp_path / "cluster")


def test_a_cluster_that_cannot_run_deidgate_is_said_at_once_and_no_file_is_blamed(
    incoming, tmp_path, cluster, monkeypatch
):
    # As where it is not installed: what was submitted cannot be called there.
    monkeypatch.setattr("deidgate.batch.cluster.work", operator.truth)
    with Deidentifier("basic", mapping=tmp_path / "private" / "mapping.db") as one:
        with pytest.raises(Unavailable, match="cluster-cannot-work"):
            one.run([incoming], tmp_path / "out", scheduler=cluster.scheduler_address)
        monkeypatch.undo()
        assert one.run([incoming], tmp_path / "out", scheduler=cluster.scheduler_address).counts == {"done": 500}


def test_the_loss_of_a_worker_loses_no_file(incoming, tmp_path, cluster):
    with Deidentifier("basic", mapping=tmp_path / "private" / "mapping.db") as one:
        one.run([incoming], tmp_path / "local", jobs=0)
        with Client(cluster) as client:
            victim = next(iter(client.run(os.getpid).values()))
        over = threading.Event()

        def kill() -> None:
            deadline = time.monotonic() + 60
            while not over.is_set() and time.monotonic() < deadline:
                if len(list((tmp_path / "cluster").glob("*.dcm"))) >= 64:
                    os.kill(victim, signal.SIGKILL)
                    return
                time.sleep(0.005)

        thread = threading.Thread(target=kill)
        thread.start()
        summary = one.run([incoming], tmp_path / "cluster", scheduler=cluster.scheduler_address)
        over.set()
        thread.join()
    assert summary.counts == {"done": 500}
    assert contents(tmp_path / "local") == contents(tmp_path / "cluster")


def test_a_cluster_serves_the_same_run_again_and_keeps_nothing_of_it(incoming, tmp_path, cluster):
    out = tmp_path / "out"
    with Deidentifier("basic", mapping=tmp_path / "private" / "mapping.db") as one:
        assert one.run([incoming], out, scheduler=cluster.scheduler_address).counts == {"done": 500}
        (incoming / "IM0501.dcm").write_bytes(encoded(ct(1, 1, 1, 501, rows=32)))
        again = one.run([incoming], out, scheduler=cluster.scheduler_address)
    assert (again.counts, again.resumed) == ({"done": 501}, 500)
    assert [path.name for path in out.iterdir() if not path.name.endswith(".dcm")] == []
    with Client(cluster) as client:
        kept = client.run(lambda dask_worker: len(getattr(dask_worker, "deidgate_jobs", {})))
    assert list(kept.values()) == [0, 0]


def test_a_scheduler_that_does_not_answer_is_said(incoming, tmp_path):
    with (
        Deidentifier("basic", mapping=tmp_path / "private" / "mapping.db") as one,
        pytest.raises(Unavailable, match="scheduler-unavailable"),
    ):
        one.run([incoming], tmp_path / "out", scheduler="tcp://127.0.0.1:1")
