# SPDX-License-Identifier: Apache-2.0
"""Pictures into DICOM, valid and true."""

import io
import shutil
import struct
import subprocess
from dataclasses import replace

import numpy as np
import pydicom
import pytest
import tifffile
from PIL import Image, ImageOps
from pydicom.encaps import generate_frames

from deidgate.convert.secondary_capture import from_picture, jpeg_facts
from deidgate.convert.subject import Subject
from deidgate.errors import CannotDeidentify, ConfigurationError

SUBJECT = Subject(
    patient_id="P1", patient_name="Doe^J", study_date="20240102", study_time="101010", study_id="1"
).with_uids()
GREY = (np.add.outer(np.arange(48), np.arange(64)) * 2 % 256).astype(np.uint8)
RGB = np.stack([GREY, GREY[::-1], GREY[:, ::-1]], axis=-1)


def saved(array, form, **options) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, form, **options)
    return buffer.getvalue()


def pages(arrays, **options) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, np.stack(arrays), **options)
    return buffer.getvalue()


def animated(form, **options) -> tuple[bytes, np.ndarray]:
    """Three pictures of which the later ones are written as the part that changes, with other colours; as shown."""
    first, *further = [np.zeros((40, 60, 3), np.uint8) for _ in range(3)]
    first[:] = (255, 0, 0)
    for number, picture in enumerate(further, 1):
        picture[:] = first
        picture[10 * number : 10 * number + 5, 20:30] = (0, 120 * number, 255)
    buffer = io.BytesIO()
    made = [Image.fromarray(picture) for picture in (first, *further)]
    made[0].save(buffer, form, save_all=True, append_images=made[1:], **options)
    return buffer.getvalue(), np.stack([first, *further])


PICTURES = {
    "jpeg colour": saved(RGB, "JPEG"),
    "jpeg 4:4:4": saved(RGB, "JPEG", subsampling=0),
    "jpeg grey": saved(GREY, "JPEG"),
    "jpeg progressive": saved(RGB, "JPEG", progressive=True),
    "png colour": saved(RGB, "PNG"),
    "png grey": saved(GREY, "PNG"),
    "png 16 bit": saved(GREY.astype(np.uint16) * 257, "PNG"),
    "png palette": saved(np.asarray(Image.fromarray(RGB).quantize(16).convert("RGB")), "PNG"),
    "bmp": saved(RGB, "BMP"),
    "gif": saved(GREY, "GIF"),
    "gif animated": animated("GIF", duration=100)[0],
    "png animated": animated("PNG")[0],
    "tiff": pages([GREY], photometric="minisblack"),
    "tiff 3 pages": pages([GREY, GREY + 1, GREY + 2], photometric="minisblack"),
    "tiff 3 pages 16 bit": pages([GREY.astype(np.uint16) * n for n in (1, 2, 3)], photometric="minisblack"),
    "tiff 3 pages colour": pages([RGB, RGB[::-1], RGB], photometric="rgb"),
}


def errors(dataset, tmp_path) -> list[str]:
    path = tmp_path / "object.dcm"
    dataset.save_as(path, enforce_file_format=True)
    done = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False)
    return [line for line in done.stderr.splitlines() if line.startswith("Error")]


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dicom3tools is not installed")
@pytest.mark.parametrize("name", PICTURES)
def test_every_kind_of_picture_becomes_a_valid_object(name, tmp_path):
    assert errors(from_picture(PICTURES[name], SUBJECT), tmp_path) == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("png colour", RGB),
        ("png grey", GREY),
        ("png 16 bit", GREY.astype(np.uint16) * 257),
        ("bmp", RGB),
        ("tiff 3 pages", np.stack([GREY, GREY + 1, GREY + 2])),
        ("tiff 3 pages 16 bit", np.stack([GREY.astype(np.uint16) * n for n in (1, 2, 3)])),
        ("tiff 3 pages colour", np.stack([RGB, RGB[::-1], RGB])),
    ],
)
def test_lossless_pictures_have_the_same_pixels(name, expected):
    assert np.array_equal(from_picture(PICTURES[name], SUBJECT).pixel_array, expected)


@pytest.mark.parametrize("form", ["GIF", "PNG"])
def test_every_picture_of_an_animation_is_a_frame_as_it_is_shown(form):
    content, expected = animated(form)
    made = from_picture(content, SUBJECT)
    assert made.NumberOfFrames == 3
    assert np.array_equal(made.pixel_array, expected)


def test_a_grey_animation_whose_pictures_have_other_palettes_is_read():
    buffer = io.BytesIO()
    first, second = Image.fromarray(GREY), Image.fromarray(RGB).quantize(16)
    first.save(buffer, "GIF", save_all=True, append_images=[second])
    shown = from_picture(buffer.getvalue(), SUBJECT).pixel_array
    assert np.array_equal(shown[0], np.stack([GREY] * 3, axis=-1))
    assert np.array_equal(shown[1], np.asarray(second.convert("RGB")))


@pytest.mark.parametrize("name", ["jpeg colour", "jpeg 4:4:4", "jpeg grey"])
def test_a_baseline_jpeg_keeps_its_coded_data(name):
    content = PICTURES[name]
    made = from_picture(content, SUBJECT)
    (coded,) = generate_frames(made.PixelData, number_of_frames=1)
    scan = content[content.find(b"\xff\xda") :]
    assert scan in coded
    decoded = np.asarray(Image.open(io.BytesIO(content)))
    assert np.abs(np.asarray(Image.open(io.BytesIO(coded))).astype(int) - decoded).max() == 0
    assert made.LossyImageCompression == "01"


def test_what_a_camera_writes_beside_the_picture_does_not_come_along():
    exif = Image.Exif()
    exif[0x010E] = "Fernandez Maria"
    exif[0x0132] = "2024:01:02 10:10:10"
    content = saved(RGB, "JPEG", exif=exif, comment=b"taken by Fernandez") + b"trailing Fernandez film"
    assert content.count(b"Fernandez") == 3
    assert b"Fernandez" not in from_picture(content, SUBJECT).PixelData


ORIENTED = {
    "png": {"form": "PNG"},
    "jpeg": {"form": "JPEG", "quality": 100, "subsampling": 0},
    "jpeg progressive": {"form": "JPEG", "quality": 100, "subsampling": 0, "progressive": True},
    "tiff": {"form": "TIFF"},
}


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ORIENTED)
def test_a_picture_stands_upright(name, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    smooth = np.stack([np.add.outer(np.arange(48) * 2, np.arange(64)), *np.full((2, 48, 64), 90)], -1).astype(np.uint8)
    content = saved(smooth, exif=exif, **ORIENTED[name])
    made = from_picture(content, SUBJECT)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(content))))
    assert (made.Rows, made.Columns) == expected.shape[:2]
    shown = made.pixel_array
    if made.file_meta.TransferSyntaxUID.is_compressed:
        assert (name, orientation) == ("jpeg", 1)
    else:
        assert np.array_equal(shown, expected)
    assert made.LossyImageCompression == ("01" if "jpeg" in name else "00")


@pytest.mark.parametrize("exif", [b"", b"II", b"MM\0*\xff\xff\xff\xff", b"II*\0\x08\0\0\0\x09\0", b"XX*\0\x08\0\0\0"])
def test_a_damaged_exif_turns_nothing(exif):
    segment = b"\xff\xe1" + struct.pack(">H", 8 + len(exif)) + b"Exif\0\0" + exif
    for name in ("jpeg colour", "jpeg progressive"):
        content = PICTURES[name]
        made = from_picture(content[:2] + segment + content[2:], SUBJECT)
        assert made.PixelData == from_picture(content, SUBJECT).PixelData
    assert np.array_equal(from_picture(saved(RGB, "PNG", exif=exif), SUBJECT).pixel_array, RGB)


def test_an_orientation_that_does_not_exist_turns_nothing():
    exif = Image.Exif()
    exif[0x0112] = 9
    assert from_picture(saved(RGB, "JPEG", exif=exif), SUBJECT).file_meta.TransferSyntaxUID.is_compressed
    assert np.array_equal(from_picture(saved(RGB, "PNG", exif=exif), SUBJECT).pixel_array, RGB)


def test_a_jpeg_that_is_decoded_says_that_it_was_lossy():
    made = from_picture(PICTURES["jpeg progressive"], SUBJECT)
    assert (made.LossyImageCompression, made.file_meta.TransferSyntaxUID.is_compressed) == ("01", False)


def test_an_adobe_rgb_jpeg_is_rgb():
    # APP14 with transform 0 after SOI.
    plain = saved(RGB, "JPEG", subsampling=0)
    adobe = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00"
    start = plain.find(b"\xff\xdb")
    content = plain[:2] + adobe + plain[start:]
    assert jpeg_facts(content).photometric == "RGB"
    assert adobe in jpeg_facts(content).stripped


def test_transparent_pixels_are_seen_as_on_a_dark_screen():
    picture = np.zeros((4, 4, 4), np.uint8)
    picture[..., 0] = 255
    picture[:2, :, 3] = 255
    pixels = from_picture(saved(picture, "PNG"), SUBJECT).pixel_array
    assert (pixels[:2] == (255, 0, 0)).all() and (pixels[2:] == 0).all()


@pytest.mark.parametrize(
    "content",
    [b"\xff\xd8\xff\xe0 no picture", b"\x89PNG\r\n\x1a\n", b"BM", b"II*\x00\x08", PICTURES["jpeg colour"][:200]],
)
def test_a_damaged_picture_is_refused_without_a_crash(content):
    with pytest.raises(CannotDeidentify, match="picture-unreadable"):
        from_picture(content, SUBJECT)


def test_a_picture_that_claims_to_be_enormous_is_not_decoded():
    content = bytearray(saved(GREY, "PNG"))
    struct.pack_into(">II", content, 16, 100_000, 100_000)
    with pytest.raises(CannotDeidentify):
        from_picture(bytes(content), SUBJECT)


def test_floating_point_pages_are_refused():
    with pytest.raises(CannotDeidentify, match="picture-kind"):
        from_picture(pages([GREY.astype(np.float32)], photometric="minisblack"), SUBJECT)


def test_pages_of_different_size_are_refused():
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as writer:
        writer.write(GREY, photometric="minisblack")
        writer.write(GREY[:10], photometric="minisblack")
    with pytest.raises(CannotDeidentify, match="picture-pages-differ"):
        from_picture(buffer.getvalue(), SUBJECT)


def test_patient_and_study_are_those_that_were_given():
    made = from_picture(PICTURES["bmp"], SUBJECT)
    assert (made.PatientID, str(made.PatientName), made.StudyDate, made.StudyInstanceUID) == (
        "P1",
        "Doe^J",
        "20240102",
        SUBJECT.study_uid,
    )


def test_nobody_claims_that_a_photograph_has_no_text():
    assert from_picture(PICTURES["bmp"], SUBJECT).BurnedInAnnotation == "YES"
    seen = replace(SUBJECT, burned_in_annotation="NO")
    assert from_picture(PICTURES["bmp"], seen).BurnedInAnnotation == "NO"


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ({"birth_date": "1.2.2003"}, "not-a-date"),
        ({"sex": "X"}, "sex-is-not-m-f-o"),
        ({"shoe_size": "42"}, "unknown-column"),
        ({"series_number": "one"}, "series-number-is-not-a-number"),
        ({"patient_id": "a\\b"}, "backslash-in-value"),
        ({"study_time": "9:59"}, "value"),
        ({"study_time": "10-11"}, "value"),
        ({"study_time": "103061"}, "value"),
        ({"study_date": "202411"}, "not-a-date"),
        ({"birth_date": "1960113"}, "not-a-date"),
        ({"study_description": "one\ntwo"}, "value"),
        ({"patient_name": "Doe\x1b[2J"}, "value"),
        ({"study_uid": "study 7"}, "value"),
        ({"accession": "longer than 16 characters"}, "value"),
        ({"modality": "mammography"}, "value"),
        ({"burned_in_annotation": "no"}, "burned-in-annotation-is-not-yes-no"),
        ({"laterality": "left"}, "laterality-is-not-l-r"),
    ],
)
def test_a_wrong_cell_of_a_table_is_refused(row, code):
    with pytest.raises(ConfigurationError, match=code):
        Subject.from_row(row, Subject())


def test_a_template_gives_patient_and_study_and_no_series():
    template = pydicom.Dataset()
    template.PatientID, template.PatientName = "7", "Roe^A"
    template.StudyInstanceUID, template.SeriesInstanceUID = "1.2.3", "1.2.3.4"
    subject = Subject.from_template(template).with_uids()
    assert (subject.patient_id, subject.study_uid) == ("7", "1.2.3")
    assert subject.series_uid != "1.2.3.4"


def test_a_name_beyond_ascii_is_written_in_utf_8(tmp_path):
    subject = Subject(patient_id="1", patient_name="Müller^Łucja").with_uids()
    from_picture(PICTURES["bmp"], subject).save_as(tmp_path / "x.dcm", enforce_file_format=True)
    assert str(pydicom.dcmread(tmp_path / "x.dcm").PatientName) == "Müller^Łucja"
