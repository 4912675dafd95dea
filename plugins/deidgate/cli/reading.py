# SPDX-License-Identifier: Apache-2.0
"""Opening one DICOM file for a command that looks at it or changes it by name."""

from __future__ import annotations

import zlib
from io import BytesIO
from pathlib import Path

from pydicom import Dataset, dcmread
from pydicom.errors import InvalidDicomError
from pydicom.uid import ImplicitVRLittleEndian

from deidgate.errors import ConfigurationError
from deidgate.files.bare import with_meta
from deidgate.files.kind import Kind, code_of, sniff_file


def opened(path: Path, *, pixels: bool = True) -> Dataset:
    """The dataset in the file `path`; of one without file meta information the first element tells how it is written.

    Raises
    ------
    ConfigurationError
        ``not-dicom``, ``not-dicom-picture`` and the like, or ``unreadable-file``, with the path as it was typed.
    """
    try:
        return dcmread(path, stop_before_pixels=not pixels)
    except InvalidDicomError:
        return _without_meta(path, pixels)
    except (OSError, ValueError, TypeError, LookupError, NotImplementedError, EOFError, zlib.error):
        raise ConfigurationError("unreadable-file", str(path)) from None


def _without_meta(path: Path, pixels: bool) -> Dataset:
    try:
        content = BytesIO(with_meta(path.read_bytes()))
        dataset = dcmread(content, force=True, stop_before_pixels=not pixels)
        known = "SOPClassUID" in dataset
    except (OSError, ValueError, TypeError, LookupError, NotImplementedError, EOFError, AttributeError, zlib.error):
        raise _no_dicom(path) from None
    if not known:
        raise _no_dicom(path)
    if "TransferSyntaxUID" not in dataset.file_meta:
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    return dataset


def _no_dicom(path: Path) -> ConfigurationError:
    """What to say of a file that is not DICOM: of a picture, how it becomes that."""
    try:
        with path.open("rb") as stream:
            kind = sniff_file(stream)
    except OSError:
        kind = Kind.OTHER
    return ConfigurationError(code_of(kind), str(path))
