# SPDX-License-Identifier: Apache-2.0
"""NIfTI volumes: every voxel keeps its place in the patient."""

import gzip
import itertools
import shutil

import nibabel
import numpy as np
import pytest
from tests.unit.convert.test_convert_pictures import errors

from deidgate.convert import volume
from deidgate.convert.subject import Subject
from deidgate.errors import CannotDeidentify

SUBJECT = Subject(patient_id="P1", study_date="20240102", study_time="101010", study_id="1").with_uids()


def phantom(shape=(7, 6, 5), times=1) -> np.ndarray:
    """A volume in which every voxel has another value."""
    return (np.arange(np.prod(shape) * times).reshape((*shape, times) if times > 1 else shape) + 1).astype(np.int16)


def nifti(values, affine) -> bytes:
    image = nibabel.Nifti1Image(values, affine)
    image.header.set_xyzt_units("mm", "sec")
    return image.to_bytes()


def in_ras(datasets) -> dict[int, tuple[float, ...]]:
    """Value -> place in RAS millimetres, computed from the DICOM attributes alone (PS3.3 C.7.6.2.1.1)."""
    places = {}
    for ds in datasets:
        position = np.asarray(ds.ImagePositionPatient, float)
        along_row, along_column = np.asarray(ds.ImageOrientationPatient, float).reshape(2, 3)
        between_rows, between_columns = np.asarray(ds.PixelSpacing, float)
        pixels = ds.pixel_array
        for row, column in itertools.product(range(pixels.shape[0]), range(pixels.shape[1])):
            lps = position + along_row * between_columns * column + along_column * between_rows * row
            places[int(pixels[row, column])] = tuple(np.round(lps * (-1, -1, 1), 3))
    return places


def expected(values, affine) -> dict[int, tuple[float, ...]]:
    return {
        int(values[index]): tuple(np.round((affine @ (*index, 1.0))[:3], 3))
        for index in itertools.product(*map(range, values.shape))
    }


def axes(order, signs, spacing=(1.5, 2.0, 3.0), origin=(-40.0, 22.0, 7.5)) -> np.ndarray:
    affine = np.eye(4)
    affine[:3, :3] = 0
    for axis, (target, sign) in enumerate(zip(order, signs, strict=True)):
        affine[target, axis] = sign * spacing[axis]
    affine[:3, 3] = origin
    return affine


ALL_48 = [
    axes(order, signs) for order in itertools.permutations(range(3)) for signs in itertools.product((1, -1), repeat=3)
]


@pytest.mark.parametrize("affine", ALL_48, ids=lambda a: "".join(nibabel.aff2axcodes(a)))
def test_every_voxel_is_where_the_affine_says_for_all_48_orientations(affine):
    values = phantom()
    made = list(volume.instances(volume.read(nifti(values, affine)), SUBJECT, "MR"))
    assert in_ras(made) == expected(values, affine)


def test_every_voxel_of_an_oblique_volume_is_where_the_affine_says():
    turn = np.eye(4)
    a, b = np.deg2rad(17), np.deg2rad(-23)
    turn[:3, :3] = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]]) @ np.array(
        [[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]]
    )
    affine = turn @ axes((0, 1, 2), (-1, 1, 1))
    values = phantom()
    made = in_ras(volume.instances(volume.read(nifti(values, affine)), SUBJECT, "MR"))
    for value, place in expected(values, affine).items():
        assert np.allclose(made[value], place, atol=2e-3)


@pytest.mark.parametrize(
    ("order", "row", "column"),
    [((0, 1, 2), (1, 0, 0), (0, 1, 0)), ((0, 2, 1), (1, 0, 0), (0, 0, -1)), ((1, 2, 0), (0, 1, 0), (0, 0, -1))],
    ids=["axial", "coronal", "sagittal"],
)
def test_slices_are_shown_as_radiologists_expect(order, row, column):
    for signs in itertools.product((1, -1), repeat=3):
        (first, *_) = volume.instances(volume.read(nifti(phantom(), axes(order, signs))), SUBJECT, "MR")
        assert np.allclose(first.ImageOrientationPatient, (*row, *column))


def test_a_known_phantom_is_read_right():
    # One bright voxel at the patient's left, anterior and superior end of a RAS+ volume.
    values = np.zeros((10, 20, 30), np.int16)
    values[0, 19, 29] = 1000
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    made = list(volume.instances(volume.read(nifti(values, affine)), SUBJECT, "CT"))
    (bright,) = [ds for ds in made if ds.pixel_array.max() == 1000]
    row, column = np.argwhere(bright.pixel_array == 1000)[0]
    assert bright is made[-1], "superior: the last slice"
    assert (row, column) == (0, 9), "anterior is up, and the patient's left on the right side of the picture"


@pytest.mark.parametrize("modality", ["CT", "MR"])
@pytest.mark.parametrize("kind", [np.int16, np.uint16, np.float32, np.uint8, np.int32])
@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dicom3tools is not installed")
def test_instances_are_valid(modality, kind, tmp_path):
    values = (phantom() * (0.37 if kind is np.float32 else 1)).astype(kind)
    for ds in list(volume.instances(volume.read(nifti(values, np.eye(4))), SUBJECT, modality))[:2]:
        assert errors(ds, tmp_path) == []


@pytest.mark.parametrize("modality", ["CT", "MR"])
@pytest.mark.parametrize("factor", [1.0, 0.37, 1e-3, 12345.0])
def test_quantitative_values_survive(modality, factor):
    values = phantom().astype(np.float64) * factor - 50
    content = nifti(values.astype(np.float32), axes((0, 1, 2), (-1, -1, 1)))
    made = list(volume.instances(volume.read(content), SUBJECT, modality))
    back = np.stack(
        [ds.pixel_array * float(ds.get("RescaleSlope", 1)) + float(ds.get("RescaleIntercept", 0)) for ds in made]
    )
    step = float(made[0].get("RescaleSlope", 1))
    assert np.abs(back - np.transpose(values, (2, 1, 0))).max() <= 0.51 * step + 1e-3


@pytest.mark.parametrize("kind", [np.int16, np.uint16])
def test_whole_numbers_of_16_bits_are_kept_as_they_are(kind):
    values = np.array([[[0, 1], [100, 32767]]], kind)
    made = list(volume.instances(volume.read(nifti(values, np.eye(4))), SUBJECT, "MR"))
    assert "RescaleSlope" not in made[0]
    assert sorted(value for ds in made for value in ds.pixel_array.ravel()) == [0, 1, 100, 32767]


def test_four_dimensions_are_times_of_one_series_in_order():
    values = phantom((4, 3, 2), times=3)
    affine = np.diag([1.0, 1.0, 1.0, 1.0])
    made = list(volume.instances(volume.read(nifti(values, affine)), SUBJECT, "MR"))
    assert [ds.InstanceNumber for ds in made] == [1, 2, 3, 4, 5, 6]
    assert [ds.TemporalPositionIdentifier for ds in made] == [1, 1, 2, 2, 3, 3]
    assert {ds.NumberOfTemporalPositions for ds in made} == {3}
    assert len({ds.SeriesInstanceUID for ds in made}) == 1 and len({ds.SOPInstanceUID for ds in made}) == 6
    for time in range(3):
        assert in_ras(made[2 * time : 2 * time + 2]) == expected(values[..., time], affine)


@pytest.mark.parametrize("none", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_in_no_attribute(none):
    values = phantom().astype(np.float32) / 7
    values[0, 0, 0] = none
    made = list(volume.instances(volume.read(nifti(values, np.eye(4))), SUBJECT, "MR"))
    for ds in made:
        assert np.isfinite([float(ds.WindowCenter), float(ds.WindowWidth), float(ds.RescaleSlope)]).all()
        assert float(ds.WindowWidth) == pytest.approx(30, abs=0.2)


def test_a_compressed_volume_is_read():
    assert volume.read(gzip.compress(nifti(phantom(), np.eye(4)))).values.shape == (1, 5, 6, 7)


def test_units_of_metres_are_millimetres_after():
    image = nibabel.Nifti1Image(phantom(), np.diag([0.001, 0.002, 0.003, 1.0]))
    image.header.set_xyzt_units("meter", "sec")
    assert np.allclose(volume.read(image.to_bytes()).spacing, (1, 2, 3))


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda: b"nonsense" * 100, "nifti-unreadable"),
        (lambda: nifti(phantom(), np.eye(4))[:300], "nifti-unreadable"),
        (
            lambda: nifti(phantom(), np.array([[1, 0.5, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])),
            "nifti-sheared",
        ),
        (lambda: nibabel.Nifti1Image(phantom(), None).to_bytes(), "nifti-without-place"),
        (lambda: nifti(np.ones((2, 2, 2), np.complex64), np.eye(4)), "nifti-kind"),
        (lambda: nifti(np.ones((2, 2, 2, 2, 2), np.int16), np.eye(4)), "nifti-dimensions"),
        (lambda: nifti(np.ones((2, 0, 2), np.int16), np.eye(4)), "nifti-dimensions"),
        (lambda: gzip.compress(nifti(phantom(), np.eye(4)))[:10] + b"\xff" * 200, "nifti-unreadable"),
        (lambda: gzip.compress(nifti(phantom(), np.eye(4)))[:-12], "nifti-unreadable"),
    ],
)
def test_what_cannot_be_placed_is_refused(make, code):
    with pytest.raises(CannotDeidentify, match=code):
        volume.read(make())


@pytest.mark.parametrize("modality", ["CT", "MR"])
@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dicom3tools is not installed")
def test_one_multi_frame_object_is_valid_and_has_every_slice(modality, tmp_path):
    slices = list(volume.instances(volume.read(nifti(phantom(), axes((0, 1, 2), (-1, 1, 1)))), SUBJECT, modality))
    made = volume.multiframe(slices)
    assert made.NumberOfFrames == 5
    assert sorted(made.pixel_array.ravel()) == sorted(np.stack([ds.pixel_array for ds in slices]).ravel())
    assert errors(made, tmp_path) == []
