# SPDX-License-Identifier: Apache-2.0
"""Look for the plants in what was delivered. Knows nothing of policies, plans or verification."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from pydicom import Dataset, dcmread
from pydicom.errors import InvalidDicomError

from deidgate.dicom.path import ElementPath
from deidgate.prove.model import Finding, Plant, Planted, Verdict

_ENCODINGS = (
    "utf-8", "latin-1", "utf-16-le", "utf-16-be", "iso2022_jp", "iso2022_jp_2", "shift_jis", "euc_kr", "gb18030",
    "koi8-r", "iso8859-5", "cp1251",
)  # fmt: skip
# A box counts as hidden when it is constant, or when more than this part of its strokes has changed.
_CHANGED = 0.9


@dataclass(frozen=True, slots=True)
class End:
    """Where the ledger says that an instance ended.

    Attributes
    ----------
    state : str
        The ledger's state.
    code : str
        Reason code of a hold or a rejection.
    """

    state: str
    code: str = ""


def judge(
    planted: Sequence[Planted],
    ends: Mapping[str, End],
    original: Callable[[Planted], bytes],
    results: Mapping[str, bytes],
    result_names: Sequence[str] = (),
) -> list[Finding]:
    """A finding for each plant.

    Parameters
    ----------
    planted : sequence of Planted
    ends : mapping of str to End
        By Orthanc ID at ingest.
    original : callable
        The file that was sent.
    results : mapping of str to bytes
        The delivered files by Orthanc ID at ingest.
    result_names : sequence of str
        Names of the delivered files, as a researcher gets them.
    """
    return [_one(one, ends, original, results, result_names) for one in planted]


def _one(
    one: Planted,
    ends: Mapping[str, End],
    original: Callable[[Planted], bytes],
    results: Mapping[str, bytes],
    result_names: Sequence[str],
) -> Finding:
    # In every result and not only in its own: a pseudonym's owner may be mixed up.
    found = [place for data in results.values() for place in places_of(one.plant.needle, data)]
    named = [number for number, name in enumerate(result_names) if holds(one.plant.needle, name.encode())]
    found += [f"file name {number}" for number in named]
    end = ends.get(one.orthanc_id, End("lost"))
    if one.orthanc_id in results:
        found += list(visible(one.plant, original(one), results[one.orthanc_id]))
    if found:
        return Finding(one.plant, Verdict.FOUND, "; ".join(dict.fromkeys(found)))
    if end.state == "held":
        return Finding(one.plant, Verdict.HELD, end.code)
    if end.state == "rejected":
        return Finding(one.plant, Verdict.REJECTED, end.code)
    if one.orthanc_id in results:
        return Finding(one.plant, Verdict.GONE)
    return Finding(one.plant, Verdict.LOST, end.state)


def holds(needle: str, data: bytes) -> bool:
    """Whether `data` has the needle, in any case and any spelling that DICOM or chance may give it."""
    low = data.lower()
    return any(spelling in low for spelling in _spellings(needle))


def _spellings(needle: str) -> set[bytes]:
    spellings = set()
    for encoding in _ENCODINGS:
        try:
            spellings.add(needle.lower().encode(encoding).lower())
            spellings.add(needle.encode(encoding).lower())
        except UnicodeEncodeError:
            continue
    return spellings


def places_of(needle: str, data: bytes) -> Iterator[str]:
    """Where a file has the needle: element paths, or a part of the file that is no element."""
    if not holds(needle, data):
        return
    found = False
    try:
        ds = dcmread(BytesIO(data), force=True)
        for path, raw in (*_elements(ds.file_meta, None), *_elements(ds, None)):
            if holds(needle, raw):
                found = True
                yield str(path)
    except (InvalidDicomError, ValueError, TypeError, LookupError, NotImplementedError, OSError, AttributeError):
        found = False
    if not found:
        yield "bytes of the file"


def _elements(ds: Dataset, parent: tuple[ElementPath, int] | None) -> Iterator[tuple[ElementPath, bytes]]:
    for tag in ds.keys():  # noqa: SIM118 - iterating a Dataset decodes its elements
        path = parent[0].inside(parent[1], tag) if parent else ElementPath.top(tag)
        raw = ds.get_item(tag)
        value = getattr(raw, "value", None)
        element = ds[tag]
        if element.VR == "SQ":
            for number, item in enumerate(element.value or ()):
                yield from _elements(item, (path, number))
        elif isinstance(value, bytes):
            yield path, value
        else:
            yield path, str(element.value).encode()


def visible(plant: Plant, original: bytes, result: bytes) -> Iterator[str]:
    """The frames on which a drawn needle can still be seen."""
    if not plant.boxes:
        return
    before, after = _frames(original), _frames(result)
    if before.shape != after.shape:
        yield "pixels of another size"
        return
    for box in plant.boxes:
        frame = box.frame or 0
        window = (frame, slice(box.row_start, box.row_stop), slice(box.column_start, box.column_stop))
        old, new = before[window], after[window]
        strokes = old == old.max()
        hidden = new.min() == new.max() or float((old != new)[strokes].mean()) > _CHANGED
        if not hidden:
            yield f"pixels of frame {frame}"


def _frames(data: bytes) -> np.ndarray:
    """Pixels as ``(frames, rows, columns[, samples])``."""
    ds = dcmread(BytesIO(data))
    pixels = ds.pixel_array
    return pixels if int(ds.get("NumberOfFrames") or 1) > 1 else pixels[np.newaxis]
