# SPDX-License-Identifier: Apache-2.0
"""Ten thousand tiny instances in one association: the memory of ingest is flat, and everything has its end."""

from __future__ import annotations

import time

from tests.data.instances import dataset, file_bytes, uid
from tests.integration.faults.account import account
from tests.soak.memory import HEAD, Memory, changes, restarts

NUMBER = 10_000
FIRST = 0.2
"""Share of the instances after which ingest is warm."""
SERVICES = ("gate-dicom", "ingest")


def test_ten_thousand_small_instances_in_one_association_leave_ingest_flat(busy, tmp_path, capsys):
    started = restarts(busy)
    patient = time.time_ns() // 1_000_000 % 10**9 + 2 * 10**9
    for number in range(NUMBER):
        made = dataset(patient, 1 + number // 500, 1, number, AccessionNumber="")
        (tmp_path / f"{number:05d}.dcm").write_bytes(file_bytes(made))
    memory = Memory(busy, every_s=0.5)
    begin = time.time()
    sent = busy.send(tmp_path)
    end = time.time()
    memory.close()
    span = (end - begin) * FIRST
    early, late = memory.between(begin + span, begin + 2 * span), memory.between(end - span, end)
    found = changes(early, late, memory.between(begin, end), SERVICES)
    with capsys.disabled():
        print(f"\n{HEAD}\n" + "\n".join(one.line() for one in found))
        print(f"received in {end - begin:.0f} s, {NUMBER / (end - begin):.0f} a second")
    busy.settle(1800)
    figures = account(busy, {uid(patient, 1 + number // 500, 1, number) for number in range(NUMBER)})
    with capsys.disabled():
        print("\n".join(f"{name:<24}{value}" for name, value in figures.items()))

    assert [one for one in sent if not one.ok] == []
    assert restarts(busy) == started
    assert figures["lost"] == figures["duplicated"] == figures["unverified"] == 0
    assert figures["adds up"]
    assert [one.who for one in found if not one.flat] == []
