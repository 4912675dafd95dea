# SPDX-License-Identifier: Apache-2.0
"""A plan as the body of Orthanc's ``POST /instances/{id}/modify``.

Every element is named by its full path, so that nothing is left to Orthanc's own choice:

* ``Replace`` creates what is absent: only what the instance has is named, and the claims.
* All UIDs are given; those that Orthanc misses it would draw at random. Where a policy retains them, ``Keep`` says so.
* Texts beyond ASCII go as bytes in the character set of their own item: Orthanc converts to the character set of the
  outermost dataset and drops what that does not have.

Source: Orthanc Book, "Anonymization and modification".
"""

from __future__ import annotations

import base64
from typing import Any

from pydicom import Dataset

from deidgate.dicom.charset import Charset
from deidgate.dicom.elements import items_of, text_of
from deidgate.dicom.encode import encoded
from deidgate.dicom.path import ElementPath
from deidgate.errors import CannotDeidentify
from deidgate.plan.model import Action, Added, Plan

_CHARACTER_SET = 0x00080005
_KEEPABLE = {0x0020000D: "StudyInstanceUID", 0x0020000E: "SeriesInstanceUID", 0x00080018: "SOPInstanceUID"}


def modify_request(plan: Plan, header: Dataset) -> dict[str, Any]:
    """JSON body of ``POST /instances/{id}/modify`` that carries out `plan` on the instance of `header`.

    `header` is not changed.
    """
    added = {one.path.tag for one in plan.added}
    replace: dict[str, Any] = {}
    remove: list[str] = []
    keep: list[str] = []
    for decision in plan.decisions:
        path = decision.path
        if not path.parents and path.tag in added:
            continue
        if decision.action is Action.REMOVE:
            remove.append(path.orthanc())
        elif decision.action is Action.EMPTY:
            replace[path.orthanc()] = [] if decision.vr == "SQ" else ""
        elif decision.value is not None:
            replace[path.orthanc()] = _spelled(decision.value, decision.vr, path, header)
        elif not path.parents and path.tag in _KEEPABLE:
            keep.append(_KEEPABLE[path.tag])
    for one in plan.added:
        replace[one.path.orthanc()] = _added(one)
    return {"Replace": replace, "Remove": remove, "Keep": keep, "Force": True}


def _added(one: Added) -> str | list[dict[str, Any]]:
    if isinstance(one.value, bytes):
        return _data_uri(one.value)
    if isinstance(one.value, str):
        return one.value
    return [{part.path.orthanc(): _added(part) for part in item} for item in one.value]


def _spelled(value: str | bytes, vr: str, path: ElementPath, header: Dataset) -> str:
    if isinstance(value, str) and value.isascii():
        return value
    try:
        data = encoded(value, vr, _charset_at(header, path), little_endian=True)
    except ValueError:
        # `from None`: the message of the ValueError speaks of the value.
        raise CannotDeidentify("value-cannot-be-written", str(path)) from None
    return _data_uri(data)


def _data_uri(data: bytes) -> str:
    return "data:application/octet-stream;base64," + base64.b64encode(data).decode("ascii")


def _charset_at(header: Dataset, path: ElementPath) -> Charset:
    """The character set of the dataset or item in which the element stands."""
    charset, here = _declared(header, Charset.declared("")), header
    for tag, number in path.parents:
        element = here.get_item(tag)
        if element is None:
            raise CannotDeidentify("element-not-planned", str(path))
        here = items_of(here, element)[number]
        charset = _declared(here, charset)
    return charset


def _declared(dataset: Dataset, inherited: Charset) -> Charset:
    element = dataset.get_item(_CHARACTER_SET)
    return inherited if element is None else Charset.declared(text_of(element, Charset.declared("")))
