# SPDX-License-Identifier: Apache-2.0
"""The proof's result for a person and for a program."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Sequence

from deidgate.prove.model import Finding, Verdict

_SAYS = {
    Verdict.GONE: "delivered, and nowhere to be found",
    Verdict.HELD: "held for a person",
    Verdict.REJECTED: "rejected by a written rule",
    Verdict.FOUND: "STILL THERE",
    Verdict.LOST: "NOT ACCOUNTED FOR",
}

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1b1f24; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .35rem .6rem; vertical-align: top; }
tr { border-bottom: 1px solid #d5d9de; } .bad { background: #fde7e7; font-weight: 600; } .good { color: #22543d; }
"""


def as_json(findings: Sequence[Finding]) -> dict[str, object]:
    """The findings as JSON values, without the needles."""
    return {
        "proved": proved(findings),
        "counts": {verdict.value: number for verdict, number in _counts(findings).items()},
        "plants": [
            {"name": one.plant.name, "where": one.plant.where, "verdict": one.verdict.value, "detail": one.detail}
            for one in findings
        ],
    }


def proved(findings: Sequence[Finding]) -> bool:
    """True when there were plants, and each is gone, held or rejected."""
    return bool(findings) and all(one.verdict.is_good for one in findings)


def as_html(findings: Sequence[Finding], about: str) -> str:
    """The findings as one page that needs nothing else.

    Parameters
    ----------
    findings : sequence of Finding
    about : str
        When and on what the proof ran.
    """
    rows = "\n".join(_row(one) for one in findings)
    counts = ", ".join(f"{number} {verdict.value}" for verdict, number in _counts(findings).items())
    answer = "Nothing that was planted got out." if proved(findings) else "Not everything is as it should be."
    return (
        "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'><title>Proof of de-identification</title>"
        f"<style>{_STYLE}</style></head><body>\n<h1>Proof of de-identification</h1>\n"
        f"<p><strong>{answer}</strong> {len(findings)} plants: {html.escape(counts)}.</p>\n"
        f"<p>{html.escape(about)}</p>\n"
        "<p>Each line is an identifier that was planted in a made-up instance and sent through the gateway.</p>\n"
        f"<table><thead><tr><th>Planted in</th><th>Result</th><th>Detail</th></tr></thead><tbody>\n{rows}\n"
        "</tbody></table>\n</body></html>\n"
    )


def _row(one: Finding) -> str:
    kind = "good" if one.verdict.is_good else "bad"
    cells = (one.plant.where, f"{one.verdict.value}: {_SAYS[one.verdict]}", one.detail)
    return f"<tr class='{kind}'>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + "</tr>"


def _counts(findings: Sequence[Finding]) -> Counter[Verdict]:
    return Counter(one.verdict for one in findings)
