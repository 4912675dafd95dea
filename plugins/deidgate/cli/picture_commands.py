# SPDX-License-Identifier: Apache-2.0
"""``deidgate blank``, ``deidgate crop`` and ``deidgate overlay``: changes to pixels that a person asks for."""

from __future__ import annotations

import re
from pathlib import Path

import click

from deidgate.cli.options import FILE, PATH, RECTANGLE, boxes_option, on_frame
from deidgate.dicom.box import Box


@click.command(
    epilog="""\b
Examples:
  deidgate blank in.dcm out.dcm --box 0 0 60 512             rows 0 to 59, columns 0 to 511, every frame
  deidgate blank in.dcm out.dcm --box 0 0 60 512 --box 400 0 512 200 --frame 3

\b
Exit codes: 0 written, 1 refused (outside the picture, not decodable, output exists), 2 wrong command line."""
)
@click.argument("source", type=FILE)
@click.argument("target", type=PATH)
@boxes_option(required=True, help="What is blanked.")
@click.option("--new-uids", is_flag=True, help="The result is another instance.")
def blank(source: Path, target: Path, boxes: tuple[Box, ...], frame: int | None, new_uids: bool) -> None:
    """Blank rectangles of pixels; ranges are from 0 and half-open. Compressed pixels are written without loss.

    The icon shows what the picture showed, and goes.
    """
    from deidgate.cli.reading import opened
    from deidgate.cli.writing import write_dataset
    from deidgate.convert.edit import edited
    from deidgate.errors import ConfigurationError
    from deidgate.pixels.description import describe
    from deidgate.pixels.mask import mask

    dataset = opened(source)
    about = describe(dataset)
    if not all(box.lies_in(about.rows, about.columns) for box in boxes):
        raise ConfigurationError("box-outside-picture", f"{about.rows} rows, {about.columns} columns")
    if frame is not None and frame > about.frames:
        raise ConfigurationError("frame-absent", f"{about.frames} frames")
    blanked = mask(dataset, on_frame(boxes, frame))
    if "IconImageSequence" in blanked:
        del blanked.IconImageSequence
    write_dataset(edited(blanked, [], new_uids=new_uids)[0], target)


@click.command(
    epilog="""\b
Example:
  deidgate crop in.dcm out.dcm --box 60 0 512 512            keeps rows 60 to 511

\b
Exit codes: 0 written, 1 refused (outside the picture, not decodable, output exists), 2 wrong command line."""
)
@click.argument("source", type=FILE)
@click.argument("target", type=PATH)
@click.option("--box", nargs=4, type=click.IntRange(0), required=True, metavar=RECTANGLE)
@click.option("--keep-uids", is_flag=True, help="Keep the UIDs although the picture is another one.")
def crop(source: Path, target: Path, box: tuple[int, int, int, int], keep_uids: bool) -> None:
    """Keep one rectangle of all frames; the position in the patient moves with it. The result is uncompressed.

    Overlay planes, the icon, regions of ultrasound and shutters are about the whole picture, and go; each is told of.
    """
    from deidgate.cli.reading import opened
    from deidgate.cli.writing import write_dataset
    from deidgate.convert.crop import cropped, lost
    from deidgate.convert.edit import edited

    top, left, bottom, right = box
    whole = opened(source)
    dataset = cropped(whole, Box(top, bottom, left, right))
    write_dataset(edited(dataset, [], new_uids=not keep_uids)[0], target)
    for path in lost(whole):
        click.echo(f"warning: {path}: left out, for it is about the whole picture", err=True)


@click.command(
    epilog="""\b
Examples:
  deidgate overlay in.dcm out.dcm --remove all
  deidgate overlay in.dcm out.dcm --remove 6002
  deidgate overlay in.dcm out.dcm --add mask.png --label ROI     white pixels of a picture of the same size

\b
Exit codes: 0 written, 1 refused, 2 wrong command line."""
)
@click.argument("source", type=FILE)
@click.argument("target", type=PATH)
@click.option("--remove", metavar="GGGG", help="Group of a plane, 6000 to 601E, or all.")
@click.option("--add", "picture", type=FILE, help="A picture of the same size; what is brighter than half is drawn.")
@click.option("--label", default="", help="Overlay Label of the added plane.")
def overlay(source: Path, target: Path, remove: str | None, picture: Path | None, label: str) -> None:
    """Take overlay planes away, also those in unused bits of the pixels, or add one."""
    from deidgate.cli.reading import opened
    from deidgate.cli.writing import write_dataset
    from deidgate.convert.overlays import with_overlay, without_overlays

    if remove is None and picture is None:
        raise click.UsageError("give --remove or --add")
    dataset = opened(source)
    if remove is not None:
        if remove != "all" and not re.fullmatch("60[01][02468ACEace]", remove):
            raise click.BadParameter("a group is 6000, 6002 … 601E, or all", param_hint="--remove")
        dataset = without_overlays(dataset, None if remove == "all" else int(remove, 16))
    if picture is not None:
        dataset = with_overlay(dataset, picture.read_bytes(), label)
    write_dataset(dataset, target)
