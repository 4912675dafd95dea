# SPDX-License-Identifier: Apache-2.0
"""A gigabyte in one instance goes through, and the worker's processes take at most 3.5 times its size together."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
from pydicom.uid import XRayAngiographicImageStorage
from tests.data.instances import dataset, file_bytes, uid
from tests.integration.faults.account import account
from tests.soak.memory import HEAD, MB, SERVICES, Memory, changes, restarts
from tests.soak.pictures import body, radiograph

FRAMES, SIDE = 1908, 512
TIMES = 3.5
WARMING = 16


def test_a_gigabyte_goes_through_with_bounded_memory(busy, tmp_path, capsys):
    started = restarts(busy)
    patient = time.time_ns() // 1_000_000 % 10**9 + 3 * 10**9
    path = tmp_path / "large.dcm"
    size = write_large(path, patient)
    # Every process of the worker has read text before, and has its networks.
    warming = tmp_path / "warming"
    warming.mkdir()
    for number in range(WARMING):
        made = dataset(patient + 1, 1, 1, number, AccessionNumber="", **radiograph())
        (warming / f"{number}.dcm").write_bytes(file_bytes(made))
    busy.send(warming)
    busy.settle(600)
    memory = Memory(busy, every_s=0.1)
    time.sleep(2)
    begin = time.time()
    [sent] = busy.send(path)
    busy.settle(600)
    time.sleep(2)
    memory.close()

    found = changes(memory.samples[:5], memory.samples[-5:], memory.samples, SERVICES)
    figures = account(busy, {uid(patient, 1, 1, 1)})
    worker = max(one.of("worker") for one in memory.samples)
    with capsys.disabled():
        print(f"\n{HEAD}\n" + "\n".join(one.line() for one in found if one.who in SERVICES))
        print(f"{size / MB:.0f} MB in {time.time() - begin:.0f} s; worker {worker / size:.2f} times the size")

    assert size > 1000 * MB
    assert sent.ok
    assert figures["delivered"] == 1
    assert restarts(busy) == started
    assert worker <= TIMES * size


def write_large(path: Path, patient: int) -> int:
    """Write an angiography of many frames; its size. Each frame differs, and the file is never in memory as a whole."""
    frame = (body(SIDE, SIDE) * 2000).astype("<u2")
    made = dataset(
        patient, 1, 1, 1, XRayAngiographicImageStorage,
        AccessionNumber="", Modality="XA", ImageType=["ORIGINAL", "PRIMARY", "SINGLE PLANE"],
        Rows=SIDE, Columns=SIDE, BitsStored=12, HighBit=11,
        NumberOfFrames=FRAMES, FrameTime="33", FrameIncrementPointer=0x00181063, PixelData=b"",
    )  # fmt: skip
    head = file_bytes(made)
    with path.open("wb") as file:
        file.write(head[:-4] + (FRAMES * frame.nbytes).to_bytes(4, "little"))
        for number in range(FRAMES):
            file.write(np.roll(frame, number, 0).tobytes())
    return path.stat().st_size
