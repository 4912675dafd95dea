# SPDX-License-Identifier: Apache-2.0
"""The neural networks that find and read text, behind one protocol and one import site."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class TextModel(Protocol):
    """Finds text in 8-bit grey pictures."""

    def likelihood(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        """For each pixel of a ``(rows, columns)`` picture, how likely it belongs to text: 0 to 1."""
        ...

    def read(self, lines: list[NDArray[np.uint8]]) -> list[tuple[str, float]]:
        """Text and confidence of each cropped line."""
        ...


def load(threads: int = 1) -> TextModel:
    """The networks inside the package `rapidocr`, on `threads` threads of onnxruntime; no network, no download.

    Raises
    ------
    ConfigurationError
        The extra ``pixels`` is not installed.
    """
    raise NotImplementedError
