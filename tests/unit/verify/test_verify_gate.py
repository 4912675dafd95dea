# SPDX-License-Identifier: Apache-2.0
"""A correct result passes; a finding never carries a value."""

from __future__ import annotations

from dataclasses import astuple

import pytest
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian

from deidgate.verify.gate import MAX_FINDINGS, verify


def test_a_correct_result_has_no_finding(pair):
    assert pair.verdict().findings == ()
    assert pair.verdict().ok


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, "1.2.840.10008.1.2.1.99"])
def test_a_correct_result_has_no_finding_in_any_native_transfer_syntax(pair, syntax):
    for ds in (pair.original, pair.result):
        ds.file_meta.TransferSyntaxUID = syntax
        # save_as encodes anew when the dataset says how it is encoded.
        ds.set_original_encoding(syntax == ImplicitVRLittleEndian, syntax != ExplicitVRBigEndian)
    if syntax == ExplicitVRBigEndian:
        for ds in (pair.original, pair.result):
            ds.PixelData = bytes(b for i in range(0, 512, 2) for b in ds.PixelData[i : i + 2][::-1])
    assert pair.verdict().findings == ()


def test_an_unchanged_copy_is_held(pair):
    pair.result = pair.original
    codes = pair.codes()
    assert {"name-left", "identifier-left", "uid-left", "row-not-met", "private-left", "file-meta-extra"} <= codes


def test_findings_carry_no_value_of_the_original(pair):
    pair.result = pair.original
    said = "\n".join(str(part) for f in pair.verdict().findings for part in (*astuple(f), f)).upper()
    for value in ("QUILLFEATHER", "WHITFIELD", "QF-774120", "ACC98213", "NORTHGATE", "1.2.826.0.1.999", "20010705"):
        assert value not in said


def test_findings_are_bounded(pair):
    pair.original.OtherPatientNames = [f"Surname{i:04}" for i in range(300)]
    pair.result.StudyDescription = " ".join(str(name) for name in pair.original.OtherPatientNames)
    for number in range(100):
        pair.result.add_new(0x00100000 + 0x21F1 + number, "LO", "x")
    assert len(pair.verdict().findings) <= MAX_FINDINGS


@pytest.mark.parametrize("data", [b"", b"DICM", b"\0" * 4096, b"\0" * 128 + b"DICM"])
def test_what_is_no_dicom_file_is_held_on_either_side(pair, data):
    good = pair.result_bytes()
    assert not verify(good, data).ok
    assert not verify(data, good).ok
