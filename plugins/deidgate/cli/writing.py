# SPDX-License-Identifier: Apache-2.0
"""Writing what a command made: whole or not at all, and over nothing."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from deidgate.errors import ConfigurationError
from deidgate.files.atomic import AlreadyThereError, whole_file

if TYPE_CHECKING:
    from pydicom import Dataset


@contextmanager
def told_of(target: Path) -> Iterator[None]:
    """Let a block that makes the file `target` fail in the words of the command line.

    Raises
    ------
    ConfigurationError
        ``destination-exists``, ``disk-full`` or ``output-not-writable``.
    """
    try:
        yield
    except AlreadyThereError:
        raise ConfigurationError("destination-exists", str(target)) from None
    except OSError as error:
        code = "disk-full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "output-not-writable"
        raise ConfigurationError(code, str(target)) from None


def write_bytes(content: bytes, target: Path) -> None:
    """Make the file `target`.

    Raises
    ------
    ConfigurationError
        See `told_of`.
    """
    with told_of(target), whole_file(target) as stream:
        stream.write(content)


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
