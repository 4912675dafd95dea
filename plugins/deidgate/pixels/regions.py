# SPDX-License-Identifier: Apache-2.0
"""What lies outside all regions of an ultrasound image.

Names, dates and the institution stand around the regions that the device calibrates. A policy may ask to blank all of
that; annotations inside a region are left to the search for text.
"""

from __future__ import annotations

from itertools import pairwise

from pydicom import Dataset

from deidgate.dicom.box import Box


def outside_regions(dataset: Dataset) -> tuple[Box, ...]:
    """Boxes that cover everything outside the Sequence of Ultrasound Regions; empty when there is no usable region.

    Regions are clipped to the frame. One that is not a rectangle of numbers is left out, and then more is blanked.

    Source: PS3.3 C.8.5.5 (corners are pixels of the region, counted from 0).
    """
    rows, columns = int(dataset.get("Rows") or 0), int(dataset.get("Columns") or 0)
    regions = [
        box for item in dataset.get("SequenceOfUltrasoundRegions") or () if (box := _region(item, rows, columns))
    ]
    if not regions:
        return ()
    edges = sorted({0, rows, *(r.row_start for r in regions), *(r.row_stop for r in regions)})
    boxes: list[Box] = []
    for start, stop in pairwise(edges):
        gaps = _gaps([(r.column_start, r.column_stop) for r in regions if r.row_start <= start < r.row_stop], columns)
        boxes += [Box(start, stop, left, right) for left, right in gaps]
    return tuple(_joined(boxes))


def _region(item: Dataset, rows: int, columns: int) -> Box | None:
    corners = [
        item.get(keyword)
        for keyword in ("RegionLocationMinY0", "RegionLocationMaxY1", "RegionLocationMinX0", "RegionLocationMaxX1")
    ]
    if not all(isinstance(corner, int) for corner in corners):
        return None
    top, bottom, left, right = (int(corner) for corner in corners if corner is not None)
    box = Box(max(0, top), min(rows, bottom + 1), max(0, left), min(columns, right + 1))
    return box if box.row_start < box.row_stop and box.column_start < box.column_stop else None


def _gaps(spans: list[tuple[int, int]], columns: int) -> list[tuple[int, int]]:
    """Columns of a band that no span covers."""
    gaps, at = [], 0
    for start, stop in sorted(spans):
        if start > at:
            gaps.append((at, start))
        at = max(at, stop)
    if at < columns:
        gaps.append((at, columns))
    return gaps


def _joined(boxes: list[Box]) -> list[Box]:
    """Boxes with equal columns in adjoining bands made one."""
    joined: list[Box] = []
    for box in sorted(boxes, key=lambda b: (b.column_start, b.column_stop, b.row_start)):
        last = joined[-1] if joined else None
        if last and (last.column_start, last.column_stop, last.row_stop) == (
            box.column_start,
            box.column_stop,
            box.row_start,
        ):
            joined[-1] = Box(last.row_start, box.row_stop, last.column_start, last.column_stop)
        else:
            joined.append(box)
    return sorted(joined)
