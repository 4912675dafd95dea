# SPDX-License-Identifier: Apache-2.0
"""A folder that is watched: what has settled is done once, what is still written waits."""

import os
import time

import pytest
from tests.data.toolbox_series import ct, encoded

from deidgate import Deidentifier
from deidgate.batch.watch import Watch


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
