# SPDX-License-Identifier: Apache-2.0
"""What the viewer has drawn, and how far that is from a picture."""

import base64
import io

import numpy as np
from PIL import Image

CANVAS = "() => document.querySelector('canvas.cornerstone-canvas')?.toDataURL('image/png') ?? ''"


def canvas(page):
    """What the viewer has drawn: ``(rows, columns) uint8``, or None as long as that is nothing."""
    address = page.evaluate(CANVAS)
    if not address:
        return None
    gray = np.asarray(Image.open(io.BytesIO(base64.b64decode(address.split(",")[1]))).convert("L"))
    return gray if gray.max() > 100 else None


def difference(drawn, original):
    """Mean difference in gray levels between the canvas and an original fitted into it as the viewer does."""
    side = min(drawn.shape)
    top, left = ((length - side) // 2 for length in drawn.shape)
    fitted = np.asarray(Image.fromarray(original).resize((side, side), Image.Resampling.BILINEAR), dtype=int)
    return float(np.abs(drawn[top : top + side, left : left + side].astype(int) - fitted).mean())


def wait_for_image(page, seconds=90):
    """The drawn image, once it does not change any more."""
    last = None
    for _ in range(seconds * 2):
        drawn = canvas(page)
        if drawn is not None and last is not None and np.array_equal(drawn, last):
            return drawn
        last = drawn
        page.wait_for_timeout(500)
    raise AssertionError("the viewer drew nothing")
