# SPDX-License-Identifier: Apache-2.0
"""A cheap array test: does this frame show anything like overlaid text?

It must miss little and may often be wrong: what it suspects is read by `text`, what it clears (of a sampled series) is
not. Letters are small islands of thin strokes, brighter or darker than what is around them, and stand in a row beside
islands of about their own height. So: strokes by morphology, islands by connected components, rows by geometry, upright
and turned. Values at the very end of the range are looked at on their own, because saturated text is plain there
however wild the picture is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from deidgate.pixels.frames import Frame
from deidgate.pixels.render import Grey, grey_planes, pictures

STROKE = 9
"""Strokes thinner than so many pixels stand out: those of 40-pixel letters in bold."""

CONTRAST = 16
"""Least difference of a stroke from its surroundings, of 255."""

UNQUIET = 60
"""Mean stroke response from which the whole picture is noise and nothing can be said but by its extremes."""

SMALLEST, LARGEST = 5, 64
"""Height of a letter in pixels."""

LEVELS = (32, 64, 128)
"""Differences of strokes from their surroundings, of 255, by which frames of a stack are compared."""

MANY = 4000
"""More islands than this are not compared with each other."""

ROW = 3
"""So many letters in a row are suspicious."""


@dataclass(frozen=True, slots=True)
class Suspicion:
    """Whether a frame may show text, and what was seen.

    Attributes
    ----------
    suspected : bool
    reason : str
        ``strokes``, ``extremes``, ``unquiet`` or nothing.
    letters : int
        Islands that stand in a row with others; a measure to compare frames of one stack by.
    """

    suspected: bool
    reason: str = ""
    letters: int = 0


def suspect(frame: Frame, dataset: Dataset) -> Suspicion:
    """Whether `frame` may show overlaid text; `dataset` gives the palette."""
    most = Suspicion(False)
    for plane in grey_planes(frame, dataset):
        for picture in pictures(plane):
            seen = suspect_picture(picture)
            if seen.letters > most.letters or (seen.suspected and not most.suspected):
                most = seen
    return most


def profile(frame: Frame, dataset: Dataset) -> tuple[int, ...]:
    """Letters in rows by how plain they are: bright and dark for each of `LEVELS`, then at the ends of the range.

    Noise has many rows of faint letters in every frame and none of plain ones: counted together, a name on one frame
    of a noisy stack is lost among them.
    """
    most = np.zeros(2 * len(LEVELS) + 1, np.int64)
    for plane in grey_planes(frame, dataset):
        for picture in pictures(plane):
            counts = [
                letters_in_rows((response > level).astype(np.uint8))
                for response in _responses(picture)
                for level in LEVELS
            ]
            most = np.maximum(most, [*counts, _at_the_ends(picture)])
    return tuple(int(count) for count in most)


def _responses(picture: Grey) -> list[Grey]:
    """How much each pixel stands out of what is around it as a thin stroke: brighter, and darker."""
    import cv2

    kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (STROKE, STROKE))
    kinds = (cv2.MORPH_TOPHAT, cv2.MORPH_BLACKHAT)
    return [np.asarray(cv2.morphologyEx(picture, kind, kernel), np.uint8) for kind in kinds]


def _at_the_ends(picture: Grey) -> int:
    """Letters in rows among the brightest and among the darkest values there are."""
    ends = [extreme for extreme in (picture == 255, picture == 0) if 0 < float(extreme.mean()) < 0.3]
    return sum(letters_in_rows(extreme.astype(np.uint8)) for extreme in ends)


def suspect_picture(picture: Grey) -> Suspicion:
    """Whether one 8-bit picture may show overlaid text."""
    counts = {"extremes": _at_the_ends(picture), "strokes": 0}
    unquiet = False
    for response in _responses(picture):
        mean = float(response.mean())
        unquiet = unquiet or mean > UNQUIET
        limit = max(CONTRAST, 3 * mean)
        found = letters_in_rows((response > limit).astype(np.uint8))
        if found < ROW and response.max() > 2 * limit:  # small letters run into one another by their soft edges
            found = letters_in_rows((response > response.max() // 2).astype(np.uint8))
        counts["strokes"] += found
    letters = max(counts.values())
    if letters >= ROW:
        return Suspicion(True, max(counts, key=lambda reason: counts[reason]), letters)
    return Suspicion(unquiet, "unquiet" if unquiet else "", letters)


def letters(mask: NDArray[np.uint8]) -> int:
    """How many islands of `mask` are of the size and shape of a letter, wherever they stand."""
    import cv2

    _, _, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    width, height, area = (stats[1:, n] for n in range(2, 5))
    extent = np.maximum(width, height)
    return int(((extent >= SMALLEST) & (extent <= LARGEST) & (area >= extent)).sum())


def letters_in_rows(mask: NDArray[np.uint8]) -> int:
    """How many islands of `mask` stand in a row of at least `ROW` like letters do, upright or turned by a quarter."""
    import cv2

    _, _, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    left, top, width, height, area = (stats[1:, n] for n in range(5))
    most = 0
    for start, across, extent, along in ((top, left, height, width), (left, top, width, height)):
        letters = (
            (extent >= SMALLEST)
            & (extent <= LARGEST)
            & (along <= 2 * extent)
            & (area >= 0.12 * along * extent)
            & (area >= 5)
        )
        number = int(letters.sum())
        if number > MANY:
            return number
        if number >= ROW:
            most = max(most, _in_rows(start[letters], across[letters], extent[letters], along[letters]))
    return most


def _in_rows(start: NDArray[Any], across: NDArray[Any], extent: NDArray[Any], along: NDArray[Any]) -> int:
    """Islands in chains of at least `ROW` that follow one another: of alike height, on one line, and close."""
    order = np.argsort(across, kind="stable")
    start, across, extent, along = start[order], across[order], extent[order], along[order]
    stop, end = start + extent, across + along
    length = np.ones(len(order), np.int32)
    previous = np.full(len(order), -1, np.int32)
    # An island is followed by one that begins within its own height behind it, so only a window is compared.
    first = np.searchsorted(across, across - LARGEST * 3)
    for n in range(1, len(order)):
        before = slice(int(first[n]), n)
        gap = across[n] - end[before]
        taller = np.maximum(extent[n], extent[before])
        overlap = np.minimum(stop[n], stop[before]) - np.maximum(start[n], start[before])
        alike = (gap >= -2) & (gap <= 0.9 * taller) & (overlap >= 0.6 * taller)
        if alike.any():
            best = int(np.where(alike, length[before], 0).argmax())
            length[n] = 1 + int(length[before][best])
            previous[n] = int(first[n]) + best
    marked = np.zeros(len(order), bool)
    for last in np.flatnonzero(length >= ROW):
        at = int(last)
        while at >= 0 and not marked[at]:
            marked[at] = True
            at = int(previous[at])
    return int(marked.sum())
