# SPDX-License-Identifier: Apache-2.0
"""What to say when a part of the installation is not there."""

from __future__ import annotations

import importlib
from types import ModuleType

from deidgate.errors import ConfigurationError


class ExtraMissingError(ConfigurationError):
    """A command needs an optional part; the code names it."""

    def __init__(self, extra: str) -> None:
        super().__init__("extra-missing", extra)
        self.extra = extra

    def __str__(self) -> str:
        """What to type."""
        return f"an optional part is missing: {how_to_install(self.extra)}"


def how_to_install(extra: str) -> str:
    """What to type for the optional part `extra`: as docs/toolbox.md installs, for the project is on no index."""
    return f"pip install '.[{extra}]' in the folder with deidgate's sources"


def need(module: str, extra: str) -> ModuleType:
    """The optional `module`.

    Raises
    ------
    ExtraMissingError
        It is not installed; `extra` is what ``pip install '.[extra]'`` brings.
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        raise ExtraMissingError(extra) from None
