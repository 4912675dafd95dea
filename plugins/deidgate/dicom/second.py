# SPDX-License-Identifier: Apache-2.0
"""Another content under a SOP Instance UID that is taken: it is stored under a UID of its own until a person decides.

Two values are changed, Media Storage SOP Instance UID and SOP Instance UID, with the lengths that count them; the
preamble says which UID it was. Nothing else of the file is touched, so that it is had back byte by byte; it is checked
that it is, before the file is given out. A preamble is not transmitted by DIMSE: no sender can write one.

Source: PS3.10 7.1 (preamble and file meta), PS3.5 7.1 (data elements) and B.2 (UIDs from UUIDs).
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from pydicom.uid import UID, DeflatedExplicitVRLittleEndian

_PREAMBLE, _PREFIX = 128, b"DICM"
_SIGN = b"Deidgate: second content of\0"
_LONG = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"))
_META_LENGTH, _MEDIA_UID, _TRANSFER_SYNTAX = 0x00020000, 0x00020003, 0x00020010
_GROUP_LENGTH, _SOP_UID = 0x00080000, 0x00080018
_UNDEFINED = 0xFFFFFFFF


class CannotRenameError(ValueError):
    """The file is not built so that its UID can be changed and had back."""


@dataclass(frozen=True, slots=True)
class _Element:
    tag: int
    length_at: int
    """Offset of the length field."""
    length_form: str
    """Of the length field, for `struct`."""
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class _File:
    """What is needed of a file."""

    meta: dict[int, _Element]
    dataset: int
    """Offset of the dataset."""
    syntax: UID


def sop_instance_uid(file: bytes) -> str:
    """The UID that the dataset has, or the file meta where the dataset cannot be read; empty if there is none."""
    try:
        found = _read(file)
    except CannotRenameError:
        return ""
    try:
        element = _beginning(file, found)[_SOP_UID]
    except (CannotRenameError, KeyError):
        element = found.meta.get(_MEDIA_UID)  # type: ignore[assignment]
    return "" if element is None else _text(file, element)


def dataset_digest(file: bytes) -> bytes:
    """Of everything after the file meta, which tells who sent and not what.

    Raises
    ------
    CannotRenameError
        The file has no end of its file meta.
    """
    return hashlib.sha256(memoryview(file)[_read(file).dataset :]).digest()


def stand_in(file: bytes) -> bytes:
    """The same file under a UID of its own: the same one for the same content.

    Raises
    ------
    CannotRenameError
    """
    uid = sop_instance_uid(file)
    digest = hashlib.sha256(uid.encode() + dataset_digest(file)).digest()
    renamed = _renamed(file, f"2.25.{int.from_bytes(digest[:16], 'big')}", _SIGN + uid.encode())
    if not uid or first_name(renamed) != file:
        raise CannotRenameError
    return renamed


def first_name(file: bytes) -> bytes | None:
    """The file as it was received, if `file` is a stand-in.

    Raises
    ------
    CannotRenameError
        It says that it is one, and is damaged.
    """
    if not file.startswith(_SIGN):
        return None
    uid = file[len(_SIGN) : _PREAMBLE].rstrip(b"\0").decode("ascii", "replace")
    return _renamed(file, uid, b"")


def _renamed(file: bytes, uid: str, preamble: bytes) -> bytes:
    value = uid.encode("ascii", "replace")
    value += b"\0" * (len(value) % 2)
    found = _read(file)
    beginning = _beginning(file, found)
    little = found.syntax.is_little_endian
    edits: list[tuple[int, int, bytes]] = [(0, _PREAMBLE, preamble.ljust(_PREAMBLE, b"\0"))]
    for elements, name, group, order in (
        (found.meta, _MEDIA_UID, _META_LENGTH, "<"),
        (beginning, _SOP_UID, _GROUP_LENGTH, "<" if little else ">"),
    ):
        if name not in elements:
            raise CannotRenameError
        edits += _edits(file, elements[name], elements.get(group), value, order)
    parts: list[bytes | memoryview] = []
    view, at = memoryview(file), 0
    for start, stop, new in sorted(edits):
        parts += [view[at:start], new]
        at = stop
    return b"".join([*parts, view[at:]])


def _edits(
    file: bytes, element: _Element, group: _Element | None, value: bytes, order: str
) -> Iterator[tuple[int, int, bytes]]:
    size = struct.calcsize(element.length_form)
    yield element.length_at, element.length_at + size, struct.pack(element.length_form, len(value))
    yield element.start, element.stop, value
    if group is not None and group.stop - group.start == 4:
        (length,) = struct.unpack_from(f"{order}L", file, group.start)
        length += len(value) - (element.stop - element.start)
        yield group.start, group.stop, struct.pack(f"{order}L", length)


def _read(file: bytes) -> _File:
    if file[_PREAMBLE : _PREAMBLE + 4] != _PREFIX:
        raise CannotRenameError
    meta: dict[int, _Element] = {}
    at = _PREAMBLE + 4
    while file[at : at + 2] == b"\x02\x00":
        element = _element(file, at, "<", implicit=False)
        meta[element.tag] = element
        at = element.stop
    if _TRANSFER_SYNTAX not in meta:
        raise CannotRenameError
    return _File(meta, at, UID(_text(file, meta[_TRANSFER_SYNTAX])))


def _beginning(file: bytes, found: _File) -> dict[int, _Element]:
    """The elements up to SOP Instance UID, which stands near the beginning: tags ascend."""
    if found.syntax == DeflatedExplicitVRLittleEndian or not found.syntax.is_transfer_syntax:
        raise CannotRenameError
    order = "<" if found.syntax.is_little_endian else ">"
    elements: dict[int, _Element] = {}
    at = found.dataset
    while at < len(file):
        element = _element(file, at, order, implicit=found.syntax.is_implicit_VR)
        if element.tag > _SOP_UID:
            break
        elements[element.tag] = element
        at = element.stop
    return elements


def _element(file: bytes, at: int, order: str, *, implicit: bool) -> _Element:
    try:
        group, number = struct.unpack_from(f"{order}HH", file, at)
        if implicit:
            length_at, form = at + 4, f"{order}L"
        elif file[at + 4 : at + 6] in _LONG:
            length_at, form = at + 8, f"{order}L"
        else:
            length_at, form = at + 6, f"{order}H"
        (length,) = struct.unpack_from(form, file, length_at)
    except struct.error:
        raise CannotRenameError from None
    start = length_at + struct.calcsize(form)
    if length == _UNDEFINED or start + length > len(file):
        raise CannotRenameError
    return _Element(group << 16 | number, length_at, form, start, start + length)


def _text(file: bytes, element: _Element) -> str:
    return file[element.start : element.stop].rstrip(b"\0 ").decode("ascii", "replace")
