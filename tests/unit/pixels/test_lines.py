# SPDX-License-Identifier: Apache-2.0
"""Gaps in lines are closed, and only those."""

from __future__ import annotations

from deidgate.dicom.box import Box
from deidgate.pixels.lines import bridges, continues

LEFT = Box(100, 120, 50, 150)


def turned(box: Box) -> Box:
    return Box(box.column_start, box.column_stop, box.row_start, box.row_stop)


def test_the_gap_between_two_pieces_of_a_line_is_closed() -> None:
    assert bridges([LEFT, Box(101, 121, 180, 260)]) == (Box(100, 121, 150, 180),)


def test_the_gap_in_a_turned_line_is_closed() -> None:
    assert bridges([turned(LEFT), turned(Box(101, 121, 180, 260))]) == (turned(Box(100, 121, 150, 180)),)


def test_a_word_is_missed_between_pieces_of_one_font_and_closed() -> None:
    assert bridges([LEFT, Box(101, 121, 250, 400)]) == (Box(100, 121, 150, 250),)
    assert bridges([LEFT, Box(92, 128, 250, 400)]) == ()


def test_pieces_far_apart_or_of_another_height_or_on_another_line_are_not_joined() -> None:
    for other in (Box(100, 120, 300, 400), Box(70, 150, 160, 260), Box(140, 160, 180, 260)):
        assert bridges([LEFT, other]) == ()


def test_beside_the_indented_rest_of_a_wrapped_line_its_whole_row_is_closed() -> None:
    assert bridges([Box(100, 120, 50, 400), Box(121, 141, 200, 260)]) == (Box(121, 141, 50, 400),)


def test_a_shorter_line_that_begins_where_the_one_above_does_is_no_rest() -> None:
    assert bridges([Box(100, 120, 50, 400), Box(121, 141, 50, 120)]) == ()


def test_a_letter_beside_a_line_continues_it() -> None:
    assert continues(Box(102, 118, 155, 170), LEFT)
    assert continues(turned(Box(102, 118, 155, 170)), turned(LEFT))
    assert not continues(Box(102, 118, 190, 205), LEFT)
    assert not continues(Box(60, 160, 155, 170), LEFT)
    assert not continues(Box(130, 146, 60, 75), LEFT)
