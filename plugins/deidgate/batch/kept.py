# SPDX-License-Identifier: Apache-2.0
"""Values that the plan kept in the first header of a series: which of them may be others in the next one.

The plan keeps a value after it has looked at it, and the gate looks again. Only values for which both come to the same
end without another look may differ; for all else the next header goes the long way:

* numbers of the outermost dataset and its sequences, as many as the attribute may have;
* times of day that are written as a time;
* never what says how many bytes the picture has: behind the pixels that it describes anything may be hidden;
* never bulk data, in which anything may be hidden, and nothing below a content tree, where the plan decides by the
  concept and by the value (an age over 89).

Whether an identifier stands in such a value, the template asks `deidgate.verify.search.Screen`.
"""

from __future__ import annotations

from functools import lru_cache

from deidgate.dicom import vr as vrs
from deidgate.dicom.dictionary import value_counts
from deidgate.errors import CannotDeidentify
from deidgate.plan.dates import Keep, change_date
from deidgate.plan.walk import CONTENT_TREES
from deidgate.verify.facts import Left, row_of

# Samples per Pixel, Number of Frames, Rows, Columns, Bits Allocated.
_SIZES = frozenset({(0x00280002,), (0x00280008,), (0x00280010,), (0x00280011,), (0x00280100,)})


def may_differ(path: tuple[int, ...], vr: str, codes: frozenset[str]) -> bool:
    """True when a kept element at `path` (tags and item numbers) may have another value in the next header.

    Parameters
    ----------
    codes : frozenset of str
        CID 7050 codes of the plan: a listed attribute that none of them lets stay as it is was kept for its value.
    """
    if path in _SIZES or (vr not in vrs.NUMBER_TEXT and vr not in vrs.BINARY_NUMBERS and vr != "TM"):
        return False
    row = row_of(path[-1])
    return CONTENT_TREES.isdisjoint(path[::2]) and (row is None or Left.SAME in row.left(codes))


@lru_cache(maxsize=65536)
def stays(tag: int, vr: str, value: bytes) -> bool:
    """True when the plan would keep these bytes as they are, as far as they alone decide it."""
    if len(value) % 2 or not vrs.is_value(vr, value):
        return False
    if vr in vrs.BINARY_NUMBERS:
        most = value_counts(tag)[1]
        return not most or len(value) <= most * vrs.BINARY_NUMBERS[vr]
    if vr == "TM":
        text = value.rstrip(b" \0").decode("ascii")
        try:
            return text != "" and change_date("TM", text, Keep()) == text
        except CannotDeidentify:
            return False
    return value.strip(b" \0\\") != b""


def is_plain_uid(value: bytes) -> bool:
    """True for UIDs with no other padding than the standard's: others are spelled anew, or are none."""
    bare = value.removesuffix(b"\0")
    return len(value) % 2 == 0 and vrs.is_value("UI", value) and not set(bare) & set(b" \0")
