# SPDX-License-Identifier: Apache-2.0
"""The first of a series are read, then one in so many, and all after text was found."""

from __future__ import annotations

from pydicom import Dataset

from deidgate.pixels.sampling import SeriesMemory, frames_to_read


def image(series: str = "1.2", rows: int = 4) -> Dataset:
    ds = Dataset()
    ds.SeriesInstanceUID, ds.Rows, ds.Columns = series, rows, 4
    return ds


def test_the_first_and_then_every_nth_are_read() -> None:
    memory = SeriesMemory(first=2, every=3)
    assert [memory.reads_in_full(image()) for _ in range(9)] == [
        True,
        True,
        False,
        False,
        True,
        False,
        False,
        True,
        False,
    ]


def test_text_found_makes_the_rest_of_the_series_be_read_and_no_other() -> None:
    memory = SeriesMemory(first=1, every=100)
    memory.reads_in_full(image())
    memory.found_text(image())
    assert all(memory.reads_in_full(image()) for _ in range(5))
    memory.reads_in_full(image("9"))
    assert not memory.reads_in_full(image("9"))


def test_another_geometry_of_a_series_is_sampled_on_its_own() -> None:
    memory = SeriesMemory(first=1, every=100)
    assert memory.reads_in_full(image(rows=4))
    assert memory.reads_in_full(image(rows=5))
    assert not memory.reads_in_full(image(rows=4))


def test_a_forgotten_series_begins_anew() -> None:
    memory = SeriesMemory(first=1, every=100, capacity=1)
    assert memory.reads_in_full(image("1"))
    assert memory.reads_in_full(image("2"))
    assert memory.reads_in_full(image("1"))


def test_first_middle_and_last_frames_are_read() -> None:
    assert [frames_to_read(n) for n in (0, 1, 2, 100)] == [(), (0,), (0, 1), (0, 50, 99)]
