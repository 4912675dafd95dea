# SPDX-License-Identifier: Apache-2.0
"""Broken files: no crash, no hang, and nothing delivered that could not be read.

The seeds are fixed, so that a failure happens again; `DEIDGATE_FUZZ_ROUNDS` makes the run longer.
"""

from __future__ import annotations

import os
import re
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from tests.fuzz.mutate import mutated
from tests.property.datasets import minimal, to_bytes
from tests.property.engine import deidentify, policy

from deidgate.dicom.structure import check_structure
from deidgate.errors import CannotDeidentify
from deidgate.verify.gate import verify
from deidgate.verify.walk import UnreadableError, walk

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(300)]

ROUNDS = int(os.environ.get("DEIDGATE_FUZZ_ROUNDS", "60"))
# Small files of every form: explicit, implicit, big endian, deflated, encapsulated, sequences, private, SR, RT.
NAMES = (
    "CT_small.dcm",
    "MR_small.dcm",
    "MR_small_bigendian.dcm",
    "MR_small_implicit.dcm",
    "MR_small_RLE.dcm",
    "MR_small_jp2klossless.dcm",
    "SC_rgb_jpeg_dcmtk.dcm",
    "image_dfl.dcm",
    "rtplan.dcm",
    "rtdose_1frame.dcm",
    "reportsi.dcm",
    "test-SR.dcm",
    "priv_SQ.dcm",
    "waveform_ecg.dcm",
    "nested_priv_SQ.dcm",
    "UN_sequence.dcm",
)


def source(name: str) -> bytes:
    path = get_testdata_file(name, download=False)
    assert isinstance(path, str), name
    return Path(path).read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_a_broken_file_is_held_or_delivered_readable(name: str) -> None:
    data = source(name)
    chosen = policy("longitudinal")
    ends = {"held": 0, "gate": 0, "delivered": 0}
    for seed in range(ROUNDS):
        broken = mutated(data, seed)
        try:
            plan, result = deidentify(broken, chosen)
        except CannotDeidentify:
            ends["held"] += 1
            continue
        if verify(broken, result, plan).ok:
            ends["delivered"] += 1
            # What leaves is whole: every byte accounted for, every value one that another reader can decode.
            check_structure(result, whole=True)
            for element in dcmread(BytesIO(result)).iterall():
                assert element.value is not None or element.is_empty
        else:
            ends["gate"] += 1
    assert ends["held"] + ends["gate"] > 0


@pytest.mark.parametrize("name", NAMES)
def test_the_gate_survives_any_bytes_on_either_side(name: str) -> None:
    data = source(name)
    for seed in range(ROUNDS):
        broken = mutated(data, seed + 10_000)
        assert not verify(data, broken).ok
        verify(broken, data)


def test_a_broken_result_never_passes() -> None:
    ds = minimal("Quillfeather^Ursa", "QF-774120")
    ds.SeriesDescription = "CHEST"
    original = to_bytes(ds)
    plan, result = deidentify(original, policy("longitudinal"))
    assert verify(original, result, plan).ok
    harmless = 0
    for seed in range(ROUNDS * 20):
        broken = mutated(result, seed)
        if broken == result:
            continue
        if verify(original, broken, plan).ok:
            harmless += 1
            assert without_writer_and_mark(result) == without_writer_and_mark(broken)
    assert harmless < ROUNDS * 2


def without_writer_and_mark(data: bytes) -> bytes:
    """All but what carries nothing: which program wrote the file, and the place for the signature."""
    version = data.index(b"\x02\x00\x13\x00SH")
    length = int.from_bytes(data[version + 6 : version + 8], "little")
    class_uid = data.index(b"\x02\x00\x12\x00UI")
    data = data[: class_uid + 8] + data[version : version + 8] + data[version + 8 + length :]
    # A UID may be padded by a space, which readers take as they take NUL.
    data = data.replace(b" \x08\0\x18\0UI", b"\0\x08\0\x18\0UI")
    return re.sub(rb"(Deidgate mark [12]/2 )[A-Za-z0-9_-]{43}", rb"\1", data)


def test_every_prefix_of_a_file_is_refused_or_read_without_crash() -> None:
    data = to_bytes(minimal("Quillfeather^Ursa", "QF-774120"))
    for size in range(len(data)):
        try:
            deidentify(data[:size], policy("basic"))
        except CannotDeidentify:
            continue
        # Cut between two elements, a file is a shorter file.
        assert walk(data[:size]).faults == []


def test_two_readers_agree_on_which_files_are_whole() -> None:
    """The structure check before and the gate's own reader after know the same files as readable."""
    data = source("CT_small.dcm")
    for seed in range(ROUNDS * 10):
        broken = mutated(data, seed)
        try:
            check_structure(broken, whole=True)
        except CannotDeidentify:
            continue
        try:
            walk(broken)
        except UnreadableError as unreadable:
            raise AssertionError(f"seed {seed}: {unreadable.code}") from None
