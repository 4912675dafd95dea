# SPDX-License-Identifier: Apache-2.0
"""The texts of an instance, decoded: what a search for names needs, and nothing else.

pydicom would decode every element, repair what is wrong, and leave its repairs in the dataset that is still to be
judged. Here a copy is made of what can be text, each value decoded once. Texts that cannot be decoded are read as
Latin-1: whatever they say may not stand elsewhere either.
"""

from __future__ import annotations

from pydicom import DataElement, Dataset
from pydicom.sequence import Sequence

from deidgate.dicom import vr as vrs
from deidgate.dicom.charset import Charset
from deidgate.dicom.dictionary import dictionary_vr
from deidgate.dicom.elements import Element, Unreadable, declared_vr, is_empty, items_of, raw_bytes, text_of

_TEXTS = vrs.LOCAL_TEXT | vrs.DATES | {"AE", "UR"}
_ONE_VALUE = frozenset({"LT", "ST", "UR", "UT"})
_LATIN_1 = Charset(("latin_1",))


def readable(header: Dataset, charset: Charset, depth: int) -> Dataset:
    """A dataset of the texts, names, dates and sequences of `header` (not changed), `depth` sequences deep."""
    texts: dict[int, DataElement] = {}
    for element in list(header.values()):
        vr = declared_vr(element)
        if vr in ("", "UN"):
            vr = dictionary_vr(element.tag)
        if vr == "SQ":
            items = _items(header, element) if depth else []
            inner = [readable(item, _declared(item, charset), depth - 1) for item in items]
            texts[element.tag] = DataElement(element.tag, "SQ", Sequence(inner))
        elif vr in _TEXTS and not is_empty(element):
            text = _text(element, charset)
            value = text if vr in _ONE_VALUE else text.split("\\")
            texts[element.tag] = DataElement(element.tag, vr, value, already_converted=True)
    return Dataset(texts)  # type: ignore[arg-type]  # BaseTag is the int that pydicom means


def _items(header: Dataset, element: Element) -> list[Dataset]:
    try:
        return items_of(header, element)
    except Unreadable:
        # Held or removed where it is decided about; nothing can be read from it.
        return []


def _text(element: Element, charset: Charset) -> str:
    try:
        return text_of(element, charset)
    except Unreadable:
        data = raw_bytes(element)
        return "" if data is None else _LATIN_1.decode(data)


def _declared(item: Dataset, inherited: Charset) -> Charset:
    element = item.get_item(0x00080005)
    return inherited if element is None else Charset.declared(text_of(element, _LATIN_1))
