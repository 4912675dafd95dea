# SPDX-License-Identifier: Apache-2.0
"""``deidgate demo-study``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from deidgate.cli.counted import counted


@click.command("demo-study")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--patient", default="DEMO-0001", show_default=True, help="Patient ID of the made-up patient.")
@click.option("--slices", default=12, show_default=True, type=click.IntRange(1, 500), help="Number of CT images.")
@click.option("--json", "as_json", is_flag=True, help="Print the names of the files as JSON.")
def demo_study(folder: Path, patient: str, slices: int, as_json: bool) -> None:
    """Write a made-up study into FOLDER: a CT of a phantom, with the header of a made-up patient.

    The same call always writes the same study.
    """
    from deidgate.prove.phantom import write_study

    written = write_study(folder, patient_id=patient, slices=slices)
    click.echo(
        json.dumps([str(path) for path in written]) if as_json else f"{counted(len(written), 'file')} in {folder}"
    )
