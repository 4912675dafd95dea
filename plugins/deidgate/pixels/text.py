# SPDX-License-Identifier: Apache-2.0
"""Boxes of text in one frame.

Each picture of the frame (see `render`) goes through the detection network in tiles, as it is and magnified (small
fonts) or reduced (large fonts on large frames). The likelihoods are cut at a threshold; each island is a candidate. A
candidate is text when the network is sure and it is shaped like a line, or when the recognition network can read it.
Lone markers that identify nobody, such as a laterality letter, are spared.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from deidgate.dicom.box import Box
from deidgate.pixels.frames import Frame
from deidgate.pixels.model import TextModel
from deidgate.pixels.render import Grey, grey_planes, pictures

TILE = 1024
"""Side of a tile in pixels. A whole 2048 x 2500 frame, scaled to fit the network, gives nothing at all."""

OVERLAP = 128
"""Tiles share so many pixels, so that a word on a seam is whole in one of them."""

BORDER = 24
"""Pixels of the frame's edge value put around it: text that touches the edge is found better with some ground."""

ANCHOR = "Wq7 Kd3 Rb9 Gx5 "
"""Text that is put below every tile, and whose own likelihood is thrown away. The network normalises by what it sees in
the whole tile: without any text, it finds text in vessels and bones all over."""

ANCHOR_ROWS = 32
"""Rows of one line of anchor text."""

CUTS = (0.3, 0.6, 0.8, 0.9)
"""A pixel with at least the first likelihood belongs to an island. An island that is too thick for a line is cut again
at the next one."""

THICKEST = 120
"""Rows of the thickest line, in pixels of the picture that the network sees."""

SURE = 0.6
"""Mean likelihood from which an island that is shaped like a line is text, whether it can be read or not: it may be
in a script that the recognition network does not know."""

LONG = 1.8
"""An island is shaped like a line when it is so many times longer than thick."""

READABLE = 0.7
"""Recognition with at least this confidence counts."""

HARMLESS = frozenset(
    ("L", "R", "LT", "RT", "LEFT", "RIGHT", "LCC", "RCC", "LMLO", "RMLO", "CC", "MLO", "AP", "PA", "LAT")
)
"""Markers of side and view: they identify nobody and a reader of the image needs them. F, M and S are not here: they
are a sex as often as a direction."""


@dataclass(frozen=True, slots=True)
class TextFound:
    """Text of one frame.

    Attributes
    ----------
    boxes : tuple of Box
        To be masked.
    spared : tuple of Box
        Lone markers of side or view.
    """

    boxes: tuple[Box, ...]
    spared: tuple[Box, ...] = ()


@dataclass(frozen=True, slots=True)
class Island:
    """Pixels that the network takes for text.

    Attributes
    ----------
    box : Box
        With a margin.
    score : float
        Mean likelihood.
    cut : bool
        True for a piece of an island that was too thick for a line: then its score and shape say little.
    """

    box: Box
    score: float
    cut: bool = False


class _Kind(Enum):
    TEXT = auto()
    LETTER = auto()
    """One letter or digit, or not quite readable: text beside other text."""
    MARKER = auto()
    OTHER = auto()


def find_text(frame: Frame, dataset: Dataset, model: TextModel) -> TextFound:
    """Boxes of text in `frame`; `dataset` gives the palette."""
    grey = [picture for plane in grey_planes(frame, dataset) for picture in pictures(plane)]
    covered = np.zeros(frame.values.shape[:2], bool)
    kinds: dict[_Kind, list[Box]] = {kind: [] for kind in _Kind}
    for picture in grey:
        for scale in scales(picture.shape):
            for island in candidates(likelihood_at(picture, scale, model), scale):
                if covered[_slices(island.box)].mean() > 0.9:
                    continue
                kind = _judge(picture, island, model)
                kinds[kind].append(island.box)
                if kind is _Kind.TEXT:
                    covered[_slices(island.box)] = True
    boxes = list(kinds[_Kind.TEXT])
    for box in (*kinds[_Kind.LETTER], *kinds[_Kind.MARKER]):
        if any(_continues(box, line) for line in kinds[_Kind.TEXT]):
            boxes.append(box)
    spared = [box for box in kinds[_Kind.MARKER] if box not in boxes]
    return TextFound(tuple(sorted(set(boxes))), tuple(sorted(set(spared))))


def _judge(picture: Grey, island: Island, model: TextModel) -> _Kind:
    box = island.box
    says, confidence = read(picture[_slices(box)], model)
    letters = "".join(c for c in says if c.isalnum())
    if confidence >= READABLE and letters.upper() in HARMLESS:
        return _Kind.MARKER
    if confidence >= READABLE and len(letters) >= 2:
        return _Kind.TEXT
    thin, long = sorted((box.row_stop - box.row_start, box.column_stop - box.column_start))
    if not island.cut and island.score >= SURE and (long >= LONG * thin or (confidence >= 0.9 and letters)):
        return _Kind.TEXT
    return _Kind.LETTER if thin <= THICKEST else _Kind.OTHER


def read(crop: Grey, model: TextModel) -> tuple[str, float]:
    """What `crop` says, upright or turned by a quarter either way, whichever is read with most confidence."""
    turns = [crop]
    if crop.shape[0] > 1.3 * crop.shape[1]:
        turns += [np.ascontiguousarray(np.rot90(crop, k)) for k in (1, -1)]
    return max((model.read(turn) for turn in turns), key=lambda result: result[1])


def _continues(box: Box, line: Box) -> bool:
    """True when `box` stands in the same line as `line` or in a line next to it, and is about as thick."""
    rows, columns = box.row_stop - box.row_start, box.column_stop - box.column_start
    thick = min(line.row_stop - line.row_start, line.column_stop - line.column_start)
    if not 0.5 * thick <= min(rows, columns) <= 1.4 * thick:
        return False
    row_gap = max(box.row_start - line.row_stop, line.row_start - box.row_stop)
    column_gap = max(box.column_start - line.column_stop, line.column_start - box.column_stop)
    return max(row_gap, column_gap) <= 0.6 * thick


def _slices(box: Box) -> tuple[slice, slice]:
    return slice(box.row_start, box.row_stop), slice(box.column_start, box.column_stop)


def scales(shape: tuple[int, ...]) -> tuple[float, ...]:
    """Magnifications at which a picture of `shape` is searched."""
    if max(shape) <= TILE:
        return (1.0, 2.0)
    return (1.0, 0.5)


def likelihood_at(picture: Grey, scale: float, model: TextModel) -> NDArray[np.float32]:
    """The network's likelihood for each pixel of `picture`, searched at `scale`."""
    import cv2

    rows, columns = picture.shape
    around = cv2.copyMakeBorder(picture, BORDER, BORDER, BORDER, BORDER, cv2.BORDER_REPLICATE)
    if scale != 1:
        method = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
        around = cv2.resize(around, None, fx=scale, fy=scale, interpolation=method)
    found = np.zeros(around.shape, np.float32)
    for part in tiles(around.shape):
        tile = np.asarray(around[part], np.uint8)
        anchored = np.vstack((tile, _anchor(tile.shape[1], 0, 255), _anchor(tile.shape[1], 255, 0)))
        np.maximum(found[part], model.likelihood(anchored)[: tile.shape[0]], out=found[part])
    if scale != 1:
        found = cv2.resize(found, (columns + 2 * BORDER, rows + 2 * BORDER), interpolation=cv2.INTER_LINEAR)
    return np.asarray(found[BORDER : BORDER + rows, BORDER : BORDER + columns], np.float32)


def _anchor(columns: int, ground: int, ink: int) -> Grey:
    import cv2

    strip = np.full((ANCHOR_ROWS, columns), ground, np.uint8)
    says = ANCHOR * max(1, columns // 150)
    cv2.putText(strip, says, (6, ANCHOR_ROWS - 8), cv2.FONT_HERSHEY_SIMPLEX, 0.5, ink, 1, cv2.LINE_AA)
    return strip


def tiles(shape: tuple[int, ...]) -> Iterator[tuple[slice, slice]]:
    """Overlapping tiles that cover `shape`."""
    for row in _starts(shape[0]):
        for column in _starts(shape[1]):
            yield slice(row, row + TILE), slice(column, column + TILE)


def _starts(length: int) -> list[int]:
    if length <= TILE + OVERLAP:  # a little more than a tile is cheaper as one than as two
        return [0] if length <= TILE else [0, length - TILE]
    step = TILE - OVERLAP
    return [*range(0, length - TILE, step), length - TILE]


def candidates(likelihood: NDArray[np.float32], scale: float) -> list[Island]:
    """The islands, the too thick ones cut higher until they are thin or gone."""
    found = []
    for island in islands(likelihood, CUTS[0]):
        found += _thin(likelihood, island, 1, THICKEST / scale)
    return found


def _thin(likelihood: NDArray[np.float32], island: Island, cut: int, thickest: float) -> list[Island]:
    box = island.box
    if min(box.row_stop - box.row_start, box.column_stop - box.column_start) <= thickest:
        return [island]
    if cut == len(CUTS):
        return []
    found = []
    for inner in islands(likelihood[_slices(box)], CUTS[cut]):
        moved = Box(
            inner.box.row_start + box.row_start,
            inner.box.row_stop + box.row_start,
            inner.box.column_start + box.column_start,
            inner.box.column_stop + box.column_start,
        )
        found += _thin(likelihood, Island(moved, inner.score, cut=True), cut + 1, thickest)
    return found


def islands(likelihood: NDArray[np.float32], cut: float) -> list[Island]:
    """The islands of pixels with at least the likelihood `cut`.

    The network marks the core of a line; the margin of a box follows from its thickness.
    """
    import cv2

    rows, columns = likelihood.shape
    mask = (likelihood >= cut).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    if count == 1:
        return []
    sums = np.bincount(labels.ravel(), weights=likelihood.ravel(), minlength=count)
    found = []
    for label in range(1, count):
        column, row, width, height, area = (int(v) for v in stats[label])
        if area < 6:
            continue
        margin = 2 + min(width, height)
        box = Box(
            max(0, row - margin),
            min(rows, row + height + margin),
            max(0, column - margin),
            min(columns, column + width + margin),
        )
        found.append(Island(box, float(sums[label] / area)))
    return found
