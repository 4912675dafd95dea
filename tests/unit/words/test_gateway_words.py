# SPDX-License-Identifier: Apache-2.0
"""Every reason for a hold has a sentence for the person who has to decide."""

import ast
from pathlib import Path

import pytest

from deidgate.gateway.story import FINDING
from deidgate.words.instances import FINDING as FINDING_HERE
from deidgate.words.instances import INSTANCES
from deidgate.words.lookup import Reader, explain, words

PACKAGE = Path(__file__).parents[3] / "plugins" / "deidgate"
# Rooms whose errors end in the hold list; what they raise with these names, they raise about an instance.
ROOMS = ("apply", "dicom", "gateway", "orthanc_io", "pixels", "plan", "policy", "store", "worker")
RAISED = {"CannotDeidentify", "VerificationFailed", "Unmarked", "Held", "Hold", "Rejected"}


def codes_in(path: Path) -> set[str]:
    """Texts that are given as the code of an error or outcome, literally or as a choice between two."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in RAISED:
            for argument in node.args[:2]:
                parts = [argument.body, argument.orelse] if isinstance(argument, ast.IfExp) else [argument]
                found |= {p.value for p in parts if isinstance(p, ast.Constant) and isinstance(p.value, str)}
    return {code for code in found if "-" in code and code.islower()}


def all_codes() -> set[str]:
    files = [path for room in ROOMS for path in (PACKAGE / room).rglob("*.py")] + [PACKAGE / "marks.py"]
    return set().union(*(codes_in(path) for path in files))


def test_the_search_for_codes_finds_them():
    assert {"patient-id-blank", "sop-class-rejected", "mark-missing", "worker-died", "no-route"} <= all_codes()


@pytest.mark.parametrize("code", sorted(all_codes()))
def test_every_code_that_is_raised_is_explained(code):
    assert code in INSTANCES and words(code, Reader.GATEWAY)


@pytest.mark.parametrize("code", sorted(INSTANCES))
def test_an_explanation_is_two_sentences(code):
    told = explain(code)
    for sentence in (told.what, told.to_do):
        assert sentence[0].isupper()
        assert sentence.endswith(".")


def test_what_the_last_gate_finds_is_explained():
    assert FINDING == FINDING_HERE
    assert "last check" in explain(FINDING + "uid-left").what


def test_a_picture_that_is_not_there_is_not_said_to_have_text_in_it():
    assert explain("pixels-uncertain", "pixel-data-absent") == explain("pixel-data-absent")
    assert explain("pixels-uncertain", "text-found") == explain("pixels-uncertain")


def test_a_code_that_nobody_knows_is_still_explained():
    assert explain("never-heard-of").what
