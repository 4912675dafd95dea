# SPDX-License-Identifier: Apache-2.0
"""Refusals before the first file is touched: where results must not go."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from deidgate.errors import ConfigurationError

LEAST_FREE_BYTES = 64 << 20
"""Free space of the output below which nothing is begun."""


def check_place(inputs: Iterable[Path], output: Path) -> None:
    """Make sure that the folder `output` is no part of an input; nothing is written.

    Raises
    ------
    ConfigurationError
        ``output-inside-input``: results would be walked as inputs, and end among originals.
        ``input-inside-output``: originals could be taken for results.
        ``output-is-a-file``.
    """
    target = Path(os.path.realpath(output))
    for given in inputs:
        source = Path(os.path.realpath(given))
        if source.is_dir() and (target == source or source in target.parents):
            raise ConfigurationError("output-inside-input", str(output))
        if target == source or target in source.parents:
            raise ConfigurationError("input-inside-output", str(output))
    if target.exists() and not target.is_dir():
        raise ConfigurationError("output-is-a-file", str(output))


def check_writable(folder: Path) -> None:
    """Make `folder` if need be, write to it, and see that space is left.

    Raises
    ------
    ConfigurationError
        ``output-not-writable`` or ``disk-full``.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"\0")
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        raise ConfigurationError("disk-full" if full else "output-not-writable", str(folder)) from None
    if shutil.disk_usage(folder).free < LEAST_FREE_BYTES:
        raise ConfigurationError("disk-full", str(folder))
