# SPDX-License-Identifier: Apache-2.0
"""What one instance reveals about its patient, its staff and its place, in any element at any depth."""

from __future__ import annotations

from dataclasses import dataclass

from pydicom.dataset import Dataset


@dataclass(frozen=True, slots=True)
class Revealed:
    """Names, identifiers, dates and places that no text of this instance may repeat."""

    names: frozenset[str] = frozenset()
    identifiers: frozenset[str] = frozenset()
    places: frozenset[str] = frozenset()
    dates: frozenset[str] = frozenset()


def revealed(dataset: Dataset) -> Revealed:
    """All that `dataset` (not changed) says about who, where and when, ready to be searched for in its texts."""
    raise NotImplementedError
