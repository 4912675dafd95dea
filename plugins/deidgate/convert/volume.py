# SPDX-License-Identifier: Apache-2.0
"""NIfTI volumes as CT- or MR-like series, in the right place and the right way round.

A NIfTI affine maps voxel indices to millimetres in RAS (x grows to the Right, y to the Anterior, z to the Superior);
DICOM's patient coordinates are LPS. The third axis of the volume stays the slice axis. The first two are swapped or
flipped, without interpolation, such that each slice is shown as radiologists expect (left of the patient on the right
side of the picture, and so on); positions and directions are computed from the affine after that, so that every voxel
keeps its place whatever the flips were.

Source: PS3.3 C.7.6.2 (Image Plane); NIfTI-1 specification, methods 2 and 3 (nibabel resolves which applies).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian, MRImageStorage, generate_uid

from deidgate.convert.missing import need
from deidgate.convert.secondary_capture import with_meta
from deidgate.convert.subject import Subject, begin
from deidgate.errors import CannotDeidentify

_RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
_SHEAR = 1e-3
"""Cosine between two axes from which a volume counts as sheared."""


@dataclass(frozen=True, slots=True)
class Volume:
    """A volume in DICOM's order.

    Attributes
    ----------
    values : ndarray
        ``(times, slices, rows, columns)``.
    to_patient : ndarray
        4 by 4: ``(column, row, slice, 1)`` to LPS millimetres.
    seconds : float
        Time from one volume to the next; 0 if not known.
    """

    values: NDArray[Any]
    to_patient: NDArray[np.float64]
    seconds: float

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Between columns, between rows, between slices; millimetres."""
        lengths = np.linalg.norm(self.to_patient[:3, :3], axis=0)
        return float(lengths[0]), float(lengths[1]), float(lengths[2])

    @property
    def orientation(self) -> list[float]:
        """Image Orientation (Patient): direction of a row, then of a column."""
        axes = self.to_patient[:3, :2] / np.linalg.norm(self.to_patient[:3, :2], axis=0)
        return [float(value) for value in axes.T.ravel()]

    def position(self, number: int) -> list[float]:
        """Image Position (Patient) of slice `number`: centre of its first voxel."""
        return [float(value) for value in (self.to_patient @ np.array([0, 0, number, 1.0]))[:3]]


def read(content: bytes) -> Volume:
    """The NIfTI file `content` (``.nii``, also gzipped).

    Raises
    ------
    CannotDeidentify
        ``nifti-unreadable``, ``nifti-dimensions``, ``nifti-kind`` (colour, complex), ``nifti-without-place`` (no affine
        in the header), ``nifti-sheared`` (rows and columns are not at right angles).
    ExtraMissingError
        nibabel is not installed.
    """
    nibabel = need("nibabel", "convert")
    spatial = need("nibabel.spatialimages", "convert")
    try:
        image = _open(nibabel, content)
        data = np.asanyarray(image.dataobj)
    except (
        spatial.HeaderDataError,
        spatial.ImageDataError,
        need("nibabel.wrapstruct", "convert").WrapStructError,
        OSError,
        ValueError,
        EOFError,
        KeyError,
        zlib.error,
    ):
        raise CannotDeidentify("nifti-unreadable") from None
    if data.dtype.names or data.dtype.kind not in "iuf":
        raise CannotDeidentify("nifti-kind")
    while data.ndim > 4 and data.shape[-1] == 1:
        data = data[..., 0]
    if data.ndim == 2:
        data = data[..., np.newaxis]
    if data.ndim not in (3, 4) or data.size == 0:
        raise CannotDeidentify("nifti-dimensions")
    if int(image.header["qform_code"]) == 0 and int(image.header["sform_code"]) == 0:
        raise CannotDeidentify("nifti-without-place")
    affine = _RAS_TO_LPS @ np.asarray(image.affine, dtype=np.float64)
    unit = {"meter": 1000.0, "micron": 0.001}.get(image.header.get_xyzt_units()[0], 1.0)
    affine[:3] *= unit
    if data.ndim == 3:
        data = data[..., np.newaxis]
    values, affine = _as_shown(data, affine)
    _refuse_shear(affine)
    zooms = image.header.get_zooms()
    step = {"sec": 1.0, "msec": 0.001, "usec": 1e-6}.get(image.header.get_xyzt_units()[1], 0.0)
    seconds = float(zooms[3]) * step if len(zooms) > 3 else 0.0
    return Volume(values, affine, seconds)


def instances(volume: Volume, subject: Subject, modality: str) -> Iterator[Dataset]:
    """One CT or MR object per slice and time, in order, with file meta information.

    Parameters
    ----------
    subject : Subject
        With UIDs.
    modality : str
        ``CT`` or ``MR``.

    Notes
    -----
    Whole numbers that fit 16 bits are kept as they are. Others are scaled over the whole volume, with Rescale Slope and
    Intercept that give the values back to within half a step. What is no number becomes 0.
    """
    values = volume.values
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    stored, slope, intercept = _stored(values, signed=modality == "CT")
    columns_mm, rows_mm, slices_mm = volume.spacing
    times, slices = stored.shape[:2]
    low, high = float(values.min()), float(values.max())
    for time in range(times):
        for number in range(slices):
            sop_class: UID = CTImageStorage if modality == "CT" else MRImageStorage
            dataset = begin(subject, sop_class, modality, time * slices + number + 1)
            dataset.Modality = modality
            dataset.ImageType = (
                ["DERIVED", "SECONDARY", "AXIAL"] if modality == "CT" else ["DERIVED", "SECONDARY", "OTHER"]
            )
            dataset.FrameOfReferenceUID = subject.frame_of_reference_uid
            dataset.PositionReferenceIndicator = ""
            # Type 2C in General Series and unknown: what the affine says is where, not how the patient lay.
            dataset.PatientPosition = ""
            dataset.AcquisitionNumber = time + 1
            dataset.ImagePositionPatient = [_decimal(value) for value in volume.position(number)]
            dataset.ImageOrientationPatient = [_decimal(value) for value in volume.orientation]
            dataset.PixelSpacing = [_decimal(rows_mm), _decimal(columns_mm)]
            dataset.SliceThickness = _decimal(slices_mm)
            dataset.SpacingBetweenSlices = _decimal(slices_mm)
            if modality == "CT":
                dataset.KVP = ""
                dataset.RescaleType = "HU"
                del dataset.SpacingBetweenSlices
            else:
                # Research mode and none: how the volume was acquired is not in the file. Source: PS3.3 C.8.3.1.
                dataset.ScanningSequence, dataset.SequenceVariant = "RM", "NONE"
                dataset.ScanOptions, dataset.MRAcquisitionType = "", ""
                dataset.EchoTime, dataset.EchoTrainLength, dataset.RepetitionTime = "", "", ""
            if times > 1 and modality == "MR":
                dataset.TemporalPositionIdentifier = time + 1
                dataset.NumberOfTemporalPositions = times
                if volume.seconds:
                    dataset.TemporalResolution = _decimal(volume.seconds * 1000.0)
            _add_pixels(dataset, stored[time, number])
            if modality == "CT" or (slope, intercept) != (1.0, 0.0):
                dataset.RescaleSlope, dataset.RescaleIntercept = _decimal(slope), _decimal(intercept)
            dataset.WindowCenter = _decimal((low + high) / 2)
            dataset.WindowWidth = _decimal(max(high - low, 1.0))
            yield with_meta(dataset, ExplicitVRLittleEndian)


def _open(nibabel: Any, content: bytes) -> Any:
    if content[:2] == b"\x1f\x8b":
        import gzip

        content = gzip.decompress(content)
    kind = nibabel.Nifti2Image if content[:4] in (b"\x1c\x02\0\0", b"\0\0\x02\x1c") else nibabel.Nifti1Image
    return kind.from_bytes(content)


def _as_shown(data: NDArray[Any], affine: NDArray[np.float64]) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """``(times, slices, rows, columns)`` and its affine, from ``(i, j, k, t)``."""
    main = [int(np.argmax(np.abs(affine[:3, axis]))) for axis in (0, 1)]
    # Columns run left (x), else posterior (y); rows run posterior (y), else inferior (z).
    swap = main[0] > main[1] if main[0] != main[1] else False
    across, down = (1, 0) if swap else (0, 1)
    if swap:
        data, affine = np.swapaxes(data, 0, 1), affine[:, [1, 0, 2, 3]]
    wanted = [1.0, -1.0 if max(main) == 2 else 1.0]
    for axis, original in ((0, across), (1, down)):
        if affine[main[original], axis] * wanted[axis] < 0:
            data = np.flip(data, axis)
            affine = affine.copy()
            affine[:, 3] += affine[:, axis] * (data.shape[axis] - 1)
            affine[:, axis] *= -1
    return np.transpose(data, (3, 2, 1, 0)), affine


def _refuse_shear(affine: NDArray[np.float64]) -> None:
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    if (lengths == 0).any() or not np.isfinite(affine).all():
        raise CannotDeidentify("nifti-without-place")
    axes = affine[:3, :3] / lengths
    if abs(float(axes[:, 0] @ axes[:, 1])) > _SHEAR:
        raise CannotDeidentify("nifti-sheared")


def _stored(values: NDArray[Any], signed: bool) -> tuple[NDArray[Any], float, float]:
    """16-bit values, slope and intercept with ``values = stored * slope + intercept``."""
    low, high = values.min(), values.max()
    whole = values.dtype.kind in "iu" or bool((values == np.rint(values)).all())
    if whole and low >= 0 and high <= 65535 and not (signed and high <= 32767):
        return values.astype(np.uint16), 1.0, 0.0
    if whole and low >= -32768 and high <= 32767:
        return values.astype(np.int16), 1.0, 0.0
    slope = float(_decimal((float(high) - float(low)) / 65535.0 or 1.0))
    intercept = float(_decimal(float(low)))
    return np.rint((values.astype(np.float64) - intercept) / slope).clip(0, 65535).astype(np.uint16), slope, intercept


def _add_pixels(dataset: Dataset, values: NDArray[Any]) -> None:
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = values.shape
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 16, 15
    dataset.PixelRepresentation = int(values.dtype.kind == "i")
    dataset.PixelData = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<")).tobytes()
    dataset["PixelData"].VR = "OW"


def _decimal(value: float) -> str:
    """A Decimal String: at most 16 characters. Source: PS3.5 6.2."""
    if value == 0:
        return "0"
    for digits in range(16, 0, -1):
        text = f"{value:.{digits}g}"
        if len(text) <= 16:
            return text
    return f"{value:.8e}"


def multiframe(slices: list[Dataset]) -> Dataset:
    """A series of `instances` as one Legacy Converted Enhanced CT or MR object.

    Raises
    ------
    ExtraMissingError
        highdicom is not installed.

    Source: PS3.3 A.70 (Legacy Converted Enhanced CT Image IOD), A.71 (MR).
    """
    legacy = need("highdicom.legacy", "convert")
    first = slices[0]
    kind = legacy.LegacyConvertedEnhancedCTImage if first.Modality == "CT" else legacy.LegacyConvertedEnhancedMRImage
    made: Dataset = kind(
        legacy_datasets=slices,
        series_instance_uid=generate_uid(prefix=None),
        series_number=int(first.SeriesNumber),
        sop_instance_uid=generate_uid(prefix=None),
        instance_number=1,
    )
    # The slices never existed as instances of their own: there is nothing to refer to.
    for keyword in ("ReferencedSeriesSequence", "StudiesContainingOtherReferencedInstancesSequence"):
        if keyword in made:
            delattr(made, keyword)
    made.Laterality = first.Laterality
    return made
