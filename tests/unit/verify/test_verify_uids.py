# SPDX-License-Identifier: Apache-2.0
"""References still meet what they pointed at, and nothing else."""

from __future__ import annotations

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence


def reference(uid: str) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    item.ReferencedSOPInstanceUID = uid
    return item


def refer(pair, originals: list[str], results: list[str]) -> None:
    pair.original.SourceImageSequence = Sequence([reference(uid) for uid in originals])
    pair.result.SourceImageSequence = Sequence([reference(uid) for uid in results])


def test_the_same_uid_in_two_places_becomes_the_same_new_uid(pair):
    refer(pair, ["1.2.826.0.1.999.4.2"], ["2.25.1002"])
    assert pair.verdict().findings == ()


def test_a_reference_that_resolves_differently_in_two_places_is_found(pair):
    refer(pair, ["1.2.826.0.1.999.4.2"], ["2.25.7777"])
    assert {code for code, _ in pair.found()} == {"uid-not-consistent"}


def test_two_uids_that_became_one_are_found(pair):
    refer(pair, ["1.2.826.0.1.999.4.8"], ["2.25.1002"])
    assert {code for code, _ in pair.found()} == {"uid-not-unique"}


def test_a_reference_to_the_instance_itself_follows_it(pair):
    refer(pair, ["1.2.826.0.1.999.4.1"], ["2.25.4242"])
    assert "uid-not-consistent" in pair.codes()


def test_an_original_uid_that_stayed_is_found(pair):
    refer(pair, ["1.2.826.0.1.999.4.9"], ["1.2.826.0.1.999.4.9"])
    assert {"uid-left", "row-not-met"} <= pair.codes()


def test_an_original_uid_in_another_place_is_found(pair):
    refer(pair, ["1.2.826.0.1.999.4.9"], ["1.2.826.0.1.999.4.1"])
    assert "uid-left" in pair.codes()


@pytest.mark.parametrize("uid", ["2.25.01", "2.25.1.", "2.25.x1", "2.25." + "9" * 70])
@pytest.mark.filterwarnings("ignore:Invalid value for VR UI", "ignore:The value length")
def test_a_new_uid_that_is_none_is_found(pair, uid):
    refer(pair, ["1.2.826.0.1.999.4.9"], [uid])
    assert "uid-malformed" in pair.codes()


def test_a_uid_of_the_standard_that_changed_is_found(pair):
    for ds, uid in ((pair.original, "1.2.840.10008.1.4.1.1"), (pair.result, "2.25.88")):
        ds.SynchronizationFrameOfReferenceUID = uid
    assert "standard-uid-changed" in pair.codes()


def test_a_sop_class_that_changed_is_found(pair):
    pair.result.ReferencedImageSequence[0].ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.4"
    assert "kept-value-changed" in pair.codes()


def test_uids_may_stay_when_that_is_claimed(pair):
    for keyword in ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"):
        setattr(pair.result, keyword, getattr(pair.original, keyword))
    pair.result.ReferencedImageSequence = pair.original.ReferencedImageSequence
    claimed = Dataset()
    claimed.CodeValue, claimed.CodingSchemeDesignator, claimed.CodeMeaning = "113110", "DCM", "Retain UIDs Option"
    pair.result.DeidentificationMethodCodeSequence.append(claimed)
    assert pair.verdict().findings == ()


def test_a_uid_made_of_a_sop_class_uid_a_date_and_a_number_is_looked_for(pair):
    kept = "1.2.840.10008.5.1.4.1.1.2.20010705101500.4711"
    refer(pair, [kept], [kept])
    assert {"uid-left", "row-not-met"} <= set(pair.codes())


def test_a_uid_that_the_standard_registers_may_stay(pair):
    refer(pair, ["1.2.840.10008.1.5.1"], ["1.2.840.10008.1.5.1"])
    assert pair.verdict().findings == ()
