# SPDX-License-Identifier: Apache-2.0
"""The plan: what happens to every Data Element of one instance, and why, as a value.

Audit, dry run, ``explain`` and the conformance page are readers of it; the
executors in `deidgate.apply` carry it out and decide nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from deidgate.dicom.box import Box
from deidgate.dicom.path import ElementPath


class Action(StrEnum):
    """Action codes of PS3.15 Table E.1-1a; compound codes are resolved by now."""

    DUMMY = "D"
    EMPTY = "Z"
    REMOVE = "X"
    KEEP = "K"
    CLEAN = "C"
    UID = "U"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an action was chosen.

    Attributes
    ----------
    source : str
        The rule's home, for example ``E.1-1 basic X/Z``, ``E.1-1 option 113107`` or ``policy basic [elements]``.
    detail : str
        What resolved it, for example ``Type 2 in CT Image``; empty when nothing had to be resolved.
    """

    source: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    r"""What happens to one Data Element, and why.

    Attributes
    ----------
    path : ElementPath
    vr : str
        VR that the element has, and keeps.
    action : Action
        KEEP on a sequence means that its items are kept and every element in them has a Decision of its own.
        EMPTY writes a zero-length value. REMOVE takes the element away with all that is in it; there are then
        no Decisions below it. DUMMY, CLEAN and UID write `value` (on a sequence: as KEEP).
    value : str, bytes or None
        The new value: text with ``\`` between values for every VR that has a text or number spelling, bytes for
        OB, OW, UN and their like; None with KEEP, REMOVE and EMPTY, and when CLEAN found nothing to change.
    because : Reason
    """

    path: ElementPath
    vr: str
    action: Action
    value: str | bytes | None
    because: Reason


@dataclass(frozen=True, slots=True)
class Added:
    r"""An element that the original does not have, or whose value is replaced by one of the gateway's own.

    Attributes
    ----------
    path : ElementPath
    vr : str
    value : str, bytes or tuple of tuple of Added
        Text with ``\`` between values, bytes for OB, or for SQ its items, whose paths begin in the item.
    because : Reason
    """

    path: ElementPath
    vr: str
    value: str | bytes | tuple[tuple[Added, ...], ...]
    because: Reason


@dataclass(frozen=True, slots=True)
class PixelPlan:
    """What the policy asks to be done with pixels of this instance.

    Attributes
    ----------
    clean : bool
        Look for burned-in text and mask it (Clean Pixel Data Option, 113101).
    risk : str
        ``none`` (no pixels), ``low``, ``review`` or ``high``: see `deidgate.pixels.risk`.
    boxes : tuple of Box
        What is certain to be masked before any pixel was seen (device rectangles, US regions).
    """

    clean: bool = False
    risk: str = "none"
    boxes: tuple[Box, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """All that happens to one instance.

    Attributes
    ----------
    policy : str
        Name, version and hash as written into De-identification Method: ``mammography 1 1a2b3c4d5e6f``.
    sop_class_uid : str
    sop_instance_uid, series_instance_uid, study_instance_uid, patient_id : str
        The new identity.
    decisions : tuple of Decision
        One for each Data Element of the original, in depth-first dataset order, except below removed sequences.
    added : tuple of Added
        Written after all decisions: the claims, and required attributes that the original lacks.
    codes : tuple of str
        CID 7050 codes of what is done, in order.
    longitudinal : str
        Value of Longitudinal Temporal Information Modified: UNMODIFIED, MODIFIED or REMOVED.
    pixels : PixelPlan
    """

    policy: str
    sop_class_uid: str
    sop_instance_uid: str
    series_instance_uid: str
    study_instance_uid: str
    patient_id: str
    decisions: tuple[Decision, ...]
    added: tuple[Added, ...]
    codes: tuple[str, ...]
    longitudinal: str
    pixels: PixelPlan
