# SPDX-License-Identifier: Apache-2.0
"""What the plan may claim about pixels, and what has to be hidden in them."""

from __future__ import annotations

from deidgate.dicom.box import Box
from deidgate.dicom.opened import opened
from deidgate.errors import CannotDeidentify
from deidgate.gateway.original import Original
from deidgate.gateway.ports import Item, PixelStep
from deidgate.pixels.clean import PixelOutcome, PixelStatus
from deidgate.pixels.frames import check_excess
from deidgate.plan.claims import finish_claims
from deidgate.plan.model import Plan
from deidgate.policy.model import Policy

UNCERTAIN = "pixels-uncertain"
_BY_PERSON = ("by-person",)


def judge(
    original: Original, plan: Plan, policy: Policy, item: Item, pixels: PixelStep
) -> tuple[Plan, PixelOutcome | None]:
    """The plan with its claims complete, and what was seen; None where nobody looked.

    A person who drew, or let the doubt pass, has looked: what that person drew is masked, and nothing else is asked.
    What stands behind native pixels nobody sees, so whoever looked and whatever the policy asks, it does not leave.

    Raises
    ------
    CannotDeidentify
        ``pixel-data-excess``: Pixel Data is longer than the picture.
        ``pixels-uncertain``: a person has to look. ``box-outside-picture``: what that person drew is not in this one.
    """
    outcome = _seen_by_person(item, original, plan)
    if outcome is None and policy.cleans_pixels:
        outcome = pixels.assess(original.file, plan.pixels)
        if outcome.status is PixelStatus.UNCERTAIN:
            raise CannotDeidentify(UNCERTAIN, outcome.reasons[0] if outcome.reasons else "")
    if not original.transfer_syntax.is_encapsulated:
        check_excess(opened(original.file))
    return finish_claims(plan, pixels_checked=outcome is not None), outcome


def cleaned(result: bytes, original: Original, outcome: PixelOutcome | None, pixels: PixelStep) -> bytes:
    """The file `result` without what may not leave with its picture.

    Where the picture was looked at: what was found in it, and what is hidden in bits that it does not use. Where it is
    compressed, also the comments that encoders and devices write beside it, whatever the policy asks.

    Raises
    ------
    CannotDeidentify
        ``pixel-data-…``: the pixels cannot be read or written back.
    """
    if outcome is None and not original.transfer_syntax.is_encapsulated:
        return result
    return pixels.mask(result, outcome.boxes if outcome is not None else ())


def _seen_by_person(item: Item, original: Original, plan: Plan) -> PixelOutcome | None:
    drawn = item.instructions.get("boxes")
    if UNCERTAIN not in item.accepted and drawn is None:
        return None
    boxes = _boxes(drawn)
    _check_places(boxes, original)
    if boxes:
        # Who draws adds to what the policy hides on pictures of this device, and takes nothing of it away.
        boxes = tuple(dict.fromkeys((*plan.pixels.boxes, *boxes)))
    return PixelOutcome(PixelStatus.MASKED if boxes else PixelStatus.CLEAN, boxes, (), _BY_PERSON)


def _boxes(drawn: object) -> tuple[Box, ...]:
    """Rectangles as a decision has them: lists of four numbers and a frame.

    Raises
    ------
    CannotDeidentify
        ``instructions-unreadable``.
    """
    if drawn is None:
        return ()
    boxes = []
    for numbers in drawn if isinstance(drawn, list) else [drawn]:
        if not (isinstance(numbers, list) and len(numbers) in (4, 5) and all(isinstance(n, int) for n in numbers[:4])):
            raise CannotDeidentify("instructions-unreadable", "boxes")
        box = Box(*numbers)
        if not isinstance(box.frame, int | None):
            raise CannotDeidentify("instructions-unreadable", "boxes")
        boxes.append(box)
    return tuple(boxes)


def _check_places(boxes: tuple[Box, ...], original: Original) -> None:
    """Nothing is clipped here: a rectangle that does not fit was drawn on another picture.

    Raises
    ------
    CannotDeidentify
        ``box-outside-picture``.
    """
    rows, columns, frames = (_number(original, name) for name in ("Rows", "Columns", "NumberOfFrames"))
    for box in boxes:
        if not box.lies_in(rows, columns):
            raise CannotDeidentify("box-outside-picture", "PixelData")
        if box.frame is not None and not 0 <= box.frame < (frames or 1):
            raise CannotDeidentify("box-outside-picture", "NumberOfFrames")


def _number(original: Original, keyword: str) -> int:
    text = original.text(keyword)
    # Of what is no number nothing can be inside.
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
