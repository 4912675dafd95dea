# SPDX-License-Identifier: Apache-2.0
"""Nobody is left with a code alone."""

import ast
from pathlib import Path

import pytest

from deidgate.files.reasons import MEANINGS
from deidgate.files.refusals import REFUSALS
from deidgate.holds import EXPLANATIONS

PACKAGE = Path(__file__).parents[3] / "plugins" / "deidgate"
ROOMS = ("batch", "cli", "convert", "dimse", "files", "policy", "store")
# The console's and the gate's own, and constructions that name the accepted values themselves.
ELSEWHERE = {"ingest-answer-unreadable", "site-certificates"}
ERRORS = {"ConfigurationError", "Unavailable", "CannotDeidentify", "NotApproved"}


def raised() -> set[str]:
    """Codes that these rooms raise errors with."""
    calls = (
        node
        for room in ROOMS
        for path in (PACKAGE / room).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ERRORS and node.args
    )
    return {
        call.args[0].value
        for call in calls
        if isinstance(call.args[0], ast.Constant) and isinstance(call.args[0].value, str)
    }


def test_codes_are_found():
    assert len(raised()) > 80


@pytest.mark.parametrize("code", sorted(raised() - ELSEWHERE))
def test_every_code_that_a_command_refuses_with_says_what_it_is_and_what_to_do(code):
    assert code in MEANINGS or code in REFUSALS or code in EXPLANATIONS


def test_no_code_is_explained_twice():
    assert not set(REFUSALS) & set(MEANINGS)


def test_sentences_go_on_after_a_colon():
    assert all(text and text[-1] not in ".:;" for pair in REFUSALS.values() for text in pair)
