# SPDX-License-Identifier: Apache-2.0
"""What no request to Orthanc can say, done on its answer."""

from __future__ import annotations

from io import BytesIO

from pydicom import DataElement, Dataset, dcmread
from pydicom.dataelem import RawDataElement
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag, Tag

from deidgate.dicom.elements import Element, items_of, raw_bytes, tagged_elements
from deidgate.dicom.path import Parents
from deidgate.dicom.structure import Layout, layout
from deidgate.plan.model import Action, Plan


def finished(data: bytes, plan: Plan | None = None) -> bytes:
    """Orthanc's answer, made what the plan says where Orthanc cannot.

    * The file ends with its Pixel Data. A plan that was made from a header has not seen what follows (private groups
      above 7FE0, Digital Signatures, Data Set Trailing Padding), so nothing of it leaves.
    * Private elements whose value was replaced have their VR again: Orthanc knows no private dictionary and writes
      UN. This needs the plan.

    Raises
    ------
    CannotDeidentify
        The bytes are not a DICOM file in which every length is true.
    """
    found = layout(data)
    data = data[: found.end]
    vrs = {} if plan is None or found.deflated else _private_vrs(plan)
    return _with_vrs(data, vrs, found) if vrs else data


def _private_vrs(plan: Plan) -> dict[tuple[Parents, int], str]:
    return {
        (decision.path.parents, decision.path.tag): decision.vr
        for decision in plan.decisions
        if decision.path.is_private
        and decision.vr not in ("SQ", "UN")
        and (decision.value is not None or decision.action is Action.EMPTY)
    }


def _with_vrs(data: bytes, vrs: dict[tuple[Parents, int], str], found: Layout) -> bytes:
    header = dcmread(BytesIO(data), stop_before_pixels=True)
    implicit, little_endian = header.original_encoding
    if implicit or implicit is None or little_endian is None:
        return data
    target = DicomBytesIO()
    target.is_implicit_VR, target.is_little_endian = implicit, little_endian
    write_dataset(target, _rewritten(header, (), vrs))
    return data[: found.dataset] + target.getvalue() + data[found.pixel_data :]


def _rewritten(dataset: Dataset, parents: Parents, vrs: dict[tuple[Parents, int], str]) -> Dataset:
    """A copy of the dataset with these VRs; what no VR is given for passes through as it is."""
    new: dict[BaseTag, Element] = {}
    inside = {where[len(parents)][0] for where, _ in vrs if len(where) > len(parents)}
    for tag, element in tagged_elements(dataset):
        vr = vrs.get((parents, tag))
        if vr is not None:
            value = raw_bytes(element) or b""
            new[Tag(tag)] = RawDataElement(Tag(tag), vr, len(value), value, 0, False, True)
        elif tag in inside:
            items = [
                _rewritten(item, (*parents, (tag, number)), vrs)
                for number, item in enumerate(items_of(dataset, element))
            ]
            new[Tag(tag)] = DataElement(Tag(tag), "SQ", Sequence(items))
        else:
            new[Tag(tag)] = element
    result = Dataset(new, parent_encoding=dataset._parent_encoding)
    implicit, little_endian = dataset.original_encoding
    result.set_original_encoding(implicit, little_endian, dataset.original_character_set)
    return result
