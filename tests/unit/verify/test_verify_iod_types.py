# SPDX-License-Identifier: Apache-2.0
"""A result is no less valid than its original."""

from __future__ import annotations

import pytest
from pydicom.dataset import Dataset


@pytest.mark.parametrize(
    ("keyword", "code"),
    [
        ("PatientID", "type-2-missing"),
        ("PatientBirthDate", "type-2-missing"),
        ("AccessionNumber", "type-2-missing"),
        ("StudyInstanceUID", "type-1-missing"),
        ("Modality", "type-1-missing"),
        ("ImageType", "type-1-missing"),
    ],
)
def test_a_lost_attribute_that_the_iod_demands_is_found(pair, keyword, code):
    delattr(pair.result, keyword)
    assert code in pair.codes()


@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "Modality", "ImageType", "FrameOfReferenceUID"])
def test_an_emptied_type_1_attribute_is_found(pair, keyword):
    setattr(pair.result, keyword, "")
    assert "type-1-empty" in pair.codes()


def test_a_violation_that_the_original_has_already_is_none_of_ours(pair):
    for ds in (pair.original, pair.result):
        del ds.ImageType
        ds.Modality = ""
        del ds.PatientBirthDate
    assert pair.verdict().findings == ()


def test_a_lost_attribute_inside_a_sequence_is_found(pair):
    for ds in (pair.original, pair.result):
        code = Dataset()
        code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "T-1", "99X", "m"
        ds.ProcedureCodeSequence = [code]
    del pair.result.ReferencedImageSequence[0].ReferencedSOPInstanceUID
    assert {"type-1-missing"} <= pair.codes()


def test_an_optional_module_counts_when_the_original_has_it_whole(pair):
    for ds in (pair.original, pair.result):
        ds.ClinicalTrialSponsorName = "Sponsor Zero"
        ds.ClinicalTrialProtocolID = "Protocol Zero"
        ds.ClinicalTrialProtocolName = ""
        ds.ClinicalTrialSiteID = ds.ClinicalTrialSiteName = ""
        ds.ClinicalTrialSubjectID = "Subject Zero"
    pair.result.ClinicalTrialSponsorName = "S1"
    pair.result.ClinicalTrialSubjectID = "S2"
    del pair.result.ClinicalTrialProtocolID
    assert ("type-1-missing", "(0012,0020) ClinicalTrialProtocolID") in pair.found()


def test_an_optional_module_that_the_original_has_in_part_does_not_count(pair):
    pair.original.ClinicalTrialProtocolID = "Protocol Zero"
    assert pair.verdict().findings == ()


def test_a_sop_class_of_no_table_is_no_reason_to_fail(pair):
    for ds in (pair.original, pair.result):
        ds.SOPClassUID = "1.2.840.10008.5.1.4.99.1"
    del pair.result.PatientBirthDate
    assert pair.verdict().findings == ()
