# SPDX-License-Identifier: Apache-2.0
"""Changes to single elements that a person asks for, with a word of warning where they break the object.

An address is a keyword (``PatientName``), a tag (``0010,0010`` or ``00100010``), a private tag with its creator
(``0019,SIEMENS MR HEADER,0C``), or a path of these: ``RequestAttributesSequence[0].ScheduledProcedureStepID``.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from pydicom import Dataset, config
from pydicom.datadict import dictionary_has_tag, dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.sequence import Sequence
from pydicom.uid import generate_uid
from pydicom.valuerep import STANDARD_VR

from deidgate.convert.character_sets import SPECIFIC_CHARACTER_SET, TEXT_VRS, misfits
from deidgate.dicom.path import ElementPath
from deidgate.errors import ConfigurationError
from deidgate.standard.types import iod_of

_STEP = re.compile(r"(?P<name>[^\[\]]+?)(?:\[(?P<item>\d+)\])?")
_NUMERIC = {"US": int, "SS": int, "UL": int, "SL": int, "UV": int, "SV": int, "FL": float, "FD": float}
# Attributes with Enumerated Values, which no other value may extend. Source: PS3.3 C.2.3, C.7.1.1, C.7.3.1, C.7.6.1,
# C.7.6.3, C.7.6.1.1.5, C.8.11.1, C.12.1.
_ENUMERATED: dict[int, tuple[str, ...]] = {
    0x00100040: ("M", "F", "O"),  # Patient's Sex
    0x00120062: ("YES", "NO"),  # Patient Identity Removed
    0x00200060: ("R", "L"),  # Laterality
    0x00200062: ("R", "L", "U", "B"),  # Image Laterality
    0x00280103: ("0", "1"),  # Pixel Representation
    0x00280301: ("YES", "NO"),  # Burned In Annotation
    0x00280302: ("YES", "NO"),  # Recognizable Visual Features
    0x00280303: ("UNMODIFIED", "MODIFIED", "REMOVED"),  # Longitudinal Temporal Information Modified
    0x00282110: ("00", "01"),  # Lossy Image Compression
}
_BYTES = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})


class Verb(StrEnum):
    """What is done to an element."""

    SET = "set"
    """Change the value; the element must be there."""
    ADD = "add"
    """Set the value, and make the element (and items on the way) if it is not there."""
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Edit:
    r"""One change.

    Attributes
    ----------
    verb : Verb
    address : str
        As typed.
    value : str
        Text with ``\`` between values; ignored with DELETE.
    vr : str
        Needed for an element that no dictionary knows; else empty.
    """

    verb: Verb
    address: str
    value: str = ""
    vr: str = ""


@dataclass(frozen=True, slots=True)
class Warned:
    """Something that a change breaks: the path, and what is wrong with it in words of the standard."""

    path: ElementPath
    text: str


def parse(dataset: Dataset, address: str) -> ElementPath:
    """The path that `address` names.

    Raises
    ------
    ConfigurationError
        ``address``, with the address as typed.
    """
    parents: list[tuple[int, int]] = []
    here: Dataset | None = dataset
    steps = address.split(".")
    for number, step in enumerate(steps):
        match = _STEP.fullmatch(step.strip())
        tag = _tag(match["name"].strip(), here) if match else None
        if match is None or tag is None or (number < len(steps) - 1 and match["item"] is None):
            raise ConfigurationError("address", address)
        if number == len(steps) - 1:
            if match["item"] is not None:
                raise ConfigurationError("address", address)
            return ElementPath(tuple(parents), tag)
        item = int(match["item"])
        parents.append((tag, item))
        here = _item(here, tag, item)
    raise ConfigurationError("address", address)


def edited(dataset: Dataset, edits: Iterable[Edit], *, new_uids: bool = False) -> tuple[Dataset, list[Warned]]:
    """A new dataset with `edits` carried out in their order, and what they break; `dataset` is not changed.

    Parameters
    ----------
    new_uids : bool
        Give Study, Series and SOP Instance new UIDs, the file meta too: the result is another instance, and whoever
        has the unedited one must not take it for the same.

    Raises
    ------
    ConfigurationError
        ``address``, ``file-meta``, ``element-absent``, ``item-absent``, ``not-a-sequence``, ``value`` (not one of the
        VR), ``vr-needed``, ``vr-wrong`` (none, or not one of this element) or ``text-not-in-character-set``.
    """
    result = copy.deepcopy(dataset)
    warned: list[Warned] = []
    changed: set[ElementPath] = set()
    edits = list(edits)
    recoded = any(_tag(edit.address.rpartition(".")[2].strip(), None) == SPECIFIC_CHARACTER_SET for edit in edits)
    if recoded:
        # Texts that nobody has looked at yet are bytes in the old character set.
        result.decode()
    for edit in edits:
        path = parse(result, edit.address)
        if path.tag >> 16 <= 0x0002:
            raise ConfigurationError("file-meta", edit.address)
        changed.add(path)
        if not edit.value.isascii() and "SpecificCharacterSet" not in result:
            # Without the attribute every text so far is ASCII, which UTF-8 contains. Source: PS3.5 6.1.2.
            result.SpecificCharacterSet = "ISO_IR 192"
        _carry_out(result, path, edit)
        kind = type_of(dataset, path)
        if edit.verb is Verb.DELETE and kind in ("1", "1C", "2", "2C"):
            warned.append(Warned(path, f"deleted, and it is Type {kind} in this IOD"))
        elif edit.verb is not Verb.DELETE and not edit.value and kind in ("1", "1C"):
            warned.append(Warned(path, f"empty, and it is Type {kind} in this IOD"))
        allowed = _ENUMERATED.get(path.tag, ())
        if edit.verb is not Verb.DELETE and edit.value and allowed and edit.value.strip(" ") not in allowed:
            # The value is the caller's own, and may be a patient's: it is not repeated.
            warned.append(Warned(path, f"none of its Enumerated Values: {', '.join(allowed)}"))
    for misfit in misfits(result, None if recoded else frozenset(changed)):
        raise ConfigurationError("text-not-in-character-set", str(misfit))
    if new_uids:
        fresh: dict[str, str] = {}
        for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
            fresh[keyword] = generate_uid(prefix=None)
            setattr(result, keyword, fresh[keyword])
    if hasattr(result, "file_meta") and "SOPInstanceUID" in result:
        result.file_meta.MediaStorageSOPInstanceUID = result.SOPInstanceUID
        if "SOPClassUID" in result:
            result.file_meta.MediaStorageSOPClassUID = result.SOPClassUID
    return result, warned


def type_of(dataset: Dataset, path: ElementPath) -> str:
    """The Type of the attribute at `path` in the IOD of `dataset`: 1, 1C, 2, 2C or 3."""
    iod = iod_of(str(dataset.get("SOPClassUID", "")))
    here = iod.types(iod.evident({int(tag) for tag in dataset.keys()}))  # noqa: SIM118 - a Dataset iterates elements
    for tag in path.parent_tags:
        here = here.below(tag)
    return here.type_of(path.tag)


def _carry_out(result: Dataset, path: ElementPath, edit: Edit) -> None:
    holder = _holder(result, path, make=edit.verb is Verb.ADD)
    present = path.tag in holder
    if edit.verb is not Verb.ADD and not present:
        raise ConfigurationError("element-absent", edit.address)
    if edit.verb is Verb.DELETE:
        del holder[path.tag]
        return
    vr = edit.vr or (str(holder[path.tag].VR) if present else _dictionary_vr(path.tag))
    if not vr:
        raise ConfigurationError("vr-needed", edit.address)
    if edit.vr and edit.vr not in _possible_vrs(path.tag):
        raise ConfigurationError("vr-wrong", edit.address)
    holder[path.tag] = DataElement(path.tag, vr, _typed(edit.value, vr, edit.address))


def _dictionary_vr(tag: int) -> str:
    # Ambiguous ones (US or SS) are the first: the caller names the other one.
    return dictionary_VR(tag)[:2] if dictionary_has_tag(tag) else ""


def _possible_vrs(tag: int) -> frozenset[str]:
    """VRs that the element may have; of one that no dictionary knows, all."""
    return frozenset(dictionary_VR(tag).split(" or ") if dictionary_has_tag(tag) else map(str, STANDARD_VR))


def _typed(text: str, vr: str, address: str) -> object:
    if vr == "SQ":
        if text:
            raise ConfigurationError("value", address)
        return Sequence()
    if vr in _BYTES:
        try:
            return bytes.fromhex(text)
        except ValueError:
            raise ConfigurationError("value", address) from None
    if not text:
        return None if vr in _NUMERIC else ""
    if vr not in TEXT_VRS and not text.isascii():
        raise ConfigurationError("value", address)
    parts = [text] if vr in ("LT", "ST", "UT", "UR") else text.split("\\")
    try:
        typed = [_NUMERIC[vr](part) for part in parts] if vr in _NUMERIC else parts
        # A person who typed it is there to type it again: no value that the VR does not have.
        value = typed if len(typed) > 1 else typed[0]
        made = DataElement(0x00091001, vr, value, validation_mode=config.RAISE)
    except (ValueError, TypeError, OverflowError):
        raise ConfigurationError("value", address) from None
    return made.value


def _holder(dataset: Dataset, path: ElementPath, *, make: bool) -> Dataset:
    here = dataset
    for tag, item in path.parents:
        if tag not in here and make:
            if "SQ" not in _possible_vrs(tag):
                raise ConfigurationError("not-a-sequence", str(ElementPath.top(tag)))
            here[tag] = DataElement(tag, "SQ", Sequence())
        items = here[tag].value if tag in here and here[tag].VR == "SQ" else None
        if items is None:
            raise ConfigurationError("element-absent", str(ElementPath.top(tag)))
        if item == len(items) and make:
            items.append(Dataset())
        if item >= len(items):
            raise ConfigurationError("item-absent", f"{ElementPath.top(tag)}[{item}]")
        here = items[item]
    return here


def _item(dataset: Dataset | None, tag: int, item: int) -> Dataset | None:
    if dataset is None or tag not in dataset or dataset[tag].VR != "SQ" or item >= len(dataset[tag].value or ()):
        return None
    found: Dataset = dataset[tag].value[item]
    return found


def _tag(name: str, dataset: Dataset | None) -> int | None:
    plain = re.fullmatch(r"\(?([0-9A-Fa-f]{4}),?([0-9A-Fa-f]{4})\)?", name)
    if plain:
        return int(plain[1] + plain[2], 16)
    private = re.fullmatch(r"\(?([0-9A-Fa-f]{3}[13579BDFbdf]),(.+),([0-9A-Fa-f]{2})\)?", name)
    if private:
        return _private_tag(int(private[1], 16), private[2].strip(), int(private[3], 16), dataset)
    return tag_for_keyword(name)


def _private_tag(group: int, creator: str, element: int, dataset: Dataset | None) -> int | None:
    for block in range(0x10, 0x100):
        reserved = dataset.get((group, block)) if dataset is not None else None
        if reserved is not None and str(reserved.value).strip() == creator:
            return group << 16 | block << 8 | element
    return None
