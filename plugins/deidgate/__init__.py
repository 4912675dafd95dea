# SPDX-License-Identifier: Apache-2.0
"""Deidgate: medical images for researchers, without the patients in them.

Importing the package loads nothing: the operator's script runs on a host that has
no more than Python's standard library.
"""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from deidgate.batch.deidentifier import Deidentifier

__all__ = ["Deidentifier", "__version__"]


def __getattr__(name: str) -> Any:
    if name == "Deidentifier":
        from deidgate.batch.deidentifier import Deidentifier

        return Deidentifier
    raise AttributeError(name)
