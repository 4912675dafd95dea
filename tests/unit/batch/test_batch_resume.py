# SPDX-License-Identifier: Apache-2.0
"""Runs that end too early, and workers that die."""

import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pydicom
import pytest
from click.testing import CliRunner
from tests.data.toolbox_archives import zipped
from tests.data.toolbox_series import ct, encoded

from deidgate import Deidentifier
from deidgate.batch.job import Job, Task
from deidgate.batch.pool import Processes
from deidgate.cli import main
from deidgate.errors import ConfigurationError, Unavailable
from deidgate.files.limits import Limits

SCRIPT = """
import sys
from deidgate import Deidentifier
if __name__ == "__main__":
    with Deidentifier("basic", mapping=sys.argv[3]) as one:
        one.run([sys.argv[1]], sys.argv[2], jobs=int(sys.argv[4]))
"""


def images(folder: Path, rows: int) -> Path:
    folder.mkdir()
    for number in range(1, 301):
        (folder / f"IM{number:04d}.dcm").write_bytes(encoded(ct(1, 1, 1, number, rows=rows)))
    return folder


@pytest.fixture
def incoming(tmp_path) -> Path:
    return images(tmp_path / "incoming", 64)


# Results of 8 KiB go to the disk together, those of 200 KiB each by itself and while others are made.
@pytest.mark.parametrize("rows", [64, 320])
@pytest.mark.parametrize("jobs", [0, 2])
def test_a_run_that_was_killed_goes_on_without_doing_finished_files_again(tmp_path, jobs, rows):
    incoming = images(tmp_path / "incoming", rows)
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    out, mapping = tmp_path / "out", tmp_path / "private" / "mapping.db"
    command = [sys.executable, str(script), str(incoming), str(out), str(mapping), str(jobs)]
    process = subprocess.Popen(
        command, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}, start_new_session=True
    )
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and len(list(out.glob("*.dcm"))) < 64 and process.poll() is None:
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    finished = {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in out.glob("*.dcm")}
    for path in finished:
        # Never half a file under its final name.
        assert len(pydicom.dcmread(path).PixelData) == rows * rows * 2
    with Deidentifier("basic", mapping=mapping) as one:
        summary = one.run([incoming], out, jobs=0)
    assert summary.counts == {"done": 300}
    assert len(list(out.glob("*.dcm"))) == 300
    assert {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in finished} == finished
    assert sorted(path.name for path in out.iterdir() if path.name.startswith(".")) == []


def test_a_second_run_does_nothing_again(incoming, tmp_path):
    with Deidentifier("basic", mapping=tmp_path / "private" / "mapping.db") as one:
        one.run([incoming], tmp_path / "out", jobs=0)
        before = {path: path.stat().st_ino for path in (tmp_path / "out").glob("*.dcm")}
        summary = one.run([incoming], tmp_path / "out", jobs=0)
    assert summary.resumed == 300
    assert {path: path.stat().st_ino for path in (tmp_path / "out").glob("*.dcm")} == before


def test_files_that_came_later_are_done_and_only_they(incoming, tmp_path):
    with Deidentifier("basic", mapping=tmp_path / "private" / "mapping.db") as one:
        one.run([incoming], tmp_path / "out", jobs=0)
        (incoming / "IM9999.dcm").write_bytes(encoded(ct(1, 1, 1, 999, rows=64)))
        summary = one.run([incoming], tmp_path / "out", jobs=0)
    assert (summary.resumed, summary.counts) == (300, {"done": 301})


@pytest.fixture
def few(tmp_path) -> Path:
    folder = tmp_path / "few"
    folder.mkdir()
    for number in (1, 2):
        (folder / f"IM{number}.dcm").write_bytes(encoded(ct(1, 1, 1, number, rows=8)))
    return folder


@pytest.fixture
def deidentifier(tmp_path):
    with Deidentifier("basic", mapping=tmp_path / "private" / "mapping.db") as one:
        yield one


@pytest.mark.parametrize("layout", ["mirror", "uid"])
def test_results_that_were_taken_away_are_made_again_and_only_they(deidentifier, few, tmp_path, layout):
    inside = [(f"IM{number}", encoded(ct(1, 1, 2, number, rows=8))) for number in (1, 2)]
    (few / "a.zip").write_bytes(zipped(inside))
    out = tmp_path / "out"
    deidentifier.run([few], out, layout=layout, jobs=0)
    made = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    for gone in made:
        gone.unlink()
        summary = deidentifier.run([few], out, layout=layout, jobs=0)
        assert summary.resumed == 2
        assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == made
    shutil.rmtree(out)
    assert deidentifier.run([few], out, layout=layout, jobs=0).resumed == 0
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == made


def test_results_that_were_taken_from_a_folder_that_is_watched_are_not_made_again(deidentifier, few, tmp_path):
    now = time.time() + 60
    deidentifier.run([few], tmp_path / "out", jobs=0, settled=now)
    shutil.rmtree(tmp_path / "out")
    assert deidentifier.run([few], tmp_path / "out", jobs=0, settled=now).resumed == 2
    assert list((tmp_path / "out").iterdir()) == []


def test_a_zip_that_was_taken_away_is_made_again_whole(few, tmp_path):
    mapping = ["--policy", "basic", "--mapping", str(tmp_path / "private" / "mapping.db"), "--jobs", "0"]
    for _ in range(2):
        assert CliRunner().invoke(main, ["run", *mapping, str(few), str(tmp_path / "out.zip")]).exit_code == 0
        with zipfile.ZipFile(tmp_path / "out.zip") as archive:
            assert sorted(archive.namelist()) == ["IM1.dcm", "IM2.dcm"]
        (tmp_path / "out.zip").unlink()


def test_what_an_option_was_missing_for_is_done_when_it_is_given(deidentifier, few, tmp_path):
    (few / "readme.txt").write_text("hello")
    (few / "other.zip").write_bytes(zipped([("readme.txt", b"hello")]))
    (few / "large.zip").write_bytes(zipped([("IM1", encoded(ct(1, 1, 2, 1, rows=64)))]))
    out, small = tmp_path / "out", Limits(unfolded_bytes=1000)
    summary = deidentifier.run([few], out, jobs=0, limits=small)
    assert summary.counts == {"done": 2, "held": 1, "skipped": 3}
    assert summary.codes == {"archive-too-large": 1}
    summary = deidentifier.run([few], out, jobs=0, limits=Limits(unfolded_bytes=1 << 30))
    assert summary.counts == {"archive": 1, "done": 3, "skipped": 3}
    summary = deidentifier.run([few], out, jobs=0, copy_other=True)
    assert summary.counts == {"archive": 2, "copied": 2, "done": 3} and summary.resumed == 3


@pytest.mark.parametrize("later", [{"identities": True}, {"dicomdir": "always"}])
def test_going_on_with_an_option_that_comes_too_late_for_what_is_done_is_refused(deidentifier, few, tmp_path, later):
    deidentifier.run([few], tmp_path / "out", jobs=0)
    with pytest.raises(ConfigurationError, match="resume-with-other-settings"):
        deidentifier.run([few], tmp_path / "out", jobs=0, **later)


def test_going_on_under_another_policy_is_refused(incoming, tmp_path):
    with Deidentifier("basic", mapping=tmp_path / "private" / "mapping.db") as one:
        one.run([incoming], tmp_path / "out", jobs=0)
    with (
        Deidentifier("safe-harbor", mapping=tmp_path / "private" / "mapping.db") as other,
        pytest.raises(ConfigurationError, match="resume-with-other-settings"),
    ):
        other.run([incoming], tmp_path / "out", jobs=0)


def test_several_processes_give_the_same_files_as_one(incoming, tmp_path):
    with Deidentifier("basic", mapping=tmp_path / "private" / "mapping.db") as one:
        one.run([incoming], tmp_path / "one", jobs=0)
        summary = one.run([incoming], tmp_path / "two", jobs=2)
    assert summary.counts == {"done": 300}
    for path in (tmp_path / "one").glob("*.dcm"):
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


class _Killer(Processes):
    """Processes of which the first is killed when it has its first chunk."""

    killed = False

    def _begin(self, **options):
        one = super()._begin(**options)
        if not self.killed:
            self.killed = True
            send = one.connection.send
            one.connection = _KillingConnection(one.connection, one.process.pid, send)
        return one


class _KillingConnection:
    """A pipe whose other end dies of the first thing that it is given."""

    def __init__(self, connection, pid, send) -> None:
        self._connection, self._pid, self._send = connection, pid, send

    def __getattr__(self, name):
        return getattr(self._connection, name)

    def send(self, thing):
        self._send(thing)
        os.kill(self._pid, signal.SIGKILL)


def test_the_work_of_a_process_that_dies_is_done_by_another(incoming, tmp_path):
    with Deidentifier("basic", mapping=tmp_path / "private" / "mapping.db") as one:
        one.run([incoming / "IM0001.dcm"], tmp_path / "first", jobs=0)
        (tmp_path / "out").mkdir()
        job = Job(tmp_path / "out", one._policy_path, one.mapping)
        tasks = [
            Task(bytes([number]) * 16, incoming / f"IM{number:04d}.dcm", (f"IM{number:04d}.dcm",), 0, 1)
            for number in range(1, 9)
        ]
        done = [each for chunk in _Killer(job, 1).results([tasks[:4], tasks[4:]]) for each in chunk]
    assert sorted(each.lines[0].status for each in done) == ["done"] * 8


def test_a_file_that_kills_every_process_is_told_of_and_the_rest_is_done(incoming, tmp_path, monkeypatch):
    with Deidentifier("basic", mapping=tmp_path / "private" / "mapping.db") as one:
        one.run([incoming / "IM0001.dcm"], tmp_path / "first", jobs=0)
        (tmp_path / "out").mkdir()
        job = Job(tmp_path / "out", one._policy_path, one.mapping)
        tasks = [
            Task(bytes([number]) * 16, incoming / f"IM{number:04d}.dcm", (f"IM{number:04d}.dcm",), 0, 1)
            for number in range(1, 6)
        ]
        pool = Processes(job, 1)
        pool._context = _DyingContext(pool._context, incoming / "IM0003.dcm")
        done = [each for chunk in pool.results([tasks]) for each in chunk]
    by_key = {each.key[0]: (each.lines[0].status, each.lines[0].code) for each in done}
    assert by_key == {1: ("done", ""), 2: ("done", ""), 3: ("failed", "worker-died"), 4: ("done", ""), 5: ("done", "")}


class _DyingContext:
    """A context whose processes kill themselves at one file, as a crashing decoder does."""

    def __init__(self, context, path, body=None) -> None:
        self._context = context
        self._path = path
        self._body = body or _dying

    def Pipe(self):
        return self._context.Pipe()

    def Process(self, target, args, daemon):
        return self._context.Process(target=self._body, args=(*args, self._path), daemon=daemon)


def test_processes_that_cannot_begin_are_said_once(incoming, tmp_path):
    with Deidentifier("basic", mapping=tmp_path / "private" / "mapping.db") as one:
        one.run([incoming / "IM0001.dcm"], tmp_path / "first", jobs=0)
        (tmp_path / "out").mkdir()
        job = Job(tmp_path / "out", one._policy_path, one.mapping)
        pool = Processes(job, 2)
        pool._context = _DyingContext(pool._context, None, body=_stillborn)
        task = Task(b"1" * 16, incoming / "IM0001.dcm", ("IM0001.dcm",), 0, 1)
        with pytest.raises(Unavailable, match="worker-cannot-start"):
            list(pool.results([[task]] * 5))


def _stillborn(connection, job, most_waiting, path):
    os._exit(1)


def _dying(connection, job, most_waiting, path):
    from deidgate.batch import pool, worker

    class Fragile(worker.Worker):
        def make(self, tasks):
            if any(task.path == path for task in tasks):
                os.kill(os.getpid(), signal.SIGKILL)
            return super().make(tasks)

    worker.Worker = Fragile
    pool.serve(connection, job, most_waiting)
