# SPDX-License-Identifier: Apache-2.0
"""Is the result a well-formed Part 10 file with nothing in its corners?

Source: PS3.10 7.1 (preamble, File Meta Information), PS3.5 7.1 and 7.8 (elements, private blocks), PS3.15 E.1.1
(file meta and preamble are new).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from pydicom.datadict import dictionary_VR

from deidgate.dicom.path import Parents
from deidgate.verify.facts import is_uid
from deidgate.verify.model import Finding
from deidgate.verify.view import View
from deidgate.verify.walk import Parsed

_META_ALLOWED = frozenset({0x00020000, 0x00020001, 0x00020002, 0x00020003, 0x00020010, 0x00020012, 0x00020013})
_META_REQUIRED = (0x00020000, 0x00020001, 0x00020002, 0x00020003, 0x00020010, 0x00020012)
_VERSION_NAME = 0x00020013
_SOP_CLASS_UID = 0x00080016
_SOP_INSTANCE_UID = 0x00080018


def check_file(result: Parsed) -> Iterator[Finding]:
    """Preamble and File Meta Information, against PS3.10 and against the dataset."""
    if result.file[:128].strip(b"\0"):
        yield Finding("preamble-not-zero", "preamble")
    for code, path in result.faults:
        yield Finding(code, path)
    by_tag = {element.tag: element for element in result.meta}
    for tag in _META_REQUIRED:
        if tag not in by_tag:
            yield Finding("file-meta-missing", f"(0002,{tag & 0xFFFF:04X})")
    for element in result.meta:
        if element.tag not in _META_ALLOWED:
            yield Finding("file-meta-extra", element.path)
        elif not _vr_fits(element.tag, element.vr):
            yield Finding("vr-wrong", element.path)
        elif element.vr == "UI" and not is_uid(result.meta_value(element).decode("latin_1").rstrip("\0")):
            yield Finding("uid-malformed", element.path)
        elif element.tag == _VERSION_NAME and not result.meta_value(element).isascii():
            yield Finding("file-meta-extra", element.path)
    length = by_tag.get(0x00020000)
    if length is not None and result.meta:
        claimed = int.from_bytes(result.meta_value(length), "little")
        if result.meta[0].tag != 0x00020000 or claimed != result.meta[-1].stop - length.stop:
            yield Finding("file-meta-length-wrong", "(0002,0000)")
    version = by_tag.get(0x00020001)
    if version is not None and result.meta_value(version) != b"\x00\x01":
        yield Finding("file-meta-version-wrong", "(0002,0001)")
    dataset = {
        e.tag: result.value(e)
        for e in result.elements
        if e.tag in (_SOP_CLASS_UID, _SOP_INSTANCE_UID) and not e.parents
    }
    for meta_tag, tag in ((0x00020002, _SOP_CLASS_UID), (0x00020003, _SOP_INSTANCE_UID)):
        inside = dataset.get(tag, b"").strip(b" \0")
        outside = result.meta_value(by_tag[meta_tag]).strip(b" \0") if meta_tag in by_tag else b""
        if not inside:
            yield Finding("identity-missing", f"({tag >> 16:04X},{tag & 0xFFFF:04X})")
        elif inside != outside:
            yield Finding("file-meta-differs", f"(0002,{meta_tag & 0xFFFF:04X})")


def check_elements(result: View) -> Iterator[Finding]:
    """Every element is one that may stand there: known, of its own VR, in a reserved block."""
    creators = _creators(result)
    explicit = not result.parsed.implicit
    for element in result.elements:
        tag, group = element.tag, element.tag >> 16
        if group & 1:
            number = tag & 0xFFFF
            is_creator = 0x10 <= number <= 0xFF
            if not is_creator and (element.parents, group << 16 | number >> 8) not in creators:
                yield Finding("private-without-creator", element.path)
            elif is_creator and explicit and element.vr != "LO":
                yield Finding("vr-wrong", element.path)
            continue
        if group < 8:
            yield Finding("group-not-allowed", element.path)
        elif tag & 0xFFFF == 0:
            yield Finding("group-length-left", element.path)
        elif explicit and not _vr_fits(tag, element.vr):
            yield Finding("vr-wrong" if _is_known(tag) else "unknown-element", element.path)
        elif not explicit and not _is_known(tag):
            yield Finding("unknown-element", element.path)


def _creators(view: View) -> frozenset[tuple[Parents, int]]:
    return frozenset(
        (e.parents, e.tag)
        for e in view.elements
        if e.tag >> 16 & 1 and 0x10 <= e.tag & 0xFFFF <= 0xFF and view.value(e).strip(b" \0")
    )


def _is_known(tag: int) -> bool:
    return _dictionary_vr(tag) != ""


def _vr_fits(tag: int, vr: str) -> bool:
    known = _dictionary_vr(tag)
    # One entry of the dictionary may allow several: "US or SS".
    return vr in known.split(" or ") if known else False


@lru_cache(maxsize=1 << 14)
def _dictionary_vr(tag: int) -> str:
    try:
        return dictionary_VR(tag)
    except KeyError:
        return ""
