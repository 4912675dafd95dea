# SPDX-License-Identifier: Apache-2.0
"""Walk the bytes of a DICOM file before any parser trusts them.

A parser that meets a length that lies reads one element as a part of another, and two parsers need not agree on
which. So before anything is decided, every length, VR and item is followed once, without recursion and without
copying a value. What is checked:

* preamble, prefix, file meta, and a transfer syntax of the standard;
* every element lies within its dataset, item or sequence, and these end where their lengths or delimiters say;
* every explicit VR exists; undefined length occurs where PS3.5 allows it;
* character sets are known: readers guess, each in its own way, what is written in one that they do not know;
* tags ascend, so that none occurs twice (readers differ in which of two they believe);
* sequences are not nested deeper than `MAX_DEPTH`.

Other values are not looked at; a value that cannot be one of its VR is the plan's business.

Source: PS3.5 Chapter 7 and Annex A, PS3.10 7.1.
"""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import dataclass

from pydicom.uid import UID, DeflatedExplicitVRLittleEndian

from deidgate.dicom.charset import Charset
from deidgate.dicom.dictionary import dictionary_vr
from deidgate.dicom.path import ElementPath
from deidgate.dicom.vr import KNOWN
from deidgate.errors import CannotDeidentify

MAX_DEPTH = 64
# A deflated dataset that inflates beyond this is refused: no image is deflated that large.
MAX_INFLATED_BYTES = 1 << 30

_STANDARD_UID = re.compile(r"1\.2\.840\.10008(\.[0-9]+)+")
_UNDEFINED = 0xFFFFFFFF
_PIXEL_DATA = 0x7FE00010
_CHARACTER_SET = 0x00080005
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_VRS = {vr.encode("ascii"): vr for vr in KNOWN}
# VRs whose length has two bytes in Explicit VR: all but these. Source: PS3.5 Table 7.1-2.
_SHORT = KNOWN - {"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"}
_LITTLE = (struct.Struct("<HH"), struct.Struct("<H"), struct.Struct("<L"))
_BIG = (struct.Struct(">HH"), struct.Struct(">H"), struct.Struct(">L"))


@dataclass(slots=True)
class _Frame:
    """A dataset, item or sequence that is being walked."""

    kind: str  # "dataset", "item" or "sequence"
    end: int | None  # None: a delimiter ends it
    limit: int  # nothing in it may lie beyond
    implicit: bool
    last_tag: int = -1
    tag: int = 0  # of the sequence
    item: int = -1  # of the sequence: the one that is being walked


def check_structure(data: bytes | memoryview, *, whole: bool = False) -> None:
    """Return only when the bytes are a DICOM file in which every length is true; use it before pydicom parses.

    Parameters
    ----------
    data : bytes or memoryview
        A file, or its beginning: it may end inside Pixel Data or right before it (a header that was fetched by a
        range request).
    whole : bool
        It is a whole file: Pixel Data has to be complete.

    Raises
    ------
    CannotDeidentify
        With a reason code and the path of the first element that is wrong.
    """
    _walked(data, whole=whole)


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the parts of a whole file lie, in bytes from its beginning.

    Attributes
    ----------
    dataset : int
        End of the file meta information.
    pixel_data : int
        Where Pixel Data of the outermost dataset starts, or the end of the file when there is none.
    end : int
        Where Pixel Data ends, or the end of the file when there is none.
    deflated : bool
        The dataset is deflated: its parts have no place in the file.
    """

    dataset: int
    pixel_data: int
    end: int
    deflated: bool


def layout(data: bytes | memoryview) -> Layout:
    """Where the parts of a whole file lie.

    Raises
    ------
    CannotDeidentify
        As `check_structure`.
    """
    return _walked(data, whole=True)


def _walked(data: bytes | memoryview, *, whole: bool) -> Layout:
    view = memoryview(data)
    start, syntax = _file_meta(view)
    deflated = syntax == DeflatedExplicitVRLittleEndian
    dataset = memoryview(_inflated(view[start:])) if deflated else view
    walk = _Walk(dataset, implicit=syntax.is_implicit_VR, little_endian=syntax.is_little_endian, whole=whole)
    walk.run(0 if deflated else start)
    pixel_data, end = (len(view), len(view)) if deflated or walk.pixel_data is None else walk.pixel_data
    return Layout(start, pixel_data, end, deflated)


def _file_meta(view: memoryview) -> tuple[int, UID]:
    """Where the dataset starts, and its transfer syntax."""
    if len(view) < 132 or bytes(view[128:132]) != b"DICM":
        raise CannotDeidentify("not-dicom")
    position, syntax = 132, ""
    while position + 8 <= len(view):
        group, element = _LITTLE[0].unpack_from(view, position)
        if group != 0x0002:
            break
        path = ElementPath.top(group << 16 | element)
        _, length, value = _explicit_header(view, position, len(view), _LITTLE, path)
        if length == _UNDEFINED or value + length > len(view):
            raise CannotDeidentify("length-beyond-end", str(path))
        if element == 0x0010:
            syntax = bytes(view[value : value + length]).decode("ascii", "replace").rstrip(" \0")
        position = value + length
    # Looked at before pydicom does, which would warn and quote it.
    uid = UID(syntax) if _STANDARD_UID.fullmatch(syntax) else None
    if uid is None or not uid.is_transfer_syntax:
        raise CannotDeidentify("transfer-syntax-unknown", "(0002,0010) TransferSyntaxUID")
    return position, uid


def _inflated(view: memoryview) -> bytes:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        data = inflater.decompress(view, MAX_INFLATED_BYTES)
    except zlib.error:
        raise CannotDeidentify("deflated-data-unreadable") from None
    if inflater.unconsumed_tail:
        raise CannotDeidentify("deflated-data-too-large")
    if not inflater.eof:
        # Cut off: what came through may be half of a header.
        raise CannotDeidentify("deflated-data-unreadable")
    return data


def _explicit_header(
    view: memoryview, position: int, limit: int, structs: tuple[struct.Struct, ...], path: ElementPath
) -> tuple[str, int, int]:
    """VR, length and where the value starts."""
    vr = _VRS.get(bytes(view[position + 4 : position + 6]))
    if vr is None:
        raise CannotDeidentify("unknown-vr", str(path))
    if vr in _SHORT:
        length: int = structs[1].unpack_from(view, position + 6)[0]
        return vr, length, position + 8
    if position + 12 > limit:
        raise CannotDeidentify("length-beyond-end", str(path))
    length = structs[2].unpack_from(view, position + 8)[0]
    return vr, length, position + 12


class _Walk:
    def __init__(self, view: memoryview, *, implicit: bool, little_endian: bool, whole: bool) -> None:
        self._view = view
        self._structs = _LITTLE if little_endian else _BIG
        self._whole = whole
        # Start and end of Pixel Data of the outermost dataset.
        self.pixel_data: tuple[int, int] | None = None
        self._stack = [_Frame("dataset", len(view), len(view), implicit)]

    def run(self, position: int) -> None:
        """Walk from `position` to the end."""
        stack = self._stack
        while stack:
            frame = stack[-1]
            if frame.end is not None and position >= frame.end:
                stack.pop()
                continue
            if position + 8 > frame.limit:
                if len(stack) == 1 and self._is_padding(position):
                    break
                raise self._error("length-beyond-end", frame.last_tag)
            group, element = self._structs[0].unpack_from(self._view, position)
            tag = group << 16 | element
            if frame.kind == "sequence":
                position = self._item(frame, tag, position)
            elif tag == _ITEM_END and frame.kind == "item" and frame.end is None:
                self._check_delimiter(position)
                stack.pop()
                position += 8
            else:
                if len(stack) == 1 and tag == 0 and self._is_padding(position):
                    break
                position = self._element(frame, tag, position)
                if position < 0:
                    break

    def _item(self, frame: _Frame, tag: int, position: int) -> int:
        length = self._structs[2].unpack_from(self._view, position + 4)[0]
        if tag == _SEQUENCE_END and frame.end is None:
            self._check_delimiter(position)
            self._stack.pop()
            return position + 8
        position += 8
        if tag != _ITEM:
            raise self._error("sequence-without-item", 0)
        frame.item += 1
        end = None if length == _UNDEFINED else position + length
        if end is not None and end > frame.limit:
            raise self._error("length-beyond-end", 0)
        self._stack.append(_Frame("item", end, frame.limit if end is None else end, frame.implicit))
        return position

    def _element(self, frame: _Frame, tag: int, position: int) -> int:
        """Walk over one element, or into it; -1 when the data end inside Pixel Data."""
        if tag >= 0xFFFE0000 and tag < 0xFFFF0000:
            raise self._error("item-outside-sequence", tag)
        if tag <= frame.last_tag:
            raise self._error("elements-out-of-order", tag)
        frame.last_tag = tag
        length: int
        if frame.implicit:
            length = self._structs[2].unpack_from(self._view, position + 4)[0]
            value, vr = position + 8, dictionary_vr(tag) if not tag >> 16 & 1 else ""
        else:
            vr, length, value = _explicit_header(self._view, position, frame.limit, self._structs, self._path(tag))
        if tag == _PIXEL_DATA and length == _UNDEFINED:
            return self._fragments(value, frame, position)
        if length == _UNDEFINED:
            # UN of undefined length holds items in Implicit VR. Source: PS3.5 6.2.2.
            if vr not in ("SQ", "UN", "") and not frame.implicit:
                raise self._error("undefined-length", tag)
            self._enter(None, frame.limit, frame.implicit or vr == "UN", tag)
            return value
        end = value + length
        if end > frame.limit:
            if not self._whole and len(self._stack) == 1 and tag >> 16 == _PIXEL_DATA >> 16:
                return -1
            raise self._error("length-beyond-end", tag)
        if vr == "SQ":
            self._enter(end, end, frame.implicit, tag)
            return value
        if tag == _CHARACTER_SET:
            self._check_charset(bytes(self._view[value:end]))
        if tag == _PIXEL_DATA and len(self._stack) == 1:
            self.pixel_data = position, end
        return end

    def _check_delimiter(self, position: int) -> None:
        if self._structs[2].unpack_from(self._view, position + 4)[0]:
            raise self._error("delimiter-with-length", 0)

    def _check_charset(self, value: bytes) -> None:
        try:
            Charset.declared(value.decode("latin_1"))
        except CannotDeidentify as error:
            raise self._error(error.code, _CHARACTER_SET) from None

    def _fragments(self, position: int, frame: _Frame, start: int) -> int:
        while True:
            if position + 8 > frame.limit:
                break
            group, element = self._structs[0].unpack_from(self._view, position)
            length: int = self._structs[2].unpack_from(self._view, position + 4)[0]
            tag = group << 16 | element
            if tag == _SEQUENCE_END:
                self._check_delimiter(position)
            position += 8
            if tag == _SEQUENCE_END:
                if len(self._stack) == 1:
                    self.pixel_data = start, position
                return position
            if tag != _ITEM or length == _UNDEFINED:
                raise self._error("fragment-unreadable", _PIXEL_DATA)
            position += length
        if not self._whole and len(self._stack) == 1:
            return -1
        raise self._error("length-beyond-end", _PIXEL_DATA)

    def _enter(self, end: int | None, limit: int, implicit: bool, tag: int) -> None:
        if len(self._stack) > 2 * MAX_DEPTH:
            raise self._error("sequence-too-deep", tag)
        self._stack.append(_Frame("sequence", end, limit, implicit, tag=tag))

    def _is_padding(self, position: int) -> bool:
        rest = self._view[position:]
        return len(rest) < 1 << 20 and not any(rest)

    def _path(self, tag: int) -> ElementPath:
        parents = tuple((frame.tag, max(frame.item, 0)) for frame in self._stack if frame.kind == "sequence")
        return ElementPath(parents, tag)

    def _error(self, code: str, tag: int) -> CannotDeidentify:
        if self._stack[-1].kind == "sequence":
            # The sequence itself is wrong, not an element in it.
            *parents, own = [frame for frame in self._stack if frame.kind == "sequence"]
            path = ElementPath(tuple((frame.tag, max(frame.item, 0)) for frame in parents), own.tag)
            return CannotDeidentify(code, str(path))
        return CannotDeidentify(code, str(self._path(max(tag, 0))))
