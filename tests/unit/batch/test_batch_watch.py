# SPDX-License-Identifier: Apache-2.0
"""A folder that is watched: what has settled is done once, what is still written waits."""

import os
import signal
import time
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from tests.data.toolbox_series import ct, encoded

from deidgate import Deidentifier
from deidgate.batch.run import Summary
from deidgate.batch.watch import Watch
from deidgate.cli import main
from deidgate.cli.exits import Exit


class Clock:
    """Seconds since the epoch, `ahead` of the true ones: files need no time to settle."""

    def __init__(self):
        self.ahead = 0.0

    def __call__(self):
        return time.time() + self.ahead


@pytest.fixture
def incoming(tmp_path):
    folder = tmp_path / "incoming"
    folder.mkdir()
    return folder


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def watch(tmp_path, incoming, clock):
    with Deidentifier("basic", mapping=tmp_path / "private" / "mapping.db") as one:
        yield Watch(one, incoming, tmp_path / "out", jobs=0, settle_s=60, clock=clock)


def arrive(incoming, number):
    (incoming / f"IM{number}.dcm").write_bytes(encoded(ct(1, 1, 1, number, rows=8)))


def results(tmp_path):
    return sorted(path.name for path in (tmp_path / "out").rglob("*.dcm"))


def test_a_file_is_taken_when_it_has_settled_and_not_before(watch, incoming, clock, tmp_path):
    assert watch.look() is None
    arrive(incoming, 1)
    assert watch.look() is None
    clock.ahead = 120
    assert watch.look().counts == {"done": 1}
    assert results(tmp_path) == ["IM1.dcm"]


def test_nothing_is_done_twice(watch, incoming, clock):
    arrive(incoming, 1)
    clock.ahead = 120
    assert watch.look() is not None
    assert watch.look() is None


def test_files_that_come_without_a_pause_do_not_keep_the_settled_ones_waiting(watch, incoming, clock, tmp_path):
    arrive(incoming, 1)
    clock.ahead = 120
    soon = time.time() + 119
    arrive(incoming, 2)
    os.utime(incoming / "IM2.dcm", (soon, soon))
    assert watch.look().counts == {"done": 1}
    assert results(tmp_path) == ["IM1.dcm"]
    clock.ahead = 240
    assert watch.look().counts == {"done": 2}
    assert results(tmp_path) == ["IM1.dcm", "IM2.dcm"]


def test_a_copy_that_keeps_an_old_time_of_change_has_not_settled_when_it_arrives(watch, incoming):
    arrive(incoming, 1)
    os.utime(incoming / "IM1.dcm", (1, 1))
    assert watch.look() is None


def test_a_full_disk_does_not_end_the_watch_and_files_are_done_when_there_is_space(
    watch, incoming, clock, tmp_path, monkeypatch
):
    arrive(incoming, 1)
    clock.ahead = 120
    with monkeypatch.context() as full:
        full.setattr("deidgate.files.guard.shutil.disk_usage", lambda _: SimpleNamespace(free=1))
        assert watch.look().stopped == "disk-full"
    looks = [watch.look() for _ in range(3)]
    assert [look.counts for look in looks if look is not None] == [{"done": 1}]
    assert results(tmp_path) == ["IM1.dcm"]


class Failing:
    """A de-identifier whose runs fail, and are counted."""

    def __init__(self, summary):
        self.summary = summary
        self.runs = 0

    def run(self, *_, **__):
        self.runs += 1
        return self.summary


@pytest.mark.parametrize(
    "summary", [Summary({"failed": 1}, {"internal-error": 1}), Summary({"done": 1}, {}, stopped="disk-full")]
)
def test_what_stopped_or_failed_is_tried_again_less_and_less_often_until_something_comes(
    incoming, clock, tmp_path, summary
):
    failing = Failing(summary)
    watch = Watch(failing, incoming, tmp_path / "out", settle_s=60, clock=clock)
    arrive(incoming, 1)
    clock.ahead = 120
    tried = [number for number in range(300) if watch.look() is not None]
    assert tried[:5] == [0, 2, 5, 10, 19] and tried[-1] - tried[-2] == 33
    arrive(incoming, 2)
    clock.ahead = 240
    assert watch.look() is not None and watch.look() is None and watch.look() is not None
    failing.summary = Summary({"done": 2}, {})
    assert [watch.look() for _ in range(100)].count(failing.summary) == 1


@pytest.fixture
def once(incoming, tmp_path):
    """Looks once, and answers the exit code; the command's handlers of signals are taken back."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    options = ["--once", "--settle", "0", "--policy", "basic", "--jobs", "0"]
    places = ["--mapping", str(tmp_path / "private" / "mapping.db"), str(incoming), str(tmp_path / "out")]
    yield lambda: CliRunner().invoke(main, ["serve", *options, *places]).exit_code
    for number, handler in before.items():
        signal.signal(number, handler)


def test_one_look_ends_as_a_run_does(once, incoming):
    assert once() == Exit.OK, "nothing is there"
    arrive(incoming, 1)
    assert once() == Exit.OK
    (incoming / "IM2.dcm").write_bytes((incoming / "IM1.dcm").read_bytes()[:700])
    assert once() == Exit.INCOMPLETE


def test_one_look_at_a_full_disk_has_stopped_early(once, incoming, monkeypatch):
    arrive(incoming, 1)
    monkeypatch.setattr("deidgate.files.guard.shutil.disk_usage", lambda _: SimpleNamespace(free=1))
    assert once() == Exit.STOPPED
