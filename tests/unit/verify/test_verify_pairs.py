# SPDX-License-Identifier: Apache-2.0
"""Every original and every result is accounted for when two folders are compared."""

from __future__ import annotations

from deidgate.verify.pairs import Pairing, pair, sop_instance_uid


def test_originals_meet_their_results_and_the_rest_is_named():
    found = pair({"a": "1.1", "b": "1.2", "c": "1.3"}, {"x": "2.1", "y": "2.9"}, {"1.1": "2.1", "1.2": "2.2"})
    assert found == Pairing((("a", "x"),), ("b", "c"), ("y",))


def test_two_results_with_one_uid_are_both_unexpected():
    found = pair({"a": "1.1"}, {"x": "2.1", "y": "2.1"}, {"1.1": "2.1"})
    assert found == Pairing((), ("a",), ("x", "y"))


def test_files_without_a_uid_pair_with_nothing():
    assert pair({"a": ""}, {"x": ""}, {"": ""}) == Pairing((), ("a",), ("x",))


def test_the_uid_is_read_from_the_bytes(pair):
    assert sop_instance_uid(pair.result_bytes()) == "2.25.1001"
    assert sop_instance_uid(b"no DICOM") == ""
