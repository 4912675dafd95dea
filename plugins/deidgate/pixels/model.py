# SPDX-License-Identifier: Apache-2.0
"""The neural networks that find and read text, behind one protocol and one import site.

The package `rapidocr` is used as the carrier of its models only (PP-OCR detection and recognition, Apache-2.0): the
networks run directly in onnxruntime, because the package's own pipeline scales large frames down until their text is
gone, returns boxes where the likelihood of each pixel is wanted, and may try to download.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from deidgate.errors import ConfigurationError

if TYPE_CHECKING:
    from onnxruntime import InferenceSession  # type: ignore[import-untyped]

_MULTIPLE = 32
"""The detection network halves the picture five times."""

_LINE_HEIGHT = 48
"""Rows of a line for the recognition network."""

_LONGEST_LINE = 2048


class TextModel(Protocol):
    """Finds and reads text in 8-bit grey pictures."""

    def likelihood(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        """For each pixel of a ``(rows, columns)`` picture, how likely it belongs to text: 0 to 1."""
        ...

    def read(self, line: NDArray[np.uint8]) -> tuple[str, float]:
        """Text of one cropped line, and the mean confidence of its characters."""
        ...


@dataclass(frozen=True, slots=True)
class _Networks:
    detection: InferenceSession
    recognition: InferenceSession
    characters: tuple[str, ...]

    def likelihood(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        """For each pixel, how likely it belongs to text."""
        rows, columns = picture.shape
        padded = np.zeros((-rows % _MULTIPLE + rows, -columns % _MULTIPLE + columns), np.uint8)
        padded[:rows, :columns] = picture
        scaled = padded.astype(np.float32) * np.float32(2 / 255) - np.float32(1)
        planes = np.broadcast_to(scaled, (1, 3, *scaled.shape))
        result = self.detection.run(None, {self.detection.get_inputs()[0].name: np.ascontiguousarray(planes)})[0]
        return np.asarray(result, np.float32)[0, 0, :rows, :columns]

    def read(self, line: NDArray[np.uint8]) -> tuple[str, float]:
        """Text of one line and its confidence, by greedy connectionist decoding."""
        import cv2

        width = min(_LONGEST_LINE, max(_LINE_HEIGHT, round(line.shape[1] * _LINE_HEIGHT / line.shape[0])))
        scaled = cv2.resize(line, (width, _LINE_HEIGHT)).astype(np.float32) * np.float32(2 / 255) - np.float32(1)
        planes = np.ascontiguousarray(np.broadcast_to(scaled, (1, 3, *scaled.shape)))
        result = self.recognition.run(None, {self.recognition.get_inputs()[0].name: planes})[0]
        steps = np.asarray(result)[0]
        best = steps.argmax(axis=1)
        fresh = np.concatenate(([True], best[1:] != best[:-1])) & (best > 0)
        if not fresh.any():
            return "", 0.0
        return "".join(self.characters[n - 1] for n in best[fresh]), float(steps.max(axis=1)[fresh].mean())


def load(threads: int = 1) -> TextModel:
    """The networks inside the package `rapidocr`, on `threads` threads of onnxruntime; nothing is downloaded.

    Raises
    ------
    ConfigurationError
        ``text-model-missing``: the extra ``pixels`` is not installed, or its package carries other models.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise ConfigurationError("text-model-missing", "onnxruntime") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    # A pattern is kept for every size of picture, and with it the memory of the largest. Without: a fifth less, and as
    # fast (measured).
    options.enable_mem_pattern = False
    sessions = [
        onnxruntime.InferenceSession(_model(part), sess_options=options, providers=["CPUExecutionProvider"])
        for part in ("_det_", "_rec_")
    ]
    listed = sessions[1].get_modelmeta().custom_metadata_map.get("character", "")
    if not listed:
        raise ConfigurationError("text-model-missing", "rapidocr")
    return _Networks(sessions[0], sessions[1], (*listed.splitlines(), " "))


def _model(part: str) -> bytes:
    # The package is located and not imported: importing it would load its whole pipeline.
    spec = importlib.util.find_spec("rapidocr")
    if spec is None or spec.origin is None:
        raise ConfigurationError("text-model-missing", "rapidocr")
    found = sorted((Path(spec.origin).parent / "models").glob(f"*{part}*.onnx"))
    if not found:
        raise ConfigurationError("text-model-missing", "rapidocr")
    return found[-1].read_bytes()
