# SPDX-License-Identifier: Apache-2.0
"""Broken files end as a result or as a hold, and never as a bug."""

from __future__ import annotations

import random
from io import BytesIO

import pytest
from pydicom import dcmread
from tests.data.policies import PSEUDONYMS, SHIPPED, shipped
from tests.data.rich import rich_files

from deidgate.apply.elements import apply
from deidgate.apply.rest import modify_request
from deidgate.dicom.structure import check_structure
from deidgate.errors import CannotDeidentify
from deidgate.plan.planner import plan

SEEDS = [data for name, data in rich_files() if "1.99" not in name]
WORDS = (
    b"SQ",
    b"UN",
    b"OB",
    b"PN",
    b"DA",
    b"DS",
    b"US",
    b"FD",
    b"AT",
    b"UT",
    b"\xff\xff",
    b"\xff\xff\xff\xff",
    b"\0\0\0\0",
)


def mutated(chance: random.Random) -> bytes:
    """One of the files with a few bytes changed, taken out, put in or cut off before its pixels."""
    data = bytearray(chance.choice(SEEDS))
    end = data.find(b"\xe0\x7f\x10\x00")
    end = end if end > 0 else len(data)
    for _ in range(chance.choice((1, 1, 2, 4, 8))):
        at, other = chance.randrange(132, end), chance.randrange(132, end)
        kind = chance.randrange(10)
        if kind < 5:
            data[at] = chance.randrange(256)
        elif kind < 7:
            word = chance.choice(WORDS)
            data[at : at + len(word)] = word
        elif kind < 8:
            del data[at : at + chance.randrange(1, 30)]
        elif kind < 9:
            data[at:at] = data[other : other + chance.randrange(1, 60)]
        else:
            return bytes(data[:at])
        end = min(end, len(data))
    return bytes(data)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seed", range(20))
def test_a_broken_file_is_held_or_gives_a_true_file(seed):
    chance = random.Random(seed)
    results = 0
    for _ in range(50):
        data = mutated(chance)
        policy = shipped(chance.choice(SHIPPED))
        try:
            check_structure(data)
            dataset = dcmread(BytesIO(data))
            made = plan(dataset, policy, PSEUDONYMS)
            modify_request(made, dataset)
            result = apply(dataset, made)
        except CannotDeidentify as held:
            assert held.code
            continue
        target = BytesIO()
        result.save_as(target, enforce_file_format=True)
        check_structure(target.getvalue())
        results += 1
    assert results > 0
