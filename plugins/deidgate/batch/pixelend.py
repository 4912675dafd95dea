# SPDX-License-Identifier: Apache-2.0
"""Where the native pixels of a file end, found without reading them.

Pixel Data and nothing else of group 7FE0, and behind it nothing but Data Set Trailing Padding: any other element might
say something, and then somebody has to read it.

Source: PS3.5 7.1 and 8.2; PS3.10 7.2 (trailing padding).
"""

from __future__ import annotations

import os
import struct

_HEADER = struct.Struct("<HH2sHI")
_PIXEL_VRS = (b"OB", b"OW")
_PIXEL_DATA, _PADDING = (0x7FE0, 0x0010), (0xFFFC, 0xFFFC)
_UNDEFINED = 0xFFFFFFFF


def pixel_end(descriptor: int, position: int, size: int) -> int | None:
    """End of Pixel Data that begins at `position` of the Explicit VR Little Endian file of `size` bytes.

    `position` itself if the file ends there. None if anything is not as it has to be: cut off, another VR, of
    undefined or odd length, another element before or behind.
    """
    if position == size:
        return position
    end = _element_end(descriptor, position, size, _PIXEL_DATA)
    if end is None or end == size:
        return end
    return end if _element_end(descriptor, end, size, _PADDING) == size else None


def _element_end(descriptor: int, position: int, size: int, expected: tuple[int, int]) -> int | None:
    header = os.pread(descriptor, _HEADER.size, position)
    if len(header) < _HEADER.size:
        return None
    group, element, vr, reserved, length = _HEADER.unpack(header)
    if (group, element) != expected or vr not in _PIXEL_VRS or reserved or length == _UNDEFINED or length % 2:
        return None
    end = position + _HEADER.size + length
    return end if end <= size else None
