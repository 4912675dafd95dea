# SPDX-License-Identifier: Apache-2.0
"""Boxes of text in one frame.

Each picture of the frame (see `render`) goes through the detection network in tiles, magnified (small fonts) and
reduced (large fonts). The likelihoods are cut at a threshold; each island is a candidate. A
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
from deidgate.pixels.lines import bridges, continues
from deidgate.pixels.model import TextModel
from deidgate.pixels.onward import onward
from deidgate.pixels.render import Grey, grey_planes, pictures, solids, wildness
from deidgate.pixels.suspicion import ROW, letters, suspect_picture

TILE = 1024
"""About the side of a tile in pixels. A whole 2048 x 2500 frame, scaled to fit the network, gives nothing at all."""

OVERLAP = 128
"""Tiles share so many pixels, so that a word on a seam is whole in one of them."""

BORDER = 24
"""Pixels put around the frame as in a mirror: of text that the edge cuts off, the network then finds 99 of 100, and one
in four with the edge's own values repeated."""

SMALL_FRAME = 1152
"""A frame with no longer side than this is magnified to look for small fonts."""

WILD = 12
"""Wildness from which small thin letters are only found in a much magnified picture. Scans have less, and are spared
the time."""

COARSE = 15
"""Thinnest box, in pixels that the network sees, that a reduced picture may give."""

COVERED = 0.45
"""A box of a reduced picture says nothing new when this share of it is in boxes of finer views."""

PART = 512
"""About the side, in pixels, of the parts of a large frame that the cheap test looks at one by one."""

SOLID_SCALES = (1.0, 0.5)
"""Magnifications of a picture of one value: small letters are plain in it without more, and large ones, that stand far
apart, form a line in the reduced one."""

FEW = 2
"""Islands like letters from which a part of such a picture is searched."""

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

DOUBTFUL = 0.45
"""Islands with less mean likelihood are not read: measured, they are one letter beside a line, or nothing."""

SURE = 0.7
"""Mean likelihood from which an island that is shaped like a line is text, whether it can be read or not: it may be
in a script that the recognition network does not know."""

LONG = 1.8
"""An island is shaped like a line when it is so many times longer than thick."""

READABLE = 0.7
"""Recognition with at least this confidence counts."""

CLEAR = 0.95
"""Recognition of two letters with at least this confidence counts in a picture of one value, where blobs abound."""

FAINT = 12
"""Difference from the ground, of 255, that counts as ink when a box is tightened."""

TIGHT = 3
"""Pixels of margin that stay around the ink of a tightened box."""

TALLEST_LETTER = 72
"""Rows of the tallest letter that counts on its own, in pixels that the network sees: a bent bone reads as one, too."""

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
    core : Box
        Without it.
    score : float
        Mean likelihood.
    cut : bool
        True for a piece of an island that was too thick for a line: then its score and shape say little.
    """

    box: Box
    core: Box
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
    covered = np.zeros(frame.values.shape[:2], bool)
    kinds: dict[_Kind, list[Box]] = {kind: [] for kind in _Kind}
    for view in views(frame, dataset):
        picture = view.picture
        for island in candidates(view.likelihood(model), view.scale):
            if _thickness(island.box) < view.thinnest:
                continue
            if covered[_slices(island.box)].mean() > (COVERED if view.thinnest else 0.9):
                continue
            kind = _judge(view, island, model)
            box = tightened(picture, island) if kind is _Kind.TEXT else island.box
            kinds[kind].append(box)
            if kind is _Kind.TEXT:
                covered[_slices(box)] = True
    planes = grey_planes(frame, dataset)
    longer = (onward(plane, box) for box in kinds[_Kind.TEXT] for plane in planes)
    kinds[_Kind.TEXT] += [box for box in longer if box is not None]
    boxes = list(kinds[_Kind.TEXT])
    for box in (*kinds[_Kind.LETTER], *kinds[_Kind.MARKER]):
        if any(continues(box, line) for line in kinds[_Kind.TEXT]):
            boxes.append(box)
    spared = {box for box in kinds[_Kind.MARKER] if box not in boxes}
    return TextFound(tuple(sorted({*boxes, *bridges(boxes)})), tuple(sorted(spared)))


@dataclass(frozen=True, slots=True)
class View:
    """One search of one picture.

    Attributes
    ----------
    picture : ndarray
    scale : float
        Magnification at which the network sees it.
    thinnest : int
        Boxes thinner than so many pixels are left to finer views: a coarse one only sees that something is there.
    parts : tuple of (slice, slice)
        Where to search; empty is everywhere.
    solid : bool
        True for a picture of one value alone, in which blobs and contours look like letters to the network.
    """

    picture: Grey
    scale: float
    thinnest: int = 0
    parts: tuple[tuple[slice, slice], ...] = ()
    solid: bool = False

    def likelihood(self, model: TextModel) -> NDArray[np.float32]:
        """The network's likelihood for each pixel of the picture; zero outside the parts."""
        if not self.parts:
            return likelihood_at(self.picture, self.scale, model)
        found = np.zeros(self.picture.shape, np.float32)
        for part in self.parts:
            np.maximum(found[part], likelihood_at(self.picture[part], self.scale, model), out=found[part])
        return found


def views(frame: Frame, dataset: Dataset) -> Iterator[View]:
    """What is searched in `frame`, the finest first.

    Measured on random pictures: small frames at 1.5 find fonts of 8 to 40 pixels as well as 1 and 2 together do, in
    half the time; larger fonts need a reduced picture, which costs little. Large frames at 0.75 find fonts from 12
    pixels; smaller ones are looked for where the cheap test suspects them.
    """
    for plane in grey_planes(frame, dataset):
        for number, picture in enumerate(pictures(plane)):
            small = max(picture.shape) <= SMALL_FRAME
            scale = 1.5 if small else 0.75
            if not small and number == 0:
                parts = tuple(
                    part for part in tiles(picture.shape, PART) if suspect_picture(picture[part]).letters >= ROW
                )
                if parts:
                    yield View(picture, 1.25, parts=parts)
            yield View(picture, scale)
            if small and number == 0 and wildness(picture) > WILD:
                yield View(picture, 2.5)
            if number == 0:
                yield View(picture, scale / 3, thinnest=round(COARSE / (scale / 3)))
        for picture in solids(plane):
            parts = tuple(part for part in tiles(picture.shape, PART) if letters(picture[part]) >= FEW)
            for scale in SOLID_SCALES if parts else ():
                yield View(picture, scale, parts=parts, solid=True)


def tightened(picture: Grey, island: Island) -> Box:
    """The box of `island` without the part of its margin that holds nothing.

    Where the margin is as wild as the text, nothing can be told and the whole box is kept.
    """
    box, core = island.box, island.core
    crop = picture[_slices(box)].astype(np.int16)
    ring = np.concatenate((crop[0], crop[-1], crop[:, 0], crop[:, -1]))
    ground = float(np.median(ring))
    away = np.abs(crop - ground)
    limit = max(FAINT, 0.25 * float(away.max()))
    rows, columns = (away >= limit).any(axis=1), (away >= limit).any(axis=0)
    if not rows.any():
        return box
    row_start, row_stop = int(rows.argmax()), len(rows) - int(rows[::-1].argmax())
    column_start, column_stop = int(columns.argmax()), len(columns) - int(columns[::-1].argmax())
    return Box(
        min(core.row_start, max(box.row_start, box.row_start + row_start - TIGHT)),
        max(core.row_stop, min(box.row_stop, box.row_start + row_stop + TIGHT)),
        min(core.column_start, max(box.column_start, box.column_start + column_start - TIGHT)),
        max(core.column_stop, min(box.column_stop, box.column_start + column_stop + TIGHT)),
    )


def _judge(view: View, island: Island, model: TextModel) -> _Kind:
    box = island.box
    # Shape says little about a piece of an island, or about what only a reduced picture shows: those must be readable.
    shaped = not island.cut and not view.thinnest and not view.solid
    if island.score < DOUBTFUL:
        return _Kind.LETTER if shaped else _Kind.OTHER
    # On plain ground the box can be drawn tight, and a line that fills what is read is read with more confidence.
    says, confidence = read(view.picture[_slices(tightened(view.picture, island) if view.solid else box)], model)
    letters = "".join(c for c in says if c.isalnum())
    if confidence >= READABLE and letters.upper() in HARMLESS:
        return _Kind.MARKER
    few = confidence >= CLEAR if view.solid else not island.cut
    if confidence >= READABLE and len(letters) >= (2 if few else 3):
        return _Kind.TEXT
    thin = _thickness(box)
    long = max(box.row_stop - box.row_start, box.column_stop - box.column_start)
    lone = confidence >= 0.9 and bool(letters) and long * view.scale <= TALLEST_LETTER
    if shaped and island.score >= SURE and (long >= LONG * thin or lone):
        return _Kind.TEXT
    return _Kind.LETTER if shaped or view.solid else _Kind.OTHER


def read(crop: Grey, model: TextModel) -> tuple[str, float]:
    """What `crop` says, upright or turned by a quarter either way, whichever is read with most confidence."""
    turns = [crop]
    if crop.shape[0] > 1.3 * crop.shape[1]:
        turns += [np.ascontiguousarray(np.rot90(crop, k)) for k in (1, -1)]
    return max((model.read(turn) for turn in turns), key=lambda result: result[1])


def _thickness(box: Box) -> int:
    return min(box.row_stop - box.row_start, box.column_stop - box.column_start)


def _slices(box: Box) -> tuple[slice, slice]:
    return slice(box.row_start, box.row_stop), slice(box.column_start, box.column_stop)


def likelihood_at(picture: Grey, scale: float, model: TextModel) -> NDArray[np.float32]:
    """The network's likelihood for each pixel of `picture`, searched at `scale`."""
    import cv2

    rows, columns = picture.shape
    around = cv2.copyMakeBorder(picture, BORDER, BORDER, BORDER, BORDER, cv2.BORDER_REFLECT_101)
    if scale != 1:
        method = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
        around = cv2.resize(around, None, fx=scale, fy=scale, interpolation=method)
    found = np.zeros(around.shape, np.float32)
    for part in tiles(around.shape):
        tile = np.asarray(around[part], np.uint8)
        anchored = np.vstack((tile, _anchor(tile.shape[1], 0, 255), _anchor(tile.shape[1], 255, 0)))
        np.maximum(found[part], model.likelihood(anchored)[: tile.shape[0]], out=found[part])
    if scale != 1:
        size = (columns + 2 * BORDER, rows + 2 * BORDER)
        found = np.asarray(cv2.resize(found, size, interpolation=cv2.INTER_LINEAR), np.float32)
    return np.asarray(found[BORDER : BORDER + rows, BORDER : BORDER + columns], np.float32)


def _anchor(columns: int, ground: int, ink: int) -> Grey:
    import cv2

    strip = np.full((ANCHOR_ROWS, columns), ground, np.uint8)
    says = ANCHOR * max(1, columns // 150)
    cv2.putText(strip, says, (6, ANCHOR_ROWS - 8), cv2.FONT_HERSHEY_SIMPLEX, 0.5, ink, 1, cv2.LINE_AA)
    return strip


def tiles(shape: tuple[int, ...], side: int = TILE) -> Iterator[tuple[slice, slice]]:
    """Overlapping tiles of about `side` pixels that cover `shape`."""
    for row in _spans(shape[0], side):
        for column in _spans(shape[1], side):
            yield row, column


def _spans(length: int, side: int) -> list[slice]:
    count = max(1, round((length - OVERLAP) / (side - OVERLAP)))
    size = -(-(length + (count - 1) * OVERLAP) // count)
    return [slice(start, min(start + size, length)) for start in range(0, count * (size - OVERLAP), size - OVERLAP)]


def candidates(likelihood: NDArray[np.float32], scale: float) -> list[Island]:
    """The islands, the too thick ones cut higher until they are thin or gone."""
    found = []
    for island in islands(likelihood, CUTS[0]):
        found += _thin(likelihood, island, 1, THICKEST / scale)
    return found


def _thin(likelihood: NDArray[np.float32], island: Island, cut: int, thickest: float) -> list[Island]:
    box = island.box
    if _thickness(box) <= thickest:
        return [island]
    if cut == len(CUTS):
        return []
    found = []
    for inner in islands(likelihood[_slices(box)], CUTS[cut]):
        moved = Island(_moved(inner.box, box), _moved(inner.core, box), inner.score, cut=True)
        found += _thin(likelihood, moved, cut + 1, thickest)
    return found


def _moved(box: Box, origin: Box) -> Box:
    """`box`, counted from the corner of `origin`, counted from the corner of the frame."""
    down, right = origin.row_start, origin.column_start
    return Box(box.row_start + down, box.row_stop + down, box.column_start + right, box.column_stop + right)


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
        core = Box(row, row + height, column, column + width)
        found.append(Island(box, core, float(sums[label] / area)))
    return found
