# SPDX-License-Identifier: Apache-2.0
"""Nobody is left with a code alone, nor with advice that only somebody else can follow."""

import ast
import re
from pathlib import Path

import pytest

from deidgate.words.files import FILES
from deidgate.words.instances import FINDING, INSTANCES
from deidgate.words.lookup import Reader, meaning, told, words
from deidgate.words.refusals import REFUSALS

PACKAGE = Path(__file__).parents[3] / "plugins" / "deidgate"
# What a command of the toolbox goes through, and with which errors it ends.
ROOMS = [
    "apply",
    "batch",
    "cli",
    "convert",
    "dicom",
    "dimse",
    "files",
    "pixels",
    "plan",
    "policy",
    "pseudonym",
    "store",
]
MODULES = ("gateway/original.py", "gateway/identity.py", "gateway/picture.py", "marks.py")
ERRORS = {"ConfigurationError", "Unavailable", "CannotDeidentify", "VerificationFailed", "NotApproved", "Unmarked"}
# The gateway's and the console's alone: no command of the toolbox comes there.
ELSEWHERE = {
    "by-person",
    "ingest-answer-unreadable",
    "instructions-unreadable",
    "no-route",
    "original-changed",
    "patient-purged",
    "site-certificates",
}
TABLES = (INSTANCES, FILES, REFUSALS)
FOR_THE_TOOLBOX = sorted(code for table in TABLES for code in table if words(code, Reader.TOOLBOX))
OF_THE_GATEWAY = re.compile(
    r"\b(clinics?|sites?|releas\w+|rejects? this|reject it|sender|sending|gateway|item's)\b", re.IGNORECASE
)


def raised() -> set[str]:
    """Codes that errors are raised with there, literally or as a choice between two."""
    paths = [path for room in ROOMS for path in (PACKAGE / room).rglob("*.py")] + [PACKAGE / one for one in MODULES]
    calls = (
        node
        for path in paths
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ERRORS and node.args
    )
    found = {
        node.args[1].value
        for module in ("load", "tomlfile")
        for node in ast.walk(ast.parse((PACKAGE / "policy" / f"{module}.py").read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "error" and len(node.args) > 2
    }
    for call in calls:
        code = call.args[0]
        for part in [code.body, code.orelse] if isinstance(code, ast.IfExp) else [code]:
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                found.add(part.value)
    return found


def test_codes_are_found():
    assert len(raised()) > 150


@pytest.mark.parametrize("code", sorted(raised() - ELSEWHERE))
def test_every_code_that_a_command_refuses_with_says_what_it_is_and_what_to_do(code):
    assert words(code, Reader.TOOLBOX)


def test_no_code_has_its_words_twice():
    assert len(set().union(*TABLES)) == sum(map(len, TABLES))


@pytest.mark.parametrize("code", [*FOR_THE_TOOLBOX, f"{FINDING}uid-left", "never-heard-of"])
def test_what_the_toolbox_says_can_be_done_by_who_has_files_alone(code):
    said = meaning(code)
    assert not OF_THE_GATEWAY.search(said.what) and not OF_THE_GATEWAY.search(said.to_do)


def test_parts_of_a_sentence_go_on_after_a_colon():
    for table in TABLES:
        for one in table.values():
            assert all(not text or text[-1] not in ".:;" for text in (one.what, one.to_do, one.gateway))


def test_the_general_advice_is_no_word_for_a_code():
    assert told("never-heard-of", "here") == "never-heard-of at here"
