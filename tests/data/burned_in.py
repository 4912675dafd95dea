# SPDX-License-Identifier: Apache-2.0
"""Random pictures with known text burned into them, and datasets made of them.

Everything comes from one `numpy.random.Generator`: the same seed is the same picture. Backgrounds only resemble what
modalities make (bodies, bones, vessels, speckle, collimation, rulers); they hold no patient.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from deidgate.dicom.box import Box

FONT_FOLDERS = (Path("/usr/share/fonts/truetype"), Path("/usr/share/fonts/opentype"))
STYLES = ("maximum", "image-maximum", "minimum", "grey", "faint", "outlined", "plate", "bitmap")
BACKGROUNDS = ("ct", "mr", "dx", "mg", "us", "nm", "noise", "black")

_SURNAMES = (
    "BEASLEY",
    "O'Connor",
    "Nguyen",
    "MÜLLER",
    "Kowalczyk",
    "Li",
    "FERNANDEZ-RUIZ",
    "Okafor",
    "SMITH",
    "Ivanova",
)
_GIVEN = ("ANDREW", "Jane", "Chi", "Olga", "JOSÉ", "Ann", "Christopher", "Wei", "MARY K", "Tom")
_PLACES = ("St. Mary's Hospital", "Clinic North", "UNIV. RADIOLOGY", "Maynard-Clarke Medical Center")


@dataclass(frozen=True)
class Text:
    """One line of text: what it says, where, and which pixels its strokes cover."""

    says: str
    box: Box
    ink: NDArray[np.bool_]
    style: str
    height: int


@dataclass(frozen=True)
class Picture:
    """Pixels ``(frames, rows, columns, samples)`` and the text in them."""

    pixels: NDArray[Any]
    background: str
    stored: int
    texts: tuple[Text, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)


def line(rng: np.random.Generator) -> str:
    """One line as devices write it."""
    day = f"{rng.integers(1, 29):02d}"
    month = f"{rng.integers(1, 13):02d}"
    year = str(rng.integers(1930, 2024))
    name = f"{rng.choice(_SURNAMES)}, {rng.choice(_GIVEN)}"
    number = str(rng.integers(10**5, 10**10))
    forms = (
        name,
        name.upper().replace(", ", "^"),
        f"Name: {name}",
        f"ID: {number}",
        number,
        f"DOB {day}/{month}/{year}",
        f"{year}-{month}-{day}",
        f"{day}.{month}.{year} {rng.integers(0, 24):02d}:{rng.integers(0, 60):02d}",
        f"Age: {rng.integers(1, 100)}",
        str(rng.choice(_PLACES)),
        f"{rng.choice(('M', 'F'))} {rng.integers(18, 95)}Y",
        f"Acc# {number[:7]}",
    )
    return str(rng.choice(forms))


def fonts() -> tuple[Path, ...]:
    """Scalable Latin fonts of this machine; empty where there are none."""
    found = [p for folder in FONT_FOLDERS if folder.is_dir() for p in sorted(folder.rglob("*.[to]tf"))]
    return tuple(p for p in found if p.name.startswith(("DejaVu", "Liberation", "Nimbus", "NotoSans-", "NotoSansMono")))


def background(kind: str, rows: int, columns: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """A picture between 0 and 1 that resembles `kind`."""
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
    u, v = (y - rows * rng.uniform(0.4, 0.6)) / rows, (x - columns * rng.uniform(0.4, 0.6)) / columns
    if kind == "black":
        return np.zeros((rows, columns), np.float32)
    if kind == "noise":
        return rng.random((rows, columns), np.float32)
    if kind == "ct":
        image = np.zeros((rows, columns), np.float32)
        body = (u / 0.36) ** 2 + (v / 0.44) ** 2 < 1
        image[body] = 0.42
        for _ in range(rng.integers(6, 14)):
            a, b, s = rng.uniform(-0.25, 0.25), rng.uniform(-0.3, 0.3), rng.uniform(0.02, 0.12)
            image[((u - a) ** 2 + ((v - b) * rng.uniform(0.6, 1.6)) ** 2 < s * s) & body] = rng.uniform(0.1, 0.62)
        for _ in range(rng.integers(3, 9)):
            a, b, s = rng.uniform(-0.3, 0.3), rng.uniform(-0.36, 0.36), rng.uniform(0.005, 0.03)
            image[((u - a) ** 2 + (v - b) ** 2 < s * s) & body] = rng.uniform(0.8, 1)
        image[np.abs(u - 0.42 - 0.2 * v * v) < 0.004] = 0.3
        return np.clip(image + rng.normal(0, rng.uniform(0.005, 0.03), image.shape), 0, 1).astype(np.float32)
    if kind == "mr":
        image = _smooth(rng, rows, columns, 24) * ((u / 0.4) ** 2 + (v / 0.33) ** 2 < 1)
        for _ in range(rng.integers(2, 9)):
            _tube(image, rng, rng.uniform(0.5, 1), int(max(1, rows / 180)))
        return (
            np.hypot(image + rng.normal(0, 0.01, image.shape), rng.normal(0, 0.01, image.shape))
            .clip(0, 1)
            .astype(np.float32)
        )
    if kind == "dx":
        image = 0.25 + 0.5 * _smooth(rng, rows, columns, 6) + 0.1 * _smooth(rng, rows, columns, 60)
        for _ in range(rng.integers(6, 18)):
            _tube(image, rng, rng.uniform(0.1, 0.3), int(rows / rng.uniform(40, 90)), add=True)
        edge = int(min(rows, columns) * rng.uniform(0, 0.08))
        if edge:
            image[:edge], image[-edge:], image[:, :edge], image[:, -edge:] = 0, 0, 0, 0
        return np.clip(image + rng.normal(0, 0.01, image.shape), 0, 1).astype(np.float32)
    if kind == "mg":
        breast = ((u / 0.45) ** 2 + ((x / columns) / rng.uniform(0.5, 0.9)) ** 2) < 1
        image = breast * (0.3 + 0.4 * _smooth(rng, rows, columns, 10) + 0.15 * _smooth(rng, rows, columns, 90))
        for _ in range(rng.integers(10, 60)):
            r, c = int(rng.integers(0, rows - 4)), int(rng.integers(0, columns - 4))
            image[r : r + rng.integers(1, 5), c : c + rng.integers(1, 5)] += 0.3 * breast[r, c]
        return np.clip(image + breast * rng.normal(0, 0.01, image.shape), 0, 1).astype(np.float32)
    if kind == "us":
        radius, angle = np.hypot(y - 0.02 * rows, x - columns / 2), np.arctan2(x - columns / 2, y)
        sector = (np.abs(angle) < 0.6) & (radius < 0.85 * rows) & (radius > 0.08 * rows)
        speckle = rng.rayleigh(0.18, (rows, columns)) * (0.3 + _smooth(rng, rows, columns, 12))
        image = (sector * speckle).astype(np.float32)
        for tick in range(10):
            r = int(rows * (0.1 + 0.075 * tick))
            image[r : r + 2, columns - 20 : columns - (6 if tick % 5 else 0)] = 1
        image[rows // 4 : rows // 2, 8:20] = np.linspace(1, 0, rows // 2 - rows // 4)[:, None]
        return np.clip(image, 0, 1)
    if kind == "nm":
        blobs = _smooth(rng, rows, columns, 14) ** 4
        return np.clip(rng.poisson(blobs * 40) / 40, 0, 1).astype(np.float32)
    raise ValueError(kind)


def write(
    plane: NDArray[np.float32],
    says: str,
    at: tuple[int, int],
    font: Any,
    style: str,
    rng: np.random.Generator,
    turned: bool,
) -> tuple[NDArray[np.float32], Text] | None:
    """`plane` with one line written at ``(row, column)``, None where it does not fit in by half."""
    left, top, right, bottom = font.getbbox(says)
    width, height = int(right - left), int(bottom - top)
    if width < 1 or height < 1:
        return None
    tile = Image.new("L", (width + 4, height + 4), 0)
    draw = ImageDraw.Draw(tile)
    if style == "bitmap":
        draw.fontmode = "1"
    draw.text((2 - left, 2 - top), says, fill=255, font=font)
    glyphs = np.asarray(tile, np.float32) / 255
    halo = glyphs
    if style == "outlined":
        outline = Image.new("L", tile.size, 0)
        ImageDraw.Draw(outline).text((2 - left, 2 - top), says, fill=255, font=font, stroke_width=1)
        halo = np.asarray(outline, np.float32) / 255
    if turned:
        glyphs, halo = np.rot90(glyphs), np.rot90(halo)
    row, column = at
    rows, columns = plane.shape
    r0, c0 = max(0, row), max(0, column)
    r1, c1 = min(rows, row + glyphs.shape[0]), min(columns, column + glyphs.shape[1])
    if (r1 - r0) * (c1 - c0) < 0.5 * glyphs.size:
        return None
    cut = (slice(r0 - row, r1 - row), slice(c0 - column, c1 - column))
    glyphs, halo = glyphs[cut], halo[cut]
    result = plane.copy()
    part = result[r0:r1, c0:c1]
    before, here = part.copy(), float(part.mean())
    value = {
        "maximum": 1.0,
        "image-maximum": float(max(plane.max(), 0.3)),
        "minimum": 0.0,
        "grey": 0.75 if here < 0.45 else 0.15,
        "faint": here + 0.22 if here < 0.6 else here - 0.22,
        "outlined": 1.0,
        "plate": 1.0,
        "bitmap": 1.0 if here < 0.7 else 0.0,
    }[style]
    if style in ("maximum", "image-maximum") and here > 0.8:
        value = 0.0
    if style == "minimum" and here < 0.25:
        value = 1.0
    if style == "outlined":
        part[:] = part * (1 - halo)
    if style == "plate":
        part[:] = 0
    part[:] = part * (1 - glyphs) + value * glyphs
    stroke = glyphs > 0.25
    ink = stroke & (np.abs(part - before) > 0.08)
    if not stroke.any() or ink.sum() < 0.5 * stroke.sum():
        return None
    box = Box(r0, r1, c0, c1)
    return result, Text(says, box, ink, style, height)


def picture(
    rng: np.random.Generator,
    *,
    kind: str | None = None,
    rows: int = 512,
    columns: int = 512,
    stored: int = 12,
    lines: int = 3,
    sizes: tuple[int, int] = (9, 40),
    styles: tuple[str, ...] = STYLES,
    turned: float = 0.1,
) -> Picture:
    """A single-frame grey picture with `lines` lines of text that do not overlap."""
    kind = kind or str(rng.choice(BACKGROUNDS))
    plane = background(kind, rows, columns, rng)
    plane = plane * np.float32(rng.choice((1.0, 1.0, 0.6, 0.25)) if kind in ("ct", "mr", "nm") else 1.0)
    available, texts = fonts(), []
    taken = np.zeros((rows, columns), bool)
    for _ in range(lines):
        size = int(rng.integers(*sizes, endpoint=True))
        style = str(rng.choice(styles))
        if style == "bitmap" and size < 14:
            font: Any = ImageFont.load_default_imagefont()
        elif available:
            font = ImageFont.truetype(str(available[rng.integers(len(available))]), size)
        else:
            font = ImageFont.load_default(size)
        says, is_turned = line(rng), rng.random() < turned
        if isinstance(font, ImageFont.ImageFont):
            says = says.encode("ascii", "replace").decode()
        for _attempt in range(12):
            at = int(rng.integers(-4, rows)), int(rng.integers(-4, columns))
            done = write(plane, says, at, font, style, rng, is_turned)
            if done is None:
                continue
            box = done[1].box
            around = taken[
                max(0, box.row_start - 12) : box.row_stop + 12, max(0, box.column_start - 12) : box.column_stop + 12
            ]
            if around.any():
                continue
            taken[box.row_start : box.row_stop, box.column_start : box.column_stop] = True
            plane = done[0]
            texts.append(done[1])
            break
    top = (1 << stored) - 1
    pixels = np.round(plane * top).astype(np.uint8 if stored <= 8 else np.uint16)
    return Picture(pixels[None, :, :, None], kind, stored, tuple(texts))


def dataset(made: Picture, *, photometric: str = "MONOCHROME2", signed: bool = False, sop_class: str = "") -> Dataset:
    """An uncompressed dataset with the pixels of `made`, enough of a header for the pixel steps."""
    frames, rows, columns, samples = made.pixels.shape
    pixels = made.pixels
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID = sop_class or "1.2.840.10008.5.1.4.1.1.2"
    ds.SOPInstanceUID, ds.SeriesInstanceUID, ds.StudyInstanceUID = "1.2.3.4", "1.2.3", "1.2"
    ds.Modality = "CT"
    ds.Rows, ds.Columns, ds.SamplesPerPixel = rows, columns, samples
    if frames > 1:
        ds.NumberOfFrames = frames
    ds.PhotometricInterpretation = photometric
    if samples > 1:
        ds.PlanarConfiguration = 0
    ds.BitsAllocated = pixels.dtype.itemsize * 8
    ds.BitsStored, ds.HighBit = made.stored, made.stored - 1
    ds.PixelRepresentation = int(signed)
    if signed:
        lowest = 1 << (made.stored - 1)
        pixels = (pixels.astype(np.int32) - lowest).astype(np.int8 if ds.BitsAllocated == 8 else np.int16)
    if photometric == "MONOCHROME1":
        top = (1 << made.stored) - 1
        pixels = (top - made.pixels).astype(made.pixels.dtype)
    raw = pixels.tobytes()
    ds.add_new("PixelData", "OB" if ds.BitsAllocated == 8 else "OW", raw + b"\0" * (len(raw) % 2))
    return ds


def _smooth(rng: np.random.Generator, rows: int, columns: int, cells: int) -> NDArray[np.float32]:
    """Smooth noise between 0 and 1 with about `cells` hills along a side."""
    small = (rng.random((cells + 3, cells + 3)) * 255).astype(np.uint8)
    large = Image.fromarray(small).resize((columns, rows), Image.Resampling.BICUBIC)
    return np.asarray(large, np.float32) / 255


def _tube(image: NDArray[np.float32], rng: np.random.Generator, value: float, width: int, add: bool = False) -> None:
    """A bent bright line, like a vessel or a rib."""
    rows, columns = image.shape
    layer = Image.new("F", (columns, rows), 0.0)
    t = np.linspace(0, 1, 60)
    p = rng.uniform(0.1, 0.9, (4, 2)) * (columns, rows)
    curve = sum(
        w[:, None] * q for w, q in zip(((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3), p, strict=True)
    )
    ImageDraw.Draw(layer).line([tuple(map(float, q)) for q in curve], fill=value, width=max(1, width), joint="curve")
    drawn = np.asarray(layer)
    image[:] = np.clip(image + drawn, 0, 1) if add else np.maximum(image, drawn)
