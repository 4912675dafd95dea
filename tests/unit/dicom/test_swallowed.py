# SPDX-License-Identifier: Apache-2.0
"""Elements that a too large length made a part of bulk data are seen."""

import random
import struct

import pytest

from deidgate.dicom.swallowed import holds_elements


def explicit(tag: int, vr: bytes, value: bytes) -> bytes:
    return struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr + struct.pack("<H", len(value)) + value


def implicit(tag: int, value: bytes) -> bytes:
    return struct.pack("<HHL", tag >> 16, tag & 0xFFFF, len(value)) + value


SWALLOWED = [
    explicit(0x00100010, b"PN", b"Doe^Jane"),
    explicit(0x00100020, b"LO", b"HOSP-1"),
    explicit(0x00080090, b"PN", b"M\xc3\xbcller "),
    implicit(0x00100010, b"Doe^Jane"),
    implicit(0x00080050, b"ACC12345"),
]


@pytest.mark.parametrize("inside", SWALLOWED)
@pytest.mark.parametrize("before", [0, 2, 4096])
def test_an_element_inside_a_value_is_seen_wherever_it_begins(inside, before):
    assert holds_elements(b"\7" * before + inside + b"\7" * 10)


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"Doe^Jane",
        explicit(0x00100010, b"PN", b"Doe^Jane")[:10],  # cut off
        explicit(0x00100010, b"LO", b"Doe^Jane"),  # a VR that the attribute does not have
        explicit(0x00100010, b"PN", b"\1\2\3\4\5\6\7\x08"),  # no text
        bytes(range(256)) * 100,
    ],
)
def test_other_bytes_are_no_elements(value):
    assert not holds_elements(value)


def test_chance_makes_no_elements():
    chance = random.Random(1)
    assert not any(holds_elements(chance.randbytes(1 << 20)) for _ in range(8))
