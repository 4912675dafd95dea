# SPDX-License-Identifier: Apache-2.0
"""Plants in the picture: names drawn into the pixels, and a name in a compressed picture's comment."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from pydicom import FileDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    JPEGBaseline8Bit,
    SecondaryCaptureImageStorage,
    UltrasoundImageStorage,
    UltrasoundMultiFrameImageStorage,
)

from deidgate.convert.missing import ExtraMissingError
from deidgate.dicom.box import Box
from deidgate.prove import names
from deidgate.prove.model import Plant

_ROW, _COLUMN = 24, 20
_FONT_PIXELS = 22


def drawn_text(text: str) -> NDArray[np.bool_]:
    """A picture of the text, ``(rows, columns) bool``.

    Raises
    ------
    ExtraMissingError
        Pillow is not installed.
    """
    try:
        from PIL import Image, ImageDraw, ImageFont
    except ImportError:
        raise ExtraMissingError("pixels") from None
    font = ImageFont.load_default(size=_FONT_PIXELS)
    left, top, right, bottom = (int(edge) for edge in font.getbbox(text))
    picture = Image.new("1", (right - left, bottom - top))
    ImageDraw.Draw(picture).text((-left, -top), text, fill=1, font=font)
    return np.asarray(picture, dtype=bool)


def burn(pixels: NDArray[np.generic], text: str, value: int) -> Box:
    """Draw the text near the upper left corner.

    Parameters
    ----------
    pixels : ndarray
        ``(rows, columns)`` or ``(rows, columns, samples)``; changed in place.
    text : str
    value : int
        The value that the strokes get.

    Returns
    -------
    Box
        The rectangle around the text.
    """
    shape = drawn_text(text)
    rows, columns = shape.shape
    box = Box(_ROW, _ROW + rows, _COLUMN, _COLUMN + columns)
    pixels[box.row_start : box.row_stop, box.column_start : box.column_stop][shape] = value
    return box


def plants(ct: FileDataset, secondary: FileDataset) -> Iterator[tuple[Plant, FileDataset]]:
    """Instances with a needle in their pixels, of copies of two instances without.

    Parameters
    ----------
    ct : FileDataset
        A CT image of 16 bits.
    secondary : FileDataset
        The same patient's instance without pixels, to become captures and ultrasound.
    """
    yield _ct(ct)
    yield _capture(secondary)
    yield _ultrasound(secondary, "burned-in-every-frame", "ultrasound of 5 frames, on every frame", range(5))
    yield _ultrasound(secondary, "burned-in-one-frame", "ultrasound of 5 frames, on the third only", range(2, 3))
    yield _jpeg_comment(secondary)


def _ct(ct: FileDataset) -> tuple[Plant, FileDataset]:
    needle = names.latin().upper()
    rows, columns = int(ct.Rows), int(ct.Columns)
    pixels = np.frombuffer(ct.PixelData, dtype="<i2").reshape(rows, columns).copy()
    box = burn(pixels, needle, 3000)
    ct.PixelData = pixels.tobytes()
    return Plant("burned-in-ct", "pixels of a CT image of 16 bits", needle, (box,)), ct


def _capture(template: FileDataset) -> tuple[Plant, FileDataset]:
    needle = names.latin().upper()
    pixels = np.full((480, 640, 3), (20, 28, 40), dtype=np.uint8)
    box = burn(pixels, needle, 255)
    ds = _picture(template, SecondaryCaptureImageStorage, "OT", pixels)
    ds.ConversionType = "WSD"
    return Plant("burned-in-capture", "pixels of a colour screen capture", needle, (box,)), ds


def _ultrasound(template: FileDataset, name: str, where: str, frames: range) -> tuple[Plant, FileDataset]:
    needle = names.latin().upper()
    # Speckle, so that no frame is empty; the same each time would do as well.
    pixels = np.random.default_rng(len(name)).integers(0, 60, (5, 480, 640), dtype=np.uint8)
    boxes = []
    for frame in frames:
        box = burn(pixels[frame], needle, 250)
        boxes.append(Box(box.row_start, box.row_stop, box.column_start, box.column_stop, frame))
    ds = _picture(template, UltrasoundMultiFrameImageStorage, "US", pixels)
    ds.NumberOfFrames = 5
    ds.FrameTime = "40"
    ds.FrameIncrementPointer = 0x00181063
    return Plant(name, f"pixels of an {where}", needle, tuple(boxes)), ds


def _jpeg_comment(template: FileDataset) -> tuple[Plant, FileDataset]:
    from PIL import Image

    needle = names.latin()
    grey = np.tile(np.arange(256, dtype=np.uint8), (256, 1))
    stream = BytesIO()
    Image.fromarray(grey).save(stream, "JPEG", quality=90, comment=needle.encode())
    ds = _picture(template, UltrasoundImageStorage, "US", grey)
    ds.PixelData = encapsulate([stream.getvalue()])
    ds["PixelData"].is_undefined_length = True
    ds.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    ds.LossyImageCompression = "01"
    ds.LossyImageCompressionRatio = "10"
    ds.LossyImageCompressionMethod = "ISO_10918_1"
    return Plant("jpeg-comment", "comment in the codestream of a JPEG picture", needle), ds


def _picture(template: FileDataset, sop_class: UID, modality: str, pixels: NDArray[np.uint8]) -> FileDataset:
    ds = deepcopy(template)
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = sop_class
    ds.Modality = modality
    ds.ImageType = ["ORIGINAL", "PRIMARY"]
    ds.PatientOrientation = ""
    colour = pixels.ndim == 3 and pixels.shape[-1] == 3
    ds.Rows, ds.Columns = pixels.shape[:2] if colour else pixels.shape[-2:]
    ds.SamplesPerPixel = 3 if colour else 1
    if colour:
        ds.PlanarConfiguration = 0
    ds.PhotometricInterpretation = "RGB" if colour else "MONOCHROME2"
    ds.BitsAllocated = ds.BitsStored = 8
    ds.HighBit = 7
    ds.PixelRepresentation = 0
    ds.PixelData = pixels.tobytes()
    ds["PixelData"].VR = "OB"
    return ds
