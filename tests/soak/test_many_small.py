# SPDX-License-Identifier: Apache-2.0
"""Ten thousand tiny instances in one association: the memory of ingest is flat, and everything has its end."""

from __future__ import annotations

import time

from tests.data.instances import dataset, file_bytes, uid
from tests.integration.faults.account import account
from tests.soak.memory import HEAD, Memory, changes, restarts
from tests.soak.pictures import tomogram

NUMBER = 10_000
FULL = 400
"""Instances of half a megabyte, before them."""
FIRST = 0.2
"""Share of the instances after which ingest is warm."""
SERVICES = ("gate-dicom", "ingest")


def test_ten_thousand_small_instances_in_one_association_leave_ingest_flat(busy, tmp_path, capsys):
    started = restarts(busy)
    patient = time.time_ns() // 1_000_000 % 10**9 + 2 * 10**9
    # Orthanc keeps up to 128 MB of parsed instances, a size that cannot be set: full before anything is measured.
    warm = tmp_path / "warm"
    warm.mkdir()
    for number in range(FULL):
        made = dataset(patient + 1, 1, 1, number, **tomogram(512))
        (warm / f"{number:05d}.dcm").write_bytes(file_bytes(made))
    assert all(one.ok for one in busy.send(warm))
    busy.settle(600)
    small = tmp_path / "small"
    small.mkdir()
    for number in range(NUMBER):
        made = dataset(patient, 1 + number // 500, 1, number, AccessionNumber="")
        (small / f"{number:05d}.dcm").write_bytes(file_bytes(made))
    memory = Memory(busy, every_s=0.5)
    begin = time.time()
    sent = busy.send(small)
    end = time.time()
    memory.close()
    span = (end - begin) * FIRST
    early, late = memory.between(begin + span, begin + 2 * span), memory.between(end - span, end)
    found = changes(early, late, memory.between(begin, end), SERVICES)
    with capsys.disabled():
        print(f"\n{HEAD}\n" + "\n".join(one.line() for one in found))
        print(f"received in {end - begin:.0f} s, {NUMBER / (end - begin):.0f} a second")
    busy.settle(1800)
    known = {uid(patient + 1, 1, 1, number) for number in range(FULL)}
    figures = account(busy, known | {uid(patient, 1 + number // 500, 1, number) for number in range(NUMBER)})
    with capsys.disabled():
        print("\n".join(f"{name:<24}{value}" for name, value in figures.items()))

    assert [one for one in sent if not one.ok] == []
    assert restarts(busy) == started
    assert figures["lost"] == figures["duplicated"] == figures["unverified"] == 0
    assert figures["adds up"]
    assert [one.who for one in found if not one.flat] == []
