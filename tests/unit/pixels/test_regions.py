# SPDX-License-Identifier: Apache-2.0
"""Everything outside all ultrasound regions, and nothing inside one, is blanked."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset

from deidgate.pixels.regions import outside_regions

ROWS, COLUMNS = 40, 60


def image(regions: list[tuple[int, int, int, int]]) -> Dataset:
    ds = Dataset()
    ds.Rows, ds.Columns = ROWS, COLUMNS
    items = []
    for top, bottom, left, right in regions:
        item = Dataset()
        item.RegionLocationMinY0, item.RegionLocationMaxY1 = top, bottom
        item.RegionLocationMinX0, item.RegionLocationMaxX1 = left, right
        items.append(item)
    ds.SequenceOfUltrasoundRegions = items
    return ds


corner = st.integers(0, 70)


@given(st.lists(st.tuples(corner, corner, corner, corner), max_size=5))
def test_each_pixel_is_in_a_box_or_in_a_region(regions: list[tuple[int, int, int, int]]) -> None:
    inside = np.zeros((ROWS, COLUMNS), bool)
    for top, bottom, left, right in regions:
        inside[top : bottom + 1, left : right + 1] = True
    times = np.zeros((ROWS, COLUMNS), int)
    for box in outside_regions(image(regions)):
        times[box.row_start : box.row_stop, box.column_start : box.column_stop] += 1
    expected = ~inside if inside.any() else np.zeros_like(inside)
    assert np.array_equal(times, expected.astype(int))


def test_without_regions_nothing_is_blanked() -> None:
    ds = Dataset()
    ds.Rows, ds.Columns = 4, 4
    assert outside_regions(ds) == ()


@pytest.mark.parametrize("value", [None, ""])
def test_a_region_without_numbers_is_left_out(value: object) -> None:
    ds = image([(0, 9, 0, 9), (20, 29, 20, 29)])
    ds.SequenceOfUltrasoundRegions[1].RegionLocationMinX0 = value
    covered = sum((b.row_stop - b.row_start) * (b.column_stop - b.column_start) for b in outside_regions(ds))
    assert covered == ROWS * COLUMNS - 100
