# SPDX-License-Identifier: Apache-2.0
"""Every byte is accounted for, and no file costs more than its size."""

from __future__ import annotations

import struct
import zlib

import pytest

from deidgate.verify import walk as walker
from deidgate.verify.walk import UnreadableError, walk

EXPLICIT, IMPLICIT, BIG, DEFLATED = (f"1.2.840.10008.1.2{end}" for end in (".1", "", ".2", ".1.99"))


def meta(syntax: str) -> bytes:
    uid = syntax.encode() + b"\0" * (len(syntax) % 2)
    element = struct.pack("<HH2sH", 2, 0x10, b"UI", len(uid)) + uid
    return b"\0" * 128 + b"DICM" + struct.pack("<HH2sHI", 2, 0, b"UL", 4, len(element)) + element


def explicit(group: int, number: int, vr: bytes, value: bytes, length: int | None = None) -> bytes:
    size = len(value) if length is None else length
    if vr in (b"OB", b"OW", b"SQ", b"UN", b"UT"):
        return struct.pack("<HH2sHI", group, number, vr, 0, size) + value
    return struct.pack("<HH2sH", group, number, vr, size) + value


def item(value: bytes, length: int | None = None) -> bytes:
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(value) if length is None else length) + value


END_ITEM = struct.pack("<HHI", 0xFFFE, 0xE00D, 0)
END_SEQUENCE = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
UNDEFINED = 0xFFFFFFFF
ID = explicit(0x10, 0x20, b"LO", b"ABCD")


def refused(dataset: bytes, syntax: str = EXPLICIT) -> str:
    with pytest.raises(UnreadableError) as caught:
        walk(meta(syntax) + dataset)
    return caught.value.code


def test_sequences_of_every_form_are_walked():
    inner = explicit(0x40, 0x7, b"LO", b"ab")
    for body in (
        explicit(0x40, 0x275, b"SQ", item(inner)),
        explicit(0x40, 0x275, b"SQ", item(inner) + END_SEQUENCE, UNDEFINED),
        explicit(0x40, 0x275, b"SQ", item(inner + END_ITEM, UNDEFINED) + END_SEQUENCE, UNDEFINED),
        explicit(0x40, 0x275, b"SQ", item(inner + END_ITEM, UNDEFINED)),
    ):
        parsed = walk(meta(EXPLICIT) + ID + body)
        assert [(e.tag, e.items) for e in parsed.elements] == [(0x00100020, None), (0x00400275, 1), (0x00400007, None)]
        assert parsed.value(parsed.elements[2]) == b"ab"
        assert parsed.elements[2].parents == ((0x00400275, 0),)
        assert parsed.faults == []


def test_a_sequence_whose_vr_was_lost_is_walked_as_implicit():
    inner = struct.pack("<HHI", 0x10, 0x20, 4) + b"ABCD"
    parsed = walk(meta(EXPLICIT) + explicit(0x9, 0x1001, b"UN", item(inner) + END_SEQUENCE, UNDEFINED))
    assert [e.tag for e in parsed.elements] == [0x00091001, 0x00100020]


def test_fragments_are_found():
    pixels = item(b"") + item(b"abcd") + item(b"ef") + END_SEQUENCE
    parsed = walk(meta("1.2.840.10008.1.2.5") + explicit(0x7FE0, 0x10, b"OB", pixels, UNDEFINED))
    (element,) = parsed.elements
    assert [parsed.data[a:b] for a, b in element.fragments] == [b"", b"abcd", b"ef"]


def test_big_endian_is_read():
    body = struct.pack(">HH2sH", 0x10, 0x20, b"LO", 4) + b"ABCD"
    (element,) = walk(meta(BIG) + body).elements
    assert element.tag == 0x00100020


@pytest.mark.parametrize(
    ("dataset", "code"),
    [
        (ID + b"\1\2\3", "bytes-left-over"),
        (explicit(0x10, 0x20, b"LO", b"ABCD", 400), "length-beyond-end"),
        (explicit(0x10, 0x20, b"QQ", b"ABCD"), "vr-unknown"),
        (explicit(0x40, 0x275, b"SQ", item(ID, 100)), "item-beyond-sequence"),
        (explicit(0x40, 0x275, b"SQ", item(ID, 6) + b"\0" * 8), "bytes-left-over"),
        (explicit(0x40, 0x275, b"SQ", ID), "item-expected"),
        (explicit(0x40, 0x275, b"SQ", item(ID), UNDEFINED), "sequence-not-closed"),
        (explicit(0x40, 0x275, b"SQ", item(ID, UNDEFINED), UNDEFINED), "delimiter-missing"),
        (explicit(0x40, 0x275, b"SQ", item(ID)[:-1]), "item-beyond-sequence"),
        (explicit(0x10, 0x20, b"UT", b"", UNDEFINED), "undefined-length-not-allowed"),
        (END_ITEM, "delimiter-out-of-place"),
        (item(ID), "delimiter-out-of-place"),
        (explicit(0x7FE0, 0x10, b"OB", item(b"") + item(b"abcd"), UNDEFINED), "fragments-not-closed"),
        (explicit(0x7FE0, 0x10, b"OB", END_SEQUENCE, UNDEFINED), "offset-table-missing"),
        (explicit(0x7FE0, 0x10, b"OB", item(b"") + ID + END_SEQUENCE, UNDEFINED), "fragment-expected"),
    ],
)
def test_bytes_that_contradict_each_other_are_refused(dataset, code):
    assert refused(dataset) == code


def test_an_overdeclared_length_that_swallows_the_next_element_and_stays_in_the_file_is_seen_by_what_follows():
    swallowing = explicit(0x10, 0x20, b"LO", b"ABCD", 4 + len(ID)) + ID + b"\0\0\0"
    assert refused(swallowing) == "bytes-left-over"


def test_a_thousand_nested_sequences_are_refused_without_recursion_error():
    body = b""
    for _ in range(1000):
        body = explicit(0x40, 0xA730, b"SQ", item(body))
    assert refused(body) == "nested-too-deep"


def test_the_number_of_elements_is_bounded(monkeypatch):
    monkeypatch.setattr(walker, "MAX_ELEMENTS", 10)
    assert refused(b"".join(explicit(0x10, 0x1000 + n, b"LO", b"") for n in range(12))) == "too-many-elements"


def test_a_deflated_stream_is_bounded(monkeypatch):
    monkeypatch.setattr(walker, "MAX_INFLATED_BYTES", 1 << 16)
    squeezed = zlib.compress(b"\0" * (1 << 20))[2:-4]
    assert refused(squeezed, DEFLATED) == "deflated-stream-too-large"


@pytest.mark.parametrize("cut", [5, -3])
def test_a_broken_deflated_stream_is_refused(cut):
    squeezed = zlib.compress(ID * 50)[2:-4]
    assert refused(squeezed[:cut], DEFLATED) == "deflated-stream-broken"


@pytest.mark.parametrize(
    ("dataset", "code"),
    [
        (ID + ID, "element-order"),
        (ID + explicit(0x8, 0x50, b"SH", b"AB"), "element-order"),
        (explicit(0x10, 0x20, b"LO", b"ABC"), "odd-length"),
        (struct.pack("<HH2sHI", 0x10, 0x4000, b"UT", 0x4142, 2) + b"AB", "reserved-bytes-used"),
    ],
)
def test_what_can_be_stepped_over_is_reported(dataset, code):
    assert [fault for fault, _ in walk(meta(EXPLICIT) + dataset).faults] == [code]


def test_bytes_behind_a_deflated_stream_are_reported():
    squeezed = zlib.compress(ID)[2:-4]
    assert walk(meta(DEFLATED) + squeezed + b"MARTIN").faults == [("bytes-behind-deflated-stream", "")]
    assert walk(meta(DEFLATED) + squeezed + b"\0").faults == []


def test_no_fault_carries_a_value():
    secret = explicit(0x10, 0x20, b"LO", b"SECRETS!", 900)
    with pytest.raises(UnreadableError) as caught:
        walk(meta(EXPLICIT) + secret)
    assert "SECRET" not in f"{caught.value} {caught.value.path}"
