# SPDX-License-Identifier: Apache-2.0
"""``deidgate dicomdir``."""

from __future__ import annotations

import os
from pathlib import Path

import click

from deidgate.cli.options import FILE, FOLDER, PATH, mapping_options, project_option


@click.group()
def dicomdir() -> None:
    """The directory of a medium: made anew, or overwritten in its places."""


@dicomdir.command(
    epilog="""\b
Example:
  deidgate dicomdir rebuild disc/"""
)
@click.argument("folder", type=FOLDER)
@click.option("--replace", is_flag=True, help="Take the place of a DICOMDIR that is there.")
def rebuild(folder: Path, replace: bool) -> None:
    """Write FOLDER/DICOMDIR for the DICOM files below, under the names that they have.

    Names that are no File ID cannot be listed; they are told of. Each folder and file of one has at most eight
    characters of A to Z, 0 to 9 and _, no extension, and at most seven folders lead to it. Results of `deidgate run
    --layout patient-index --dicomdir always` have such names. Where nothing can be listed, nothing is written.
    """
    import sys

    from pydicom.uid import generate_uid

    from deidgate.cli.exits import Exit
    from deidgate.errors import ConfigurationError
    from deidgate.files import dicomdir as media
    from deidgate.files.atomic import AlreadyThereError
    from deidgate.files.kind import Kind, sniff_file

    def found() -> list[Path]:
        files = []
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            with path.open("rb") as stream:
                if sniff_file(stream) is Kind.DICOM:
                    files.append(path)
        return files

    try:
        listed, left_out = media.rebuild(folder, found(), generate_uid(prefix=None), replace=replace, empty=False)
    except AlreadyThereError:
        raise ConfigurationError("destination-exists", str(folder / "DICOMDIR")) from None
    for path in left_out:
        click.echo(f"not listed: {path}: {media.unlisted_because(path.relative_to(folder))}", err=True)
    if not listed:
        raise ConfigurationError("nothing-to-list", str(folder))
    click.echo(f"{listed} files listed")
    if left_out:
        sys.exit(Exit.INCOMPLETE)


@dicomdir.command(
    epilog="""\b
Examples:
  deidgate dicomdir redact disc/DICOMDIR out/DICOMDIR
  deidgate dicomdir redact --attributes list.txt DICOMDIR DICOMDIR.new
  deidgate dicomdir redact --list > list.txt                the default list, to edit"""
)
@click.argument("source", type=FILE, required=False)
@click.argument("target", type=PATH, required=False)
@click.option("--attributes", type=FILE, help="Keywords and VRs (PN) to overwrite, one on a line; # begins a comment.")
@click.option("--list", "show_list", is_flag=True, help="Print the default list.")
@mapping_options
@project_option
def redact(
    source: Path | None,
    target: Path | None,
    attributes: Path | None,
    show_list: bool,
    mapping: str | None,
    keys: Path | None,
    project: str,
) -> None:
    """Overwrite identifying values of a DICOMDIR in their places, with as many zeros, so that all offsets hold.

    By default all names, dates, times, long texts and UIDs go, contents of reports, pixels of icons, and more (--list).
    UIDs become other UIDs of the same length; private elements and the preamble are overwritten always.
    """
    from deidgate.batch.home import open_mapping, place
    from deidgate.cli.writing import write_bytes
    from deidgate.files.dicomdir_redact import DEFAULT_ATTRIBUTES, read_attributes
    from deidgate.files.dicomdir_redact import redact as overwrite

    if show_list:
        click.echo("\n".join(DEFAULT_ATTRIBUTES))
        return
    if source is None or target is None:
        raise click.UsageError("give SOURCE and TARGET")
    chosen = read_attributes(attributes) if attributes else DEFAULT_ATTRIBUTES
    with open_mapping(place(mapping, keys, os.environ)) as store:
        key = store.mapping.project_key(project).uid_key
    content, count = overwrite(source.read_bytes(), chosen, key)
    write_bytes(content, target)
    click.echo(f"{count} values overwritten")
