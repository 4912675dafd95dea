# SPDX-License-Identifier: Apache-2.0
"""What is given is worked on, in groups, and every group's result is told."""

import threading

import pytest

from deidgate.batch.gather import Gather


def test_a_group_that_fails_takes_nothing_from_the_groups_before_and_behind_it():
    go_on, seen = threading.Event(), []

    def work(items):
        seen.append(items)
        assert go_on.wait(30)
        if 2 in items:
            raise OSError("the disk is full")
        return sum(items)

    gather = Gather(work, most_waiting=10)
    assert gather.give([1]) == [] and gather.give([2]) == []
    go_on.set()
    results = gather.rest()
    assert next(results) == 1
    with pytest.raises(OSError, match="full"):
        next(results)
    gather.give([3])
    assert list(gather.rest()) == [3]
    gather.close()
    assert seen == [[1], [2], [3]]
