# SPDX-License-Identifier: Apache-2.0
"""The pixel step as the story uses it; networks are loaded when the first picture needs them."""

from __future__ import annotations

import gc
import threading
from io import BytesIO

from deidgate.dicom.box import Box
from deidgate.dicom.opened import LARGE, opened
from deidgate.pixels import model as models
from deidgate.pixels.clean import PixelOutcome, assess, blanked
from deidgate.pixels.guard import GuardedDecoder
from deidgate.pixels.mask import strip_codestream_comments, strip_embedded_overlay_bits
from deidgate.pixels.model import TextModel
from deidgate.pixels.sampling import SeriesMemory
from deidgate.plan.model import PixelPlan


class LazyPixels:
    """Satisfies `deidgate.gateway.ports.PixelStep`; shared by the threads of a process.

    Parameters
    ----------
    decoder : GuardedDecoder, optional
        Of compressed frames; by default one of its own, whose process starts with the first of them.
    """

    def __init__(self, decoder: GuardedDecoder | None = None) -> None:
        self._decoder = decoder or GuardedDecoder()
        self._sampler = SeriesMemory()
        self._model: TextModel | None = None
        self._lock = threading.Lock()

    def assess(self, original: bytes, plan: PixelPlan) -> PixelOutcome:
        """What has to be masked in the file `original`, and whether that is certain."""
        # One picture at a time: a network uses a whole processor, and decoded frames are large.
        with self._lock:
            if self._model is None:
                self._model = models.load(threads=1)
            outcome = assess(opened(original), plan, self._sampler, self._model, self._decoder)
            if len(original) > LARGE:
                # They take as much as half a gigabyte, which the file will need; loading them takes a part of a second.
                self._model = None
        _released(len(original))
        return outcome

    def mask(self, result: bytes, boxes: tuple[Box, ...]) -> bytes:
        """The file `result` with `boxes` blanked, and nothing left in unused bits or beside the codestreams."""
        clean = _cleaned(result, boxes, self._decoder)
        _released(len(result))
        return clean


def _cleaned(result: bytes, boxes: tuple[Box, ...], decoder: GuardedDecoder) -> bytes:
    dataset = opened(result)
    if boxes:
        clean = blanked(dataset, boxes, decoder)
    else:
        clean = strip_codestream_comments(strip_embedded_overlay_bits(dataset, decoder=decoder))
    if clean is dataset:
        # Most are: what need not be written again stays as Orthanc wrote it.
        return result
    out = BytesIO()
    clean.save_as(out, enforce_file_format=True)
    return out.getvalue()


def _released(size: int) -> None:
    """Give back the memory of a large file that was read; a dataset refers to itself and waits for the collector."""
    if size > LARGE:
        gc.collect()
