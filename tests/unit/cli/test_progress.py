# SPDX-License-Identifier: Apache-2.0
"""Progress tells the rate of the last seconds, on a terminal and in lines."""

import io

from deidgate.batch.run import Progress
from deidgate.cli.progress import Meter


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def told(*moments):
    """What is written when `moments` (seconds, files, bytes) are told of, to what is no terminal."""
    stream, clock = io.StringIO(), Clock()
    with Meter([], stream, clock=clock) as meter:
        for clock.now, files, size in moments:
            meter.tell(Progress(files, size, {"done": files}))
    return stream.getvalue().splitlines()


def test_the_rate_is_that_of_the_last_seconds_and_not_of_the_first_ones():
    moments = [(float(second), second * 2, second * 10**6) for second in range(1, 11)]
    moments += [(float(second), 20 + (second - 10) * 500, second * 10**6) for second in range(11, 21)]
    assert told(*moments) == ["20 files, 2.0 files/s 1 MB/s", "5020 files, 500 files/s 1 MB/s"]


def test_a_slow_run_has_a_rate_that_is_not_zero():
    assert told((20.0, 3, 10)) == ["3 files, 0.1 files/s 0 MB/s"]


def test_nothing_is_said_before_there_is_something_to_say():
    assert told((1.0, 1, 1), (2.0, 2, 2)) == []
