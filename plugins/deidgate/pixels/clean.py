# SPDX-License-Identifier: Apache-2.0
"""The one story of pixels: look, mask, look again; hold what stays doubtful.

* What the plan is certain of (device rectangles, outside of ultrasound regions) is masked whatever is seen.
* Objects of risk ``review`` and ``high``, and the sampled instances of a series, are read for text; every other frame
  goes through the cheap test, and is read when that suspects it.
* Text found on any frame is masked on all of them: overlays stand still, and one look too few shows a name.
* Where text was found, the frame is read again without it. What is found then is masked too; what is found after that
  is for a person.
* Pixels that cannot be decoded, are too short, or are elsewhere were not judged, so they are not clean.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from pydicom import Dataset
from pydicom.errors import BytesLengthException

from deidgate.dicom.box import Box
from deidgate.errors import CannotDeidentify
from deidgate.pixels.description import PixelDescription, describe, pixel_keyword
from deidgate.pixels.frames import Decoder, Frame, decode, frames
from deidgate.pixels.mask import mask, strip_codestream_comments, strip_embedded_overlay_bits
from deidgate.pixels.model import TextModel
from deidgate.pixels.risk import DECLARED, LABEL, RECOGNIZABLE, REMOTE, Risk, RiskLevel, risk
from deidgate.pixels.sampling import Sampler, frames_to_read
from deidgate.pixels.suspicion import Suspicion, profile, suspect
from deidgate.pixels.text import find_text
from deidgate.plan.model import PixelPlan

MOSTLY_TEXT = 0.4
"""When found text covers more than this share of a frame, it is a page or a mistake: a person decides."""

MORE_LETTERS = 3
"""A frame that was not read is read when it has so many letters of some plainness more than each that was read..."""

MORE_OF_MANY = 0.1
"""... and this share more, which is how much noise differs from frame to frame."""

LOOKS = 3
"""So many times a frame is read, each time without the text found before; the last time has to find nothing."""

FOR_A_PERSON = frozenset((RECOGNIZABLE, LABEL, REMOTE))
"""Reasons of risk that no mask takes away."""


_UNREADABLE = (
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    OverflowError,
    NotImplementedError,
    struct.error,
    BytesLengthException,
)
"""What pydicom raises over values that contradict their VR."""


class PixelStatus(StrEnum):
    """What is known about the pixels of one instance."""

    CLEAN = "clean"
    """Every frame that had to be judged was judged, and nothing was found."""

    MASKED = "masked"
    """`boxes` have to be blanked."""

    UNCERTAIN = "uncertain"
    """A person has to decide; `boxes` are a proposal."""


@dataclass(frozen=True, slots=True)
class PixelOutcome:
    """What was seen in the pixels of one instance.

    Attributes
    ----------
    status : PixelStatus
    boxes : tuple of Box
        Certain and found boxes; ``frame`` is None where the whole stack is meant.
    checked_frames : tuple of int
        Frames that were read for text. The others of the instance went through the cheap test.
    reasons : tuple of str
        Stable codes, for example ``text-found``, ``certain-boxes``, ``pixel-data-truncated``.
    spared : tuple of Box
        Lone markers of side or view that were left.
    """

    status: PixelStatus
    boxes: tuple[Box, ...]
    checked_frames: tuple[int, ...]
    reasons: tuple[str, ...]
    spared: tuple[Box, ...] = ()


def assess(
    dataset: Dataset, plan_pixels: PixelPlan, sampler: Sampler, model: TextModel, decoder: Decoder = decode
) -> PixelOutcome:
    """What has to be masked in `dataset`, and whether that is certain. `dataset` is not changed.

    Without ``plan_pixels.clean`` nothing is looked at: an object of more than low risk is then UNCERTAIN.
    Never raises for pixels that cannot be read: they are UNCERTAIN with the decoder's code as reason.
    """
    try:
        found = risk(dataset)
    except _UNREADABLE:
        return PixelOutcome(PixelStatus.UNCERTAIN, plan_pixels.boxes, (), ("header-unreadable",))
    if found.level is RiskLevel.NONE:
        return PixelOutcome(PixelStatus.CLEAN, (), (), ("no-pixels",))
    if FOR_A_PERSON & set(found.reasons):
        return PixelOutcome(PixelStatus.UNCERTAIN, plan_pixels.boxes, (), found.reasons)
    if not plan_pixels.clean:
        low = found.level is RiskLevel.LOW
        status = PixelStatus.CLEAN if low else PixelStatus.UNCERTAIN
        return PixelOutcome(status, (), (), ("not-looked-at", *found.reasons))
    try:
        return _look(dataset, found, plan_pixels.boxes, sampler, model, decoder)
    except CannotDeidentify as error:
        return PixelOutcome(PixelStatus.UNCERTAIN, plan_pixels.boxes, (), (error.code, *found.reasons))
    except _UNREADABLE:
        return PixelOutcome(PixelStatus.UNCERTAIN, plan_pixels.boxes, (), ("header-unreadable", *found.reasons))


def blanked(target: Dataset, boxes: tuple[Box, ...], decoder: Decoder = decode) -> Dataset:
    """A new dataset: `target` with `boxes` masked, without overlay bits in its pixels or comments in its codestreams.

    Raises
    ------
    CannotDeidentify
        ``pixel-data-…``: see `mask`.
    """
    return strip_codestream_comments(mask(strip_embedded_overlay_bits(target, decoder=decoder), boxes, decoder=decoder))


def _look(
    dataset: Dataset, found: Risk, certain: tuple[Box, ...], sampler: Sampler, model: TextModel, decoder: Decoder
) -> PixelOutcome:
    if pixel_keyword(dataset) is None:
        raise CannotDeidentify("pixel-data-absent", "PixelData")
    description = describe(dataset)
    sampled = sampler.reads_in_full(dataset)
    if found.level is RiskLevel.HIGH:
        always = frozenset(range(description.frames))
    elif sampled or found.level is RiskLevel.REVIEW:
        always = frozenset(frames_to_read(description.frames))
    else:
        always = frozenset()
    boxes: list[Box] = []
    spared: list[Box] = []
    checked: list[int] = []
    explained = Explained(dataset)
    doubtful = False
    for index, frame in frames(dataset, description, decoder=decoder):
        seen = without(frame, (*certain, *boxes), index)
        if index not in always:
            suspicion = suspect(seen, dataset)
            if not suspicion.suspected or not explained.is_less_than(seen, suspicion):
                continue
        new, markers, settled = _read(seen, dataset, model, index)
        boxes += [box for box in new if box not in boxes]
        spared += [box for box in markers if box not in spared]
        doubtful = doubtful or not settled
        checked.append(index)
        if len(always) < description.frames:
            explained.add(without(seen, tuple(new), index))
    if boxes:
        sampler.found_text(dataset)
    outcome = _outcome(description, found, certain, boxes, spared, checked)
    if doubtful:
        reasons = ("text-after-masking", *outcome.reasons)
        return replace(outcome, status=PixelStatus.UNCERTAIN, reasons=reasons)
    return outcome


class Explained:
    """What the cheap test sees in frames of a stack that were read and hold no text, once that was masked.

    A stack of noise is suspected in every frame; what looks the same as in the frames that were read need not be read.
    """

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._most: tuple[int, ...] | None = None

    def add(self, frame: Frame) -> None:
        """`frame` was read; its text, if it had any, is masked in it."""
        found = self._seen(frame, suspect(frame, self._dataset))
        self._most = found if self._most is None else tuple(map(max, self._most, found))

    def is_less_than(self, frame: Frame, suspicion: Suspicion) -> bool:
        """True if `frame`, which the cheap test has looked at, shows what no frame that was read has shown."""
        if self._most is None:
            return True
        return any(
            count >= most + max(MORE_LETTERS, MORE_OF_MANY * most)
            for count, most in zip(self._seen(frame, suspicion), self._most, strict=True)
        )

    def _seen(self, frame: Frame, suspicion: Suspicion) -> tuple[int, ...]:
        # The suspicion counts what is fainter than all levels of the profile, too.
        return (suspicion.letters, *profile(frame, self._dataset))


def _outcome(
    description: PixelDescription,
    found: Risk,
    certain: tuple[Box, ...],
    boxes: list[Box],
    spared: list[Box],
    checked: list[int],
) -> PixelOutcome:
    reasons = list(found.reasons)
    status = PixelStatus.CLEAN
    if certain:
        reasons.insert(0, "certain-boxes")
        status = PixelStatus.MASKED
    if boxes:
        reasons.insert(0, "text-found")
        status = PixelStatus.MASKED
    if status is PixelStatus.CLEAN and DECLARED in found.reasons:
        reasons.insert(0, "declared-text-not-found")
        status = PixelStatus.UNCERTAIN
    if covered(boxes, description) > MOSTLY_TEXT:
        reasons.insert(0, "mostly-text")
        status = PixelStatus.UNCERTAIN
    return PixelOutcome(
        status, tuple(sorted({*certain, *boxes}, key=_order)), tuple(checked), tuple(reasons), tuple(spared)
    )


def _read(frame: Frame, dataset: Dataset, model: TextModel, index: int) -> tuple[set[Box], set[Box], bool]:
    """Boxes of text, markers, and whether a last look found nothing more."""
    boxes: set[Box] = set()
    spared: set[Box] = set()
    for _ in range(LOOKS):
        text = find_text(without(frame, tuple(boxes), index), dataset, model)
        spared |= set(text.spared)
        if not text.boxes:
            return boxes, spared, True
        boxes |= set(text.boxes)
    return boxes, spared, False


def without(frame: Frame, boxes: tuple[Box, ...], index: int) -> Frame:
    """`frame` with `boxes` filled by what is around them: neither text nor the edge of a mask is seen there."""
    here = [box for box in boxes if box.frame is None or box.frame == index]
    if not here:
        return frame
    values = frame.values.copy()
    for box in here:
        around = values[
            max(0, box.row_start - 2) : box.row_stop + 2, max(0, box.column_start - 2) : box.column_stop + 2
        ]
        inner = values[box.row_start : box.row_stop, box.column_start : box.column_stop]
        for sample in range(values.shape[2]):
            inner[..., sample] = np.median(around[..., sample]) if around.size else 0
    return Frame(values, frame.photometric)


def covered(boxes: list[Box], description: PixelDescription) -> float:
    """Share of a frame that `boxes` cover together."""
    if not boxes:
        return 0.0
    plane = np.zeros((description.rows, description.columns), bool)
    for box in boxes:
        plane[box.row_start : box.row_stop, box.column_start : box.column_stop] = True
    return float(plane.mean())


def _order(box: Box) -> tuple[int, ...]:
    frame = -1 if box.frame is None else box.frame
    return (frame, box.row_start, box.column_start, box.row_stop, box.column_stop)
