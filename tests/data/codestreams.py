# SPDX-License-Identifier: Apache-2.0
"""Codestreams of grey pictures that keep every bit of a cell, also those that a header calls unused."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydicom.pixels.encoders.base import get_encoder
from pydicom.uid import UID, JPEGLosslessSV1

ENCODERS = {
    "1.2.840.10008.1.2.5": "pydicom",
    "1.2.840.10008.1.2.4.80": "pyjpegls",
    "1.2.840.10008.1.2.4.90": "pylibjpeg",
}


def coded(cells: NDArray[np.uint16], syntax: UID) -> bytes:
    """One frame of `cells` ``(rows, columns)``, all 16 bits of them, without loss."""
    if syntax == JPEGLosslessSV1:
        return _lossless_jpeg(cells)
    rows, columns = cells.shape
    return get_encoder(syntax).encode(
        cells,
        rows=rows,
        columns=columns,
        samples_per_pixel=1,
        bits_allocated=16,
        bits_stored=16,
        pixel_representation=0,
        photometric_interpretation="MONOCHROME2",
        number_of_frames=1,
        encoding_plugin=ENCODERS[syntax],
    )


def _lossless_jpeg(cells: NDArray[np.uint16]) -> bytes:
    import gdcm

    rows, columns = cells.shape
    writer = gdcm.ImageWriter()  # an image that belongs to no writer cannot be changed
    image = writer.GetImage()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((columns, rows, 1))
    grey = gdcm.PhotometricInterpretation.GetPIType("MONOCHROME2")
    image.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(grey))
    image.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.ImplicitVRLittleEndian))
    image.SetPixelFormat(gdcm.PixelFormat(1, 16, 16, 15, 0))
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetByteStringValue(cells.astype("<u2").tobytes())
    image.SetDataElement(element)
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.JPEGLosslessProcess14_1))
    change.SetInput(image)
    assert change.Change()
    fragment = change.GetOutput().GetDataElement().GetSequenceOfFragments().GetFragment(0)
    text: str = fragment.GetByteValue().GetBuffer()
    return text.encode("utf-8", "surrogateescape")
