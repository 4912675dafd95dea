# SPDX-License-Identifier: Apache-2.0
"""``deidgate run``."""

from __future__ import annotations

import json
import os
import shutil
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import click

from deidgate.cli.counted import counted
from deidgate.cli.exits import Exit
from deidgate.cli.options import PATH, json_option, mapping_options, policy_option, project_options, size_of
from deidgate.words.instances import ACCEPTABLE


@click.command(
    epilog="""\b
Examples:
  deidgate run incoming/ out/                       a folder, with the default policy
  deidgate run --policy basic scan.zip disc/ out/   a zip and a disc
  deidgate run --beside IM0001.dcm                  IM0001_deidentified.dcm beside it
  deidgate run incoming/ out.zip                    everything in one zip
  deidgate run --dry-run incoming/ out/             what would happen

\b
Exit codes: 0 all done, 1 refused before the start, 2 wrong command line, 3 something is held or failed,
4 stopped early (disk full), 130 interrupted. Run the same command again to go on where it stopped."""
)
@click.argument("paths", nargs=-1, required=True, type=PATH, metavar="IN... OUT")
@policy_option
@mapping_options
@project_options
@click.option(
    "--layout",
    type=click.Choice(["mirror", "patient-index", "uid"]),
    default="mirror",
    show_default=True,
    help="mirror: as the input; patient-index: 0001/000001.dcm; uid: patient/study/series/instance.",
)
@click.option(
    "--dicomdir",
    type=click.Choice(["rebuild", "always", "redact", "drop"]),
    default="rebuild",
    show_default=True,
    help="rebuild: a new one where the input has one; always: one for all results; redact: the old one, overwritten.",
)
@click.option(
    "--beside",
    is_flag=True,
    help="Write NAME_deidentified beside each input file; there is no OUT. A NAME that may identify becomes a token.",
)
@click.option("--copy-other", is_flag=True, help="Copy what is not DICOM as it is. Nothing in it is cleaned.")
@click.option("--dry-run", is_flag=True, help="Decide and report; write no result, leave the mapping table alone.")
@click.option("--jobs", type=click.IntRange(0), help="Processes.  [default: one for each processor]")
@click.option("--scheduler", metavar="ADDRESS", help="Work on a Dask cluster instead, e.g. tcp://host:8786.")
@click.option("--report-identities", is_flag=True, help="Also write identities.csv with original names and IDs (0600).")
@click.option("--state", type=PATH, help="Folder of journal and reports.  [default: OUT.deidgate]")
@click.option("--max-unfolded", metavar="SIZE", help="What one archive may unfold to.  [default: 512G]")
@click.option(
    "--verify-every",
    type=click.IntRange(1),
    default=64,
    show_default=True,
    help="Of instances whose header repeats a verified one, how many pass between two that go the whole way.",
)
@click.option(
    "--sign", "mark_key", type=PATH, help="The gateway's mark key (PEM): results are signed as it signs them."
)
@click.option(
    "--accept",
    type=click.Choice(ACCEPTABLE),
    multiple=True,
    help="Let this reason to hold pass in the whole run, once you know that it is right.",
)
@click.option("--quiet", is_flag=True, help="No progress.")
@json_option
def run(
    paths: tuple[Path, ...],
    policy: str,
    mapping: str | None,
    keys: Path | None,
    project: str,
    site: str,
    layout: str,
    dicomdir: str,
    beside: bool,
    copy_other: bool,
    dry_run: bool,
    jobs: int | None,
    scheduler: str | None,
    report_identities: bool,
    state: Path | None,
    max_unfolded: str | None,
    verify_every: int,
    mark_key: Path | None,
    accept: tuple[str, ...],
    quiet: bool,
    as_json: bool,
) -> None:
    """De-identify files, folders, zip and tar archives and DICOMDIR media: IN... to OUT.

    Originals are not touched, and nothing is overwritten. What is not DICOM is reported. OUT.deidgate has the reports
    and the journal that lets an interrupted run go on; it names originals, so keep it where they are.
    """
    from deidgate.batch.start import loading, warmed_up

    inputs, output, archive = _places(paths, beside=beside)
    if jobs != 0 and scheduler is None:
        warmed_up()
    with loading():
        from deidgate import Deidentifier
        from deidgate.cli.progress import Meter
        from deidgate.cli.table import tells_of_new
        from deidgate.files.journal import state_of
        from deidgate.files.limits import Limits

    if state is None:
        named = archive or (inputs[0] if beside else output)
        state = state_of(named)
    limits = Limits() if max_unfolded is None else replace(Limits(), unfolded_bytes=size_of(max_unfolded))
    with Deidentifier(policy, mapping=mapping, keys=keys, project=project, site=site) as deidentifier:
        try:
            with tells_of_new(deidentifier.mapping), Meter(inputs, quiet=quiet or as_json) as meter:
                summary = deidentifier.run(
                    inputs,
                    output,
                    layout=layout,
                    dicomdir=dicomdir,
                    beside=beside,
                    copy_other=copy_other,
                    dry_run=dry_run,
                    identities=report_identities,
                    jobs=jobs,
                    scheduler=scheduler,
                    state=state,
                    verify_every=verify_every,
                    limits=limits,
                    mark_key=mark_key,
                    accept=accept,
                    tell=meter.tell,
                )
        except KeyboardInterrupt:
            click.echo("interrupted; run the same command again to go on", err=True)
            sys.exit(Exit.INTERRUPTED)
    if archive is not None and not dry_run and not summary.stopped:
        _pack(output, archive)
        shutil.rmtree(output)
    if as_json:
        click.echo(
            json.dumps(
                {
                    "counts": summary.counts,
                    "reasons": summary.codes,
                    "resumed": summary.resumed,
                    "stopped": summary.stopped,
                    "reports": [str(path) for path in summary.reports],
                    "dicomdir": [str(path) for path in summary.media],
                    "complete": summary.complete,
                }
            )
        )
    else:
        _say(summary.counts, summary.codes, summary.resumed, summary.stopped, [str(path) for path in summary.reports])
    if summary.stopped:
        sys.exit(Exit.STOPPED)
    if not summary.complete:
        sys.exit(Exit.INCOMPLETE)


_NO_FOLDERS = frozenset({".7z", ".bz2", ".dcm", ".dic", ".dicom", ".gz", ".ima", ".rar", ".tar", ".tgz", ".xz"})


def _places(paths: tuple[Path, ...], *, beside: bool) -> tuple[list[Path], Path, Path | None]:
    """Inputs, the folder of results, and the zip that they end in."""
    if beside:
        parents = {path.absolute().parent for path in paths}
        if len(parents) > 1:
            raise click.UsageError("--beside takes files of one folder")
        return list(paths), parents.pop(), None
    if len(paths) < 2:
        raise click.UsageError("give at least one IN, and OUT")
    inputs, output = list(paths[:-1]), paths[-1]
    if output.suffix.lower() in _NO_FOLDERS and not output.is_dir():
        # A folder of that name is what nobody meant.
        raise click.UsageError(f"OUT is a folder or a new .zip, and {output.name} is named like a file; see --beside")
    if output.suffix.lower() != ".zip":
        return inputs, output, None
    if os.path.lexists(output):
        raise click.UsageError(f"{output} exists; nothing is overwritten")
    from deidgate.files.journal import state_of

    return inputs, state_of(output) / "results", output


def _pack(folder: Path, archive: Path) -> None:
    from deidgate.files.archive import ZipWriter
    from deidgate.files.atomic import whole_file

    with whole_file(archive) as stream:
        writer = ZipWriter(stream)
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            # Zips in the zip are stored: they are compressed already.
            writer.add(path.relative_to(folder).parts, path, zipfile.is_zipfile(path))
        writer.close()


def _say(counts: dict[str, int], codes: dict[str, int], resumed: int, stopped: str, reports: list[str]) -> None:
    from deidgate.words.lookup import meaning

    total = sum(counts.values())
    said = ", ".join(f"{number} {status}" for status, number in counts.items()) or "nothing found"
    click.echo(f"{counted(total, 'file')}: {said}" + (f" ({resumed} were finished before)" if resumed else ""))
    for code, number in sorted(codes.items(), key=lambda pair: -pair[1]):
        about = meaning(code)
        click.echo(f"  {number} × {code}: {about.what}; {about.to_do}")
    if stopped:
        click.echo(f"stopped early: {meaning(stopped).what}; {meaning(stopped).to_do}", err=True)
    for path in reports:
        click.echo(f"report: {path}")
