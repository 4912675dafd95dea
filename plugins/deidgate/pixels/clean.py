# SPDX-License-Identifier: Apache-2.0
"""The one story of pixels: look, mask, look again; hold what stays doubtful."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pydicom import Dataset

from deidgate.dicom.box import Box
from deidgate.pixels.model import TextModel
from deidgate.pixels.sampling import Sampler
from deidgate.plan.model import PixelPlan


class PixelStatus(StrEnum):
    """What is known about the pixels of one instance."""

    CLEAN = "clean"
    """Every frame that had to be judged was judged, and nothing was found."""

    MASKED = "masked"
    """`boxes` have to be blanked (after `assess`) or are blanked and were looked at again (after `clean`)."""

    UNCERTAIN = "uncertain"
    """A person has to decide; `boxes` are a proposal."""


@dataclass(frozen=True, slots=True)
class PixelOutcome:
    """What was seen in the pixels of one instance.

    Attributes
    ----------
    status : PixelStatus
    boxes : tuple of Box
        Certain and found boxes, in reading order; ``frame`` is None where the whole stack is meant.
    checked_frames : tuple of int
        Frames that were read for text (the cheap test looks at all frames of a sampled instance).
    reasons : tuple of str
        Stable codes, for example ``text-found``, ``device-rectangle``, ``pixel-data-truncated``.
    """

    status: PixelStatus
    boxes: tuple[Box, ...]
    checked_frames: tuple[int, ...]
    reasons: tuple[str, ...]


def assess(dataset: Dataset, plan_pixels: PixelPlan, sampler: Sampler, model: TextModel) -> PixelOutcome:
    """What has to be masked in `dataset`, and whether that is certain. `dataset` is not changed.

    Never raises for pixels that cannot be read: they are UNCERTAIN with the decoder's code as reason.
    """
    raise NotImplementedError


def clean(
    dataset: Dataset, target: Dataset, plan_pixels: PixelPlan, sampler: Sampler, model: TextModel
) -> tuple[Dataset, PixelOutcome]:
    """A new dataset: `target` with the text of `dataset` masked, looked at once more, and the outcome.

    `dataset` is the original (its header names the device), `target` the de-identified header with the same pixels;
    they may be one object. Neither is changed. With UNCERTAIN, the returned dataset is `target` itself: hold it.
    """
    raise NotImplementedError
