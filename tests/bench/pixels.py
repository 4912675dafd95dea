#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How much text is found in random pictures, how much is masked without reason, and how long it takes.

    PYTHONPATH=plugins:. python tests/bench/pixels.py [--pictures N] [--seed S] [--large] [--times]

Prints one Markdown table per question. The pictures are those of tests/data/burned_in.py: another seed, other pictures.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict

import numpy as np
from pydicom import Dataset
from tests.data.burned_in import BACKGROUNDS, STYLES, Picture, dataset, picture

from deidgate.pixels.clean import assess
from deidgate.pixels.frames import Frame
from deidgate.pixels.model import TextModel, load
from deidgate.pixels.sampling import SeriesMemory
from deidgate.pixels.suspicion import suspect
from deidgate.pixels.text import find_text
from deidgate.plan.model import PixelPlan

WHOLE = 0.95
"""A text is hidden whole when so much of its strokes is masked."""


def masks(made: Picture, model: TextModel) -> np.ndarray:
    """What is masked in the first frame."""
    found = find_text(Frame(made.pixels[0], "MONOCHROME2"), Dataset(), model)
    plane = np.zeros(made.pixels.shape[1:3], bool)
    for box in found.boxes:
        plane[box.row_start : box.row_stop, box.column_start : box.column_stop] = True
    return plane


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    """Print a Markdown table."""
    print("\n| " + " | ".join(head) + " |\n|" + "---|" * len(head))
    for row in rows:
        print("| " + " | ".join(row) + " |")


def recall(model: TextModel, pictures: int, seed: int, shape: tuple[int, int], sizes: tuple[int, int]) -> None:
    """Recall by background, style and height; false masks away from any text."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    wrong: list[float] = []
    for number in range(seed, seed + pictures):
        rng = np.random.default_rng(number)
        kind = str(rng.choice(BACKGROUNDS if max(shape) < 2000 else ("dx", "mg", "us", "mr")))
        stored = int(rng.choice((8, 10, 12, 14, 16)))
        made = picture(rng, kind=kind, rows=shape[0], columns=shape[1], stored=stored, lines=4, sizes=sizes)
        plane = masks(made, model)
        suspected = suspect(Frame(made.pixels[0], "MONOCHROME2"), Dataset()).suspected
        away = np.ones_like(plane)
        for text in made.texts:
            box, margin = text.box, text.height // 2 + 6
            rows = slice(max(0, box.row_start - margin), box.row_stop + margin)
            away[rows, max(0, box.column_start - 2 * margin) : box.column_stop + 2 * margin] = False
            here = plane[box.row_start : box.row_stop, box.column_start : box.column_stop][text.ink].mean()
            for name in ("all", f"on {made.background}", f"as {text.style}", f"{text.height // 10 * 10} px and more"):
                counts[name][0] += 1
                counts[name][1] += int(here >= WHOLE)
                counts[name][2] += int(here >= 0.5)
                counts[name][3] += int(suspected)
        wrong.append(float((plane & away).mean()))
    rows = [
        (name, str(n), f"{whole / n:.3f}", f"{half / n:.3f}", f"{seen / n:.3f}")
        for name, (n, whole, half, seen) in sorted(counts.items())
    ]
    print(f"\n{pictures} pictures of {shape[0]} x {shape[1]}, fonts of {sizes[0]} to {sizes[1]} pixels")
    table(("text", "lines", "hidden whole", "hidden by half", "picture suspected"), rows)
    print(f"\nMasked away from text: mean {np.mean(wrong):.5f}, most {np.max(wrong):.5f} of a picture.")


def without_text(model: TextModel, pictures: int, seed: int) -> None:
    """False masks and false suspicion on pictures that hold no text at all."""
    rows = []
    for kind in BACKGROUNDS:
        made = [picture(np.random.default_rng(n), kind=kind, lines=0) for n in range(seed, seed + pictures)]
        shares = [float(masks(one, model).mean()) for one in made]
        seen = [suspect(Frame(one.pixels[0], "MONOCHROME2"), Dataset()).suspected for one in made]
        any_mask = np.mean([share > 0 for share in shares])
        rows.append((kind, str(pictures), f"{any_mask:.3f}", f"{np.mean(shares):.5f}", f"{np.mean(seen):.2f}"))
    table(("without text", "pictures", "with a mask", "masked share", "suspected"), rows)


def times(model: TextModel) -> None:
    """Processor time of one instance, in the cases that matter."""
    plain = picture(np.random.default_rng(1), kind="ct", lines=0)
    written = picture(np.random.default_rng(1), kind="ct", lines=4, styles=("maximum",), sizes=(12, 20))
    large = picture(np.random.default_rng(1), kind="dx", rows=3000, columns=2500, lines=0)
    large_written = picture(
        np.random.default_rng(1), kind="dx", rows=3000, columns=2500, lines=4, styles=("maximum",), sizes=(16, 40)
    )
    rows = []
    for name, made, sampler in (
        ("512 x 512, not sampled, not suspected", plain, SeriesMemory(first=0, every=10**9)),
        ("512 x 512, sampled, no text", plain, SeriesMemory(every=1)),
        ("512 x 512, text", written, SeriesMemory(every=1)),
        ("3000 x 2500, not sampled", large, SeriesMemory(first=0, every=10**9)),
        ("3000 x 2500, read, no text", large, SeriesMemory(every=1)),
        ("3000 x 2500, text", large_written, SeriesMemory(every=1)),
    ):
        ds = dataset(made)
        ds.ImageType, ds.Manufacturer = ["ORIGINAL", "PRIMARY", "AXIAL"], "Acme"
        best = float("inf")
        for _ in range(3):
            start = time.process_time()
            outcome = assess(ds, PixelPlan(clean=True), sampler, model)
            best = min(best, time.process_time() - start)
        rows.append((name, outcome.status.value, f"{best * 1000:.0f}"))
    table(("instance", "outcome", "ms of one processor"), rows)


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--large", action="store_true", help="also 2500 x 3000 pixels, a tenth as many pictures")
    parser.add_argument("--times", action="store_true", help="only how long one instance takes")
    asked = parser.parse_args()
    model = load(threads=1)
    if not asked.times:
        print(f"Styles: {', '.join(STYLES)}.")
        recall(model, asked.pictures, asked.seed, (512, 512), (8, 60))
        without_text(model, max(1, asked.pictures // 10), asked.seed)
        if asked.large:
            recall(model, max(1, asked.pictures // 10), asked.seed, (2500, 3000), (10, 120))
    times(model)


if __name__ == "__main__":
    main()
