# SPDX-License-Identifier: Apache-2.0
"""No parser sees bytes whose lengths lie."""

import struct
import zlib

import pytest
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
)
from tests.data.instances import dataset, elements, file_bytes

from deidgate.dicom.structure import MAX_DEPTH, check_structure, layout
from deidgate.errors import CannotDeidentify

ITEM, ITEM_END, SEQUENCE_END = b"\xfe\xff\x00\xe0", b"\xfe\xff\x0d\xe0", b"\xfe\xff\xdd\xe0"


def element(tag: int, vr: str, value: bytes, length: int | None = None) -> bytes:
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr.encode()
    length = len(value) if length is None else length
    if vr in ("OB", "OW", "SQ", "UN", "UT", "UC"):
        return head + b"\0\0" + struct.pack("<L", length) + value
    return head + struct.pack("<H", length) + value


def item(content: bytes, length: int | None = None) -> bytes:
    return ITEM + struct.pack("<L", len(content) if length is None else length) + content


def file_of(content: bytes, syntax: str = ExplicitVRLittleEndian) -> bytes:
    uid = syntax.encode() + b"\0" * (len(syntax) % 2)
    return b"\0" * 128 + b"DICM" + element(0x00020010, "UI", uid) + content


def refused(data: bytes, *, whole: bool = False) -> tuple[str, str]:
    with pytest.raises(CannotDeidentify) as error:
        check_structure(data, whole=whole)
    return error.value.code, error.value.path


NAME = element(0x00100010, "PN", b"Doe^Jane")
SEQUENCE = 0x00081140


@pytest.mark.parametrize(
    "syntax",
    [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian],
)
def test_a_true_file_passes_in_every_encoding(syntax):
    made = dataset(ReferencedImageSequence=[elements(ReferencedSOPInstanceUID="1.2.3")] * 2)
    check_structure(file_bytes(made, syntax), whole=True)


@pytest.mark.parametrize("length", [None, 0xFFFFFFFF])
def test_items_and_sequences_of_both_kinds_of_length_pass(length):
    ending = (ITEM_END + b"\0" * 4) if length else b""
    content = item(NAME + ending, length)
    closing = (SEQUENCE_END + b"\0" * 4) if length else b""
    check_structure(file_of(element(SEQUENCE, "SQ", content + closing, length)), whole=True)


@pytest.mark.parametrize(
    "data", [b"", b"DICM", b"\0" * 200, b"\0" * 128 + b"DICX" + b"\0" * 40, b"%PDF-1.7" + b"x" * 300]
)
def test_what_is_not_dicom_is_refused(data):
    assert refused(data) == ("not-dicom", "")


@pytest.mark.parametrize("syntax", ["", "1.2.840.113619.5.2", "1.2.840.10008.5.1.4.1.1.2", "Jane Doe"])
def test_a_transfer_syntax_that_is_none_is_refused(syntax):
    assert refused(file_of(NAME, syntax))[0] == "transfer-syntax-unknown"


@pytest.mark.parametrize(
    ("content", "code", "path"),
    [
        (element(0x00100010, "PN", b"Doe^Jane", 200), "length-beyond-end", "(0010,0010) PatientName"),
        (element(0x00100010, "ZZ", b"Doe^Jane"), "unknown-vr", "(0010,0010) PatientName"),
        (element(0x00100010, "PN", b"Doe^Jane") * 2, "elements-out-of-order", "(0010,0010) PatientName"),
        (NAME + element(0x00080060, "CS", b"CT"), "elements-out-of-order", "(0008,0060) Modality"),
        (element(SEQUENCE, "SQ", NAME), "sequence-without-item", "(0008,1140) ReferencedImageSequence"),
        (element(SEQUENCE, "SQ", item(NAME, 90)), "length-beyond-end", "(0008,1140) ReferencedImageSequence"),
        (element(SEQUENCE, "SQ", item(NAME, len(NAME) - 2)), "length-beyond-end", "PatientName"),
        (element(SEQUENCE, "SQ", item(NAME), len(item(NAME)) + 4) + b"\0" * 4, "length-beyond-end", "ReferencedImage"),
        (element(0x00100010, "UT", b"Doe", 0xFFFFFFFF), "undefined-length", "(0010,0010) PatientName"),
        (ITEM + b"\0" * 4, "item-outside-sequence", "(FFFE,E000)"),
        (SEQUENCE_END + b"\0" * 4, "item-outside-sequence", "(FFFE,E0DD)"),
        (element(SEQUENCE, "SQ", item(NAME), 0xFFFFFFFF), "length-beyond-end", "ReferencedImageSequence"),
        (element(SEQUENCE, "SQ", SEQUENCE_END + b"\4\0\0\0", 0xFFFFFFFF), "delimiter-with-length", "ReferencedImage"),
        (element(0x00080005, "CS", b"ISO_IR 9"), "unknown-character-set", "(0008,0005) SpecificCharacterSet"),
        (NAME + b"\x20\x00\x10", "length-beyond-end", "PatientName"),
    ],
)
def test_a_lie_is_named_with_its_path(content, code, path):
    found = refused(file_of(content))
    assert found[0] == code
    assert path in found[1]
    assert "Doe" not in found[1]


def test_a_private_sequence_in_implicit_vr_is_walked_when_its_length_is_undefined():
    inner = struct.pack("<HHL", 0x0010, 0x0010, 500) + b"Doe^Jane"
    content = struct.pack("<HHL", 0x0009, 0x1001, 0xFFFFFFFF) + item(inner) + SEQUENCE_END + b"\0" * 4
    assert refused(file_of(content, ImplicitVRLittleEndian))[0] == "length-beyond-end"


def test_un_of_undefined_length_holds_items_in_implicit_vr():
    inner = struct.pack("<HHL", 0x0010, 0x0010, 8) + b"Doe^Jane"
    check_structure(file_of(element(0x00091001, "UN", item(inner) + SEQUENCE_END + b"\0" * 4, 0xFFFFFFFF)), whole=True)


def test_sequences_a_thousand_deep_are_refused_without_recursion():
    content = NAME
    for _ in range(3000):
        content = element(SEQUENCE, "SQ", item(content, 0xFFFFFFFF), 0xFFFFFFFF)
    assert refused(file_of(content))[0] == "sequence-too-deep"


def test_sequences_up_to_the_bound_pass():
    content = NAME
    for _ in range(MAX_DEPTH - 1):
        content = element(SEQUENCE, "SQ", item(content))
    check_structure(file_of(content), whole=True)


def test_a_large_text_passes():
    check_structure(file_of(element(0x00104000, "UT", b"x" * 400_000)), whole=True)


@pytest.mark.parametrize("cut", [0, 4, 8])
def test_a_header_that_was_fetched_alone_passes_and_is_no_whole_file(cut):
    data = file_bytes(dataset())
    at = data.index(b"\xe0\x7f\x10\x00")
    check_structure(data[: at + 12 + cut - 4] if cut else data[:at])
    if cut:
        assert refused(data[: at + 12 + cut - 4], whole=True)[0] == "length-beyond-end"


def test_pixel_data_shorter_than_it_claims_is_refused_in_a_whole_file():
    assert refused(file_bytes(dataset())[:-2], whole=True) == ("length-beyond-end", "(7FE0,0010) PixelData")


def test_fragments_are_followed_to_their_end():
    fragments = item(b"") + item(b"\xff\xd8\xff\xd9")
    pixel_data = element(0x7FE00010, "OB", fragments + SEQUENCE_END + b"\0" * 4, 0xFFFFFFFF)
    data = file_of(NAME + pixel_data, JPEGBaseline8Bit)
    check_structure(data, whole=True)
    assert layout(data + element(0xFFFCFFFC, "OB", b"Doe^")).end == len(data)
    assert refused(data[:-8], whole=True)[0] == "length-beyond-end"
    lie = element(0x7FE00010, "OB", NAME + SEQUENCE_END + b"\0" * 4, 0xFFFFFFFF)
    assert refused(file_of(lie, JPEGBaseline8Bit))[0] == "fragment-unreadable"


def test_the_end_of_native_pixel_data_is_found_and_is_the_files_when_nothing_follows():
    data = file_bytes(dataset())
    assert layout(data).end == len(data)
    assert layout(data + element(0x7FE10010, "LO", b"ACME")).end == len(data)
    without = file_bytes(dataset(PixelData=None))
    assert (layout(without).pixel_data, layout(without).end) == (len(without), len(without))


def test_zeros_behind_the_last_element_are_no_element():
    check_structure(file_bytes(dataset()) + b"\0" * 500, whole=True)


def test_deflated_data_that_cannot_be_inflated_is_cut_off_or_inflates_without_end_is_refused(monkeypatch):
    assert refused(file_of(b"Doe^Jane" * 9, DeflatedExplicitVRLittleEndian))[0] == "deflated-data-unreadable"
    monkeypatch.setattr("deidgate.dicom.structure.MAX_INFLATED_BYTES", 1000)
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    whole = deflater.compress(element(0x00104000, "UT", b"x" * 100)) + deflater.flush()
    assert refused(file_of(whole[:-3], DeflatedExplicitVRLittleEndian))[0] == "deflated-data-unreadable"
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    bomb = deflater.compress(element(0x00104000, "UT", b"x" * 100_000)) + deflater.flush()
    assert refused(file_of(bomb, DeflatedExplicitVRLittleEndian))[0] == "deflated-data-too-large"
