# SPDX-License-Identifier: Apache-2.0
"""Under full load no process takes more and more memory, and everything that was sent has its end.

`DEIDGATE_SOAK_MINUTES` makes the run longer or shorter; ten minutes are what is promised.
"""

from __future__ import annotations

import os
import time

from tests.integration.conftest import eventually
from tests.integration.faults.account import account
from tests.integration.faults.clinic import Clinic
from tests.integration.faults.rig import Watch
from tests.soak.memory import HEAD, SERVICES, Memory, changes, restarts
from tests.soak.pictures import picture

MINUTES = float(os.environ.get("DEIDGATE_SOAK_MINUTES", "10"))
"""Of full load after the warm-up."""
WARM_UP_S, WARM_UP_INSTANCES = 180.0, 2000
"""The warm-up is over after both: every kind of picture was met, originals have begun to go, and the caches are full
that Orthanc has for parsed instances (128 MB by the sizes of their files; not a setting)."""
SPAN_S = 60.0
"""Compared are the medians of the minute after the warm-up and of the last one."""
WAITING = 200
"""Clinics hold back above so many waiting instances: the load is full, and the disk need not hold what piles up."""
SENDERS = ("DEMO", "DEMO", "DEMO2", "DEMO2")


def test_memory_of_every_process_stays_flat_under_full_load(busy, tmp_path, capsys):
    assert MINUTES * 60 >= 3 * SPAN_S, "too short to compare anything"
    started = restarts(busy)
    watch = Watch(busy.name_of("witness"))
    first = time.time_ns() // 1_000_000 % 10**9 * 10

    def shown(number):
        while (watch.latest.backlog or 0) > WAITING:
            time.sleep(0.2)
        return picture(number)

    clinics = [
        Clinic(busy.dicom_port, aet, first + number * 5_000_000, tmp_path / str(number), float("inf"), shown)
        for number, aet in enumerate(SENDERS)
    ]
    memory = Memory(busy, every_s=2.0)
    begin = time.time()
    for clinic in clinics:
        clinic.start()
    time.sleep(WARM_UP_S)
    eventually(lambda: (watch.latest.research or 0) >= WARM_UP_INSTANCES, 1800)
    warm = time.time()
    time.sleep(MINUTES * 60)
    end = time.time()
    idle = [one for one in watch.since(warm) if one.at < end and one.backlog == 0]
    for clinic in clinics:
        clinic.stop()
    memory.close()
    watch.close()

    early, late = memory.between(warm, warm + SPAN_S), memory.between(end - SPAN_S, end)
    found = changes(early, late, memory.between(begin, end), SERVICES)
    with capsys.disabled():
        print(f"\n{HEAD}\n" + "\n".join(one.line() for one in found))
    busy.settle(300)
    figures = account(busy, {one.uid for clinic in clinics for one in clinic.confirmed})
    figures |= {
        "per second": round(figures["instances sent"] / (end - begin), 1),
        "warm-up": f"{warm - begin:.0f} s",
        "full load after it": f"{end - warm:.0f} s",
    }
    with capsys.disabled():
        print("\n".join(f"{name:<24}{value}" for name, value in figures.items()))

    assert idle == [], "the load was not full"
    assert restarts(busy) == started
    assert figures["lost"] == figures["duplicated"] == figures["unverified"] == 0
    assert figures["adds up"]
    assert [one.who for one in found if not one.flat] == []
