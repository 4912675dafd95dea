# SPDX-License-Identifier: Apache-2.0
"""A dataset as lines for people and as rows for scripts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from pydicom import Dataset
from pydicom.datadict import dictionary_has_tag, keyword_for_tag, private_dictionary_description
from pydicom.dataelem import DataElement
from pydicom.multival import MultiValue

from deidgate.dicom.path import ElementPath

LONGEST = 96
"""Characters of a value that are shown."""

_BYTES = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})


class Chosen(StrEnum):
    """Which elements are listed."""

    ALL = "all"
    PRIVATE = "private"
    UNKNOWN = "unknown"
    """Standard groups, but not in the dictionary; and private ones that no private dictionary names."""


@dataclass(frozen=True, slots=True)
class Row:
    """One element.

    Attributes
    ----------
    path : ElementPath
    vr : str
    name : str
        Keyword, name in the private dictionary in brackets, or empty.
    creator : str
        Private creator of the element's block; empty for standard elements.
    value : str
        Spelled for reading, cut to `LONGEST`; for a sequence the number of its items, for bytes their length.
    """

    path: ElementPath
    vr: str
    name: str
    creator: str
    value: str

    @property
    def line(self) -> str:
        """Indented by depth: ``(0010,0010) PN PatientName = …``."""
        tag = self.path.tag
        words = [f"({tag >> 16:04X},{tag & 0xFFFF:04X})", self.vr]
        if self.name:
            words.append(self.name)
        if self.creator:
            words.append(f"<{self.creator}>")
        return "  " * self.path.depth + " ".join(words) + (f" = {self.value}" if self.value else "")


def rows(dataset: Dataset, chosen: Chosen = Chosen.ALL, groups: frozenset[int] = frozenset()) -> Iterator[Row]:
    """Every element of `dataset`, depth first, that is `chosen` and whose outermost tag is in one of `groups`.

    Parameters
    ----------
    groups : frozenset of int
        Empty for all; 0x0002 lists the file meta information.
    """
    meta = getattr(dataset, "file_meta", None)
    if meta is not None and (not groups or 0x0002 in groups) and chosen is not Chosen.PRIVATE:
        yield from (row for row in _rows(meta, None) if _wanted(row, chosen))
    for row in _rows(dataset, None):
        outermost = row.path.parents[0][0] if row.path.parents else row.path.tag
        if (not groups or outermost >> 16 in groups) and _wanted(row, chosen):
            yield row


def _wanted(row: Row, chosen: Chosen) -> bool:
    if chosen is Chosen.ALL:
        return True
    private = row.path.is_private or any(tag >> 16 & 1 for tag in row.path.parent_tags)
    if chosen is Chosen.PRIVATE:
        return private
    if row.path.is_private:
        return not row.name and not (0x10 <= row.path.tag & 0xFFFF <= 0xFF)
    return not dictionary_has_tag(row.path.tag)


def _rows(dataset: Dataset, inside: tuple[ElementPath, int] | None) -> Iterator[Row]:
    for element in dataset:
        tag = int(element.tag)
        path = inside[0].inside(inside[1], tag) if inside else ElementPath.top(tag)
        creator = _creator(dataset, tag)
        yield Row(path, str(element.VR), _name(element, creator), creator, _value(element))
        if element.VR == "SQ":
            for number, item in enumerate(element.value or ()):
                yield from _rows(item, (path, number))


def _creator(dataset: Dataset, tag: int) -> str:
    element = tag & 0xFFFF
    if not tag >> 16 & 1 or element < 0x1000:
        return ""
    reserved = dataset.get((tag >> 16, element >> 8))
    return str(reserved.value).strip() if reserved is not None and reserved.value else ""


def _name(element: DataElement, creator: str) -> str:
    tag = int(element.tag)
    if not element.tag.is_private:
        return keyword_for_tag(tag)
    if 0x10 <= tag & 0xFFFF <= 0xFF:
        return "[Private Creator]"
    try:
        return f"[{private_dictionary_description(element.tag, creator)}]" if creator else ""
    except KeyError:
        return ""


def _value(element: DataElement) -> str:
    if element.VR == "SQ":
        count = len(element.value or ())
        return f"{count} item" + ("" if count == 1 else "s")
    if element.VR in _BYTES or isinstance(element.value, bytes):
        size = len(element.value or b"")
        shown = bytes((element.value or b"")[:16])
        readable = (
            shown.decode("ascii", "replace") if shown.isascii() and shown.rstrip(b"\0").isalnum() else shown.hex(" ")
        )
        return f"{size} bytes: {readable}{'…' if size > 16 else ''}" if size else "0 bytes"
    value = element.value
    if value is None:
        return ""
    text = "\\".join(str(part) for part in value) if isinstance(value, MultiValue | list | tuple) else str(value)
    text = "".join(character if character.isprintable() else "·" for character in text)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
