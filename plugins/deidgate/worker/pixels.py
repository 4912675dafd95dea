# SPDX-License-Identifier: Apache-2.0
"""The pixel step as the story uses it; networks are loaded when the first picture needs them."""

from __future__ import annotations

import threading
from io import BytesIO

from pydicom import dcmread

from deidgate.dicom.box import Box
from deidgate.pixels import model as models
from deidgate.pixels.clean import PixelOutcome, assess, blanked
from deidgate.pixels.mask import strip_codestream_comments, strip_embedded_overlay_bits
from deidgate.pixels.model import TextModel
from deidgate.pixels.sampling import SeriesMemory
from deidgate.plan.model import PixelPlan


class LazyPixels:
    """Satisfies `deidgate.gateway.ports.PixelStep`; shared by the threads of a process."""

    def __init__(self) -> None:
        self._sampler = SeriesMemory()
        self._model: TextModel | None = None
        self._lock = threading.Lock()

    def assess(self, original: bytes, plan: PixelPlan) -> PixelOutcome:
        """What has to be masked in the file `original`, and whether that is certain."""
        # One picture at a time: a network uses a whole processor, and decoded frames are large.
        with self._lock:
            if self._model is None:
                self._model = models.load(threads=1)
            return assess(dcmread(BytesIO(original)), plan, self._sampler, self._model)

    def mask(self, result: bytes, boxes: tuple[Box, ...]) -> bytes:
        """The file `result` with `boxes` blanked, and nothing left in unused bits or beside the codestreams."""
        dataset = dcmread(BytesIO(result))
        clean = blanked(dataset, boxes) if boxes else strip_codestream_comments(strip_embedded_overlay_bits(dataset))
        if clean is dataset:
            # Most are: what need not be written again stays as Orthanc wrote it.
            return result
        out = BytesIO()
        clean.save_as(out, enforce_file_format=True)
        return out.getvalue()
