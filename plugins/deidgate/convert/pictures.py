# SPDX-License-Identifier: Apache-2.0
"""8-bit arrays as PNG and JPEG files, and many of them on one sheet. Files carry pixels only: no text, no times."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deidgate.convert.missing import need


def encoded(picture: NDArray[np.uint8], form: str, quality: int = 95) -> bytes:
    """`picture` as the file format `form`: ``png`` or ``jpeg``.

    Raises
    ------
    ExtraMissingError
        Pillow is not installed.
    """
    buffer = BytesIO()
    image = _image(picture)
    if form == "png":
        image.save(buffer, "PNG", optimize=False)
    else:
        # No chroma subsampling: thin coloured lines of Doppler and annotations are what it would blur.
        image.save(buffer, "JPEG", quality=quality, subsampling=0)
    return buffer.getvalue()


def contact_sheet(
    pictures: Sequence[NDArray[np.uint8]], labels: Sequence[str] = (), columns: int = 5, tile: int = 256
) -> NDArray[np.uint8]:
    """All `pictures`, scaled to fit tiles of `tile` pixels, in reading order; ``(rows, columns, 3)`` uint8.

    Parameters
    ----------
    labels : sequence of str, optional
        What stands below each tile (numbers of ours, never a name).
    """
    from PIL import Image, ImageDraw

    strip = 16 if labels else 0
    wide = min(columns, max(len(pictures), 1))
    high = -(-len(pictures) // wide) if pictures else 1
    sheet = Image.new("RGB", (wide * tile, high * (tile + strip)))
    draw = ImageDraw.Draw(sheet)
    for number, picture in enumerate(pictures):
        image = _image(picture).convert("RGB")
        image.thumbnail((tile, tile))
        left, top = number % wide * tile, number // wide * (tile + strip)
        sheet.paste(image, (left + (tile - image.width) // 2, top + (tile - image.height) // 2))
        if number < len(labels):
            draw.text((left + 4, top + tile + 2), labels[number], fill=(200, 200, 200))
    return np.asarray(sheet)


def _image(picture: NDArray[np.uint8]) -> Any:
    return need("PIL.Image", "convert").fromarray(np.ascontiguousarray(picture))
