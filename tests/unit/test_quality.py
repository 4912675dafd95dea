# SPDX-License-Identifier: Apache-2.0
"""One style for the whole tree: what a person runs before a commit, and continuous integration after it."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("command", [("check",), ("format", "--check")], ids=" ".join)
def test_the_tree_follows_the_style_that_pyproject_states(command):
    done = subprocess.run(
        [sys.executable, "-m", "ruff", *command, "--no-cache", "."],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]


BROAD = {"Exception", "BaseException"}
REASON = re.compile(r"# noqa: BLE001 --? \w")


def broad(path: Path) -> list[ast.ExceptHandler]:
    """Handlers that catch everything."""
    return [
        node
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ExceptHandler) and (node.type is None or getattr(node.type, "id", "") in BROAD)
    ]


def test_what_catches_everything_raises_again_or_says_why_it_does_not():
    found = [(path, node) for path in sorted((ROOT / "plugins").rglob("*.py")) for node in broad(path)]
    assert len(found) > 10
    silent = [
        f"{path.name}:{node.lineno}"
        for path, node in found
        if not any(isinstance(inner, ast.Raise) for inner in ast.walk(node))
        and not REASON.search(path.read_text(encoding="utf-8").splitlines()[node.lineno - 1])
    ]
    assert silent == []
