# SPDX-License-Identifier: Apache-2.0
"""Pictures as Secondary Capture objects: single-frame for one picture, multi-frame for the pages of a TIFF
and for animations.

A baseline JPEG stays the JPEG it is: its coded data are put into the object as they are, after everything that is
not needed to decode them (EXIF, comments, thumbnails: camera owner, place, time) has been taken out. What has to be
turned to stand upright (EXIF Orientation) is turned, and a JPEG is decoded for it: DICOM viewers do not turn pictures.

Source: PS3.3 A.8 (Secondary Capture IODs), C.8.6 (modules), C.7.6.3 (Image Pixel); PS3.5 A.4.1 and 8.2.1 (JPEG).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    JPEGBaseline8Bit,
    MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
    MultiFrameTrueColorSecondaryCaptureImageStorage,
    SecondaryCaptureImageStorage,
)

from deidgate.convert.missing import need
from deidgate.convert.subject import Subject, begin
from deidgate.errors import CannotDeidentify

LARGEST_PIXELS = 1 << 29
"""Pixels of one picture beyond which it is not decoded: a bomb, or a slide that belongs to the slide converter."""

_ORIENTATION = 0x0112
_UPRIGHT = 1
_TURNS: dict[object, tuple[bool, bool, bool]] = {
    # Orientation of TIFF and EXIF: whether rows and columns change places, and whether rows and columns then run back.
    1: (False, False, False),
    2: (False, False, True),
    3: (False, True, True),
    4: (False, True, False),
    5: (True, False, False),
    6: (True, False, True),
    7: (True, True, True),
    8: (True, True, False),
}


@dataclass(frozen=True, slots=True)
class JpegFacts:
    """What the frame header of a JPEG says, and its coded data without application segments.

    Attributes
    ----------
    rows, columns, samples, precision : int
    process : int
        Number of the SOF marker: 0 baseline, 2 progressive, 3 lossless.
    photometric : str
        RGB, YBR_FULL_422 or MONOCHROME2.
    orientation : int
        How the picture has to be turned (EXIF); 1 if it is upright, or nothing is said.
    stripped : bytes
    """

    rows: int
    columns: int
    samples: int
    precision: int
    process: int
    photometric: str
    orientation: int
    stripped: bytes


def from_picture(content: bytes, subject: Subject, instance_number: int = 1) -> Dataset:
    """A Secondary Capture object of the JPEG, PNG, BMP, GIF or TIFF file `content`, with file meta information.

    Parameters
    ----------
    content : bytes
        The whole file.
    subject : Subject
        With UIDs (`Subject.with_uids`).

    Raises
    ------
    CannotDeidentify
        ``picture-unreadable``, ``picture-too-large``, ``picture-kind`` (floating point, more than 16 bits).
    ExtraMissingError
        Pillow or tifffile is not installed.
    """
    if content[:3] == b"\xff\xd8\xff":
        facts = jpeg_facts(content)
        kept = facts.process in (0, 1) and facts.precision == 8 and facts.samples in (1, 3)
        if kept and facts.orientation == _UPRIGHT:
            return _kept_jpeg(facts, subject, instance_number)
    pages = list(pages_of(content))
    if not pages:
        raise CannotDeidentify("picture-unreadable")
    dataset = _native(pages, subject, instance_number)
    if content[:3] == b"\xff\xd8\xff" or _is_lossy_tiff(content):
        dataset.LossyImageCompression = "01"
        dataset.LossyImageCompressionMethod = "ISO_10918_1"
        dataset.LossyImageCompressionRatio = f"{max(len(dataset.PixelData) / max(len(content), 1), 1):.2f}"
    return dataset


def jpeg_facts(content: bytes) -> JpegFacts:
    """What the JPEG file says of itself, without decoding.

    Raises
    ------
    CannotDeidentify
        ``picture-unreadable``.

    Source: ISO/IEC 10918-1 Annex B.
    """
    position, kept = 2, [b"\xff\xd8"]
    frame: tuple[int, int, int, int, int] | None = None
    adobe: int | None = None
    identifiers = b""
    orientation = _UPRIGHT
    while True:
        if position + 4 > len(content) or content[position] != 0xFF:
            raise CannotDeidentify("picture-unreadable")
        marker = content[position + 1]
        if marker == 0xFF:
            position += 1
            continue
        (length,) = struct.unpack_from(">H", content, position + 2)
        segment = content[position : position + 2 + length]
        if len(segment) < 2 + length:
            raise CannotDeidentify("picture-unreadable")
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            precision, rows, columns, samples = struct.unpack_from(">BHHB", segment, 4)
            frame = (marker - 0xC0, precision, rows, columns, samples)
            identifiers = bytes(segment[10 + 3 * n] for n in range(samples))
        if marker == 0xEE and segment[4:9] == b"Adobe":
            adobe = segment[15]
        if marker == 0xE1 and segment[4:10] == b"Exif\0\0":
            orientation = _exif_orientation(segment[10:])
        # Segments APP0 to APP15 and COM; Adobe's tells the colour transform and nothing else.
        if not (0xE0 <= marker <= 0xEF or marker == 0xFE) or (marker == 0xEE and adobe is not None):
            kept.append(segment)
        position += 2 + length
        if marker == 0xDA:
            break
    end = content.rfind(b"\xff\xd9")
    if frame is None or end < position:
        raise CannotDeidentify("picture-unreadable")
    # Not what follows the end of the image: phones append films there.
    kept.append(content[position : _end_of_image(content, position)])
    process, precision, rows, columns, samples = frame
    if samples == 1:
        photometric = "MONOCHROME2"
    elif adobe == 0 or (adobe is None and identifiers == b"RGB"):
        photometric = "RGB"
    else:
        # Whatever the sampling factors are: they are in the coded data. Source: PS3.5 8.2.1, PS3.3 C.7.6.3.1.2.
        photometric = "YBR_FULL_422"
    return JpegFacts(rows, columns, samples, precision, process, photometric, orientation, b"".join(kept))


def _exif_orientation(exif: bytes) -> int:
    """Orientation in the first directory of a TIFF header; upright where it has none, or is damaged.

    Source: CIPA DC-008 4.6.2 and 4.6.4; TIFF 6.0 section 2.
    """
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None:
        return _UPRIGHT
    try:
        (start,) = struct.unpack_from(f"{order}L", exif, 4)
        (count,) = struct.unpack_from(f"{order}H", exif, start)
        for number in range(count):
            tag, _, _, value = struct.unpack_from(f"{order}HHLH", exif, start + 2 + 12 * number)
            if tag == _ORIENTATION:
                return value if value in _TURNS else _UPRIGHT
    except struct.error:
        pass
    return _UPRIGHT


def _turned(values: NDArray[Any], orientation: object) -> NDArray[Any]:
    """`values` upright; an orientation that does not exist turns nothing."""
    transposed, rows_back, columns_back = _TURNS.get(orientation, _TURNS[_UPRIGHT])
    if transposed:
        values = values.swapaxes(0, 1)
    return values[:: -1 if rows_back else 1, :: -1 if columns_back else 1]


def _end_of_image(content: bytes, position: int) -> int:
    while True:
        found = content.find(b"\xff", position)
        if found < 0 or found + 1 >= len(content):
            raise CannotDeidentify("picture-unreadable")
        if content[found + 1] == 0xD9:
            return found + 2
        position = found + 2


def _kept_jpeg(facts: JpegFacts, subject: Subject, instance_number: int) -> Dataset:
    dataset = _captured(begin(subject, SecondaryCaptureImageStorage, "OT", instance_number), subject)
    dataset.Rows, dataset.Columns = facts.rows, facts.columns
    dataset.SamplesPerPixel = facts.samples
    dataset.PhotometricInterpretation = facts.photometric
    if facts.samples > 1:
        dataset.PlanarConfiguration = 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8, 8, 7
    dataset.PixelRepresentation = 0
    native = facts.rows * facts.columns * facts.samples
    dataset.LossyImageCompression = "01"
    dataset.LossyImageCompressionMethod = "ISO_10918_1"
    dataset.LossyImageCompressionRatio = f"{max(native / len(facts.stripped), 1):.2f}"
    dataset.PixelData = encapsulate([facts.stripped])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    return with_meta(dataset, JPEGBaseline8Bit)


def _native(pages: list[NDArray[Any]], subject: Subject, instance_number: int) -> Dataset:
    if len({page.shape for page in pages}) != 1 or len({page.dtype for page in pages}) != 1:
        raise CannotDeidentify("picture-pages-differ")
    first = pages[0]
    colour, wide = first.ndim == 3, first.dtype == np.uint16
    if len(pages) == 1:
        sop_class: UID = SecondaryCaptureImageStorage
    elif colour:
        sop_class = MultiFrameTrueColorSecondaryCaptureImageStorage
    elif wide:
        sop_class = MultiFrameGrayscaleWordSecondaryCaptureImageStorage
    else:
        sop_class = MultiFrameGrayscaleByteSecondaryCaptureImageStorage
    dataset = _captured(begin(subject, sop_class, "OT", instance_number), subject)
    dataset.Rows, dataset.Columns = first.shape[:2]
    dataset.SamplesPerPixel = 3 if colour else 1
    dataset.PhotometricInterpretation = "RGB" if colour else "MONOCHROME2"
    if colour:
        dataset.PlanarConfiguration = 0
    bits = 16 if wide else 8
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = bits, bits, bits - 1
    dataset.PixelRepresentation = 0
    if len(pages) > 1:
        dataset.NumberOfFrames = len(pages)
        # Pages have no time of their own; a list of numbers is what orders them. Source: PS3.3 C.7.6.6.
        dataset.FrameIncrementPointer = 0x00182002
        dataset.add_new(0x00182002, "SH", [str(number) for number in range(1, len(pages) + 1)])
        if not colour:
            dataset.PresentationLUTShape = "IDENTITY"
            dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = "0", "1", "US"
    content = b"".join(page.astype(page.dtype.newbyteorder("<")).tobytes() for page in pages)
    dataset.PixelData = content + b"\0" * (len(content) % 2)
    dataset["PixelData"].VR = "OW" if wide else "OB"
    dataset.LossyImageCompression = "00"
    return with_meta(dataset, ExplicitVRLittleEndian)


def _captured(dataset: Dataset, subject: Subject) -> Dataset:
    dataset.ConversionType = "WSD"
    dataset.ImageType = ["DERIVED", "SECONDARY"]
    dataset.PatientOrientation = ""
    dataset.BurnedInAnnotation = subject.burned_in_annotation
    dataset.SecondaryCaptureDeviceManufacturer = "Deidgate"
    return dataset


def with_meta(dataset: Dataset, syntax: UID) -> Dataset:
    """`dataset` itself, with the file meta information that it needs to be written."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = syntax
    dataset.file_meta = meta
    return dataset


def pages_of(content: bytes) -> Iterator[NDArray[Any]]:
    """The pictures in the file `content`, one after the other."""
    if content[:4] in (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"):
        yield from _tiff_pages(content)
        return
    image_module = need("PIL.Image", "convert")
    try:
        with image_module.open(BytesIO(content)) as image:
            # Further pictures of a JPEG are no pages: phones put thumbnails and depths there.
            count = getattr(image, "n_frames", 1) if image.format in ("GIF", "PNG") else 1
            if image.width * image.height * count > LARGEST_PIXELS:
                raise CannotDeidentify("picture-too-large")
            for number in range(count):
                image.seek(number)
                # A PNG may have it behind its pixels.
                image.load()
                yield _turned(_values(image, image_module, animated=count > 1), _orientation_of(image))
    except (OSError, ValueError, SyntaxError, EOFError, image_module.DecompressionBombError):
        raise CannotDeidentify("picture-unreadable") from None


def _orientation_of(image: Any) -> object:
    try:
        return image.getexif().get(_ORIENTATION)
    except (OSError, ValueError, SyntaxError, KeyError, struct.error):
        # What is damaged says nothing; the picture is there.
        return None


def _values(image: Any, image_module: Any, *, animated: bool) -> NDArray[Any]:
    """The picture as a viewer shows it; frames of an animation are all colour, whatever palette each has."""
    if image.mode.startswith("I;16") or image.mode == "I":
        values = np.asarray(image)
        if values.min() < 0 or values.max() > 65535:
            raise CannotDeidentify("picture-kind")
        return values.astype(np.uint16)
    if not animated and image.mode in ("1", "L"):
        return np.asarray(image.convert("L"))
    if animated or image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        # Seen as on a dark screen, as all DICOM viewers have.
        solid = image_module.new("RGBA", image.size, (0, 0, 0, 255))
        return np.asarray(image_module.alpha_composite(solid, image.convert("RGBA")).convert("RGB"))
    return np.asarray(image.convert("RGB"))


def _tiff_pages(content: bytes) -> Iterator[NDArray[Any]]:
    tifffile = need("tifffile", "convert")
    try:
        with tifffile.TiffFile(BytesIO(content)) as file:
            for page in file.pages:
                if page.imagewidth * page.imagelength > LARGEST_PIXELS:
                    raise CannotDeidentify("picture-too-large")
                values = page.asarray()
                if page.photometric == 0:  # white is zero
                    values = (1 << page.bitspersample) - 1 - values
                if page.photometric == 3 and page.colormap is not None:
                    values = np.moveaxis(page.colormap[:, values] >> 8, 0, -1).astype(np.uint8)
                if values.ndim == 3 and page.planarconfig == 2:
                    values = np.moveaxis(values, 0, -1)
                orientation = page.tags.get(_ORIENTATION)
                yield _turned(_tidy(values), orientation.value if orientation is not None else None)
    except (tifffile.TiffFileError, ValueError, OSError, KeyError, IndexError, TypeError, ImportError, struct.error):
        raise CannotDeidentify("picture-unreadable") from None


def _tidy(values: NDArray[Any]) -> NDArray[Any]:
    if values.ndim == 3 and values.shape[2] >= 3:
        values = values[..., :3]
    elif values.ndim == 3 and values.shape[2] in (1, 2):
        values = values[..., 0]
    if values.dtype == np.bool_:
        return values.astype(np.uint8) * np.uint8(255)
    if values.ndim == 3 and values.dtype == np.uint16:
        # True Colour Secondary Capture has 8 bits. Source: PS3.3 C.8.6.
        return (values >> 8).astype(np.uint8)
    if values.dtype not in (np.uint8, np.uint16) or values.ndim not in (2, 3):
        raise CannotDeidentify("picture-kind")
    return values


def _is_lossy_tiff(content: bytes) -> bool:
    if content[:4] not in (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"):
        return False
    with need("tifffile", "convert").TiffFile(BytesIO(content)) as file:
        return any(int(page.compression) in (6, 7, 34892, 33003, 33005) for page in file.pages)
