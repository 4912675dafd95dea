# SPDX-License-Identifier: Apache-2.0
"""Nothing hides in the corners of a file."""

from __future__ import annotations

import struct

import pytest
from pydicom.dataset import Dataset


def test_a_preamble_with_anything_in_it_is_found(pair):
    assert pair.codes(edit=lambda data: b"QUILL" + data[5:]) == {"preamble-not-zero"}


def test_bytes_behind_the_last_element_are_found(pair):
    assert pair.codes(edit=lambda data: data + b"hidden") == {"bytes-left-over"}


@pytest.mark.parametrize(
    "keyword", ["SourceApplicationEntityTitle", "SendingApplicationEntityTitle", "ReceivingApplicationEntityTitle"]
)
def test_an_ae_title_in_the_file_meta_information_is_found(pair, keyword):
    setattr(pair.result.file_meta, keyword, "ANYWHERE")
    assert pair.codes() == {"file-meta-extra"}


def test_private_information_in_the_file_meta_information_is_found(pair):
    pair.result.file_meta.PrivateInformationCreatorUID = "1.2.3.4.5"
    pair.result.file_meta.PrivateInformation = b"abcd"
    assert pair.codes() == {"file-meta-extra"}


def test_a_file_meta_uid_that_is_not_the_datasets_is_found(pair):
    def edit(data: bytes) -> bytes:
        return data.replace(b"2.25.1001", b"2.25.1007", 1)

    assert "file-meta-differs" in pair.codes(edit=edit)


def test_a_wrong_group_length_is_found(pair):
    assert pair.codes(edit=lambda data: data[:140] + struct.pack("<I", 7) + data[144:]) == {"file-meta-length-wrong"}


def test_a_private_element_without_its_creator_is_found(pair):
    pair.result.add_new(0x20031001, "LO", "x")
    assert ("private-without-creator", "(2003,1001)") in pair.found()


def test_a_private_element_whose_block_is_reserved_elsewhere_is_found(pair):
    nested = pair.result.ReferencedImageSequence[0]
    pair.original.ReferencedImageSequence[0].add_new(0x20011002, "IS", "3")
    nested.add_new(0x20011002, "IS", "3")
    assert "private-without-creator" in pair.codes()


def test_an_element_that_no_dictionary_knows_is_found(pair):
    for ds in (pair.original, pair.result):
        ds.add_new(0x00101F33, "LO", "x")
    assert ("unknown-element", "(0010,1F33)") in pair.found()


def test_a_known_element_with_another_vr_is_found(pair):
    proper = struct.pack("<HH2sH", 0x18, 0x50, b"DS", 4)
    as_text = struct.pack("<HH2sH", 0x18, 0x50, b"LO", 4)
    assert ("vr-wrong", "(0018,0050) SliceThickness") in pair.found(edit=lambda data: data.replace(proper, as_text))


def test_a_group_length_in_the_dataset_is_found(pair):
    # pydicom does not write group lengths, so it goes in by hand, before the first element of the dataset.
    length = struct.pack("<HH2sHI", 8, 0, b"UL", 4, 100)
    at = struct.pack("<HH2sH", 8, 5, b"CS", 10)
    assert "group-length-left" in pair.codes(edit=lambda data: data.replace(at, length + at, 1))


def test_an_unknown_character_set_is_found(pair):
    pair.original.SpecificCharacterSet = pair.result.SpecificCharacterSet = "ISO_IR 999"
    with pytest.warns(UserWarning):
        assert "charset-unknown" in pair.codes()


def test_an_added_element_is_found(pair):
    pair.result.FilterType = "NONE"
    assert pair.found() == {("element-added", "(0018,1160) FilterType")}


def test_an_added_item_is_found(pair):
    pair.original.ViewCodeSequence = [Dataset()]
    pair.result.ViewCodeSequence = [Dataset(), Dataset()]
    assert ("items-changed", "(0054,0220) ViewCodeSequence") in pair.found()


def test_a_kept_number_that_changed_is_found(pair):
    pair.result.KVP = "999"
    assert pair.found() == {("kept-value-changed", "(0018,0060) KVP")}
