# SPDX-License-Identifier: Apache-2.0
"""Opening one DICOM file for a command that looks at it or changes it by name."""

from __future__ import annotations

import zlib
from io import BytesIO
from pathlib import Path

from pydicom import Dataset, dcmread
from pydicom.errors import InvalidDicomError
from pydicom.uid import ImplicitVRLittleEndian

from deidgate.dicom.structure import check_structure
from deidgate.errors import CannotDeidentify, ConfigurationError
from deidgate.files.bare import with_meta
from deidgate.files.kind import Kind, code_of, sniff_file

_TOO_DEEP = "sequence-too-deep"
_LOOKED_AT = 1 << 26
"""Bytes in which the header of any file ends; of a longer one the parser's own limit is what holds."""


def opened(path: Path, *, pixels: bool = True) -> Dataset:
    """The dataset in the file `path`; of one without file meta information the first element tells how it is written.

    Raises
    ------
    ConfigurationError
        ``not-dicom``, ``not-dicom-picture`` and the like, ``sequence-too-deep`` or ``unreadable-file``, with the path
        as it was typed.
    """
    try:
        _check_depth(path)
        return dcmread(path, stop_before_pixels=not pixels)
    except InvalidDicomError:
        return _without_meta(path, pixels)
    except RecursionError:
        raise ConfigurationError(_TOO_DEEP, str(path)) from None
    except (OSError, ValueError, TypeError, LookupError, NotImplementedError, EOFError, zlib.error):
        raise ConfigurationError("unreadable-file", str(path)) from None


def _check_depth(path: Path) -> None:
    """Refuse what is nested so deep that neither the parser nor who follows the items comes to its end.

    Nothing else is asked of the file here: whoever looks at one that is broken wants to see what is in it.
    """
    with path.open("rb") as stream:
        code = _wrong_with(stream.read(_LOOKED_AT))
    if code == _TOO_DEEP:
        raise ConfigurationError(_TOO_DEEP, str(path))


def _wrong_with(content: bytes) -> str:
    try:
        check_structure(content)
    except CannotDeidentify as error:
        return error.code
    return ""


def _without_meta(path: Path, pixels: bool) -> Dataset:
    try:
        whole = with_meta(path.read_bytes())
        if _wrong_with(whole) == _TOO_DEEP:
            raise ConfigurationError(_TOO_DEEP, str(path))
        dataset = dcmread(BytesIO(whole), force=True, stop_before_pixels=not pixels)
        known = "SOPClassUID" in dataset
    except RecursionError:
        raise ConfigurationError(_TOO_DEEP, str(path)) from None
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
