# SPDX-License-Identifier: Apache-2.0
"""``deidgate redact-pdf``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from deidgate.cli.numbers import numbers
from deidgate.cli.options import FILE, PATH, json_option

_MOST_PAGES = 100_000


@click.command(
    name="redact-pdf",
    epilog="""\b
Examples:
  deidgate redact-pdf form.pdf form_redacted.pdf
  deidgate redact-pdf --rules form.toml --pages 1 form.pdf out.pdf

\b
Exit codes: 0 written, 1 refused (nothing matched, a scanned page, encrypted, output exists), 2 wrong command line.
Needs the extra `convert`.""",
)
@click.argument("source", type=FILE)
@click.argument("target", type=PATH)
@click.option("--rules", type=FILE, help="TOML with rows, words, pages, elsewhere.  [default: rows of usual forms]")
@click.option("--pages", metavar="1,3", help="Only these pages stay.  [default: as the rules say, else all]")
@json_option
def redact_pdf(source: Path, target: Path, rules: Path | None, pages: str | None, as_json: bool) -> None:
    """Take identifying table rows of a form out of the file: text under them is gone, not covered.

    Metadata, attachments, form fields, annotations, bookmarks and scripts go too, and words of a removed row go
    everywhere else. A page that is a picture is refused: text rules cannot clean it.
    """
    from dataclasses import replace

    from deidgate.cli.writing import write_bytes
    from deidgate.convert.form import redact
    from deidgate.convert.form_rules import default_rules, load_rules

    chosen = load_rules(rules) if rules else default_rules()
    if pages is not None:
        wanted = numbers(pages, _MOST_PAGES)
        if not wanted:
            raise click.BadParameter("page numbers from 1, with commas", param_hint="--pages")
        chosen = replace(chosen, pages=tuple(wanted))
    done = redact(source.read_bytes(), chosen)
    write_bytes(done.content, target)
    if as_json:
        click.echo(
            json.dumps({"pages": done.pages, "rows": done.rows, "glyphs": done.glyphs, "pictures": done.pictures})
        )
    else:
        click.echo(
            f"{done.rows} rows, {done.glyphs} characters and {done.pictures} pictures taken out; pages {done.pages}"
        )
