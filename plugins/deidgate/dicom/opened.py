# SPDX-License-Identifier: Apache-2.0
"""A dataset upon its file: large native pixels are a part of the file and no copy of it."""

from __future__ import annotations

from io import BytesIO

from pydicom import Dataset, dcmread
from pydicom.dataelem import RawDataElement
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from deidgate.dicom.elements import tagged_elements

LARGE = 64 << 20
"""Bytes of a value that is not copied."""

_PIXELS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
_NATIVE = frozenset({ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian})
_UNDEFINED = b"\xff\xff\xff\xff"


def opened(file: bytes, large: int = LARGE) -> Dataset:
    """The dataset in `file`, as `dcmread` gives it, but for native pixels of more than `large` bytes: a view of `file`.

    Where anything else is as large, or the pixels are compressed, everything is copied.
    """
    if len(file) > large:
        dataset = dcmread(BytesIO(file), defer_size=large)
        if dataset.file_meta.get("TransferSyntaxUID") in _NATIVE and _has_pixels_of(dataset, file):
            return dataset
    return dcmread(BytesIO(file))


def _has_pixels_of(dataset: Dataset, file: bytes) -> bool:
    """Put the pixels that were passed over into `dataset`; False if something else was passed over."""
    view = memoryview(file)
    for tag, element in tagged_elements(dataset):
        if isinstance(element, RawDataElement) and element.value is None and element.length:
            begin = element.value_tell
            if tag not in _PIXELS or view[begin - 4 : begin] == _UNDEFINED:
                return False
            dataset[tag] = element._replace(value=view[begin : begin + element.length])  # type: ignore[arg-type]
    return True
