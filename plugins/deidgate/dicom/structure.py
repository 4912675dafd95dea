# SPDX-License-Identifier: Apache-2.0
"""Walk the bytes of a DICOM file before any parser trusts them."""

from __future__ import annotations


def check_structure(data: bytes | memoryview) -> None:
    """Return only when the bytes are a DICOM file in which every length is true; use it before pydicom parses.

    `data` may end inside Pixel Data or right before it (a header that was fetched by a range request).

    Raises
    ------
    CannotDeidentify
        With a reason code and the path of the first element that is wrong.
    """
    raise NotImplementedError
