# SPDX-License-Identifier: Apache-2.0
"""The journal is written while the run goes on, and nothing of it is lost."""

import errno
import threading
from contextlib import closing

import pytest

from deidgate.batch.recorder import Recorder
from deidgate.files.journal import Journal, Line


class SlowJournal:
    """Stands in for a `Journal` on a disk whose first transaction lasts until the test says otherwise."""

    def __init__(self) -> None:
        self.transactions: list[list[bytes]] = []
        self.begun = threading.Event()
        self.go_on = threading.Event()

    def record(self, results) -> None:
        self.transactions.append([key for key, _ in results])
        self.begun.set()
        assert self.go_on.wait(30)


class FullJournal:
    """Stands in for a `Journal` on a full disk."""

    def record(self, results) -> None:
        raise OSError(errno.ENOSPC, "full")


def row(number: int) -> tuple[bytes, list[Line]]:
    return b"%d" % number, [Line(f"{number}.dcm", "done")]


def test_what_comes_while_the_disk_is_at_work_goes_in_one_transaction():
    journal = SlowJournal()
    with closing(Recorder(journal)) as recorder:
        for number in range(5):
            recorder.record([row(number)])
        assert journal.begun.wait(30)
        journal.go_on.set()
    assert journal.transactions == [[b"0"], [b"1", b"2", b"3", b"4"]]


def test_a_full_disk_is_told_of_at_the_latest_when_the_recorder_is_closed():
    recorder = Recorder(FullJournal())
    recorder.record([row(1)])
    with pytest.raises(OSError, match="full"):
        recorder.close()


def test_everything_is_in_the_journal_when_the_recorder_is_closed(tmp_path):
    with Journal(tmp_path / "journal.sqlite", {}) as journal:
        with closing(Recorder(journal)) as recorder:
            for number in range(1000):
                recorder.record([row(number)])
                # Asking goes on meanwhile, by the thread that gives out work.
                journal.is_done(b"0")
        assert journal.counts() == {"done": 1000}
        assert journal.is_done(b"999")
