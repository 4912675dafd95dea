# SPDX-License-Identifier: Apache-2.0
"""Small files that ask for much: held within the memory that their size allows."""

from __future__ import annotations

import struct
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
from tests.property.datasets import minimal, to_bytes
from tests.property.engine import deidentify, policy

from deidgate.errors import CannotDeidentify
from deidgate.verify.gate import verify

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(120)]

MEGABYTE = 1 << 20


def element(group: int, number: int, vr: bytes, value: bytes, length: int | None = None) -> bytes:
    size = len(value) if length is None else length
    if vr in (b"OB", b"OW", b"SQ", b"UN", b"UT"):
        return struct.pack("<HH2sHI", group, number, vr, 0, size) + value
    return struct.pack("<HH2sH", group, number, vr, size) + value


def item(value: bytes) -> bytes:
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(value)) + value


def with_element(added: bytes) -> bytes:
    """A valid image with `added` before its Pixel Data."""
    data = to_bytes(minimal("Quillfeather^Ursa", "QF-774120"))
    at = data.index(struct.pack("<HH2s", 0x7FE0, 0x10, b"OB"))
    return data[:at] + added + data[at:]


def nested(depth: int) -> bytes:
    body = b""
    for _ in range(depth):
        body = element(0x40, 0xA730, b"SQ", item(body))
    return body


def deflated(dataset: bytes) -> bytes:
    uid = b"1.2.840.10008.1.2.1.99"
    meta = element(2, 0x10, b"UI", uid)
    squeezed = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = squeezed.compress(dataset) + squeezed.flush()
    return b"\0" * 128 + b"DICM" + element(2, 0, b"UL", struct.pack("<I", len(meta))) + meta + body


BOMBS: dict[str, Callable[[], bytes]] = {
    "nested a thousand deep": lambda: with_element(nested(1000)),
    "nested ten thousand deep": lambda: with_element(nested(10_000)),
    "length beyond the file": lambda: with_element(element(0x32, 0x4000, b"LT", b"x", 0xFFFE)),
    "four gigabytes claimed": lambda: with_element(element(0x42, 0x11, b"OB", b"x", 0xFFFFFFFE)),
    "fabricated VR": lambda: with_element(element(0x32, 0x4000, b"ZZ", b"ab")),
    "items contradict their length": lambda: with_element(element(0x40, 0x275, b"SQ", item(b"")[:-2])),
    "deflated zeros": lambda: deflated(b"\0" * (64 * MEGABYTE)),
    "pixel data shorter than it claims": lambda: to_bytes(minimal("A^B", "C"))[:-5],
    "unknown character set": lambda: with_element(b"").replace(
        element(8, 8, b"CS", b"ORIGINAL\\PRIMARY\\AXIAL"),
        element(8, 5, b"CS", b"ISO_IR 999") + element(8, 8, b"CS", b"ORIGINAL\\PRIMARY\\AXIAL"),
    ),
}


@pytest.mark.parametrize("name", BOMBS)
def test_what_contradicts_itself_is_held_within_bounds(name: str) -> None:
    data = BOMBS[name]()
    tracemalloc.start()
    try:
        with pytest.raises(CannotDeidentify) as held:
            deidentify(data, policy("longitudinal"))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert held.value.code
    assert "Quillfeather" not in str(held.value)
    # A refusal costs a few copies of the file, plus what loading a policy and its tables takes; inflating is bounded
    # by `deidgate.dicom.structure.MAX_INFLATED_BYTES`.
    allowed = 160 * MEGABYTE if name == "deflated zeros" else 60 * MEGABYTE
    assert peak < 8 * len(data) + allowed


@pytest.mark.parametrize("name", BOMBS)
def test_the_gate_holds_it_too(name: str) -> None:
    data = BOMBS[name]()
    good = to_bytes(minimal("Quillfeather^Ursa", "QF-774120"))
    tracemalloc.start()
    try:
        assert not verify(good, data).ok
        assert not verify(data, good).ok
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 * len(data) + (160 if name == "deflated zeros" else 60) * MEGABYTE


def test_a_text_of_400_kilobytes_is_carried_or_held_in_bounded_memory() -> None:
    words = b"AXIAL T2 for Quillfeather 12.07.2003 MRN 774120 " * (400 * 1024 // 48)
    data = with_element(element(0x40, 0xA160, b"UT", words + b" " * (len(words) % 2)))
    tracemalloc.start()
    try:
        plan, result = deidentify(data, policy("longitudinal"))
        assert verify(data, result, plan).ok
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert b"Quillfeather" not in result
    assert peak < 100 * MEGABYTE


def test_ten_thousand_items_are_carried() -> None:
    sop_class, instance = b"1.2.840.10008.5.1.4.1.1.2\0", b"1.2.826.0.1.5\0"
    one = item(element(8, 0x1150, b"UI", sop_class) + element(8, 0x1155, b"UI", instance))
    data = with_element(b"").replace(
        element(0x10, 0x10, b"PN", b"Quillfeather^Ursa "),
        element(8, 0x114A, b"SQ", one * 10_000) + element(0x10, 0x10, b"PN", b"Quillfeather^Ursa "),
    )
    plan, result = deidentify(data, policy("longitudinal"))
    assert verify(data, result, plan).ok


def test_invalid_dates_never_pass_as_they_are() -> None:
    ds = minimal("Quillfeather^Ursa", "QF-774120")
    data = with_element(element(0x32, 0x1040, b"DA", b"20019945") + element(0x32, 0x1041, b"TM", b"99AB99"))
    assert ds.PatientID == "QF-774120"
    plan, result = deidentify(data, policy("longitudinal"))
    assert verify(data, result, plan).ok
    assert b"20019945" not in result
    assert b"99AB99" not in result
