# SPDX-License-Identifier: Apache-2.0
"""``deidgate verify``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from deidgate.cli.exits import Exit
from deidgate.cli.options import PATH, json_option


@click.command(
    epilog="""\b
Examples:
  deidgate verify IM0001.dcm IM0001_deidentified.dcm
  deidgate verify incoming/ out/                    pairs of the report out.deidgate/report.csv
  deidgate verify incoming/ out/ --report other/report.csv

\b
Exit codes: 0 nothing found, 1 refused (no pairs, unreadable), 2 wrong command line, 3 findings."""
)
@click.argument("original", type=PATH)
@click.argument("result", type=PATH)
@click.option("--report", type=PATH, help="report.csv of the run.  [default: RESULT.deidgate/report.csv]")
@json_option
def verify(original: Path, result: Path, report: Path | None, as_json: bool) -> None:
    """Compare originals and results from the outside: the last gate, on what lies there now.

    Without the plan of the run it judges by what the result itself claims; what only a policy can explain is a finding.
    """
    from deidgate.errors import ConfigurationError
    from deidgate.files.bare import with_meta
    from deidgate.verify.gate import verify as gate

    if not original.exists() or not result.exists():
        raise ConfigurationError("input-missing", str(result if original.exists() else original))
    pairs = [(original, result)] if original.is_file() else list(_pairs(original, result, report))
    if not pairs:
        raise ConfigurationError("no-pairs", str(report or f"{result}.deidgate/report.csv"))
    bad = 0
    for before, after in pairs:
        verdict = gate(with_meta(before.read_bytes()), after.read_bytes())
        bad += not verdict.ok
        for finding in verdict.findings:
            if as_json:
                fields = {"result": str(after), "code": finding.code, "path": finding.path, "detail": finding.detail}
                click.echo(json.dumps(fields))
            else:
                click.echo(f"{after}: {finding}")
    if not as_json:
        click.echo(f"{len(pairs)} pairs, {bad} with findings")
    if bad:
        sys.exit(Exit.INCOMPLETE)


def _pairs(original: Path, result: Path, report: Path | None) -> list[tuple[Path, Path]]:
    """Original and result of each finished file that the run's report names below both folders."""
    import csv

    from deidgate.errors import ConfigurationError

    path = report or result.parent / f"{result.name}.deidgate" / "report.csv"
    if not path.exists():
        raise ConfigurationError("input-missing", str(path))
    found = []
    with path.open(newline="", encoding="utf-8-sig") as file:
        for row in csv.DictReader(file):
            source = Path(row["source"].removeprefix("'"))
            target = result / row["destination"].removeprefix("'")
            if row["status"] == "done" and source.is_file() and target.is_file():
                found.append((source, target))
    return found
