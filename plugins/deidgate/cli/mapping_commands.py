# SPDX-License-Identifier: Apache-2.0
"""``deidgate mapping``: the two sides of the mapping table, for those who may see both."""

from __future__ import annotations

import csv
import io
import json
import os
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import click

from deidgate.cli.counted import counted
from deidgate.cli.exits import Exit
from deidgate.cli.options import FILE, json_option, mapping_options, policy_option, who_and_perhaps_why, who_and_why
from deidgate.cli.table import open_table
from deidgate.cli.writing import told_of
from deidgate.errors import ConfigurationError
from deidgate.files.atomic import whole_file
from deidgate.store.store import Store

HEADER = ("id_old", "id_new")


@click.group()
def mapping() -> None:
    """The mapping table: who is who. Everything here is written into the audit trail.

    The default table is ~/.local/share/deidgate/mapping.db with the folder keys beside it; in the gateway's containers
    it is the gateway's. Back both up, apart from results.
    """


@mapping.command(
    epilog="""\b
Example:
  deidgate mapping export --uids uids.csv --patients patients.csv --why "audit of trial 12" """
)
@click.option("--uids", type=click.Path(path_type=Path), help="CSV of Study, Series and SOP Instance UIDs.")
@click.option("--patients", type=click.Path(path_type=Path), help="CSV of Patient IDs.")
@click.option("--project", help="Only this project.")
@click.option("--replace", is_flag=True, help="Take the place of files that are there.")
@click.option("--approval", "approvals", type=int, multiple=True, help="Number of an approval, for each file.")
@who_and_perhaps_why
@mapping_options
@json_option
def export(
    uids: Path | None,
    patients: Path | None,
    project: str | None,
    replace: bool,
    approvals: tuple[int, ...],
    by: str,
    why: str,
    mapping: str | None,
    keys: Path | None,
    as_json: bool,
) -> None:
    """Write original and new identifiers as CSV with the header id_old,id_new, for the owner alone (0600)."""
    if uids is None and patients is None:
        raise click.UsageError("give --uids FILE, --patients FILE or both")
    if uids is not None and patients is not None and uids.resolve() == patients.resolve():
        raise click.UsageError("--uids and --patients are the same file")
    for path in (uids, patients):
        # Before anything is asked for: an approval is good for one export.
        if path is not None and not replace and os.path.lexists(path):
            raise ConfigurationError("destination-exists", str(path))
    written: dict[str, int] = {}
    with open_table(mapping, keys) as store:
        of = {one.action: one.id for one in store.approvals.waiting() if one.id in approvals}
        if uids is not None:
            pairs = store.custody.export_uids(by, why, project, approval=of.get("export-uids"))
            written["uids"] = _write(uids, pairs, replace)
        if patients is not None:
            pairs = store.custody.export_patients(by, why, project, approval=of.get("export-patients"))
            written["patients"] = _write(patients, pairs, replace)
    if as_json:
        click.echo(json.dumps(written))
    else:
        for name, number in written.items():
            click.echo(f"{number} {name}")


@mapping.command(
    "import",
    epilog="""\b
Example:
  deidgate mapping import trial-ids.csv --project trial12 --why "list of the trial office" --dry-run
Exit codes: 0 written, 1 refused, 3 lines collide (they are listed).""",
)
@click.argument("file", type=FILE)
@click.option("--project", default="default", show_default=True)
@click.option("--site", default="")
@click.option("--dry-run", is_flag=True, help="Report what would happen and write nothing.")
@policy_option
@who_and_perhaps_why
@mapping_options
@json_option
def import_(
    file: Path,
    project: str,
    site: str,
    dry_run: bool,
    policy: str,
    by: str,
    why: str,
    mapping: str | None,
    keys: Path | None,
    as_json: bool,
) -> None:
    """Read pre-assigned pseudonyms from a CSV with the header id_old,id_new: all lines are written, or none."""
    from deidgate.batch import policies
    from deidgate.store.model import PatientRow

    rows = [PatientRow(number, project, site, old, new) for number, old, new in _read(file)]
    style = policies.load(policy).pseudonym
    with tempfile.TemporaryDirectory() as nowhere, _table_or_rehearsal(mapping, keys, dry_run, nowhere) as store:
        report = store.custody.import_patients(rows, style, by, why, dry_run=dry_run)
    problems = [{"line": finding.number, "code": finding.code} for finding in report.problems]
    if as_json:
        click.echo(json.dumps({"new": report.new, "unchanged": report.unchanged, "problems": problems}))
    else:
        for problem in problems:
            click.echo(f"line {problem['line']}: {problem['code']}", err=True)
        verb = "would be written" if dry_run else "written" if not problems else "not written"
        click.echo(f"{report.new} new {verb}, {report.unchanged} known")
    if problems:
        sys.exit(Exit.INCOMPLETE)


@mapping.command(
    "look-up",
    epilog="""\b
Example:
  deidgate mapping look-up P-7KD2M9QX --why "incidental finding, ethics 2026/17"
Exit codes: 0 found, 1 refused, 3 nobody found.""",
)
@click.argument("value")
@click.option("--project", help="Only this project.")
@who_and_why
@mapping_options
@json_option
def look_up(
    value: str, project: str | None, by: str, why: str, mapping: str | None, keys: Path | None, as_json: bool
) -> None:
    """Find a patient by Patient ID, pseudonym, accession number or UID, original or new.

    Of UIDs the table has Study, Series and SOP Instance UIDs only; others are derived with the key and are not in it.
    """
    if value == "-":
        value = sys.stdin.readline().strip()
    with open_table(mapping, keys) as store:
        found = store.custody.look_up(value, by, why, project)
    for one in found:
        fields = {
            "project": one.project,
            "site": one.site,
            "pseudonym": one.pseudonym,
            "patient_id": one.patient_id,
            "patient_name": one.identity.patient_name,
            "birth_date": one.identity.birth_date,
            "shift_days": one.shift_days,
            "uid_old": one.uid.original if one.uid else "",
            "uid_new": one.uid.new if one.uid else "",
        }
        if as_json:
            click.echo(json.dumps(fields, ensure_ascii=False))
        else:
            click.echo("\n".join(f"{name:13} {text}" for name, text in fields.items() if text != "") + "\n")
    if not found:
        click.echo("nobody found", err=True)
        sys.exit(Exit.INCOMPLETE)


@mapping.command(
    epilog="""\b
Example:
  deidgate mapping purge P-7KD2M9QX --why "consent withdrawn" """
)
@click.argument("pseudonym")
@click.option("--project", default="default", show_default=True)
@who_and_why
@click.option("--yes", is_flag=True, help="Do not ask.")
@mapping_options
def purge(pseudonym: str, project: str, by: str, why: str, yes: bool, mapping: str | None, keys: Path | None) -> None:
    """Forget who a pseudonym was. Cannot be undone; the same patient, seen again, is a new one."""
    pseudonym = pseudonym.strip()
    with open_table(mapping, keys) as store:
        forgotten = None
        if store.custody.knows(project, pseudonym):
            if not yes:
                click.confirm(f"Forget who {pseudonym} in project {project} was, for ever?", abort=True)
            forgotten = store.custody.purge_patient(project, pseudonym, by, why)
    if forgotten is None:
        click.echo(f"nobody in project {project} has this pseudonym: nothing was forgotten", err=True)
        sys.exit(Exit.INCOMPLETE)
    click.echo(f"the patient and {counted(forgotten, 'UID')} forgotten")


def _table_or_rehearsal(mapping: str | None, keys: Path | None, dry_run: bool, nowhere: str) -> Store:
    """The table; in a dry run, where there is none yet, an empty one that nobody keeps."""
    try:
        return open_table(mapping, keys, create=not dry_run)
    except ConfigurationError as error:
        if not dry_run or error.code != "mapping-absent":
            raise
        return open_table(str(Path(nowhere) / "mapping.db"), None, create=True)


def _read(path: Path) -> list[tuple[int, str, str]]:
    # IDs are texts: leading zeros stay, and nothing is evaluated.
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = csv.DictReader(file)
            if tuple(lines.fieldnames or ()) != HEADER:
                raise ConfigurationError("csv-header-wrong", str(path))
            return [
                (number, (row["id_old"] or "").strip(), (row["id_new"] or "").strip())
                for number, row in enumerate(lines, 2)
            ]
    except UnicodeDecodeError:
        raise ConfigurationError("csv-is-not-utf-8", str(path)) from None
    except csv.Error:
        raise ConfigurationError("csv-unreadable", str(path)) from None


def _write(path: Path, pairs: Iterable[tuple[str, str]], replace: bool) -> int:
    number = 0
    # For the owner alone: the file names patients.
    with told_of(path), whole_file(path, mode=0o600, replace=replace) as stream:
        text = io.TextIOWrapper(stream, encoding="utf-8", newline="", write_through=True)
        lines = csv.writer(text)
        lines.writerow(HEADER)
        for pair in pairs:
            lines.writerow(pair)
            number += 1
        text.detach()
    return number
