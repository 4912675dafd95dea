# SPDX-License-Identifier: Apache-2.0
"""What an instance reveals is found anywhere in it, and taken out of its texts."""

import pytest
from pydicom import Dataset, dcmread
from pydicom.filebase import DicomBytesIO
from pydicom.sequence import Sequence

from deidgate.plan.text import Style, clean_text, revealed


def dataset(**values):
    ds = Dataset()
    for keyword, value in values.items():
        setattr(ds, keyword, value)
    return ds


def read_back(ds):
    """As a file yields it: raw elements."""
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    ds.save_as(buffer, implicit_vr=False, little_endian=True)
    buffer.seek(0)
    return dcmread(buffer, force=True)


def cleaned(text, ds, vr="LO", style=Style.SENSIBLE):
    return clean_text(text, vr, revealed(ds), style)


def item(ds):
    return dataset(RequestAttributesSequence=Sequence([dataset(ReferencedStudySequence=Sequence([ds]))]))


@pytest.mark.parametrize("nested", [False, True], ids=["top", "nested"])
@pytest.mark.parametrize(
    ("keyword", "value", "text", "result"),
    [
        ("PatientName", "ZYLBERSZTEJN^ADA", "MR zylbersztejn knee", "MR knee"),
        ("OtherPatientNames", "ABCDEF^X", "t2_tse_ABCDEF_tra", "t2_tse_tra"),
        ("ReferringPhysicianName", "QUIRKENOK^B^^DR", "knee (Quirkenok)", "knee"),
        ("OperatorsName", "TXQ", "knee TXQ ap", "knee ap"),
        ("PatientMotherBirthName", "Ólafsdóttir", "knee Olafsdottir", "knee"),
        ("PatientID", "PX-99123", "knee PX99123", "knee"),
        ("PatientID", "0081234", "knee 81234", "knee"),
        ("AccessionNumber", "4711A", "knee 4711A", "knee"),
        ("StationName", "AWP66025", "AWP66025 knee", "knee"),
        ("DeviceSerialNumber", "77123", "knee 77123", "knee"),
        ("InstitutionName", "Quuxville Medical Center", "knee Quuxville", "knee"),
        ("InstitutionName", "Quuxville Medical Center", "knee at QUUXVILLE Medical Center", "knee"),
        ("InstitutionalDepartmentName", "Frobnics", "knee frobnics", "knee"),
        ("PatientAddress", "12 Xanaduway 99812", "knee xanaduway 99812", "knee"),
        ("ReferringPhysicianTelephoneNumbers", "245.688.0307x852", "knee 2456880307", "knee"),
        ("Occupation", "Glassblower", "knee glassblower", "knee"),
        ("StudyDate", "20010705", "knee x20010705y", "knee"),
        ("PatientBirthDate", "19500112", "knee 01/12", "knee"),
        ("StudyDate", "20010705", "knee 050701", "knee"),
    ],
)
def test_what_an_element_reveals_is_taken_out_of_texts(nested, keyword, value, text, result):
    ds = dataset(**{keyword: value})
    ds = read_back(item(ds) if nested else ds)
    assert cleaned(text, ds) == result


@pytest.mark.parametrize(
    ("name", "text", "result"),
    [
        ("Müller^Jörg", "knee MUELLER", "knee"),
        ("Mueller^Joerg", "knee Müller, left", "knee, left"),
        ("Müller^Jörg", "knee MULLER", "knee"),
        ("Strauß^Eva", "knee STRAUSS", "knee"),
        ("Żółkiewski^Łukasz", "knee zolkiewski lukasz", "knee"),
        ("Zolkiewski^Lukasz", "knee Żółkiewski Łukasz", "knee"),
        ("O'Connor^Sinéad", "knee OCONNOR, O CONNOR and O'Connor", "knee"),
        ("van der Berg^Anna", "knee vanderBerg", "knee"),
        ("Smith-Jones^A", "knee SMITH JONES, SMITHJONES", "knee"),
        ("Schwarzenegger^Arnold", "knee Schwarzen-egger", "knee"),
        ("Schwarzenegger^Arnold", "kneeSCHWARZENEGGER", "knee"),
        ("Schwarzenegger^Arnold", "SCHWARZENEGGER_t2_tse", "t2_tse"),
        ("Schwarzenegger^Arnold", "t2^schwarzenegger^tra", "t2^tra"),
        ("Schwarzenegger^Arnold", "knee ASchwarzenegger1", "knee 1"),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "胸部山田太郎様", "胸部様"),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "knee やまだ", "knee"),
        ("Hong^Gildong=洪^吉洞=홍^길동", "무릎 홍길동", "무릎"),
        ("Люкceмбypг", "knee ЛЮКCEМБYPГ", "knee"),
        ("Διονυσιος", "knee ΔΙΟΝΎΣΙΟΣ", "knee"),
        ("Smith^ＪＯＨＮ", "knee ＳＭＩＴＨ john", "knee"),
    ],
)
def test_names_are_found_in_every_spelling_script_and_joint(name, text, result):
    ds = dataset(SpecificCharacterSet="ISO_IR 192", PatientName=name)
    assert cleaned(text, read_back(ds)) == result


def test_names_are_read_in_the_character_set_of_their_dataset():
    ds = dataset(SpecificCharacterSet="ISO_IR 144", PatientName="Люксембург")
    assert cleaned("knee люксембург", read_back(ds)) == "knee"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("CHEST^ADAM", "XR CHEST PA"),
        ("HAND^B", "DX HAND LEFT"),
        ("MR^CT", "MR BRAIN, CT HEAD"),
        ("L^R", "MLO L"),
        ("DR^THE", "the DR room"),
        ("LI^BO", "li2 bold"),
        ("ALAN^ROSE", "BALANCED sclerosed"),
        ("MARK^X", "MARKER left"),
        ("TEST^PHANTOM", "phantom test"),
        ("ANONYMOUS", "anonymous"),
    ],
)
def test_common_words_of_imaging_stay_though_somebody_is_called_so(name, text):
    assert cleaned(text, dataset(PatientName=name)) == text


@pytest.mark.parametrize(
    ("name", "text", "result"),
    [
        ("CHEST^QADAM", "XR KNEE CHEST QADAM", "XR KNEE"),
        ("CHEST^QADAM", "XR KNEE QADAM^CHEST", "XR KNEE"),
        ("WHITE^ANNA", "XR KNEE WHITE", "XR KNEE"),
        ("XYZABC^JANE", "XR KNEE J. XYZABC", "XR KNEE"),
        ("XYZABC^JANE", "XR KNEE XYZABC J", "XR KNEE"),
    ],
)
def test_common_words_go_when_they_stand_for_the_person(name, text, result):
    assert cleaned(text, dataset(PatientName=name)) == result


@pytest.mark.parametrize("identifier", ["1", "12", "320", "001", "0", "000000"])
def test_trivial_identifiers_do_not_destroy_numbers(identifier):
    text = "t2_tse_tra_p2_320 001 12 0 1"
    assert cleaned(text, dataset(PatientID=identifier, StudyID=identifier)) == text


def test_a_short_identifier_does_not_destroy_parameters_that_have_its_digits():
    ds = dataset(PatientID="1000", AccessionNumber="2048")
    assert cleaned("ep2d b1000 TR2048 p2", ds) == "ep2d b1000 TR2048 p2"
    assert cleaned("knee 1000", ds) == "knee"


def test_a_text_value_that_names_somebody_in_a_content_tree_is_revealed():
    concept = dataset(CodeValue="121434", CodingSchemeDesignator="DCM", CodeMeaning="Service Delivery Location")
    content = dataset(ValueType="TEXT", ConceptNameCodeSequence=Sequence([concept]), TextValue="Quuxville ward")
    assert cleaned("knee Quuxville", read_back(dataset(ContentSequence=Sequence([content])))) == "knee"


def test_descriptors_do_not_reveal_themselves():
    ds = dataset(StudyDescription="knee frobnication", SeriesDescription="frobnication")
    assert cleaned("frobnication", ds) == "frobnication"


def test_reading_what_is_revealed_leaves_the_dataset_as_it_was():
    ds = read_back(item(dataset(PatientName="A^B", StudyDate="20010705")))
    before = [type(element) for element in ds.values()]
    revealed(ds)
    revealed(ds)
    assert [type(e) for e in ds.values() if e.VR != "SQ"] == [
        t for t, e in zip(before, ds.values(), strict=True) if e.VR != "SQ"
    ]


def test_several_values_are_cleaned_one_by_one():
    ds = dataset(PatientName="ZYLBERSZTEJN^ADA")
    assert cleaned("knee\\ZYLBERSZTEJN\\ap", ds) == "knee\\\\ap"
    assert cleaned("knee\\ZYLBERSZTEJN\\ap", ds, vr="LT") == "knee\\ap"


def test_strict_style_keeps_only_words_of_the_vocabulary_and_short_numbers():
    assert cleaned("t2_tse tra FROBNIC 320 knee PJN 55555", dataset(), style=Style.STRICT) == "t2_tse tra 320 knee"


@pytest.mark.parametrize(
    "date",
    [
        *("17.8.43", "*17.8.43", "geb.17.8.43", "17-8-43", "17/8/43", "17.08.43", "43-08-17", "8/17/43", "17. 8. 43"),
        *(
            "17.8.1943",
            "1943-8-17",
            "8-17-1943",
            "17.8.",
            "8/17",
            "17/8",
            "17.08.",
            "08/17",
            "17. 8.",
            "17.8.43, 17.8.43",
        ),
    ],
)
@pytest.mark.parametrize("style", Style)
def test_a_short_spelling_of_an_own_date_goes(date, style):
    birth = dataset(PatientBirthDate="19430817")
    left = cleaned(f"Thorax {date}", birth, style=style)
    assert not set("1748") & set(left), left
    assert left.startswith("Thorax")


@pytest.mark.parametrize("date", ["5.4.23", "05.4.2023", "4/5/23", "23.4.5", "5.4.23-5.4.23", "V5.4.23"])
def test_a_short_spelling_of_an_own_date_of_two_small_numbers_goes(date):
    assert not any(c.isdigit() for c in cleaned(f"Thorax {date}", dataset(StudyDate="20230405"), style=Style.REVEALED))


@pytest.mark.parametrize(
    "text",
    [
        *(
            "VB 3.2.10",
            "knee 1/2",
            "series 4/5",
            "T2 8/17 mm",
            "lesion 5.4.",
            "size 17.8 mm",
            "1.17.8.43.5",
            "17.8.43.9",
        ),
        *("117.8.43", "matrix 0405", "8/175", "17/80", "2.8/17", "17.8%", "8/17 images", "17.8.44"),
    ],
)
def test_numbers_that_are_no_date_of_the_instance_stay(text):
    ds = dataset(PatientBirthDate="19430817", StudyDate="20230405", SeriesDate="20020201")
    assert cleaned(text, ds, style=Style.REVEALED) == text


@pytest.mark.parametrize("name", ["Yamada^Tarou=山田^太郎=やまだ^たろう", "Yamada^Tarou=山田^太郎=ヤマダ^タロウ"])
@pytest.mark.parametrize(
    "text", ["胸部 ヤマダ タロウ", "胸部ﾔﾏﾀﾞﾀﾛｳ", "胸部 やまだ", "胸部やまだたろう", "胸部ヤマダタロウ"]
)
@pytest.mark.parametrize("style", Style)
def test_a_name_in_one_kana_goes_in_the_other(name, text, style):
    ds = read_back(dataset(SpecificCharacterSet="ISO_IR 192", PatientName=name))
    assert cleaned(text, ds, style=style) in ("胸部", "")


def test_a_short_name_in_one_kana_takes_no_syllables_out_of_words_in_the_other():
    ds = read_back(dataset(SpecificCharacterSet="ISO_IR 192", PatientName="Mori^Ai=森^愛=もり^あい"))
    assert cleaned("アイソトープ", ds, style=Style.REVEALED) == "アイソトープ"
