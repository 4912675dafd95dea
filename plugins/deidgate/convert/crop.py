# SPDX-License-Identifier: Apache-2.0
"""One rectangle of a picture as a picture of its own.

Source: PS3.3 C.7.6.2 (Image Plane: the position is that of the first voxel), C.7.6.16.2.3 and .4 (the same in
functional groups), C.8.4.11 (detectors of nuclear medicine), C.9.2 (overlays), C.7.6.11 (Display Shutter).
"""

from __future__ import annotations

import copy
from typing import Literal

import numpy as np
from pydicom import Dataset
from pydicom.datadict import tag_for_keyword
from pydicom.tag import BaseTag
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian

from deidgate.dicom.box import Box
from deidgate.dicom.path import ElementPath
from deidgate.errors import ConfigurationError
from deidgate.pixels.description import describe
from deidgate.pixels.frames import frames

_SHUTTER = (
    "ShutterShape",
    "ShutterLeftVerticalEdge",
    "ShutterRightVerticalEdge",
    "ShutterUpperHorizontalEdge",
    "ShutterLowerHorizontalEdge",
    "CenterOfCircularShutter",
    "RadiusOfCircularShutter",
    "VerticesOfThePolygonalShutter",
    "ShutterPresentationValue",
    "ShutterPresentationColorCIELabValue",
)
"""What would hide other pixels than before, and belongs together."""
_OVERLAY_DATA = 0x3000
_OF_THE_WHOLE = ("IconImageSequence", "SequenceOfUltrasoundRegions", *_SHUTTER)
_FRAME_SHUTTER = "FrameDisplayShutterSequence"


def lost(dataset: Dataset) -> list[ElementPath]:
    """What `cropped` takes away from `dataset`: it shows the whole picture, or counts in its pixels.

    One element of each overlay plane and of each kind of functional group stands for all.
    """
    keywords = [keyword for keyword in _OF_THE_WHOLE if keyword in dataset]
    if any(_FRAME_SHUTTER in group for group in _groups(dataset)):
        keywords.append(_FRAME_SHUTTER)
    planes = {tag.group: int(tag) for tag in sorted(_overlay_tags(dataset), reverse=True)}
    for group in planes:
        if (group, _OVERLAY_DATA) in dataset:
            planes[group] = group << 16 | _OVERLAY_DATA
    return [
        ElementPath.top(tag) for tag in sorted({*(tag_for_keyword(one) or 0 for one in keywords), *planes.values()})
    ]


def cropped(dataset: Dataset, box: Box) -> Dataset:
    """A new dataset with the pixels of `box` in every frame, native; `dataset` is not changed.

    Rows, Columns and the position in the patient are those of the rectangle. Overlays and the icon show the old
    picture and are taken away, and so are regions of ultrasound and shutters, which count in its pixels: see `lost`.

    Raises
    ------
    ConfigurationError
        ``box-outside-picture``.
    CannotDeidentify
        ``pixel-data-…``: not decodable.
    """
    about = describe(dataset)
    if not box.lies_in(about.rows, about.columns):
        raise ConfigurationError("box-outside-picture", f"{about.rows} rows, {about.columns} columns")
    result = copy.deepcopy(dataset)
    parts, photometric = [], about.photometric
    # Retired and big-endian stays so: every other element of the file is in that order too.
    syntax = ExplicitVRBigEndian if about.transfer_syntax == ExplicitVRBigEndian else ExplicitVRLittleEndian
    order: Literal["<", ">"] = "<" if syntax.is_little_endian else ">"
    for _, frame in frames(dataset, about):
        photometric = frame.photometric
        part = frame.values[box.row_start : box.row_stop, box.column_start : box.column_stop]
        parts.append(np.ascontiguousarray(part, dtype=part.dtype.newbyteorder(order)))
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
    result.file_meta.TransferSyntaxUID = syntax
    _move(result, box)
    for tag in _overlay_tags(result):
        del result[tag]
    for keyword in (*_OF_THE_WHOLE, "ExtendedOffsetTable", "ExtendedOffsetTableLengths"):
        if keyword in result:
            delattr(result, keyword)
    for group in _groups(result):
        if _FRAME_SHUTTER in group:
            delattr(group, _FRAME_SHUTTER)
    image_type = result.get("ImageType") or ["ORIGINAL", "PRIMARY"]
    # A single value is a text, and a text is a sequence of letters.
    rest = [] if isinstance(image_type, str) else list(image_type)[1:]
    result.ImageType = ["DERIVED", *(rest or ["PRIMARY"])]
    return result


def _overlay_tags(dataset: Dataset) -> list[BaseTag]:
    return [tag for tag in dataset.keys() if tag.group & 0xFF00 == 0x6000]  # noqa: SIM118 - a Dataset iterates elements


def _groups(dataset: Dataset) -> list[Dataset]:
    """Items of functional groups."""
    return [
        *(dataset.get("SharedFunctionalGroupsSequence") or ()),
        *(dataset.get("PerFrameFunctionalGroupsSequence") or ()),
    ]


def _move(result: Dataset, box: Box) -> None:
    spacing = result.get("PixelSpacing")
    # Of nuclear medicine each detector has its own plane.
    for plane in (result, *(result.get("DetectorInformationSequence") or ())):
        orientation = plane.get("ImageOrientationPatient")
        if spacing and orientation and plane.get("ImagePositionPatient"):
            plane.ImagePositionPatient = _moved(plane.ImagePositionPatient, orientation, spacing, box)
    shared = (result.get("SharedFunctionalGroupsSequence") or [Dataset()])[0]
    groups = list(result.get("PerFrameFunctionalGroupsSequence") or ())
    for group in groups:
        if group.get("PlanePositionSequence"):
            _move_group(group.PlanePositionSequence[0], (group, shared), box)
    if shared.get("PlanePositionSequence"):
        # One position for all frames: spacing and direction may still be written with each, and are then the same.
        _move_group(shared.PlanePositionSequence[0], (shared, *groups[:1]), box)


def _move_group(position: Dataset, groups: tuple[Dataset, ...], box: Box) -> None:
    """Move the item `position` by what the first of `groups` that has it says of spacing and direction."""
    measures = next((group.PixelMeasuresSequence for group in groups if group.get("PixelMeasuresSequence")), None)
    planes = next((group.PlaneOrientationSequence for group in groups if group.get("PlaneOrientationSequence")), None)
    if measures and planes:
        position.ImagePositionPatient = _moved(
            position.ImagePositionPatient, planes[0].ImageOrientationPatient, measures[0].PixelSpacing, box
        )


def _moved(position: object, orientation: object, spacing: object, box: Box) -> list[str]:
    start = np.asarray(position, dtype=float)
    along_row, along_column = np.asarray(orientation, dtype=float).reshape(2, 3)
    between_rows, between_columns = np.asarray(spacing, dtype=float)
    moved = start + along_row * between_columns * box.column_start + along_column * between_rows * box.row_start
    return [f"{value:.10g}"[:16] for value in moved]
