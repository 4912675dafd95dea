# SPDX-License-Identifier: Apache-2.0
"""What looks like an identity and is none does not hold a correct result."""

from __future__ import annotations

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian

from deidgate.marks import RESERVED
from deidgate.verify.search import without_signature


def kept(pair, **attributes: object) -> None:
    """Attributes that no rule speaks about: the same in the original and in the result."""
    for ds in (pair.original, pair.result):
        for keyword, value in attributes.items():
            setattr(ds, keyword, value)


def test_a_patient_called_head_may_have_a_head(pair):
    pair.original.PatientName = "Head^Ray"
    kept(pair, BodyPartExamined="HEAD", ScanOptions="HELICAL")
    assert pair.verdict().findings == ()


def test_but_a_patient_called_head_is_found_in_free_text(pair):
    pair.original.PatientName = "Head^Ray"
    kept(pair, SoftwareVersions="for head")
    assert ("name-left", "(0018,1020) SoftwareVersions") in pair.found()


def test_a_name_that_is_no_word_of_the_trade_is_found_in_a_coded_string_too(pair):
    pair.original.PatientName = "Ostrander^Ray"
    kept(pair, BodyPartExamined="OSTRANDER")
    assert ("name-left", "(0018,0015) BodyPartExamined") in pair.found()


def signed(letters: str) -> list[str]:
    """A mark with these letters in its signature."""
    return [f"Deidgate mark {half} " + letters.center(43, "x") for half in ("1/2", "2/2")]


def test_the_letters_of_a_signature_may_be_a_short_name(pair):
    pair.original.PatientName = "Doe^Ray"
    pair.result.DeidentificationMethod = [*pair.result.DeidentificationMethod, *signed("7-Doe_9")]
    assert pair.verdict().findings == ()


def test_the_gate_knows_a_mark_when_it_sees_one():
    assert without_signature("\\".join(["Deidgate", *RESERVED]).encode()) == b"Deidgate"


@pytest.mark.parametrize(
    "tail", [["Doe"], ["policy Doe", *signed("Q")], [*signed("Q"), "by Doe"], [signed("7-Doe_9")[0]]]
)
def test_but_what_is_no_signature_is_searched(pair, tail):
    pair.original.PatientName = "Doe^Ray"
    pair.result.DeidentificationMethod = [*pair.result.DeidentificationMethod, *tail]
    assert ("short-name-left", "(0012,0063) DeidentificationMethod") in pair.found()


def test_a_standard_code_meaning_may_be_a_patients_name(pair):
    pair.original.PatientName = "Chest^Amy"
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "51185008", "SCT", "Chest"
    kept(pair, AnatomicRegionSequence=[code])
    assert pair.verdict().findings == ()


@pytest.mark.parametrize("name", ["MR", "1", "CT^1", "Dr^X", "Anonymous", "TEST^PATIENT", "Phantom^^^Dr", "", "^^^^"])
def test_names_that_name_no_one_are_not_looked_for(pair, name):
    pair.original.PatientName = name
    kept(pair, SoftwareVersions="MR 1 CT test patient phantom anonymous Dr X")
    assert pair.verdict().findings == ()


@pytest.mark.parametrize("identifier", ["1", "12", "MR", "CT1", "CHEST", "0000", "HEAD NECK", "", "X-RAY"])
def test_identifiers_that_identify_nothing_are_not_looked_for(pair, identifier):
    pair.original.PatientID = identifier
    pair.original.AccessionNumber = identifier[:16]
    kept(pair, SoftwareVersions="1 12 MR CT1 CHEST 0000 HEAD NECK X-RAY", InstanceNumber="1")
    assert pair.verdict().findings == ()


def test_a_short_number_that_is_also_a_measurement_is_not_found(pair):
    pair.original.PatientID = "1024"
    kept(pair, WindowWidth="1024", ExposureTime="1024")
    assert pair.verdict().findings == ()


def test_digits_inside_a_longer_number_are_not_found(pair):
    pair.original.PatientID = "991999984"
    kept(pair, EchoTime="1.991999984", SoftwareVersions="10991999984")
    assert pair.verdict().findings == ()


def test_a_station_called_as_its_model_is_not_found_in_the_model(pair):
    pair.original.StationName = "LIGHTSPEED"
    kept(pair, ManufacturerModelName="LightSpeed VCT")
    assert pair.verdict().findings == ()


def test_an_institution_called_as_the_maker_is_not_found_in_the_maker(pair):
    pair.original.InstitutionName = "TOSHIBA"
    kept(pair, Manufacturer="TOSHIBA_MEC")
    assert pair.verdict().findings == ()


@pytest.mark.parametrize("name", ["Basic^Mark", "Option^Clean", "Deidgate^Longitudinal", "Retain^Profile"])
def test_the_gateways_own_words_may_be_names(pair, name):
    pair.original.PatientName = name
    pair.result.DeidentificationMethod = ["Deidgate mark 1/2 " + "A" * 43, "Deidgate basic 1"]
    assert pair.verdict().findings == ()


def test_a_standard_uid_is_no_needle(pair):
    kept(pair, InstanceCreatorUID="1.2.840.10008.1.1")
    assert pair.verdict().findings == ()


def test_a_shifted_date_that_equals_another_original_date_is_no_leak(pair):
    pair.original.SeriesDate = "20010731"
    pair.result.SeriesDate = "20010705"
    assert pair.verdict().findings == ()


def test_empty_and_placeholder_values_may_stay_as_they_are(pair):
    for ds in (pair.original, pair.result):
        ds.ReferringPhysicianName = ""
        ds.StudyID = ""
        ds.StudyTime = ""
    pair.original.PatientBirthDate = pair.result.PatientBirthDate = "19000101"
    assert pair.verdict().findings == ()


def test_padding_byte_order_and_sequence_lengths_are_no_difference(pair):
    pair.result.ManufacturerModelName = "Scanner 9 "
    pair.result["ReferencedImageSequence"].is_undefined_length = True
    pair.result.ReferencedImageSequence[0].is_undefined_length_sequence_item = True
    assert pair.verdict().findings == ()


def test_another_character_set_with_the_same_text_is_no_difference(pair):
    pair.original.ManufacturerModelName = pair.result.ManufacturerModelName = "Gerät 9"
    pair.result.SpecificCharacterSet = "ISO_IR 192"
    assert pair.verdict().findings == ()


def test_a_cleaned_safe_private_text_in_implicit_vr_is_no_other_value(pair):
    for ds in (pair.original, pair.result):
        ds.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
        ds["PixelData"].VR = "OW"
    for ds, text in ((pair.original, "1.375:1 Quillfeather"), (pair.result, "1.375:1")):
        ds.private_block(0x0043, "GEMS_PARM_01", create=True).add_new(0x27, "SH", text)
    assert pair.codes() == set()


@pytest.mark.parametrize(
    ("charset", "name", "text"),
    [
        ("ISO_IR 192", "Yamada^Tarou=山田^太郎=やまだ^たろう", "胸部 カメラ イメージ アトラス"),
        ("GB18030", "Wang^XiaoDong=王^小东", "胸部 王冠 小脑"),
        ("ISO_IR 192", "Mori^Ai=森^愛=もり^あい", "アイソトープ"),
    ],
)
def test_bytes_of_another_script_read_as_latin_are_no_name(pair, charset, name, text):
    for ds in (pair.original, pair.result):
        ds.SpecificCharacterSet = charset
    pair.original.PatientName = name
    kept(pair, ManufacturerModelName=text)
    assert pair.verdict().findings == ()
