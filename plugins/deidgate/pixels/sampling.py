# SPDX-License-Identifier: Apache-2.0
"""Which instances and frames of a series are read for text.

The first instances of each series and geometry are read in full, then every n-th; the others are read if the cheap
test suspects them. Text found once makes the rest of that series be read in full.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Protocol

from pydicom import Dataset


class Sampler(Protocol):
    """Remembers, for each series and geometry, how many instances came and whether text was found."""

    def reads_in_full(self, dataset: Dataset) -> bool:
        """Count this instance; True when it is to be read whatever the cheap test says."""
        ...

    def found_text(self, dataset: Dataset) -> None:
        """From now on the series of `dataset` is read in full."""
        ...


@dataclass(slots=True)
class _Series:
    seen: int = 0
    text: bool = False


@dataclass(slots=True)
class SeriesMemory:
    """A sampler in memory, for one worker; another worker starts its own count, so more is read and never less.

    Attributes
    ----------
    first : int
        Instances of a series and geometry that are read in full before sampling begins.
    every : int
        After that, one in so many is read in full; 1 reads all.
    capacity : int
        Series remembered; the one that was not met for longest is forgotten, and begins anew.
    """

    first: int = 3
    every: int = 20
    capacity: int = 10_000
    _series: OrderedDict[tuple[str, ...], _Series] = field(default_factory=OrderedDict)

    def reads_in_full(self, dataset: Dataset) -> bool:
        """Count this instance; True when it is to be read whatever the cheap test says."""
        series = self._of(dataset)
        series.seen += 1
        return series.text or series.seen <= self.first or (series.seen - self.first) % self.every == 0

    def found_text(self, dataset: Dataset) -> None:
        """From now on the series of `dataset` is read in full."""
        self._of(dataset).text = True

    def _of(self, dataset: Dataset) -> _Series:
        key = tuple(
            str(dataset.get(keyword, ""))
            for keyword in (
                "StudyInstanceUID", "SeriesInstanceUID", "SOPClassUID", "Rows", "Columns",
                "SamplesPerPixel", "BitsStored", "ImageType", "NumberOfFrames",
            )
        )  # fmt: skip
        series = self._series.setdefault(key, _Series())
        self._series.move_to_end(key)
        while len(self._series) > self.capacity:
            self._series.popitem(last=False)
        return series


def frames_to_read(count: int) -> tuple[int, ...]:
    """First, middle and last of `count` frames."""
    return tuple(sorted({0, count // 2, count - 1})) if count else ()
