# SPDX-License-Identifier: Apache-2.0
"""A new dataset in which boxes of pixels are blanked, in every frame and every plane."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from pydicom import Dataset

from deidgate.dicom.box import Box


class Fill(StrEnum):
    """What a masked pixel becomes."""

    BLACK = "black"
    """What is displayed as black: the lowest value, or the highest with MONOCHROME1."""

    PADDING = "padding"
    """Pixel Padding Value where the dataset has one, else as BLACK."""


def mask(dataset: Dataset, boxes: Iterable[Box], fill: Fill = Fill.BLACK) -> Dataset:
    """A new dataset with `boxes` blanked; `dataset` is not changed.

    Native pixels outside the boxes are the same bytes. Compressed ones are decoded and encoded again without loss, in
    the same Transfer Syntax where that is lossless and can be written, else uncompressed; pixels outside the boxes have
    the values that the decoder gave.

    Raises
    ------
    CannotDeidentify
        ``pixel-data-…``: the pixels cannot be decoded or are shorter than they claim.
    """
    raise NotImplementedError


def strip_embedded_overlay_bits(dataset: Dataset) -> Dataset:
    """A new dataset whose overlay bits in the unused bits of Pixel Data are zero; `dataset` itself if there are none."""
    raise NotImplementedError
