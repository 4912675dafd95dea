# SPDX-License-Identifier: Apache-2.0
"""A plan carried out on a pydicom dataset.

Elements that are kept pass through as the bytes that they are; nothing is decoded on the way.
"""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO

from pydicom import DataElement, Dataset, FileDataset
from pydicom.dataelem import RawDataElement
from pydicom.dataset import FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag, Tag
from pydicom.uid import UID

from deidgate.dicom.charset import Charset
from deidgate.dicom.elements import Element, check_encoding, items_of, tagged_elements, text_of
from deidgate.dicom.encode import encoded
from deidgate.dicom.path import ElementPath, Parents
from deidgate.errors import CannotDeidentify
from deidgate.plan.model import Action, Added, Decision, Plan

IMPLEMENTATION_CLASS_UID = UID("2.25.261411832017386224370116471513062418")
IMPLEMENTATION_VERSION_NAME = "DEIDGATE"
_CHARACTER_SET = 0x00080005
_PIXEL_GROUP = 0x7FE0
_UNDEFINED = 0xFFFFFFFF


def apply(dataset: Dataset, plan: Plan) -> Dataset:
    """A new dataset with `plan` carried out; `dataset` is unchanged.

    The result has new file meta information and a preamble of zeros, keeps the transfer syntax, and has nothing
    behind Pixel Data.

    Raises
    ------
    CannotDeidentify
        The dataset has an element that the plan does not know, or no transfer syntax, or is encoded in another.
    """
    check_encoding(dataset)
    syntax = getattr(dataset, "file_meta", {}).get("TransferSyntaxUID")
    if syntax is None:
        raise CannotDeidentify("no-transfer-syntax")
    work = _Work(plan, implicit=syntax.is_implicit_VR, little_endian=syntax.is_little_endian)
    new = work.dataset(dataset, (), Charset.declared(""))
    result = FileDataset(
        BytesIO(),
        new,
        preamble=b"\0" * 128,
        file_meta=_file_meta(plan, syntax),
        is_implicit_VR=syntax.is_implicit_VR,
        is_little_endian=syntax.is_little_endian,
    )
    _as_read(result, dataset)
    return result


def _file_meta(plan: Plan, transfer_syntax_uid: UID) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\0\1"
    meta.MediaStorageSOPClassUID = UID(plan.sop_class_uid)
    meta.MediaStorageSOPInstanceUID = UID(plan.sop_instance_uid)
    meta.TransferSyntaxUID = transfer_syntax_uid
    meta.ImplementationClassUID = IMPLEMENTATION_CLASS_UID
    meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME
    return meta


class _Work:
    def __init__(self, plan: Plan, *, implicit: bool, little_endian: bool) -> None:
        self._decisions: Mapping[tuple[Parents, int], Decision] = {
            (decision.path.parents, decision.path.tag): decision for decision in plan.decisions
        }
        self._added = {one.path.tag: one for one in plan.added}
        self._implicit = implicit
        self._little_endian = little_endian

    def dataset(self, dataset: Dataset, parents: Parents, charset: Charset) -> Dataset:
        """The new dataset or item."""
        declared = dataset.get_item(_CHARACTER_SET)
        if declared is not None:
            charset = Charset.declared(text_of(declared, Charset.declared("")))
        new: dict[BaseTag, Element] = {}
        for tag, element in tagged_elements(dataset):
            kept = self._element(dataset, element, tag, parents, charset)
            if kept is not None:
                new[element.tag] = kept
        if not parents:
            for one in self._added.values():
                new[Tag(one.path.tag)] = self._new_element(one, charset)
        result = Dataset(new, parent_encoding=dataset._parent_encoding)
        result.is_undefined_length_sequence_item = dataset.is_undefined_length_sequence_item
        _as_read(result, dataset)
        return result

    def _element(
        self, dataset: Dataset, element: Element, tag: int, parents: Parents, charset: Charset
    ) -> Element | None:
        decision = self._decisions.get((parents, tag))
        if decision is None:
            if not parents and tag >> 16 == _PIXEL_GROUP:
                return _pixels(element)
            if not parents and tag >> 16 > _PIXEL_GROUP:
                # The plan may have seen the header only, and nothing that follows Pixel Data is needed.
                return None
            if not parents and tag == 0 and not element.value:
                # Zeros that a medium was filled up with, behind Pixel Data, read like an empty element: elements ascend
                # (`deidgate.dicom.structure`), so of a tag 0 that the plan has not seen nothing else can follow.
                return None
            raise CannotDeidentify("element-not-planned", str(ElementPath(parents, tag)))
        if decision.action is Action.REMOVE:
            return None
        if decision.vr == "SQ":
            return self._sequence(dataset, element, decision, charset)
        if decision.action is Action.EMPTY:
            return self._raw(tag, decision.vr, b"")
        if decision.value is None:
            return _pixels(element) if element.value is not None else self._raw(tag, decision.vr, b"")
        return self._raw(tag, decision.vr, self._encoded(decision.value, decision.vr, decision.path, charset))

    def _sequence(self, dataset: Dataset, element: Element, decision: Decision, charset: Charset) -> Element:
        path = decision.path
        items = [] if decision.action is Action.EMPTY else items_of(dataset, element)
        new = [self.dataset(item, (*path.parents, (path.tag, number)), charset) for number, item in enumerate(items)]
        result = DataElement(Tag(path.tag), "SQ", Sequence(new))
        if isinstance(element, RawDataElement):
            result.is_undefined_length = element.length == _UNDEFINED
        else:
            result.is_undefined_length = element.is_undefined_length
        return result

    def _new_element(self, one: Added, charset: Charset) -> Element:
        if isinstance(one.value, (str, bytes)):
            return self._raw(one.path.tag, one.vr, self._encoded(one.value, one.vr, one.path, charset))
        items = [Dataset({Tag(part.path.tag): self._new_element(part, charset) for part in item}) for item in one.value]
        for item in items:
            item.set_original_encoding(self._implicit, self._little_endian, item._character_set)
        return DataElement(Tag(one.path.tag), "SQ", Sequence(items))

    def _encoded(self, value: str | bytes, vr: str, path: ElementPath, charset: Charset) -> bytes:
        try:
            return encoded(value, vr, charset, little_endian=self._little_endian)
        except ValueError:
            # `from None`: the message of the ValueError speaks of the value.
            raise CannotDeidentify("value-cannot-be-written", str(path)) from None

    def _raw(self, tag: int, vr: str, value: bytes) -> RawDataElement:
        return RawDataElement(Tag(tag), vr, len(value), value, 0, self._implicit, self._little_endian)


def _pixels(element: Element) -> Element:
    """The element; encapsulated Pixel Data as OB, which some writers call OW. Source: PS3.5 A.4."""
    if isinstance(element, RawDataElement) and element.length == _UNDEFINED and element.VR == "OW":
        return element._replace(VR="OB")
    return element


def _as_read(result: Dataset, dataset: Dataset) -> None:
    """Let the writer pass raw elements through: they are in the encoding of the original."""
    implicit, little_endian = dataset.original_encoding
    result.set_original_encoding(implicit, little_endian, dataset.original_character_set)
