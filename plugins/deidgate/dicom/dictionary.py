# SPDX-License-Identifier: Apache-2.0
"""What the dictionary of the standard knows about a tag. Source: PS3.6 Chapter 6."""

from __future__ import annotations

from functools import lru_cache

from pydicom.datadict import get_entry


@lru_cache(maxsize=8192)
def dictionary_vr(tag: int) -> str:
    """VR of a standard tag, ``US or SS`` where it depends, empty when the dictionary does not have the tag."""
    if tag >> 24 == 0x7F and tag >> 16 != 0x7FE0:
        # Variable Pixel Data (7Fxx,0010), retired: a second image where nobody looks for one.
        return ""
    try:
        vr: str = get_entry(tag)[0]
    except KeyError:
        return ""
    return vr


@lru_cache(maxsize=8192)
def value_counts(tag: int) -> tuple[int, int]:
    """Smallest and largest number of values of a standard tag; the largest is 0 when there is no limit."""
    try:
        multiplicity: str = get_entry(tag)[1]
    except KeyError:
        return 1, 0
    low, _, high = multiplicity.partition("-")
    smallest = int(low) if low.isdigit() else 1
    return smallest, int(high) if high.isdigit() else (0 if high else smallest)
