# SPDX-License-Identifier: Apache-2.0
"""However long ingest reads or compares, somebody looks at disk and backlog, and it ends when it is told to."""

from dataclasses import dataclass, field
from itertools import pairwise
from math import inf
from types import SimpleNamespace

import pytest

from deidgate.orthanc_io.ingest.admission import Admission, Senders
from deidgate.orthanc_io.ingest.feeder import Feeder
from deidgate.orthanc_io.ingest.service import IngestService, Pace
from deidgate.orthanc_io.ingest.stored import Changes
from deidgate.orthanc_io.ingest.watermarks import Limits, Watermarks

PAGES = 1000


@dataclass
class Archive:
    """A million instances, as Orthanc lists them, all of them in the ledger; each page takes its time."""

    page_s: float = 0.1
    now: float = 0.0
    full_at: float = inf
    listed: int = 0
    looks: list[float] = field(default_factory=list)
    was_open: list[bool] = field(default_factory=list)
    log_pages: int = 0

    def __post_init__(self):
        self.admission = Admission(Senders(("*",)), clock=lambda: self.now)
        marks = Watermarks(Limits.of(2048, 200_000))
        self.service = IngestService(Feeder(self, self), self.admission, self.look, marks, Pace(poll_s=0))

    def look(self, marks):
        self.looks.append(self.now)
        return marks.seen(0 if self.now >= self.full_at else 10**12, 0)

    def page(self):
        self.now += self.page_s
        self.was_open.append(self.admission.is_open)

    def listing(self):
        for number in range(PAGES):
            self.page()
            self.listed += 1
            yield [str(number)]

    def last_change(self):
        return self.log_pages

    def changes(self, since):
        self.page()
        return Changes((), since + 1, since + 1 >= self.log_pages)

    def cursor(self):
        return 0

    def record(self, rows, cursor):
        pass

    def missing(self, asked):
        self.page()
        return []


@pytest.fixture
def archive(monkeypatch):
    one = Archive()
    monkeypatch.setattr("deidgate.orthanc_io.ingest.service.time", SimpleNamespace(monotonic=lambda: one.now))
    return one


def longest_gap(times):
    return max(later - earlier for earlier, later in pairwise(times))


def test_a_long_listing_closes_nothing(archive):
    archive.service._turn()
    assert archive.listed == PAGES
    assert all(archive.was_open)
    assert longest_gap(archive.looks) < 6


def test_a_long_change_log_closes_nothing(archive):
    archive.log_pages = 5000
    archive.service._turn()
    assert len(archive.was_open) > 5000
    assert all(archive.was_open)


def test_a_disk_that_fills_during_a_long_listing_closes_admission_and_says_why(archive):
    archive.full_at = 50.0
    archive.service._turn()
    assert archive.service.watermarks.disk_full
    assert not any(archive.was_open[560:])


def test_told_to_stop_no_further_page_is_asked_for(archive):
    asked = []

    def go_on():
        asked.append(1)
        return len(asked) < 10

    assert Feeder(archive, archive).reconcile(go_on) == 0
    assert archive.listed == 10
    assert archive.was_open == [False] * 10
