# SPDX-License-Identifier: Apache-2.0
"""The guide explains each reason that a further destination can have, and no other."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
PACKAGE = ROOT / "plugins" / "deidgate"
SOURCES = (
    *sorted((PACKAGE / "destinations").glob("*.py")),
    PACKAGE / "dimse" / "link.py",
    PACKAGE / "dimse" / "tls.py",
    PACKAGE / "store" / "forward_model.py",
    PACKAGE / "worker" / "lane.py",
)
# Raised by functions of other files that these call: of `settings.password`, and of the client of research.
ELSEWHERE = {"secret-unreadable", "secret-empty"}
ELSEWHERE |= {f"research-{end}" for end in ("error", "unavailable", "forbids", "certificate", "answer-unreadable")}
# What is told of a destination and is no reason: kinds of confirmation, and events of the log.
NO_REASONS = {"read-back", "c-store-success", "stow-referenced"}
NO_REASONS |= {"destination-failed", "destination-is-back", "destination-refused", "destination-claim-lost"}
NO_REASONS |= {"destination-keeps", "destination-broke-off"}
NO_REASONS |= {"destination-away", "ledger-unavailable", "deidgate-destination-"}


def reasons_in_code():
    words = {
        node.value
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    return {word for word in words if re.fullmatch(r"[a-z]+(-[a-z]*)+", word)} - NO_REASONS | ELSEWHERE


def reasons_in_guide():
    text = (ROOT / "docs" / "operate.md").read_text(encoding="utf-8")
    section = text.partition("## Further destinations")[2].partition("\n## ")[0]
    table = section.partition("| reason | do |")[2]
    return {
        code
        for row in table.splitlines()
        for code in re.findall(r"`([a-z-]+)`", row.split("|")[1] if "|" in row else "")
    }


def test_each_reason_of_a_destination_is_explained_and_no_other():
    assert "tls-failed" in reasons_in_code()
    assert reasons_in_guide() == reasons_in_code()
