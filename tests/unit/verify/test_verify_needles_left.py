# SPDX-License-Identifier: Apache-2.0
"""A piece of the original's identity is found wherever it was left, however it is written."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless, JPEGLosslessSV1

pytestmark = pytest.mark.filterwarnings("ignore:Invalid value for VR")


def both(pair, tag: int, vr: str, value: object, *, parent: str = "") -> None:
    """The element is in the original too, so that only the needle is wrong with it."""
    for ds in (pair.original, pair.result):
        (ds[parent].value[0] if parent else ds).add_new(tag, vr, value)


@pytest.mark.parametrize(
    "spelling",
    [
        "Quillfeather",
        "QUILLFEATHER",
        "for quillfeather,",
        "Mr.Quillfeather",
        "CT_Quillfeather_7",
        "xquillfeatherx",
        "Amelie",
        "AMÉLIE",
        "Amélie Quillfeather",
        "amelie2",
        "AmélieQuillfeather",
    ],
)
def test_a_name_is_found_in_free_text_in_every_spelling(pair, spelling):
    both(pair, 0x00181020, "LO", spelling)
    assert ("name-left", "(0018,1020) SoftwareVersions") in pair.found()


@pytest.mark.parametrize(
    ("tag", "vr"),
    [
        (0x00081090, "LO"),
        (0x00180015, "CS"),
        (0x00189073, "FD"),
        (0x00081195, "UI"),
        (0x00181150, "IS"),
        (0x00180050, "DS"),
        (0x00081199, "SQ"),
        (0x00420011, "OB"),
        (0x00281201, "OW"),
        (0x00291010, "UN"),
        (0x20011002, "LO"),
    ],
)
def test_a_name_is_found_in_an_element_of_every_vr(pair, tag, vr):
    raw = b"QUILLFEATHER"
    marker = b"#" * len(raw)
    if vr == "SQ":
        inner = Dataset()
        inner.add_new(0x00080100, "SH", marker.decode())
        both(pair, tag, "SQ", [inner])
    elif vr in ("OB", "OW", "UN"):
        both(pair, tag, vr, marker)
    elif vr == "FD":
        both(pair, tag, vr, [1.5, 2.5])
        marker, raw = struct.pack("<dd", 1.5, 2.5), b"QUILLFEATHER    "
    else:
        both(pair, tag, "LO", marker.decode())
        element = struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, b"LO", len(marker)) + marker
        marker, raw = element, element.replace(b"LO", vr.encode(), 1).replace(marker, raw)
    assert "name-left" in pair.codes(edit=lambda data: data.replace(marker, raw))


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_a_name_is_found_at_every_depth(pair, depth):
    for ds in (pair.original, pair.result):
        inner = Dataset()
        inner.SoftwareVersions = "Quillfeather"
        for _ in range(depth):
            outer = Dataset()
            outer.PurposeOfReferenceCodeSequence = [inner]
            inner = outer
        ds.SourceImageSequence = [inner]
    (path,) = [path for code, path in pair.found() if code == "name-left"]
    assert path.count(">") == depth + 1


@pytest.mark.parametrize(
    ("name", "charset", "codec"),
    [
        ("Müller^Jürgen", "ISO_IR 100", "latin_1"),
        ("Łęcki^Wojciech", "ISO_IR 101", "iso8859_2"),
        ("Люкceмбypг^Иван", "ISO_IR 144", "iso8859_5"),
        ("Διονυσιος^Νικος", "ISO_IR 126", "iso8859_7"),
        ("قباني^لنزار", "ISO_IR 127", "iso8859_6"),
        ("שרון^דבורה", "ISO_IR 138", "iso8859_8"),
        ("Çavuşoğlu^Gül", "ISO_IR 148", "iso8859_9"),
        ("สมชาย^ใจดี", "ISO_IR 166", "tis_620"),
        ("ﾔﾏﾀﾞ^ﾀﾛｳ", "ISO_IR 13", "shift_jis"),
        ("Wang^XiaoDong=王^小东", "GB18030", "gb18030"),
        ("Yamada^Tarou=山田^太郎", "ISO_IR 192", "utf_8"),
        ("Hong^Gildong=洪^吉洞=홍^길동", "\\ISO 2022 IR 149", "iso2022_kr"),
        ("Yamada^Tarou=山田^太郎", "\\ISO 2022 IR 87", "iso2022_jp"),
    ],
)
@pytest.mark.parametrize(
    "where", ["text of the same character set", "utf-8 text", "private bytes", "utf-16", "own encoding in UN"]
)
def test_a_name_of_every_character_set_is_found_in_text_private_unknown_and_utf_16(pair, name, charset, codec, where):
    pair.original.SpecificCharacterSet = pair.result.SpecificCharacterSet = charset.split("\\")
    pair.original.PatientName = name
    family = name.split("=")[-1].replace("^", "")
    if where == "text of the same character set":
        both(pair, 0x00181020, "LO", family)
    elif where == "utf-8 text":
        pair.result.SpecificCharacterSet = "ISO_IR 192"
        pair.result.SoftwareVersions = family
        pair.original.SoftwareVersions = "x"
    elif where == "private bytes":
        both(pair, 0x20011002, "OB", family.encode("utf_8") + b"\0" * (len(family.encode("utf_8")) % 2))
    elif where == "utf-16":
        both(pair, 0x20011002, "UN", family.encode("utf_16_le"))
    elif codec == "iso2022_kr":
        raw = b"\x1b$)C" + family.encode("euc_kr")
        both(pair, 0x20011002, "UN", raw + b"\0" * (len(raw) % 2))
    else:
        raw = family.encode(codec)
        both(pair, 0x20011002, "UN", raw + b"\0" * (len(raw) % 2))
    assert "name-left" in pair.codes()


def test_a_name_in_undeclared_utf_8_is_found(pair):
    pair.original.SpecificCharacterSet = pair.result.SpecificCharacterSet = "ISO_IR 192"
    pair.original.PatientName = "Šafaříková^Eva"
    both(pair, 0x00181020, "LO", "Šafaříková")
    blank = b"\x08\x00\x05\x00CS\x0a\x00ISO_IR 192"
    assert "name-left" in pair.codes(edit=lambda data: data.replace(blank, b""))


@pytest.mark.parametrize("codec", ["utf_16_le", "utf_16_be"])
def test_utf_16_of_ascii_is_found(pair, codec):
    both(pair, 0x20011002, "UN", "xx Quillfeather".encode(codec))
    assert "name-left" in pair.codes()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("QF-774120", "identifier-left"),
        ("ID qf 774120.", "identifier-left"),
        ("QF774120", "identifier-left"),
        ("acc98213", "identifier-left"),
        ("S7731", "identifier-left"),
        ("northgate  INFIRMARY", "identifier-left"),
        ("Whitfield", "name-left"),
        ("on 2001-07-05", "date-left"),
        ("born 12.04.1961", "date-left"),
        ("5 Jul 2001", "date-left"),
        ("July 05, 2001", "date-left"),
        ("20010705", "date-left"),
        ("see 1.2.826.0.1.999.3", "uid-left"),
        ("1.2.826.0.1.999.4.1.77", "uid-left"),
    ],
)
def test_identifiers_dates_and_uids_are_found_in_text(pair, text, code):
    both(pair, 0x00181020, "LO", text)
    assert (code, "(0018,1020) SoftwareVersions") in pair.found()


def test_an_ae_title_is_found_elsewhere(pair):
    both(pair, 0x00181210, "SH", "from ward7scanner")
    assert ("device-left", "(0018,1210) ConvolutionKernel") in pair.found()


def test_an_address_is_found_whole_and_in_part(pair):
    pair.original.PatientAddress = "68265 Mark Bridge Suite 049, Robinsonville, OK 55335"
    both(pair, 0x00181020, "LO", "68265 mark bridge suite 049")
    assert "identifier-left" in pair.codes()


@pytest.mark.parametrize("written", ["752.671.3789", "752-671-3789", "(752) 671 3789", "7526713789"])
def test_a_telephone_number_is_found_however_it_is_written(pair, written):
    pair.original.PatientTelephoneNumbers = "752.671.3789"
    both(pair, 0x00181020, "LO", written)
    assert "identifier-left" in pair.codes()


def test_a_code_that_identifies_a_person_is_found_elsewhere(pair):
    person = Dataset()
    person.CodeValue, person.CodingSchemeDesignator, person.CodeMeaning = "EMP55081", "99LOCAL", "Staff"
    operator = Dataset()
    operator.PersonIdentificationCodeSequence = [person]
    pair.original.OperatorIdentificationSequence = [operator]
    both(pair, 0x00181020, "LO", "EMP55081")
    assert "identifier-left" in pair.codes()


def test_a_patient_id_in_a_number_is_found(pair):
    pair.original.PatientID = "77412098"
    both(pair, 0x00181150, "IS", "77412098")
    assert ("identifier-left", "(0018,1150) ExposureTime") in pair.found()


def test_a_three_letter_name_of_the_patient_is_found_in_text(pair):
    pair.original.PatientName = "Lee^Kim"
    both(pair, 0x00181020, "LO", "scan of Lee, Kim")
    assert "short-name-left" in pair.codes()


def test_a_name_in_a_file_meta_element_is_found(pair):
    pair.result.file_meta.ImplementationVersionName = "QUILLFEATHER"
    assert "name-left" in pair.codes()


def test_a_name_in_a_private_creator_is_found(pair):
    both(pair, 0x00290010, "LO", "QUILLFEATHER")
    assert "name-left" in pair.codes()


def test_a_name_in_overlay_comments_is_found(pair):
    both(pair, 0x60024000, "LT", "Quillfeather")
    assert {"name-left", "row-not-met"} <= pair.codes()


def test_a_name_in_an_icon_is_found(pair):
    for ds in (pair.original, pair.result):
        icon = Dataset()
        icon.Rows, icon.Columns = 4, 4
        icon.PixelData = b"QUILLFEATHER\0\0\0\0"
        icon["PixelData"].VR = "OB"
        ds.IconImageSequence = [icon]
    assert {"name-left", "row-not-met"} <= pair.codes()


def test_a_name_in_the_gateways_own_texts_is_found(pair):
    pair.result.DeidentificationMethod = ["Deidgate 0.1.0", "policy longitudinal 1", "Quillfeather"]
    assert ("name-left", "(0012,0063) DeidentificationMethod") in pair.found()


def test_a_name_behind_pixel_data_is_found(pair):
    both(pair, 0xFFFCFFFC, "OB", b"Quillfeather")
    assert {"name-left", "row-not-met"} <= pair.codes()


def jpeg(*segments: bytes) -> bytes:
    return b"\xff\xd8" + b"".join(segments) + b"\xff\xda\x00\x02\x11\x22\xff\x00\x33\xff\xd9"


def segment(marker: int, value: bytes) -> bytes:
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(value) + 2) + value


def j2k(*segments: bytes) -> bytes:
    return b"\xff\x4f" + segment(0x51, b"\0" * 38) + b"".join(segments) + b"\xff\x93\x11\xff\xd9"


@pytest.mark.parametrize(
    ("syntax", "stream", "code"),
    [
        (JPEGLosslessSV1, jpeg(segment(0xFE, b"pat. Quillfeather")), "name-left"),
        (JPEGLosslessSV1, jpeg(segment(0xE1, b"Exif\0\0 whatever")), "codestream-metadata"),
        (JPEGLosslessSV1, jpeg(segment(0xE5, b"Quillfeather")), "name-left"),
        (JPEGLosslessSV1, jpeg() + b"Quillfeather", "name-left"),
        (JPEGLosslessSV1, jpeg() + b"something", "codestream-metadata"),
        (JPEGLosslessSV1, jpeg(segment(0xE0, b"JFIF\0"), segment(0xFE, b"QF-774120")), "identifier-left"),
        (JPEG2000Lossless, j2k(segment(0x64, b"\0\1Quillfeather")), "name-left"),
        (JPEG2000Lossless, j2k() + b"Quillfeather", "name-left"),
        (
            JPEG2000Lossless,
            struct.pack(">I4s", 12, b"jP  ")
            + b"\r\n\x87\n"
            + struct.pack(">I4s", 20, b"xml ")
            + b"Quillfeather"
            + struct.pack(">I4s", 0, b"jp2c")
            + j2k(),
            "name-left",
        ),
    ],
)
@pytest.mark.parametrize("frame", [0, 2])
def test_a_comment_inside_a_codestream_is_found_in_any_frame(pair, syntax, stream, code, frame):
    clean = j2k() if syntax == JPEG2000Lossless else jpeg()
    frames = [clean, clean, clean]
    for ds, spoiled in ((pair.original, clean), (pair.result, stream)):
        ds.file_meta.TransferSyntaxUID = syntax
        ds.NumberOfFrames = 3
        frames[frame] = spoiled
        ds.PixelData = encapsulate(frames)
        ds["PixelData"].is_undefined_length = True
        ds["PixelData"].VR = "OB"
    assert code in pair.codes()


def test_a_comment_in_a_fragment_that_continues_a_frame_is_found(pair):
    stream = jpeg(segment(0xE4, b"x" * 40), segment(0xFE, b"Quillfeather"))
    for ds in (pair.original, pair.result):
        ds.file_meta.TransferSyntaxUID = JPEGLosslessSV1
        ds.PixelData = encapsulate([stream], fragments_per_frame=3)
        ds["PixelData"].is_undefined_length = True
        ds["PixelData"].VR = "OB"
    assert "name-left" in pair.codes()


def png(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"".join(struct.pack(">I", len(value)) + kind + value + b"\0\0\0\0" for kind, value in chunks)
    return b"\x89PNG\r\n\x1a\n" + body + struct.pack(">I", 0) + b"IEND" + b"\0\0\0\0"


@pytest.mark.parametrize(
    "chunk",
    [(b"tEXt", b"Comment\0Quillfeather"), (b"zTXt", b"Comment\0\0" + zlib.compress(b"Quillfeather"))],
)
def test_a_comment_in_a_png_is_found(pair, chunk):
    picture = png((b"IHDR", b"\0" * 13), chunk)
    both(pair, 0x00420011, "OB", picture + b"\0" * (len(picture) % 2))
    assert "name-left" in pair.codes()


def test_a_large_lookup_table_is_searched_too(pair):
    table = np.arange(4096, dtype="<u2").tobytes() + b" QUILLFEATHER "
    both(pair, 0x00281201, "OW", table)
    assert "name-left" in pair.codes()


@pytest.mark.parametrize(
    ("comment", "is_somebodys"),
    [
        (b"Created by OpenJPEG version 2.5.0", False),
        (b"\0\1Created by GDCM/OpenJPEG version 2.0", False),
        (b"Kakadu-v6.4", False),
        (b"LEAD Technologies Inc. V1.01\0", False),
        (b"CREATOR: gd-jpeg v1.0 (using IJG JPEG v62), quality = 90\n", False),
        (b"", False),
        (b"scanned at the west door", True),
        (b"Kakadu for Nobody Inparticular", True),
    ],
)
def test_text_in_a_codestream_is_found_unless_an_encoder_signs_with_it(pair, comment, is_somebodys):
    stream = jpeg(segment(0xFE, comment))
    for ds in (pair.original, pair.result):
        ds.file_meta.TransferSyntaxUID = JPEGLosslessSV1
        ds.PixelData = encapsulate([stream])
        ds["PixelData"].is_undefined_length = True
        ds["PixelData"].VR = "OB"
    assert ("codestream-text" in pair.codes()) == is_somebodys


def test_device_names_are_no_secret_when_the_device_is_retained(pair):
    for ds in (pair.original, pair.result):
        ds.StationName = "WARD7SCANNER"
    claimed = Dataset()
    claimed.CodeValue, claimed.CodingSchemeDesignator = "113109", "DCM"
    claimed.CodeMeaning = "Retain Device Identity Option"
    assert "device-left" in pair.codes()
    pair.result.DeidentificationMethodCodeSequence.append(claimed)
    assert pair.verdict().findings == ()


@pytest.mark.parametrize(
    "number",
    [
        "20010705",
        "20010705 ",
        "+20010705",
        "020010705",
        "20010705.0",
        "2.0010705E7",
        "20010705101112",
        "5072001",
        "7052001",
    ],
)
def test_a_date_is_found_as_a_whole_number(pair, number):
    both(pair, 0x00181110, "DS", "1")
    pair.result["DistanceSourceToDetector"]._value = pair.original["DistanceSourceToDetector"]._value = number
    assert ("date-left", "(0018,1110) DistanceSourceToDetector") in pair.found()


@pytest.mark.parametrize("number", ["200107055", "120010705", "0.20010705", "20010706", "10705"])
def test_a_number_that_only_has_the_digits_of_a_date_is_none(pair, number):
    both(pair, 0x00181110, "DS", number)
    assert pair.found() == set()


@pytest.mark.parametrize(
    "date", ["*5.7.01", "5.7.01", "05.7.2001", "7/5/01", "01-7-5", "5. 7. 01", "(12.4.61)", "12.4.1961", "61-04-12"]
)
@pytest.mark.parametrize(("tag", "vr"), [(0x00181020, "LO"), (0x0040A160, "UT"), (0x00180015, "CS")])
def test_a_date_is_found_in_its_short_spellings(pair, date, tag, vr):
    both(pair, tag, vr, f"Thorax {date}, x")
    assert "date-left" in {code for code, _ in pair.found()}


@pytest.mark.parametrize("date", ["25.7.", "7/25", "25/7"])
def test_a_day_and_month_that_can_be_nothing_else_are_found(pair, date):
    pair.original.StudyDate = "20010725"
    both(pair, 0x00181020, "LO", f"Thorax {date}")
    assert ("date-left", "(0018,1020) SoftwareVersions") in pair.found()


@pytest.mark.parametrize(
    "text", ["5.7.02", "1.5.7.01", "5.7.01.3", "15.7.01", "5.7.", "7/5", "0705", "7/25 mm", "5 7 01"]
)
def test_numbers_that_only_resemble_a_date_of_the_original_are_none(pair, text):
    pair.original.StudyDate = "20010705"
    both(pair, 0x00181020, "LO", f"Thorax {text}")
    assert pair.found() == set()


@pytest.mark.parametrize("name", ["Yamada^Tarou=山田^太郎=やまだ^たろう", "Yamada^Tarou=山田^太郎=ヤマダ^タロウ"])
@pytest.mark.parametrize("text", ["胸部 ヤマダ", "胸部ﾔﾏﾀﾞﾀﾛｳ", "やまだたろう"])
def test_a_name_in_one_kana_is_found_in_the_other(pair, name, text):
    for ds in (pair.original, pair.result):
        ds.SpecificCharacterSet = "ISO_IR 192"
    pair.original.PatientName = name
    both(pair, 0x00181020, "LO", text)
    assert ("name-left", "(0018,1020) SoftwareVersions") in pair.found()
