# SPDX-License-Identifier: Apache-2.0
"""What no request to Orthanc can say, done on its answer."""

from __future__ import annotations

from deidgate.dicom.structure import end_of_pixel_data


def finished(data: bytes) -> bytes:
    """The file up to the end of its Pixel Data.

    A plan that was made from a header has not seen what follows Pixel Data (private groups above 7FE0, Digital
    Signatures, Data Set Trailing Padding), so nothing of it leaves.

    Raises
    ------
    CannotDeidentify
        The bytes are not a DICOM file in which every length is true.
    """
    end = end_of_pixel_data(data)
    return data if end is None else data[:end]
