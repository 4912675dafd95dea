# SPDX-License-Identifier: Apache-2.0
"""Writing what a command made: whole or not at all, and over nothing."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from pydicom import Dataset

from deidgate.errors import ConfigurationError
from deidgate.files.atomic import AlreadyThereError, whole_file


def write_bytes(content: bytes, target: Path) -> None:
    """Make the file `target`.

    Raises
    ------
    ConfigurationError
        ``destination-exists``, ``disk-full`` or ``output-not-writable``.
    """
    try:
        with whole_file(target) as stream:
            stream.write(content)
    except AlreadyThereError:
        raise ConfigurationError("destination-exists", str(target)) from None
    except OSError as error:
        code = "disk-full" if error.errno == 28 else "output-not-writable"
        raise ConfigurationError(code, str(target)) from None


def write_dataset(dataset: Dataset, target: Path) -> None:
    """Make the DICOM file `target`.

    Raises
    ------
    ConfigurationError
        As `write_bytes`; ``dataset-not-writable``: an element has a value that cannot be written.
    """
    buffer = BytesIO()
    try:
        dataset.save_as(buffer, enforce_file_format=True)
    except (ValueError, TypeError, AttributeError, OverflowError, KeyError, NotImplementedError, OSError):
        # OSError is what pydicom makes of a number that is too large; nothing is written to a disk yet.
        raise ConfigurationError("dataset-not-writable", str(target)) from None
    write_bytes(buffer.getvalue(), target)
