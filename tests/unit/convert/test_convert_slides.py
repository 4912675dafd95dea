# SPDX-License-Identifier: Apache-2.0
"""Slides into whole slide objects: tiles kept, the sticker left behind."""

import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pydicom
import pytest
import tifffile
from pydicom.uid import VLWholeSlideMicroscopyImageStorage

from deidgate.convert.slides import convert, is_slide
from deidgate.convert.subject import Subject
from deidgate.errors import CannotDeidentify

SUBJECT = Subject(
    patient_id="P1", patient_name="Doe^J", study_id="1", study_date="20240102", study_time="101010"
).with_uids()
NEEDLES = (b"FERNANDEZ", b"SS1302", b"b414003d", b"1004486")


@pytest.fixture(scope="module")
def svs(tmp_path_factory):
    """A slide as an Aperio scanner writes it: levels, thumbnail, label and macro, and what it says about itself."""
    path = tmp_path_factory.mktemp("slide") / "slide.svs"
    rows, columns = np.mgrid[0:1024, 0:1536]
    picture = np.stack([columns // 8 % 256, rows // 8 % 256, (rows + columns) // 16 % 256], axis=-1).astype(np.uint8)
    about = (
        "Aperio Image Library v11.2.1 \r\n1536x1024 [0,0 1536x1024] (256x256) JPEG/RGB Q=70|AppMag = 20"
        "|ScanScope ID = SS1302"
        "|Filename = FERNANDEZ|Date = 12/29/09|Time = 09:59:15|User = b414003d|MPP = 0.4990|ImageID = 1004486"
    )
    tiles = {"tile": (256, 256), "photometric": "rgb", "compression": "jpeg", "metadata": None}
    with tifffile.TiffWriter(path) as writer:
        writer.write(picture, description=about, **tiles)
        writer.write(
            picture[::8, ::8], photometric="rgb", description="Aperio Image Library v11.2.1 \r\n192x128", metadata=None
        )
        writer.write(
            np.full((300, 300, 3), 9, np.uint8),
            photometric="rgb",
            description="Aperio \r\nlabel 300x300",
            subfiletype=1,
            metadata=None,
        )
        writer.write(
            np.full((200, 600, 3), 9, np.uint8),
            photometric="rgb",
            description="Aperio \r\nmacro 600x200",
            subfiletype=9,
            metadata=None,
        )
    return path


def test_a_slide_is_told_from_a_picture(svs, tmp_path):
    assert is_slide(svs)
    tifffile.imwrite(tmp_path / "page.tif", np.zeros((32, 32), np.uint8))
    assert not is_slide(tmp_path / "page.tif")
    assert not is_slide(tmp_path / "page.png")


def test_a_slide_becomes_valid_objects_without_label_and_without_its_own_words(svs, tmp_path):
    written = convert(svs, tmp_path, SUBJECT)
    assert written
    for path in written:
        made = pydicom.dcmread(path)
        assert made.SOPClassUID == VLWholeSlideMicroscopyImageStorage
        assert (made.PatientID, made.StudyInstanceUID) == ("P1", SUBJECT.study_uid)
        assert made.ImageType[2] == "VOLUME"
        assert made.AcquisitionDateTime == "20240102101010"
        assert [needle for needle in NEEDLES if needle in path.read_bytes()] == []
        if shutil.which("dciodvfy"):
            done = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False)
            assert [line for line in done.stderr.splitlines() if line.startswith("Error")] == []


def test_a_leap_second_is_a_time(svs, tmp_path):
    made = pydicom.dcmread(convert(svs, tmp_path, replace(SUBJECT, study_time="235960"))[0])
    assert made.AcquisitionDateTime == "20240102235960"


def test_coded_tiles_are_kept(svs, tmp_path):
    made = pydicom.dcmread(convert(svs, tmp_path, SUBJECT)[0])
    assert made.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.4.50"
    assert (made.Rows, made.Columns, made.NumberOfFrames) == (256, 256, 24)
    with tifffile.TiffFile(svs) as file:
        page = file.pages[0]
        file.filehandle.seek(page.dataoffsets[0])
        tile = file.filehandle.read(page.databytecounts[0])
    scan = tile[tile.find(b"\xff\xda") : -2]
    assert scan in made.PixelData


def test_a_conversion_changes_nothing_for_others_in_the_process(svs, tmp_path):
    program = (
        "import sys; from pathlib import Path; from pydicom import Dataset, config, examples\n"
        "from deidgate.convert.slides import convert; from deidgate.convert.subject import Subject\n"
        "before = config.settings.writing_validation_mode\n"
        "convert(Path(sys.argv[1]), Path(sys.argv[2]), Subject(patient_id='P1').with_uids())\n"
        "assert config.settings.writing_validation_mode == before\n"
        "assert examples.ct.pixel_array.shape == (128, 128)\n"
    )
    subprocess.run([sys.executable, "-c", program, str(svs), str(tmp_path)], check=True)


def test_what_is_no_slide_is_refused(tmp_path):
    (tmp_path / "bad.svs").write_bytes(b"nonsense")
    with pytest.raises(CannotDeidentify, match="slide-unreadable"):
        convert(tmp_path / "bad.svs", tmp_path, SUBJECT)
