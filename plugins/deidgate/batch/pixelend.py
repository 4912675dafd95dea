# SPDX-License-Identifier: Apache-2.0
"""Where the pixels of a file end, found without reading them.

Source: PS3.5 A.4 (encapsulated fragments) and 7.1.
"""

from __future__ import annotations

import os
import struct

_LONG_VRS = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"UN"))
_UNDEFINED = 0xFFFFFFFF
_MOST_FRAGMENTS = 100_000


def pixel_end(descriptor: int, position: int, size: int) -> int | None:
    """End of group 7FE0 that begins at `position` of the Explicit VR Little Endian file of `size` bytes.

    None if anything is not as it has to be: cut off, another VR, a fragment that does not fit.
    """
    while position < size:
        header = os.pread(descriptor, 12, position)
        if len(header) < 12:
            return None
        group, element, vr, _, length = struct.unpack("<HH2sHI", header)
        if group != 0x7FE0:
            # What follows the pixels is left out. Source: `deidgate.apply.finish`.
            return position if group > 0x7FE0 else None
        if vr not in _LONG_VRS:
            return None
        position += 12
        if length != _UNDEFINED:
            position += length
        elif element == 0x0010:
            after = _fragments_end(descriptor, position, size)
            if after is None:
                return None
            position = after
        else:
            return None
        if position > size:
            return None
    return position


def _fragments_end(descriptor: int, position: int, size: int) -> int | None:
    for _ in range(_MOST_FRAGMENTS):
        header = os.pread(descriptor, 8, position)
        if len(header) < 8:
            return None
        group, element, length = struct.unpack("<HHI", header)
        position += 8
        if (group, element) == (0xFFFE, 0xE0DD):
            return position if length == 0 else None
        if (group, element) != (0xFFFE, 0xE000) or length == _UNDEFINED or position + length > size:
            return None
        position += length
    return None
