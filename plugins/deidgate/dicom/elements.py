# SPDX-License-Identifier: Apache-2.0
"""Elements as they stand in the file: pydicom's raw elements, looked at without its leniency.

pydicom reads values when they are asked for, and then repairs, guesses and warns. What is to be judged here are
the bytes.
"""

from __future__ import annotations

import struct
from typing import Any

from pydicom import DataElement, Dataset
from pydicom.dataelem import RawDataElement
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence

from deidgate.dicom.charset import Charset
from deidgate.dicom.path import ElementPath
from deidgate.errors import CannotDeidentify

Element = DataElement | RawDataElement

_VR_LENGTH = 2
# (FFFE,E000) in both byte orders.
_ITEM_TAGS = (b"\xfe\xff\x00\xe0", b"\xff\xfe\xe0\x00")


class Unreadable(CannotDeidentify):
    """The element's bytes are no value of its VR: remove it or hold the instance."""

    def __init__(self, path: str = "") -> None:
        super().__init__("unreadable-value", path)


def check_encoding(dataset: Dataset) -> None:
    """Return if `dataset` was read as its Transfer Syntax says, or was not read at all.

    Where the bytes contradict the Transfer Syntax pydicom follows the bytes; another reader may not, and a writer
    cannot mix the two.

    Raises
    ------
    CannotDeidentify
        ``transfer-syntax-wrong``.
    """
    syntax = getattr(dataset, "file_meta", {}).get("TransferSyntaxUID")
    if syntax is None or not syntax.is_transfer_syntax:
        return
    declared = (syntax.is_implicit_VR, syntax.is_little_endian)
    # What pydicom says of the dataset is what was declared; what it did stands with each element.
    for element in dataset.values():
        if isinstance(element, RawDataElement) and (element.is_implicit_VR, element.is_little_endian) != declared:
            raise CannotDeidentify("transfer-syntax-wrong", str(ElementPath.top(element.tag)))


def tagged_elements(dataset: Dataset) -> list[tuple[int, Element]]:
    """Tags and elements of one dataset in the order of their tags, read or not."""
    # Dataset.items() hands out what is there; iterating over the dataset would convert every element.
    return sorted(((int(tag), element) for tag, element in dataset.items()), key=_first)


def elements_of(dataset: Dataset) -> list[Element]:
    """The elements of one dataset in the order of their tags, read or not."""
    return [element for _, element in tagged_elements(dataset)]


def declared_vr(element: Element) -> str:
    """VR in the file; empty in Implicit VR.

    An element of Implicit VR that pydicom has read has the VR of its dictionary, which may be ``US or SS``.
    """
    vr = element.VR or ""
    return vr if len(vr) <= _VR_LENGTH else vr[:_VR_LENGTH]


def items_of(dataset: Dataset, element: Element) -> list[Dataset]:
    """Items of a sequence.

    Raises
    ------
    Unreadable
        The bytes are no items.
    """
    if isinstance(element, RawDataElement):
        if element.value and element.value[:4] not in _ITEM_TAGS:
            # pydicom would make an empty sequence of it.
            raise Unreadable
        try:
            element = dataset[element.tag]
        except (ValueError, KeyError, OSError, EOFError, TypeError, NotImplementedError, AttributeError, struct.error):
            # Whatever pydicom raises over these bytes, they are not items. `from None`: its text may quote them.
            raise Unreadable from None
    if not isinstance(element.value, Sequence):
        raise Unreadable
    return list(element.value)


def raw_bytes(element: Element) -> bytes | None:
    """The value's bytes; None when pydicom has read the element already or left it in the file."""
    if isinstance(element, RawDataElement):
        return element.value if isinstance(element.value, bytes) else b"" if element.value is None else None
    value = element.value
    return value if isinstance(value, bytes) else None


def text_of(element: Element, charset: Charset) -> str:
    r"""The value as text with ``\`` between values and without padding.

    Raises
    ------
    Unreadable
        The bytes are no text of the character set.
    CannotDeidentify
        They are UTF-8, which is not declared.
    """
    if isinstance(element, RawDataElement):
        data = element.value or b""
        try:
            text = charset.decode(data)
        except UnicodeError:
            raise Unreadable from None
        return text.rstrip(" \0")
    text = spelled(element.value)
    if "\ufffd" in text:
        # pydicom has read the element before, and could not.
        raise Unreadable
    if not text.isascii() and len(charset.encodings) == 1:
        # What pydicom read as Latin-1 gives the bytes back; what it read as anything else may not.
        charset.check(text.encode("latin_1", "replace"))
    return text.rstrip(" \0")


def spelled(value: Any) -> str:
    r"""A value that pydicom has read, as text with ``\`` between values."""
    if value is None:
        return ""
    if isinstance(value, bytes):
        return value.decode("latin_1")
    if isinstance(value, (MultiValue, list, tuple)):
        return "\\".join(spelled(one) for one in value)
    original = getattr(value, "original_string", None)
    return str(original) if isinstance(original, str) and original else str(value)


def is_empty(element: Element) -> bool:
    """True when the element has no value."""
    value = element.value
    return value is None or (not isinstance(value, (int, float)) and len(value) == 0)


def _first(pair: tuple[int, Element]) -> int:
    return pair[0]
