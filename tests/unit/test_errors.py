# SPDX-License-Identifier: Apache-2.0
"""Codes of errors are stable names, and an error is the same one in another process."""

import ast
import pickle
import re
from pathlib import Path

import pytest

from deidgate.batch.pool import _plain
from deidgate.convert.missing import ExtraMissingError
from deidgate.errors import ConfigurationError, DeidgateError
from deidgate.orthanc_io.client import Refused

PACKAGE = Path(__file__).parents[2] / "plugins" / "deidgate"
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(PACKAGE.rglob("*.py"))}


def families() -> set[str]:
    """Names of all classes that are errors of ours."""
    found = {"DeidgateError"}
    for _ in range(3):
        for tree in TREES.values():
            for node in ast.walk(tree):
                if isinstance(node, ast.ClassDef) and found & {getattr(base, "id", "") for base in node.bases}:
                    found.add(node.name)
    return found


FAMILIES = families()


def codes(node: ast.Call) -> list[ast.expr]:
    """What a call gives as the code of an error: of a class, of a base class, or of a table of a TOML file."""
    called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
    if called in FAMILIES - {"ExtraMissingError", "InvalidDate", "Unreadable", "Refused"}:
        given = node.args[:1]
    elif called == "error" and isinstance(node.func, ast.Attribute) and len(node.args) >= 3:
        given = node.args[1:2]
    else:
        return []
    return [part for one in given for part in ([one.body, one.orelse] if isinstance(one, ast.IfExp) else [one])]


GIVEN = [
    (path, code)
    for path, tree in TREES.items()
    for node in ast.walk(tree)
    if isinstance(node, ast.Call)
    for code in codes(node)
]


def is_a_name(code: ast.expr) -> bool:
    """Whether the code is a stable name as far as it is written there: a variable has its name elsewhere."""
    if isinstance(code, ast.Constant):
        return bool(NAME.fullmatch(str(code.value)))
    if isinstance(code, ast.JoinedStr):
        # The name of a server, and what is the matter with it.
        return bool(
            NAME.fullmatch("".join(str(one.value) if isinstance(one, ast.Constant) else "x" for one in code.values))
        )
    return True


def test_codes_are_found():
    assert len(GIVEN) > 250
    assert {"ExtraMissingError", "InvalidDate", "NotApproved", "Refused", "Unmarked"} <= FAMILIES


def test_every_code_is_a_lower_case_name_with_hyphens():
    wrong = [f"{path.name}:{code.lineno} {ast.unparse(code)}" for path, code in GIVEN if not is_a_name(code)]
    assert wrong == []


@pytest.mark.parametrize(
    "error",
    [
        DeidgateError("a-code"),
        ConfigurationError("unknown-value", "mine.toml [dates] birth", "accepted: keep, remove"),
        ExtraMissingError("pixels"),
        Refused("ingest", 404),
    ],
    ids=lambda error: error.code,
)
def test_an_error_is_the_same_in_another_process(error):
    there = pickle.loads(pickle.dumps(error))  # noqa: S301 - its own bytes
    assert type(there) is type(error)
    assert (there.code, there.path, there.detail, str(there)) == (error.code, error.path, error.detail, str(error))
    assert there.__dict__ == error.__dict__


def test_a_process_that_cannot_work_sends_its_error_without_the_cause():
    error = ConfigurationError("a-code", "here", "more")
    error.__cause__ = ValueError(lambda: None)  # which nothing can send
    there = pickle.loads(pickle.dumps(_plain(error)))  # noqa: S301 - its own bytes
    assert str(there) == "a-code at here (more)"
    assert there.__cause__ is None


def test_the_detail_stands_behind_code_and_place():
    assert str(ConfigurationError("a-code", "here", "more")) == "a-code at here (more)"
    assert str(ConfigurationError("a-code", detail="more")) == "a-code (more)"
    assert str(ConfigurationError("a-code")) == "a-code"
