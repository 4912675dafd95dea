# SPDX-License-Identifier: Apache-2.0
"""A line of text that was found in part is followed to its ends, and nothing else is."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from deidgate.dicom.box import Box
from deidgate.pixels.onward import onward

LEFT, TOP, SIZE = 60, 90, 16


def line(says: str, *, ground_changes_at: int = 400, turned: bool = False) -> np.ndarray:
    """Black text that begins at `LEFT` on white, with dark tissue from a column on."""
    image = Image.new("L", (400, 200), 255)
    image.paste(60, (ground_changes_at, 0, 400, 200))
    ImageDraw.Draw(image).text((LEFT, TOP), says, fill=0, font=ImageFont.load_default(SIZE))
    plane = np.asarray(image)
    return np.ascontiguousarray(plane.T) if turned else plane


def ink(plane: np.ndarray) -> Box:
    rows, columns = np.nonzero(plane == 0)
    return Box(int(rows.min()), int(rows.max()) + 1, int(columns.min()), int(columns.max()) + 1)


def covers(box: Box, other: Box) -> bool:
    return (
        box.row_start <= other.row_start
        and box.row_stop >= other.row_stop
        and box.column_start <= other.column_start
        and box.column_stop >= other.column_stop
    )


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("found", [(0.0, 0.5), (0.45, 1.0), (0.3, 0.7)])
def test_a_line_found_in_part_is_followed_to_both_ends(found, turned):
    plane = line("NAME: THOMPSON MARCUS", ground_changes_at=180, turned=turned)
    whole = ink(plane.T if turned else plane)
    width = whole.column_stop - whole.column_start
    part = Box(
        whole.row_start - 2,
        whole.row_stop + 2,
        whole.column_start + int(found[0] * width),
        whole.column_start + int(found[1] * width),
    )
    if turned:
        part = Box(part.column_start, part.column_stop, part.row_start, part.row_stop)
    longer = onward(plane, part)
    assert longer is not None
    assert covers(longer, ink(plane))


def test_a_line_that_is_whole_stays_as_it_is():
    plane = line("NAME: THOMPSON", ground_changes_at=300)
    whole = ink(plane)
    assert onward(plane, Box(whole.row_start - 3, whole.row_stop + 3, LEFT - 3, whole.column_stop + 3)) is None


def test_a_contour_of_the_same_value_that_crosses_the_row_is_no_letter():
    plane = line("AGE").copy()
    plane[:, 104:110] = 0
    assert onward(plane, Box(TOP, TOP + SIZE + 4, LEFT - 2, 102)) is None
    part = onward(plane, Box(TOP, TOP + SIZE + 4, LEFT - 2, 80))
    assert part is not None
    assert covers(part, ink(line("AGE")))
    assert part.column_stop <= 104


def test_ink_that_is_far_away_is_another_line():
    plane = line("AGE").copy()
    plane[TOP + 4 : TOP + 14, 300:306] = 0
    assert onward(plane, Box(TOP, TOP + SIZE + 4, LEFT - 2, 102)) is None
    part = onward(plane, Box(TOP, TOP + SIZE + 4, LEFT - 2, 80))
    assert part is not None
    assert covers(part, ink(line("AGE")))
    assert part.column_stop < 200


def test_noise_has_no_ink():
    plane = np.random.default_rng(5).integers(0, 4096, (100, 200)).astype(np.uint16)
    assert onward(plane, Box(40, 60, 50, 120)) is None


def test_values_that_are_no_integers_are_left_alone():
    assert onward(np.zeros((50, 50), np.float32), Box(10, 20, 10, 40)) is None
