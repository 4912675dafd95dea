# SPDX-License-Identifier: Apache-2.0
"""``deidgate export``."""

from __future__ import annotations

from pathlib import Path

import click

from deidgate.cli.counted import counted
from deidgate.cli.numbers import numbers
from deidgate.cli.options import FILE, PATH

_FORMS = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg"}
_NO_FOLDERS = frozenset(
    {".bmp", ".dcm", ".gif", ".heic", ".j2k", ".jfif", ".jp2", ".jpe", ".jpx", ".pdf", ".svg", ".tif", ".tiff"}
    | {".webp", ".zip", ".avif", ".mp4", ".pgm", ".ppm"}
)
"""What files are named by, that are not made here."""


@click.command(
    epilog="""\b
Examples:
  deidgate export IM0001.dcm IM0001.png
  deidgate export --window 40 400 CT.dcm ct.jpg
  deidgate export --frames all US.dcm frames/         frames/0001.png, 0002.png, …
  deidgate export --frames 1,5-8 --format jpeg US.dcm frames/
  deidgate export --sheet US.dcm sheet.png

\b
TARGET is a .png, .jpg or .jpeg, or a folder.
Exit codes: 0 written, 1 refused (no pixels, not decodable, output exists), 2 wrong command line.
Pixels are shown as they are: text that is burned in stays."""
)
@click.argument("source", type=FILE)
@click.argument("target", type=PATH)
@click.option("--frames", help="1, 3-7, a list of these, or all; several need a folder.  [default: 1, of a sheet all]")
@click.option("--format", "form", type=click.Choice(["png", "jpeg"]), help="[default: by TARGET's name, else png]")
@click.option("--window", nargs=2, type=float, metavar="CENTER WIDTH", help="[default: the file's own, else its range]")
@click.option("--overlays/--no-overlays", default=False, show_default=True, help="Draw overlay planes.")
@click.option("--quality", type=click.IntRange(1, 100), default=95, show_default=True, help="Of JPEG.")
@click.option("--sheet", is_flag=True, help="The frames on one contact sheet.")
@click.option("--columns", type=click.IntRange(1, 50), default=5, show_default=True, help="Of the sheet.")
def export(
    source: Path,
    target: Path,
    frames: str | None,
    form: str | None,
    window: tuple[float, float] | None,
    overlays: bool,
    quality: int,
    sheet: bool,
    columns: int,
) -> None:
    """Write frames of SOURCE as pictures, through the modality and VOI transformations and palettes."""
    from deidgate.cli.reading import opened
    from deidgate.cli.writing import write_bytes
    from deidgate.convert.pictures import contact_sheet, encoded
    from deidgate.convert.render import View, pictures
    from deidgate.pixels.description import describe

    named = _form_of(target)
    if form is not None and named not in (None, form):
        raise click.UsageError(f"--format {form} and the name {target.name} do not agree")
    dataset = opened(source)
    count = describe(dataset).frames
    indices = chosen_frames(frames or ("all" if sheet else "1"), count)
    if named is not None and len(indices) > 1 and not sheet:
        raise click.UsageError(f"{counted(len(indices), 'picture')} do not go into {target.name}; name a folder")
    chosen = form or named or "png"
    center, width = window or (None, None)
    view = View(center, width, overlays)
    made = pictures(dataset, view, indices)
    if sheet:
        tiles = list(made)
        labels = [str(index + 1) for index, _ in tiles]
        picture = contact_sheet([picture for _, picture in tiles], labels, columns)
        write_bytes(encoded(picture, chosen, quality), target)
        return
    if named is None:
        target.mkdir(parents=True, exist_ok=True)
    for index, picture in made:
        ending = "jpg" if chosen == "jpeg" else "png"
        path = target / f"{index + 1:04d}.{ending}" if named is None else target
        write_bytes(encoded(picture, chosen, quality), path)


def _form_of(target: Path) -> str | None:
    """The form of the picture that `target` names; None where it is, or becomes, a folder.

    Raises
    ------
    click.UsageError
        It is named like a file of another kind.
    """
    if target.is_dir():
        return None
    suffix = target.suffix.lower()
    if suffix in _NO_FOLDERS:
        # A folder of that name is what nobody meant.
        raise click.UsageError(f"pictures are .png or .jpg, and {target.name} is named like another file")
    return _FORMS.get(suffix)


def chosen_frames(text: str, count: int) -> list[int]:
    """Indices from 0 that ``all``, ``1,5-8`` and the like name, sorted, of an object of `count` frames.

    Raises
    ------
    click.BadParameter
        It names none, or one that is not there.
    """
    if text == "all":
        return list(range(count))
    found = set(numbers(text, count))
    if not found:
        raise click.BadParameter(f"numbers and ranges of 1 to {count}, or all", param_hint="--frames")
    return sorted(number - 1 for number in found)
