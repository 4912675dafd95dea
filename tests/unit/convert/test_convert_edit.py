# SPDX-License-Identifier: Apache-2.0
"""Changes by name, and listings."""

from io import BytesIO

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from tests.data.toolbox_series import ct, encoded

from deidgate.convert.edit import Edit, Verb, edited, parse
from deidgate.convert.listing import Chosen, rows
from deidgate.dicom.path import ElementPath
from deidgate.errors import ConfigurationError


@pytest.fixture
def dataset():
    return dcmread(BytesIO(encoded(ct(rows=8))))


def changed(dataset, *edits, **options):
    made, warned = edited(dataset, edits, **options)
    return dcmread(BytesIO(encoded(made))), warned


@pytest.mark.parametrize("address", ["PatientSex", "0010,0040", "(0010,0040)", "00100040"])
def test_an_element_is_named_by_keyword_or_tag(dataset, address):
    assert parse(dataset, address) == ElementPath.top(0x00100040)


def test_a_private_element_is_named_by_its_creator(dataset):
    assert parse(dataset, "0019,ACME_ACQU_01,20") == ElementPath.top(0x00191020)


def test_a_nested_element_is_named_by_its_path(dataset):
    path = parse(dataset, "RequestAttributesSequence[0].RequestedProcedureID")
    assert path == ElementPath(((0x00400275, 0),), 0x00401001)


@pytest.mark.parametrize(
    "address",
    ["PatientSx", "10,40", "PatientName[0]", "RequestAttributesSequence.RequestedProcedureID", "", "0019,NOBODY,20"],
)
def test_an_address_that_names_nothing_is_refused(dataset, address):
    with pytest.raises(ConfigurationError, match="address"):
        parse(dataset, address)


def test_values_are_set_added_and_deleted_and_the_original_stays(dataset):
    made, warned = changed(
        dataset,
        Edit(Verb.SET, "PatientSex", "M"),
        Edit(Verb.ADD, "PatientComments", "seen"),
        Edit(Verb.ADD, "RequestAttributesSequence[1].RequestedProcedureID", "RP2"),
        Edit(Verb.SET, "WindowCenter", "1\\2\\3"),
        Edit(Verb.SET, "LargestImagePixelValue", "77"),
        Edit(Verb.DELETE, "PatientAddress"),
    )
    assert (made.PatientSex, made.PatientComments, list(made.WindowCenter)) == ("M", "seen", [1, 2, 3])
    assert made.RequestAttributesSequence[1].RequestedProcedureID == "RP2"
    assert made.LargestImagePixelValue == 77
    assert "PatientAddress" not in made
    assert warned == []
    assert dataset.PatientSex == "F" and "PatientAddress" in dataset


@pytest.mark.parametrize(
    ("edit", "text"),
    [
        (Edit(Verb.DELETE, "SOPClassUID"), "Type 1 "),
        (Edit(Verb.SET, "StudyInstanceUID", ""), "Type 1 "),
        (Edit(Verb.DELETE, "PatientSex"), "Type 2 "),
    ],
)
def test_what_breaks_the_object_is_warned_of(dataset, edit, text):
    _, (warning,) = edited(dataset, [edit])
    assert text in warning.text


def test_what_does_not_break_it_is_not_warned_of(dataset):
    _, warned = edited(dataset, [Edit(Verb.DELETE, "PatientAddress"), Edit(Verb.SET, "PatientSex", "")])
    assert warned == []


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (Edit(Verb.SET, "PatientComments", "x"), "element-absent"),
        (Edit(Verb.DELETE, "PatientComments"), "element-absent"),
        (Edit(Verb.ADD, "RequestAttributesSequence[5].RequestedProcedureID", "x"), "item-absent"),
        (Edit(Verb.SET, "Rows", "many"), "value"),
        (Edit(Verb.SET, "PatientBirthDate", "yesterday"), "value"),
        (Edit(Verb.SET, "Modality", "lower case"), "value"),
        (Edit(Verb.ADD, "StudyID", "longer than sixteen"), "value"),
        (Edit(Verb.SET, "SOPInstanceUID", "1.02.3"), "value"),
        (Edit(Verb.ADD, "0013,1001", "x"), "vr-needed"),
        (Edit(Verb.SET, "Rows", "1", "XX"), "vr-wrong"),
        (Edit(Verb.SET, "Rows", "1", "PN"), "vr-wrong"),
        (Edit(Verb.ADD, "0013,1001", "1", "XX"), "vr-wrong"),
        (Edit(Verb.ADD, "PatientComments[0].PatientName", "X"), "not-a-sequence"),
        (Edit(Verb.ADD, "TransferSyntaxUID", "1.2.840.10008.1.2.2"), "file-meta"),
        (Edit(Verb.ADD, "MediaStorageSOPInstanceUID", "1.2.3"), "file-meta"),
        (Edit(Verb.SET, "PatientName", "Łucja"), "text-not-in-character-set"),
        (Edit(Verb.ADD, "RequestAttributesSequence[0].RequestedProcedureDescription", "東京"), "text-not-in-char"),
        (Edit(Verb.ADD, "RetrieveURL", "http://münchen/"), "value"),
    ],
)
def test_what_cannot_be_is_refused(dataset, edit, code):
    with pytest.raises(ConfigurationError, match=code):
        edited(dataset, [edit])


def test_new_uids_make_another_instance(dataset):
    made, _ = changed(dataset, new_uids=True)
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
        assert made[keyword].value != dataset[keyword].value
    assert made.file_meta.MediaStorageSOPInstanceUID == made.SOPInstanceUID


def test_a_text_beyond_ascii_can_be_read_back():
    ds = ct(rows=8)
    del ds.SpecificCharacterSet
    made, _ = changed(dcmread(BytesIO(encoded(ds))), Edit(Verb.SET, "PatientName", "Łucja"))
    assert str(made.PatientName) == "Łucja"


@pytest.mark.parametrize(
    ("charset", "text"),
    [
        ("ISO_IR 100", "Müller^Jürgen"),
        ("ISO_IR 192", "Łucja^東京"),
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎"),
        ("GB18030", "王^小东"),
        (["ISO 2022 IR 6", "ISO 2022 IR 126"], "Διονυσιος"),
        (["", "ISO 2022 IR 149"], "Hong^Gildong=洪^吉洞=홍^길동"),
        (["ISO 2022 IR 100", "ISO 2022 IR 126"], "Müller^Διονυσιος"),
    ],
)
def test_a_text_of_the_files_character_set_is_written_and_read_back(charset, text):
    ds = ct(rows=8)
    ds.SpecificCharacterSet = charset
    made, _ = changed(dcmread(BytesIO(encoded(ds))), Edit(Verb.SET, "PatientName", text))
    assert str(made.PatientName) == text


@pytest.mark.parametrize(
    ("charset", "text"),
    [
        (["", "ISO 2022 IR 87"], "Müller"),
        (["", "ISO 2022 IR 149"], "Müller"),
        (["ISO 2022 IR 6", "ISO 2022 IR 126"], "Müller"),
        (["", "ISO 2022 IR 87"], "山田Müller"),
        (["", "ISO 2022 IR 126"], "ΔιονύσιοςMüller"),
        (["", "ISO 2022 IR 87"], "山田^Müller"),
    ],
)
def test_the_default_repertoire_beside_code_extensions_is_ascii(charset, text):
    ds = ct(rows=8)
    ds.SpecificCharacterSet = charset
    ds = dcmread(BytesIO(encoded(ds)))
    for keyword in ("StudyDescription", "PatientName"):
        with pytest.raises(ConfigurationError, match="text-not-in-character-set"):
            edited(ds, [Edit(Verb.ADD, keyword, text)])


@pytest.mark.parametrize("order", [1, -1])
def test_another_character_set_takes_every_text_along_also_nested_ones(order):
    ds = ct(rows=8)
    ds.PatientAddress = "Straße"
    ds.RequestAttributesSequence[0].RequestedProcedureDescription = "Größe"
    edits = [Edit(Verb.SET, "SpecificCharacterSet", "ISO_IR 192"), Edit(Verb.SET, "PatientName", "Łucja")]
    made, _ = changed(dcmread(BytesIO(encoded(ds))), *edits[::order])
    assert made.RequestAttributesSequence[0].RequestedProcedureDescription == "Größe"
    assert (str(made.PatientName), made.PatientAddress) == ("Łucja", "Straße")


@pytest.mark.parametrize(
    "edit", [Edit(Verb.SET, "SpecificCharacterSet", "ISO_IR 6"), Edit(Verb.DELETE, "SpecificCharacterSet")]
)
def test_a_character_set_that_texts_do_not_fit_is_refused(edit):
    ds = ct(rows=8)
    ds.RequestAttributesSequence[0].RequestedProcedureDescription = "Größe"
    with pytest.raises(ConfigurationError, match="text-not-in-character-set"):
        edited(dcmread(BytesIO(encoded(ds))), [edit])


def test_a_private_element_may_be_made_with_any_vr(dataset):
    made, _ = changed(dataset, Edit(Verb.ADD, "0013,1001", "text", "LO"), Edit(Verb.ADD, "0013,1002", "7", "US"))
    assert (made[0x00131001].value, made[0x00131002].value) == ("text", 7)


def test_a_private_sequence_may_be_made(dataset):
    made, _ = edited(dataset, [Edit(Verb.ADD, "0013,1005[0].PatientComments", "x")])
    assert made[0x00131005].value[0].PatientComments == "x"


def test_a_listing_has_every_element_at_every_depth(dataset):
    listed = [row.path for row in rows(dataset)]
    assert ElementPath(((0x00400275, 0),), 0x00401001) in listed
    assert ElementPath.top(0x00020010) in listed
    assert len(listed) == len(set(listed))
    assert sum(1 for path in listed if path.group != 2) == sum(1 for _ in dataset.iterall())


def test_private_elements_have_their_names_where_known():
    ds = dcmread(get_testdata_file("CT_small.dcm"))
    named = {row.name for row in rows(ds, Chosen.PRIVATE)}
    assert "[Horiz. Frame of ref.]" in named or len([n for n in named if n.startswith("[")]) > 10
    assert all(row.path.is_private or row.path.parents for row in rows(ds, Chosen.PRIVATE))


def test_unknown_elements_are_those_that_no_dictionary_names(dataset):
    dataset.add_new(0x00139999, "LO", "x")
    dataset.add_new(0x00180007, "LO", "x")
    found = {row.path.tag for row in rows(dataset, Chosen.UNKNOWN)}
    assert {0x00139999, 0x00180007} <= found
    assert 0x00100010 not in found


def test_one_group_can_be_listed(dataset):
    assert {row.path.group for row in rows(dataset, groups=frozenset({0x0010}))} == {0x0010}


def test_a_name_is_one_value_and_a_list_is_several(dataset):
    shown = {row.name: row.value for row in rows(dataset)}
    assert shown["PatientName"] == "Okafor^Chidi"
    assert shown["ImageType"] == "ORIGINAL\\PRIMARY\\AXIAL"
    assert shown["PixelData"].startswith("128 bytes")


def test_control_characters_do_not_reach_the_terminal(dataset):
    dataset.PatientComments = "a\x1b[31mb"
    assert "\x1b" not in next(row.line for row in rows(dataset) if row.name == "PatientComments")
