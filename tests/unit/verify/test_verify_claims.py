# SPDX-License-Identifier: Apache-2.0
"""A result claims what was done, and no more."""

from __future__ import annotations

import pytest
from pydicom.dataset import Dataset
from tests.unit.verify.made import Outcome


def claim(pair, code: str, meaning: str) -> None:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code, "DCM", meaning
    pair.result.DeidentificationMethodCodeSequence.append(item)


@pytest.mark.parametrize(
    ("keyword", "tag"),
    [
        ("PatientIdentityRemoved", "(0012,0062)"),
        ("DeidentificationMethod", "(0012,0063)"),
        ("DeidentificationMethodCodeSequence", "(0012,0064)"),
        ("LongitudinalTemporalInformationModified", "(0028,0303)"),
    ],
)
def test_a_missing_claim_is_found(pair, keyword, tag):
    delattr(pair.result, keyword)
    assert ("claim-missing", tag) in pair.found()


@pytest.mark.parametrize("value", ["UNMODIFIED", "REMOVED"])
def test_a_claim_about_dates_that_contradicts_the_codes_is_found(pair, value):
    pair.result.LongitudinalTemporalInformationModified = value
    assert ("claim-wrong", "(0028,0303)") in pair.found()


def test_a_code_with_another_meaning_is_found(pair):
    pair.result.DeidentificationMethodCodeSequence[0].CodeMeaning = "Something"
    assert ("claim-code-wrong", "(0012,0064)[0]") in pair.found()


def test_a_code_that_is_claimed_twice_is_found(pair):
    claim(pair, "113100", "Basic Application Confidentiality Profile")
    assert ("claim-repeated", "(0012,0064)") in pair.found()


def test_a_result_without_the_basic_profile_is_found(pair):
    del pair.result.DeidentificationMethodCodeSequence[0]
    assert ("claim-missing", "(0012,0064)") in pair.found()


@pytest.mark.filterwarnings("ignore:The value length")
def test_a_method_that_is_too_long_or_repeated_is_found(pair):
    pair.result.DeidentificationMethod = ["Deidgate " + "x" * 60]
    assert ("claim-too-long", "(0012,0063)") in pair.found()
    pair.result.DeidentificationMethod = ["Deidgate a", "Deidgate a"]
    assert ("claim-repeated", "(0012,0063)") in pair.found()


def test_pixels_that_somebody_still_doubts_are_held(pair):
    assert ("pixels-uncertain", "(7FE0,0010)") in pair.found(Outcome("uncertain"))


def test_burned_in_annotation_no_needs_the_option(pair):
    pair.result.BurnedInAnnotation = "NO"
    assert ("claim-too-bold", "(0028,0301)") in pair.found()
    claim(pair, "113101", "Clean Pixel Data Option")
    assert pair.verdict(Outcome("clean")).findings == ()


def test_burned_in_annotation_yes_contradicts_a_removed_identity(pair):
    pair.original.BurnedInAnnotation = pair.result.BurnedInAnnotation = "YES"
    assert ("claim-contradicts", "(0028,0301)") in pair.found()


def test_a_lossy_image_stays_declared_as_one(pair):
    pair.original.LossyImageCompression = "01"
    pair.result.LossyImageCompression = "00"
    assert ("claim-wrong", "(0028,2110)") in pair.found()


def test_dates_that_somebody_else_has_removed_are_not_said_to_be_moved(pair):
    pair.original.LongitudinalTemporalInformationModified = "REMOVED"
    assert ("claim-wrong", "(0028,0303)") in pair.found()
    pair.result.LongitudinalTemporalInformationModified = "REMOVED"
    assert pair.verdict().findings == ()
