# SPDX-License-Identifier: Apache-2.0
"""Ways in which a file gets broken; the same for the same seed."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable

Mutation = Callable[[bytes, random.Random], bytes]

_VRS = [b"AE", b"SQ", b"UN", b"OB", b"UT", b"LO", b"US", b"QQ", b"\0\0", b"DS", b"PN", b"OW", b"UI"]
_LENGTHS = [0, 1, 2, 0xFFFE, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF]


def _at(data: bytes, chance: random.Random) -> int:
    # Mostly in the header, where decisions are made.
    limit = len(data) if chance.random() < 0.2 else min(len(data), 4096)
    return chance.randrange(128, max(limit, 129))


def flip(data: bytes, chance: random.Random) -> bytes:
    at = _at(data, chance)
    return data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :] if at < len(data) else data


def truncate(data: bytes, chance: random.Random) -> bytes:
    return data[: _at(data, chance)]


def delete(data: bytes, chance: random.Random) -> bytes:
    at = _at(data, chance)
    return data[:at] + data[at + chance.randrange(1, 40) :]


def repeat(data: bytes, chance: random.Random) -> bytes:
    at = _at(data, chance)
    size = chance.randrange(1, 200)
    return data[:at] + data[at : at + size] * chance.choice([2, 3, 50]) + data[at + size :]


def insert(data: bytes, chance: random.Random) -> bytes:
    at = _at(data, chance)
    return data[:at] + chance.randbytes(chance.randrange(1, 24)) + data[at:]


def swallow(data: bytes, chance: random.Random) -> bytes:
    """A length that is not true."""
    at = _at(data, chance)
    if chance.random() < 0.5:
        return data[:at] + struct.pack("<H", chance.choice(_LENGTHS) & 0xFFFF) + data[at + 2 :]
    return data[:at] + struct.pack("<I", chance.choice(_LENGTHS)) + data[at + 4 :]


def other_vr(data: bytes, chance: random.Random) -> bytes:
    """A fabricated VR, where one stands."""
    head = data[:4096]
    places = [at for at in range(132, len(head)) if head[at : at + 2].isalpha() and head[at : at + 2].isupper()]
    if not places:
        return data
    at = chance.choice(places)
    return data[:at] + chance.choice(_VRS) + data[at + 2 :]


def delimiter(data: bytes, chance: random.Random) -> bytes:
    """An item or a delimiter out of place."""
    at = _at(data, chance)
    number = chance.choice([0xE000, 0xE00D, 0xE0DD])
    return data[:at] + struct.pack("<HHI", 0xFFFE, number, chance.choice(_LENGTHS)) + data[at:]


def splice(data: bytes, chance: random.Random) -> bytes:
    """One part of the file over another."""
    at, source = _at(data, chance), _at(data, chance)
    piece = data[source : source + chance.randrange(8, 300)]
    return data[:at] + piece + data[at + len(piece) :]


MUTATIONS: tuple[Mutation, ...] = (flip, truncate, delete, repeat, insert, swallow, other_vr, delimiter, splice)


def mutated(data: bytes, seed: int) -> bytes:
    """`data` broken in one to three ways."""
    chance = random.Random(seed)
    for _ in range(chance.choice([1, 1, 2, 3])):
        data = chance.choice(MUTATIONS)(data, chance)
    return data
