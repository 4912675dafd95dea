# SPDX-License-Identifier: Apache-2.0
"""Read a DICOM file byte by byte and account for every one of them.

A reader of its own, because a lenient parser hides what it forgives: bytes behind the last element, a length
that swallows its neighbour, an element that appears twice. It reads and never repairs. What it can step over
becomes a fault in `Parsed.faults`; what it cannot step over raises `UnreadableError`.

Bounds, so that no file can cost more than its size: `MAX_DEPTH`, `MAX_ELEMENTS`, `MAX_INFLATED_BYTES`.

Source: PS3.5 7 (elements, sequences), A.4 (encapsulated pixel data), 6.2.2 (UN); PS3.10 7.1 (file meta).
"""

from __future__ import annotations

import zlib
from functools import lru_cache
from struct import Struct
from typing import NamedTuple

from pydicom.config import IGNORE
from pydicom.datadict import dictionary_VR
from pydicom.uid import UID

from deidgate.dicom.path import ElementPath, Parents

MAX_DEPTH = 64
MAX_ELEMENTS = 1_000_000
MAX_INFLATED_BYTES = 512 * 1024 * 1024


UNDEFINED = 0xFFFFFFFF
ITEM = 0xFFFEE000
ITEM_DELIMITATION = 0xFFFEE00D
SEQUENCE_DELIMITATION = 0xFFFEE0DD
PIXEL_DATA = 0x7FE00010

IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"
DEFLATED = frozenset({"1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.95"})
NATIVE = frozenset({IMPLICIT_LITTLE, EXPLICIT_LITTLE, EXPLICIT_BIG, "1.2.840.10008.1.2.1.99"})

_SHORT_VRS = "AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US"
_LONG_VRS = "OB OD OF OL OV OW SQ SV UC UN UR UT UV"
_SHORT = {name.encode(): name for name in _SHORT_VRS.split()}
_LONG = {name.encode(): name for name in _LONG_VRS.split()}


class UnreadableError(Exception):
    """The bytes stop making sense. Stays inside this package: the gate turns it into a finding."""

    def __init__(self, code: str, path: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.path = path


class Element(NamedTuple):
    """One Data Element as it lies in the bytes; ``data[start:stop]`` is its value."""

    parents: Parents
    tag: int
    vr: str
    start: int
    stop: int
    items: int | None = None
    """Number of items, for a sequence."""
    fragments: tuple[tuple[int, int], ...] | None = None
    """Where the fragments lie, for encapsulated pixel data; the first is the Basic Offset Table."""

    @property
    def key(self) -> tuple[Parents, int]:
        """What makes it the same element in another file."""
        return self.parents, self.tag

    @property
    def path(self) -> str:
        """For findings."""
        return str(ElementPath(self.parents, self.tag))


class Parsed(NamedTuple):
    """A file, taken apart.

    Attributes
    ----------
    data : bytes
        What the offsets of `elements` count in: the file, or the inflated dataset of a deflated file.
    file : bytes
        What the offsets of `meta` count in.
    elements : list of Element
        Depth first, in the order of the bytes, sequences before what is in them.
    faults : list of (str, str)
        Code and path of what is wrong but could be stepped over.
    """

    data: bytes
    file: bytes
    meta: list[Element]
    elements: list[Element]
    transfer_syntax: str
    big_endian: bool
    implicit: bool
    faults: list[tuple[str, str]]

    def value(self, element: Element) -> bytes:
        """The bytes of an element of the dataset."""
        return self.data[element.start : element.stop]

    def meta_value(self, element: Element) -> bytes:
        """The bytes of an element of the file meta information."""
        return self.file[element.start : element.stop]


class _Codec(NamedTuple):
    header: Struct
    implicit: Struct
    length: Struct
    tag: Struct
    big: bool


_LITTLE_CODEC = _Codec(Struct("<HH2sH"), Struct("<HHI"), Struct("<I"), Struct("<HH"), False)
_BIG_CODEC = _Codec(Struct(">HH2sH"), Struct(">HHI"), Struct(">I"), Struct(">HH"), True)


class _Walk:
    """One pass over one dataset; `elements` and `faults` grow as it goes."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.elements: list[Element] = []
        self.faults: list[tuple[str, str]] = []

    def fault(self, code: str, parents: Parents, tag: int) -> None:
        self.faults.append((code, str(ElementPath(parents, tag))))

    def dataset(self, at: int, stop: int, parents: Parents, codec: _Codec, implicit: bool, delimited: bool) -> int:
        """Walk elements from `at` to `stop`, or to an Item Delimitation when `delimited`; where it ended."""
        data, elements = self.data, self.elements
        unpack_explicit, unpack_implicit = codec.header.unpack_from, codec.implicit.unpack_from
        unpack_length = codec.length.unpack_from
        previous = -1
        if len(parents) > MAX_DEPTH:
            raise UnreadableError("nested-too-deep", str(ElementPath(parents[:1], parents[0][0])))
        while at < stop:
            if stop - at < 8:
                raise UnreadableError("bytes-left-over", _place(parents, previous))
            if not parents and not any(data[at : at + 8]) and not any(memoryview(data)[at:stop]):
                # What a medium was filled up with: of an original there is nothing to say, and no result has it.
                self.fault("bytes-left-over", parents, max(previous, 0))
                return stop
            if implicit:
                group, number, length = unpack_implicit(data, at)
                tag = group << 16 | number
                vr = ""
                at += 8
            else:
                group, number, raw_vr, length = unpack_explicit(data, at)
                tag = group << 16 | number
                if group == 0xFFFE:
                    (length,) = unpack_length(data, at + 4)
                    vr = ""
                    at += 8
                elif raw_vr in _SHORT:
                    vr = _SHORT[raw_vr]
                    at += 8
                elif raw_vr in _LONG:
                    if stop - at < 12:
                        raise UnreadableError("element-cut-off", _place(parents, tag))
                    if length:
                        self.fault("reserved-bytes-used", parents, tag)
                    vr = _LONG[raw_vr]
                    (length,) = unpack_length(data, at + 8)
                    at += 12
                else:
                    raise UnreadableError("vr-unknown", _place(parents, tag))
            if group == 0xFFFE:
                if tag == ITEM_DELIMITATION and delimited:
                    if length:
                        raise UnreadableError("delimiter-with-length", _place(parents, previous))
                    return at
                raise UnreadableError("delimiter-out-of-place", _place(parents, previous))
            if implicit:
                vr = _dictionary_vr(tag)
                if length == UNDEFINED and tag != PIXEL_DATA:
                    vr = "SQ"
            if tag <= previous:
                self.fault("element-order", parents, tag)
            previous = tag
            if len(elements) >= MAX_ELEMENTS:
                raise UnreadableError("too-many-elements", _place(parents, tag))
            if length == UNDEFINED or vr == "SQ":
                at = self._nested(at, stop, parents, tag, vr, length, codec, implicit)
                continue
            if length > stop - at:
                raise UnreadableError("length-beyond-end", _place(parents, tag))
            if length & 1:
                self.fault("odd-length", parents, tag)
            elements.append(Element(parents, tag, vr, at, at + length))
            at += length
        if delimited:
            raise UnreadableError("delimiter-missing", _place(parents, previous))
        return at

    def _nested(
        self, at: int, stop: int, parents: Parents, tag: int, vr: str, length: int, codec: _Codec, implicit: bool
    ) -> int:
        if tag == PIXEL_DATA and vr in ("OB", "OW", "UN"):
            return self._fragments(at, stop, parents, tag, vr, codec)
        if vr not in ("SQ", "UN"):
            raise UnreadableError("undefined-length-not-allowed", _place(parents, tag))
        if length != UNDEFINED:
            if length > stop - at:
                raise UnreadableError("length-beyond-end", _place(parents, tag))
            stop = at + length
        if vr == "UN":
            # A sequence whose VR was lost is implicit little endian whatever surrounds it. Source: PS3.5 6.2.2 note 2.
            codec, implicit = _LITTLE_CODEC, True
        place = len(self.elements)
        self.elements.append(Element(parents, tag, vr, at, at, 0))
        begin, count = at, 0
        while True:
            if at == stop and length != UNDEFINED:
                end = at
                break
            if stop - at < 8:
                raise UnreadableError("sequence-not-closed", _place(parents, tag))
            group, number = codec.tag.unpack_from(self.data, at)
            (item_length,) = codec.length.unpack_from(self.data, at + 4)
            marker = group << 16 | number
            at += 8
            if marker == SEQUENCE_DELIMITATION and length == UNDEFINED:
                if item_length:
                    raise UnreadableError("delimiter-with-length", _place(parents, tag))
                end = at - 8
                break
            if marker != ITEM:
                raise UnreadableError("item-expected", _place(parents, tag))
            inner = (*parents, (tag, count))
            if item_length == UNDEFINED:
                at = self.dataset(at, stop, inner, codec, implicit, True)
            elif item_length > stop - at:
                raise UnreadableError("item-beyond-sequence", _place(parents, tag))
            else:
                at = self.dataset(at, at + item_length, inner, codec, implicit, False)
            count += 1
        self.elements[place] = Element(parents, tag, vr, begin, end, count)
        return at

    def _fragments(self, at: int, stop: int, parents: Parents, tag: int, vr: str, codec: _Codec) -> int:
        begin = at
        fragments: list[tuple[int, int]] = []
        while True:
            if stop - at < 8:
                raise UnreadableError("fragments-not-closed", _place(parents, tag))
            group, number = codec.tag.unpack_from(self.data, at)
            (length,) = codec.length.unpack_from(self.data, at + 4)
            marker = group << 16 | number
            at += 8
            if marker == SEQUENCE_DELIMITATION:
                if length:
                    raise UnreadableError("delimiter-with-length", _place(parents, tag))
                break
            if marker != ITEM or length == UNDEFINED or length > stop - at:
                raise UnreadableError("fragment-expected", _place(parents, tag))
            if length & 1:
                self.fault("odd-length", parents, tag)
            if len(fragments) >= MAX_ELEMENTS:
                raise UnreadableError("too-many-elements", _place(parents, tag))
            fragments.append((at, at + length))
            at += length
        if not fragments:
            raise UnreadableError("offset-table-missing", _place(parents, tag))
        self.elements.append(Element(parents, tag, vr, begin, at - 8, None, tuple(fragments)))
        return at


def walk(file: bytes) -> Parsed:
    """`file` taken apart.

    Raises
    ------
    UnreadableError
        Where the bytes stop making sense.
    """
    if len(file) < 140 or file[128:132] != b"DICM":
        raise UnreadableError("not-part-10")
    meta = _Walk(file)
    at, transfer_syntax = _file_meta(meta)
    if not transfer_syntax:
        raise UnreadableError("transfer-syntax-missing", "file meta")
    # How the bytes of an unknown one have to be read is a guess. Source: PS3.6 Table A-1.
    if UID(transfer_syntax, validation_mode=IGNORE).type != "Transfer Syntax":
        raise UnreadableError("transfer-syntax-unknown", "file meta")
    data, start = file, at
    if transfer_syntax in DEFLATED:
        data, start = _inflate(file[at:], meta.faults), 0
    implicit = transfer_syntax == IMPLICIT_LITTLE
    codec = _BIG_CODEC if transfer_syntax == EXPLICIT_BIG else _LITTLE_CODEC
    body = _Walk(data)
    body.dataset(start, len(data), (), codec, implicit, False)
    return Parsed(
        data,
        file,
        meta.elements,
        body.elements,
        transfer_syntax,
        codec.big,
        implicit,
        meta.faults + body.faults,
    )


def _file_meta(walk_: _Walk) -> tuple[int, str]:
    """Walk group 0002 whatever its group length says: the length is checked, not believed."""
    data, at, transfer_syntax, previous = walk_.data, 132, "", -1
    while at + 8 <= len(data):
        group, number, raw_vr, length = _LITTLE_CODEC.header.unpack_from(data, at)
        if group != 2:
            break
        tag = group << 16 | number
        vr = _SHORT.get(raw_vr) or _LONG.get(raw_vr)
        if vr is None or vr == "SQ":
            raise UnreadableError("vr-unknown", _place((), tag))
        at += 8
        if raw_vr in _LONG:
            if at + 4 > len(data):
                raise UnreadableError("element-cut-off", _place((), tag))
            if length:
                walk_.fault("reserved-bytes-used", (), tag)
            (length,) = _LITTLE_CODEC.length.unpack_from(data, at)
            at += 4
        if length > len(data) - at:
            raise UnreadableError("length-beyond-end", _place((), tag))
        if tag <= previous:
            walk_.fault("element-order", (), tag)
        if length & 1:
            walk_.fault("odd-length", (), tag)
        previous = tag
        walk_.elements.append(Element((), tag, vr, at, at + length))
        if tag == 0x00020010:
            transfer_syntax = data[at : at + length].decode("ascii", "replace").strip(" \0")
        at += length
    return at, transfer_syntax


def _inflate(compressed: bytes, faults: list[tuple[str, str]]) -> bytes:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        data = inflater.decompress(compressed, MAX_INFLATED_BYTES)
    except zlib.error:
        raise UnreadableError("deflated-stream-broken") from None
    if inflater.unconsumed_tail:
        raise UnreadableError("deflated-stream-too-large")
    if not inflater.eof:
        raise UnreadableError("deflated-stream-broken")
    # One byte of padding makes the length even. Source: PS3.5 A.5.
    if inflater.unused_data not in (b"", b"\0"):
        faults.append(("bytes-behind-deflated-stream", ""))
    return data


@lru_cache(maxsize=1 << 14)
def _dictionary_vr(tag: int) -> str:
    if tag >> 16 & 1:
        return "LO" if 0x10 <= tag & 0xFFFF <= 0xFF else "UN"
    if tag & 0xFFFF == 0:
        return "UL"
    try:
        known = dictionary_VR(tag)
    except KeyError:
        return "UN"
    # Where several VRs are possible, the one that cannot lose a sign: the bytes are what is compared.
    return "US" if known == "US or SS" else known[-2:]


def _place(parents: Parents, tag: int) -> str:
    if tag < 0:
        return str(ElementPath(parents[:-1], parents[-1][0])) if parents else ""
    return str(ElementPath(parents, tag))
