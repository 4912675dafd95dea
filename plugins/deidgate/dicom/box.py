# SPDX-License-Identifier: Apache-2.0
"""A rectangle of pixels."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Box:
    """A half-open rectangle in pixel coordinates, on one frame or on all.

    Rows are counted from the top and columns from the left, from 0:
    ``array[row_start:row_stop, column_start:column_stop]``.

    Attributes
    ----------
    row_start, row_stop, column_start, column_stop : int
        Half-open ranges.
    frame : int or None
        Index of the frame from 0; None is every frame.
    """

    row_start: int
    row_stop: int
    column_start: int
    column_stop: int
    frame: int | None = None

    def lies_in(self, rows: int, columns: int) -> bool:
        """Whether it holds a pixel, and no pixel of it is outside of a frame of this size."""
        return 0 <= self.row_start < self.row_stop <= rows and 0 <= self.column_start < self.column_stop <= columns
