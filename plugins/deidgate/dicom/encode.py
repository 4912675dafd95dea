# SPDX-License-Identifier: Apache-2.0
"""Values as bytes. Source: PS3.5 6.2 and 7.3."""

from __future__ import annotations

import struct
from types import MappingProxyType

from deidgate.dicom import vr as vrs
from deidgate.dicom.charset import Charset

_FORMATS = MappingProxyType({"FD": "d", "FL": "f", "SL": "l", "SS": "h", "SV": "q", "UL": "L", "US": "H", "UV": "Q"})
# Padded with NUL; all other texts with a space.
_NUL_PADDED = vrs.BULK | {"UI"}


def encoded(value: str | bytes, vr: str, charset: Charset, *, little_endian: bool) -> bytes:
    r"""Bytes of even length of a value, given as bytes or as text with ``\`` between values.

    Raises
    ------
    UnicodeError
        The text has characters that the character set does not have.
    ValueError
        The text is no number, where the VR wants numbers.
    """
    if isinstance(value, bytes):
        data = value
    elif not value:
        data = b""
    elif vr in _FORMATS:
        kind = float if vr in ("FD", "FL") else int
        order = "<" if little_endian else ">"
        data = b"".join(struct.pack(order + _FORMATS[vr], kind(one)) for one in value.split("\\"))
    elif vr == "AT":
        order = "<HH" if little_endian else ">HH"
        tags = [int(one, 16) for one in value.split("\\")]
        data = b"".join(struct.pack(order, tag >> 16, tag & 0xFFFF) for tag in tags)
    elif vr in vrs.LOCAL_TEXT:
        data = charset.encode(value)
    else:
        data = value.encode("ascii")
    if len(data) % 2:
        data += b"\0" if vr in _NUL_PADDED else b" "
    return data
