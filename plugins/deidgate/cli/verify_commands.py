# SPDX-License-Identifier: Apache-2.0
"""``deidgate verify``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deidgate.cli.exits import Exit
from deidgate.cli.options import PATH, json_option

if TYPE_CHECKING:
    from deidgate.batch.pairs import Pair


@click.command(
    epilog="""\b
Examples:
  deidgate verify IM0001.dcm IM0001_deidentified.dcm
  deidgate verify incoming/ out/                    pairs of the report out.deidgate/report.csv
  deidgate verify incoming/ out/ --report other/report.csv
  deidgate verify scan.zip out/                     members of archives too

\b
Exit codes: 0 nothing found, 1 refused (no pairs, unreadable), 2 wrong command line, 3 findings, and originals or
results that are not there."""
)
@click.argument("original", type=PATH)
@click.argument("result", type=PATH)
@click.option("--report", type=PATH, help="report.csv of the run.  [default: in RESULT.deidgate or ORIGINAL.deidgate]")
@json_option
def verify(original: Path, result: Path, report: Path | None, as_json: bool) -> None:
    """Compare originals and results from the outside: the last gate, on what lies there now.

    Without the plan of the run it judges by what the result itself claims; what only a policy can explain is a finding.
    What was masked is read from the journal beside the report; without that, differing pixels are taken for masks where
    the result claims Clean Pixel Data and they lie in rectangles of one value, and each such picture is told of.
    """
    from deidgate.batch.pairs import Pair, Pairs, rows_of
    from deidgate.errors import ConfigurationError
    from deidgate.files.journal import masks_in, readable

    if not original.exists() or not result.exists():
        raise ConfigurationError("input-missing", str(result if original.exists() else original))
    judged = _Judged(as_json)
    if report is None and _is_single(original) and _is_single(result):
        masks = masks_in(_state(original) / "journal.sqlite")
        known = (
            masks.known.get((readable(str(original.absolute())), str(result.absolute()))) if masks is not None else None
        )
        judged.judge(Pair(str(result), original.read_bytes(), result.read_bytes(), known))
    else:
        path = report or next((p for p in _reports(original, result) if p.exists()), _reports(original, result)[0])
        if not path.exists():
            raise ConfigurationError("input-missing", str(path))
        with Pairs(rows_of(path), original, result, masks_in(path.with_name("journal.sqlite"))) as pairs:
            if not len(pairs):
                raise ConfigurationError("no-pairs", str(path))
            for pair in pairs:
                judged.judge(pair)
    judged.say()
    if judged.bad:
        sys.exit(Exit.INCOMPLETE)


class _Judged:
    """What was found, told as it is found."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self.pairs = self.bad = self._masked = self._missing = 0

    def judge(self, pair: Pair) -> None:
        """Tell what is wrong with one pair."""
        from deidgate.files.bare import with_meta
        from deidgate.verify.gate import verify as gate
        from deidgate.verify.masks import Masked, apparent

        self.pairs += 1
        if pair.original is None or pair.result is None:
            self.bad += 1
            self._missing += 1
            self._tell(pair, "original-missing" if pair.original is None else "result-missing")
            return
        before = with_meta(pair.original)
        seen = Masked(pair.boxes) if pair.boxes else None
        verdict = gate(before, pair.result, None, seen)
        if not verdict.ok and pair.boxes is None and (seen := apparent(before, pair.result)) is not None:
            verdict = gate(before, pair.result, None, seen)
        self.bad += not verdict.ok
        for finding in verdict.findings:
            self._tell(pair, finding.code, finding.path, finding.detail)
        if verdict.ok and seen is not None:
            self._masked += 1
            if pair.boxes is None:
                self._tell(pair, "masked", "(7FE0,0010)", "as the result claims; no journal says where", finding=False)

    def _tell(self, pair: Pair, code: str, path: str = "", detail: str = "", *, finding: bool = True) -> None:
        from deidgate.verify.model import Finding

        if self._as_json:
            fields = {"result": pair.shown, "code": code, "path": path, "detail": detail, "finding": finding}
            click.echo(json.dumps(fields))
        else:
            click.echo(f"{pair.shown}: {Finding(code, path, detail)}")

    def say(self) -> None:
        """The last line."""
        if self._as_json:
            return
        said = f"{self.pairs} pairs, {self.bad} with findings"
        if self._missing:
            said += f" ({self._missing} of them not there, or unreadable)"
        click.echo(f"{said}, {self._masked} masked" if self._masked else said)


def _is_single(path: Path) -> bool:
    """True for a file that is no archive."""
    from deidgate.files.kind import sniff_file

    if not path.is_file():
        return False
    with path.open("rb") as stream:
        return not sniff_file(stream).is_archive


def _state(path: Path) -> Path:
    """The folder of journal and reports of a run that was given `path`."""
    from deidgate.files.journal import state_of

    return state_of(path.absolute())


def _reports(original: Path, result: Path) -> list[Path]:
    return [_state(result) / "report.csv", _state(original) / "report.csv"]
