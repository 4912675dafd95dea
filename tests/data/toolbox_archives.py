# SPDX-License-Identifier: Apache-2.0
"""Archives made in memory: good ones and bad ones."""

from __future__ import annotations

import io
import struct
import tarfile
import zipfile
from collections.abc import Iterable


def zipped(members: Iterable[tuple[str, bytes]], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of these names and contents."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


def encrypted(members: Iterable[tuple[str, bytes]]) -> bytes:
    """The same with the bit that says that members are encrypted (zipfile itself cannot write such)."""
    content = bytearray(zipped(members))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = content.find(signature)
        while start >= 0:
            (flags,) = struct.unpack_from("<H", content, start + offset)
            struct.pack_into("<H", content, start + offset, flags | 1)
            start = content.find(signature, start + 4)
    return bytes(content)


def tarred(members: Iterable[tuple[str, bytes]], mode: str = "w", links: Iterable[tuple[str, str]] = ()) -> bytes:
    """A tar (``w``, ``w:gz``, ``w:bz2``, ``w:xz``) of these files and symbolic links."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for name, target in links:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            archive.addfile(info)
    return buffer.getvalue()
