# SPDX-License-Identifier: Apache-2.0
"""What the toolbox makes of pictures and volumes goes through the gateway and opens in the viewer."""

import csv

import nibabel
import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from tests.e2e.conftest import gateway, undisturbed
from tests.e2e.drawn import difference, wait_for_image

from deidgate.cli import main

SIDE = 96
KINDS = ("png", "jpeg", "bmp", "tiff", "nifti")


def phantom(turn=0):
    """A picture that no flip, turn or transposition leaves as it is: ``(SIDE, SIDE) uint8``."""
    rows, columns = np.mgrid[0:SIDE, 0:SIDE]
    picture = (40 + columns).astype(np.uint8)
    picture[8:40, 8:24] = 230
    picture[60:80, 30 + turn : 80 + turn] = 250
    picture[(rows - 24) ** 2 + (columns - 70) ** 2 < 200] = 0
    return picture


def written(kind, folder):
    """Files of that kind in `folder`, and the pictures that are to be seen."""
    one = phantom()
    if kind == "nifti":
        stack = np.stack([phantom(turn) for turn in range(3)])
        # The file's axes run to the right, the front and the head, those of a picture to the left and the back.
        voxels = np.ascontiguousarray(stack[:, ::-1, ::-1].transpose(2, 1, 0)).astype(np.int16)
        nibabel.save(nibabel.Nifti1Image(voxels, np.diag([1.0, 1.0, 3.0, 1.0])), folder / "volume.nii.gz")
        return list(stack)
    if kind == "tiff":
        pages = [Image.fromarray(phantom(turn)) for turn in range(3)]
        pages[0].save(folder / "pages.tiff", save_all=True, append_images=pages[1:])
        return [np.asarray(page) for page in pages]
    Image.fromarray(one).save(folder / f"picture.{kind}", quality=95)
    return [one]


@pytest.fixture(scope="module", params=KINDS)
def converted(request, tmp_path_factory):
    """Study on research, and the pictures it was made of."""
    folder = tmp_path_factory.mktemp(request.param)
    source, series = folder / "source", folder / "series"
    source.mkdir()
    pictures = written(request.param, source)
    # Somebody has looked: there is no text in these. Without that they would be held until somebody does.
    modality = "MR" if request.param == "nifti" else "OT"
    words = ["--patient-id", f"CONVERTED-{request.param}", "--modality", modality, "--burned-in-annotation", "NO"]
    main(["convert", str(source), str(series), *words], standalone_mode=False)
    gateway("send", str(series))
    gateway("wait", "--timeout", "180")
    tables = ("--uids", str(folder / "uids.csv"), "--patients", str(folder / "patients.csv"))
    gateway("mapping", "export", *tables, "--why", "test")
    with (folder / "uids.csv").open(newline="") as file:
        uids = dict(csv.reader(file))
    first = next(path for path in sorted(series.rglob("*")) if path.is_file())
    return uids[dcmread(first, stop_before_pixels=True).StudyInstanceUID], pictures


@undisturbed
def test_the_viewer_shows_the_picture_that_was_converted_the_right_way_up(page, research, watcher, converted):
    study, pictures = converted
    page.goto(f"{research['url']}/ohif/viewer?StudyInstanceUIDs={study}")
    drawn = wait_for_image(page)
    stretched = [spread(picture) for picture in pictures]
    assert min(difference(spread(drawn), picture) for picture in stretched) < 12
    # The measure itself: the same picture turned over is far away.
    for turned in (np.flipud, np.fliplr, np.transpose):
        assert min(difference(spread(drawn), turned(picture)) for picture in stretched) > 20
    assert watcher.wrong == []


def spread(picture):
    """Grays from black to white, as a viewer's own window makes of them."""
    low, high = int(picture.min()), int(picture.max())
    return ((picture.astype(int) - low) * 255 // max(high - low, 1)).astype(np.uint8)
