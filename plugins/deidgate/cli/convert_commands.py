# SPDX-License-Identifier: Apache-2.0
"""``deidgate convert``."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from deidgate.cli.counted import counted
from deidgate.cli.exits import Exit
from deidgate.cli.options import FILE, PATH, json_option

_NUMBERED = re.compile(r"[0-9]{6,9}")
"""What results are named by."""


class Tally:
    """What became of each file, said as it happens.

    Parameters
    ----------
    as_json : bool
        In JSON, for scripts.
    """

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self._converted = self._failed = 0

    def tell(self, name: str, code: str, written: Sequence[Path] = (), *, at: str = "") -> None:
        """Say what became of the file (or the row of the table) `name`."""
        from deidgate.words.lookup import told

        self._failed += bool(code)
        self._converted += not code
        if self._as_json:
            click.echo(json.dumps({"file": name, "code": code, "at": at, "written": [str(one) for one in written]}))
        elif code:
            click.echo(f"{name}: {told(code, at)}", err=True)
        else:
            click.echo(f"{name}: {counted(len(written), 'instance')}")

    def leave(self) -> None:
        """End the command with the exit code that is due."""
        if self._failed:
            sys.exit(Exit.INCOMPLETE if self._converted else Exit.REFUSED)


@click.command(
    epilog="""\b
Examples:
  deidgate convert photo.jpg out/ --patient-id P1 --patient-name "DOE^J" --modality XC
  deidgate convert brain.nii.gz out/ --modality MR --patient-id P1
  deidgate convert scans/ out/ --template study.dcm        the patient and study of a DICOM file
  deidgate convert scans/ out/ --table subjects.csv        a row for each file: file,patient_id,study_date,…
  deidgate convert slide.svs out/ --patient-id P1

\b
Columns of the table: file (its name, or its path below the folder) and patient_id, patient_name, birth_date, sex,
study_uid, study_date, study_time, study_id, accession, study_description, referring_physician, series_number,
series_description, modality, body_part, laterality, burned_in_annotation. Dates are YYYYMMDD. With a table, a file
without a row of its own is not converted, and neither is one with several.
FOLDER may have files: new ones get the next free numbers.
Exit codes: 0 all converted, 1 refused, or nothing was converted, 2 wrong command line, 3 some files were not, or a row
of the table has no file.
Needs the extra `convert`, for slides `slides`."""
)
@click.argument("source", type=PATH)
@click.argument("folder", type=PATH)
@click.option("--patient-id", default="")
@click.option("--patient-name", default="", help="Family^Given.")
@click.option("--birth-date", default="", metavar="YYYYMMDD")
@click.option("--sex", type=click.Choice(["M", "F", "O"]), help="Patient's Sex.")
@click.option("--study-date", default="", metavar="YYYYMMDD")
@click.option("--study-description", default="")
@click.option("--study-uid", default="", help="[default: a new one]")
@click.option("--accession", default="")
@click.option("--series-description", default="")
@click.option("--series-number", type=click.IntRange(0), default=1, show_default=True)
@click.option("--modality", help="CT or MR for volumes  [default: MR]; for pictures any  [default: OT]")
@click.option("--body-part", default="", help="Body Part Examined, e.g. BREAST.")
@click.option("--laterality", type=click.Choice(["L", "R"]))
@click.option(
    "--burned-in-annotation",
    type=click.Choice(["YES", "NO"]),
    default="YES",
    show_default=True,
    help="Of pictures: NO when somebody has seen that no text is in them.",
)
@click.option("--template", type=FILE, help="A DICOM file whose patient and study are taken.")
@click.option("--table", type=FILE, help="A CSV with a row for each file, and for no other.")
@click.option("--multiframe", is_flag=True, help="Volumes as one multi-frame object (Legacy Converted Enhanced).")
@json_option
def convert(
    source: Path,
    folder: Path,
    patient_id: str,
    patient_name: str,
    birth_date: str,
    sex: str | None,
    study_date: str,
    study_description: str,
    study_uid: str,
    accession: str,
    series_description: str,
    series_number: int,
    modality: str | None,
    body_part: str,
    laterality: str | None,
    burned_in_annotation: str,
    template: Path | None,
    table: Path | None,
    multiframe: bool,
    as_json: bool,
) -> None:
    """Turn pictures, volumes and slides into DICOM: SOURCE (a file, or a folder, sorted by name) to FOLDER.

    JPEG, PNG, BMP, GIF and TIFF become Secondary Capture, pages of a TIFF and pictures of an animation its frames; a
    baseline JPEG stays the JPEG it is, unless its EXIF says that it has to be turned: then it is decoded and turned.
    NIfTI becomes a CT or MR series in its place in space. SVS and other slides become VL Whole Slide Microscopy,
    without label and overview. The files of a folder become one study.
    """
    from deidgate.cli.reading import opened
    from deidgate.convert.missing import ExtraMissingError
    from deidgate.convert.subject import Subject
    from deidgate.convert.subjects import match, read_rows, with_rows
    from deidgate.errors import DeidgateError

    given = {
        "patient_id": patient_id,
        "patient_name": patient_name,
        "birth_date": birth_date,
        "sex": sex or "",
        "study_date": study_date,
        "study_description": study_description,
        "study_uid": study_uid,
        "accession": accession,
        "series_description": series_description,
        "modality": modality or "",
        "body_part": body_part,
        "laterality": laterality or "",
        "burned_in_annotation": burned_in_annotation,
    }
    base = Subject.from_template(opened(template, pixels=False)) if template else Subject()
    base = Subject.from_row({name: text for name, text in given.items() if text}, base)
    base = Subject.from_row({"series_number": str(series_number)}, base).with_uids()
    if not source.exists():
        raise click.BadParameter(f"{source} does not exist", param_hint="SOURCE")
    files = [source] if source.is_file() else sorted(path for path in source.rglob("*") if path.is_file())
    if table is not None:
        # It may lie beside what it is about.
        files = [path for path in files if not path.samefile(table)]
    tallied = Tally(as_json)
    if table is None:
        subjects = [(path, base) for path in files]
    else:
        matched = match(read_rows(table), files, source)
        for where, code in matched.problems:
            tallied.tell(where, code)
        subjects = with_rows(matched.rows, base)
    taken = _numbers_in(folder)
    for number, (path, subject) in enumerate(subjects, 1):
        try:
            tallied.tell(str(path), "", _written(path, folder, subject, (number, taken + number), multiframe))
        except ExtraMissingError:
            raise
        except DeidgateError as error:
            tallied.tell(str(path), error.code, at=error.path)
    tallied.leave()


def _numbers_in(folder: Path) -> int:
    """The highest number that something in `folder` is named by; 0 if nothing is."""
    if not folder.is_dir():
        return 0
    return max((int(path.stem) for path in folder.iterdir() if _NUMBERED.fullmatch(path.stem)), default=0)


def _written(path: Path, folder: Path, subject: object, number: tuple[int, int], multiframe: bool) -> list[Path]:
    """Convert one file: what was written. `number` is that of the file in this run, and that of its name in `folder`.

    Raises
    ------
    DeidgateError
        It could not be.
    """
    from dataclasses import replace

    from pydicom.uid import generate_uid

    from deidgate.cli.writing import write_dataset
    from deidgate.convert import secondary_capture, slides, volume
    from deidgate.convert.subject import Subject
    from deidgate.errors import CannotDeidentify
    from deidgate.files.kind import Kind, sniff

    assert isinstance(subject, Subject)  # noqa: S101 - keeps pydicom out of the signature
    own_series = replace(
        subject,
        series_uid=generate_uid(prefix=None),
        series_number=subject.series_number + number[0] - 1,
        frame_of_reference_uid=generate_uid(prefix=None),
    )
    if slides.is_slide(path):
        folder.mkdir(parents=True, exist_ok=True)
        return slides.convert(path, folder, own_series)
    content = path.read_bytes()
    kind = sniff(content[:4096])
    if kind is Kind.PICTURE:
        target = folder / f"{number[1]:06d}.dcm"
        write_dataset(secondary_capture.from_picture(content, subject, number[0]), target)
        return [target]
    if kind is not Kind.NIFTI and not path.name.lower().endswith((".nii.gz", ".nii")):
        raise CannotDeidentify("not-a-picture-volume-or-slide")
    modality = subject.modality or "MR"
    if modality not in ("CT", "MR"):
        raise CannotDeidentify("volumes-are-ct-or-mr")
    made = volume.instances(volume.read(content), own_series, modality)
    datasets = [volume.multiframe(list(made))] if multiframe else made
    written = []
    for index, dataset in enumerate(datasets, 1):
        target = folder / f"{number[1]:06d}" / f"{index:06d}.dcm"
        write_dataset(dataset, target)
        written.append(target)
    return written
