# SPDX-License-Identifier: Apache-2.0
"""No identifier in the name of a result."""

import pytest

from deidgate.files.names import harmless, identifying_words, name_of_same_length, safe_name, token

KEY = b"key of a project"


@pytest.mark.parametrize(
    "name",
    [
        "IM000001",
        "IMG_0001.dcm",
        "ST000000",
        "series-12",
        "slice 4.dcm",
        "1-001.dcm",
        "sub-01",
        "CT",
        "T1",
        "left_breast.dcm",
    ],
)
def test_words_of_imaging_and_small_numbers_stay(name):
    assert harmless(name)
    assert safe_name(name, KEY) == name


@pytest.mark.parametrize(
    "name",
    [
        "DOE^JOHN", "Mueller_Maria", "smith.dcm", "19650321", "1965", "2021-03-04", "04.03.2021", "12345678.dcm",
        "MRN0012345",         "1.2.840.113619.2.5.1762583153", "12-3-1985", "Müller", "CT_Smith", ".hidden", "a" * 80,
        "john.doe@example.org", "=cmd",
    ],
)  # fmt: skip
def test_everything_else_becomes_a_token(name):
    assert not harmless(name)
    made = safe_name(name, KEY)
    assert made.partition(".")[0] == token(name, KEY)
    assert len(token(name, KEY)) == 8 and token(name, KEY).isalnum()


def test_a_token_is_the_same_over_runs_and_another_under_another_key():
    assert token("Doe", KEY) == token("Doe", KEY)
    assert token("Doe", KEY) != token("Doe", b"other")
    assert token("Doe", KEY) != token("Roe", KEY)


def test_the_extension_stays_only_if_it_is_a_known_one():
    assert safe_name("doe.dcm", KEY).endswith(".dcm")
    assert "." not in safe_name("archive.smith", KEY)
    assert safe_name("doe.nii.gz", KEY).endswith(".nii.gz")


def test_a_harmless_word_that_is_the_patients_name_goes():
    words = identifying_words(["CHEST^SAG"], [])
    assert safe_name("CHEST_1.dcm", KEY, words) != "CHEST_1.dcm"
    assert safe_name("CHEST_1.dcm", KEY) == "CHEST_1.dcm"


def test_a_small_number_that_is_the_patient_id_goes_and_another_stays():
    words = identifying_words([], ["7"])
    assert safe_name("007", KEY, words) != "007"
    assert safe_name("IM007", KEY, words) == "IM007"
    assert safe_name("008", KEY, words) == "008"


def test_the_number_of_a_record_goes_wherever_it_stands():
    words = identifying_words([], ["MRN0004711"])
    assert safe_name("IM4711.dcm", KEY, words) != "IM4711.dcm"
    assert safe_name("SE1", KEY, words) == "SE1"


@pytest.mark.parametrize(
    ("patient_id", "name"),
    [
        ("P07", "P07"),
        ("P07", "p7.dcm"),
        ("P07", "P_7"),
        ("S01", "S01_SE2"),
        ("12-34", "12-34"),
        ("12-34", "IM1234"),
        ("12.34", "12_34"),
        ("sub-12", "sub-12"),
        ("sub-12", "SUB12_ses-1"),
        ("MR12", "MR12.dcm"),
        ("MR12", "MR0012"),
        ("CT", "CT_1"),
        ("['P07', 'S01']", "S01"),
        ("0", "000"),
    ],
)
def test_a_name_that_is_or_holds_the_whole_identifier_goes(patient_id, name):
    assert harmless(name)
    made = safe_name(name, KEY, identifying_words([], [patient_id]))
    assert made.partition(".")[0] == token(name, KEY)


@pytest.mark.parametrize("name", ["IM1", "SE1", "S12", "sub-1", "MR1.dcm", "CT", "IM0712"])
@pytest.mark.parametrize("patient_id", ["P07", "S1", "07", "-", ""])
def test_a_short_identifier_does_not_take_the_names_of_all_files(patient_id, name):
    assert safe_name(name, KEY, identifying_words([], [patient_id])) == name


def test_names_that_are_no_unicode_are_handled():
    assert len(safe_name("caf\udce9", KEY)) == 8


@pytest.mark.parametrize("name", ["IM000001", "SE1", "ST 0.txt", "DICOM", "image_12.jpg", "DICOMDIR"])
def test_what_media_writers_count_with_stays_where_nobody_knows_whose_it_is(name):
    assert safe_name(name, KEY, None) == name


@pytest.mark.parametrize("name", ["hand.txt", "readme.txt", "P07", "SE4711", "IM1234", "4711", "7", "left", "S01"])
def test_where_nobody_knows_whose_it_is_any_other_name_becomes_the_token_that_it_always_has(name):
    made = safe_name(name, KEY, None)
    assert made.partition(".")[0] == token(name, KEY)


@pytest.mark.parametrize("name", ["IM000001", "ST0", "SE12", "DICOM", "ABC"])
def test_in_an_overwritten_directory_what_media_writers_count_with_stays(name):
    assert name_of_same_length(name, KEY) == name


@pytest.mark.parametrize("name", ["P0004711", "PAT00001", "PA01", "DOE00001", "77654033"])
def test_in_an_overwritten_directory_a_name_of_a_patient_becomes_as_many_other_characters(name):
    made = name_of_same_length(name, KEY)
    assert made != name and len(made) == len(name) and made == name_of_same_length(name, KEY)
