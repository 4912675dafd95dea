# SPDX-License-Identifier: Apache-2.0
"""How many items a second the ledger takes, hands out and settles, with every commit synced.

    PYTHONPATH=plugins:. python tests/bench/bench_store.py [URL]

Without a URL a SQLite file in a new folder of the present directory is used, because /tmp is
often memory and would show no sync. Prints items per second of each step, for batches of
1, 10 and 100, and the time of a count and a claim with a large backlog.
"""

import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from tests.unit.store.making import DOE, NOON, STYLE, claim, delivery, received

from deidgate.store import Keys, Store, UidKind, UidPair

KEYS = Keys.of(b"m" * 32, b"e" * 32)
INSTANCES_PER_STUDY = 100


@contextmanager
def timed(what: str, number: int) -> Iterator[None]:
    begin = time.perf_counter()
    yield
    seconds = time.perf_counter() - begin
    print(f"{what:<58} {number / seconds:>10,.0f} /s   {seconds / number * 1e6:>9,.0f} us")


def work(store: Store, batch: int, number: int) -> None:
    done = 0
    while done < number:
        claims = claim(store, batch)
        outcomes = []
        for c in claims:
            study = c.item_id // INSTANCES_PER_STUDY
            mapping = store.mapping.pseudonyms_for("trial", "north", "", f"patient-{study}", DOE, STYLE)
            store.mapping.bind_study("trial", "north", f"1.2.{study}", mapping.id)
            outcomes.append(delivery(mapping, c, study=f"1.2.{study}"))
        store.queue.settle(outcomes)
        done += len(claims)


def main(url: str) -> None:
    with Store.open(url, KEYS) as store:
        told = 0
        for batch, number in ((1, 300), (10, 2000), (100, 10_000), (500, 10_000)):
            rows = [received(told + n) for n in range(number)]
            told += number
            with timed(f"receive, {batch} per commit", number):
                for start in range(0, number, batch):
                    store.feeder.record_received(rows[start : start + batch])
            with timed(f"claim, map, bind, settle delivered, {batch} per commit", number):
                work(store, batch, number)
        mapping = store.mapping.pseudonyms_for("trial", "north", "", "patient-1", DOE, STYLE)
        new = mapping.pseudonyms.uid
        with timed("pseudonyms of a remembered patient", 20_000):
            for _ in range(20_000):
                store.mapping.pseudonyms_for("trial", "north", "", "patient-1", DOE, STYLE)
        with timed("new patients, one commit each", 300):
            for n in range(300):
                store.mapping.pseudonyms_for("trial", "north", "", f"new-{n}", DOE, STYLE)
        pairs = [UidPair(UidKind.INSTANCE, f"9.{n}", new(f"9.{n}")) for n in range(20_000)]
        with timed("UIDs of a folder recorded, 500 per commit", 20_000):
            for start in range(0, 20_000, 500):
                store.mapping.record_uids("trial", mapping.id, pairs[start : start + 500])
        with timed("image numbers, 500 per commit", 20_000):
            for start in range(0, 20_000, 500):
                store.mapping.image_numbers("trial", mapping.id, [p.original for p in pairs[start : start + 500]])
        with timed("audit lines, one commit each", 300):
            for _ in range(300):
                store.audit.record("bench", "bench")
        with timed("UIDs exported", 42_000):
            assert sum(1 for _ in store.custody.export_uids("bench", "bench")) > 42_000
        backlog = 300_000
        with timed("receive, 5000 per commit", backlog):
            for start in range(told, told + backlog, 5000):
                waiting = range(start, start + 5000)
                store.feeder.record_received([received(n, at=NOON - timedelta(days=30)) for n in waiting])
        with timed(f"claim of 100 with {backlog:,} waiting", 10):
            for _ in range(10):
                claim(store, 100)
        with timed("counts over all items", 3):
            for _ in range(3):
                store.reports.counts()
        with timed("oldest open", 10):
            for _ in range(10):
                store.reports.oldest_open()
        with timed("audit verified", 300):
            assert store.audit.verify() == []


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(sys.argv[1])
    else:
        folder = Path(tempfile.mkdtemp(prefix="bench-store-", dir=Path.cwd()))
        try:
            main(f"sqlite:///{folder}/ledger.db")
        finally:
            shutil.rmtree(folder)
