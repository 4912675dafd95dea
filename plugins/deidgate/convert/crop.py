# SPDX-License-Identifier: Apache-2.0
"""One rectangle of a picture as a picture of its own.

Source: PS3.3 C.7.6.2 (Image Plane: the position is that of the first voxel), C.9.2 (overlays).
"""

from __future__ import annotations

import copy

import numpy as np
from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from deidgate.dicom.box import Box
from deidgate.errors import ConfigurationError
from deidgate.pixels.description import describe
from deidgate.pixels.frames import frames


def cropped(dataset: Dataset, box: Box) -> Dataset:
    """A new dataset with the pixels of `box` in every frame, native; `dataset` is not changed.

    Rows, Columns and the position in the patient are those of the rectangle. Overlays and the icon show the old
    picture and are taken away, and so are regions of ultrasound, which count in its pixels.

    Raises
    ------
    ConfigurationError
        ``box-outside-picture``.
    CannotDeidentify
        ``pixel-data-…``: not decodable.
    """
    about = describe(dataset)
    if not (box.row_start < box.row_stop <= about.rows and box.column_start < box.column_stop <= about.columns):
        raise ConfigurationError("box-outside-picture", f"{about.rows} rows, {about.columns} columns")
    result = copy.deepcopy(dataset)
    parts, photometric = [], about.photometric
    for _, frame in frames(dataset, about):
        photometric = frame.photometric
        part = frame.values[box.row_start : box.row_stop, box.column_start : box.column_stop]
        parts.append(np.ascontiguousarray(part, dtype=part.dtype.newbyteorder("<")))
    if about.allocated == 1:
        # Frames of single bits follow each other without a gap. Source: PS3.5 8.1.1.
        content = np.packbits(np.concatenate([part.ravel() for part in parts]), bitorder="little").tobytes()
    else:
        content = b"".join(part.tobytes() for part in parts)
    result.Rows, result.Columns = box.row_stop - box.row_start, box.column_stop - box.column_start
    # Decoded chroma has as many samples as luma has.
    result.PhotometricInterpretation = "YBR_FULL" if photometric == "YBR_FULL_422" else photometric
    if about.samples > 1:
        result.PlanarConfiguration = 0
    if about.keyword == "PixelData":
        # Frames are stored values: unused bits are gone and the lowest bit is bit 0.
        result.HighBit = about.stored - 1
    result[about.keyword].value = content + b"\0" * (len(content) % 2)
    result[about.keyword].is_undefined_length = False
    result[about.keyword].VR = "OB" if about.allocated <= 8 else result[about.keyword].VR
    result.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    _move(result, box)
    for tag in [t for t in result.keys() if t.group & 0xFF00 == 0x6000]:  # noqa: SIM118 - a Dataset iterates elements
        del result[tag]
    for keyword in (
        "IconImageSequence",
        "SequenceOfUltrasoundRegions",
        "ExtendedOffsetTable",
        "ExtendedOffsetTableLengths",
    ):
        if keyword in result:
            delattr(result, keyword)
    image_type = list(result.get("ImageType") or ["ORIGINAL", "PRIMARY"])
    result.ImageType = ["DERIVED", *image_type[1:]]
    return result


def _move(result: Dataset, box: Box) -> None:
    spacing = result.get("PixelSpacing")
    orientation = result.get("ImageOrientationPatient")
    if spacing and orientation and result.get("ImagePositionPatient"):
        result.ImagePositionPatient = _moved(result.ImagePositionPatient, orientation, spacing, box)
    shared = (result.get("SharedFunctionalGroupsSequence") or [Dataset()])[0]
    for group in result.get("PerFrameFunctionalGroupsSequence") or ():
        measures = group.get("PixelMeasuresSequence") or shared.get("PixelMeasuresSequence")
        planes = group.get("PlaneOrientationSequence") or shared.get("PlaneOrientationSequence")
        if measures and planes and group.get("PlanePositionSequence"):
            position = group.PlanePositionSequence[0]
            position.ImagePositionPatient = _moved(
                position.ImagePositionPatient, planes[0].ImageOrientationPatient, measures[0].PixelSpacing, box
            )


def _moved(position: object, orientation: object, spacing: object, box: Box) -> list[str]:
    start = np.asarray(position, dtype=float)
    along_row, along_column = np.asarray(orientation, dtype=float).reshape(2, 3)
    between_rows, between_columns = np.asarray(spacing, dtype=float)
    moved = start + along_row * between_columns * box.column_start + along_column * between_rows * box.row_start
    return [f"{value:.10g}"[:16] for value in moved]
