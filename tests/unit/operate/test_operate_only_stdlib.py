# SPDX-License-Identifier: Apache-2.0
import ast
import sys
from pathlib import Path

import pytest

OPERATE = Path(__file__).parents[3] / "plugins" / "deidgate" / "operate"
FILES = sorted(OPERATE.glob("*.py"))


def test_there_are_files_to_look_at():
    assert len(FILES) > 10


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_an_operator_needs_nothing_but_python(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are written in full"
            names = [node.module]
        for name in names:
            assert name.split(".")[0] in sys.stdlib_module_names or name.startswith("deidgate.operate"), name


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_oldest_python_that_is_promised_can_read_it(path):
    ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 10))


def test_importing_the_package_above_needs_nothing_but_python():
    at_import = ast.parse((OPERATE.parent / "__init__.py").read_text(encoding="utf-8")).body
    for node in at_import:
        if isinstance(node, ast.ImportFrom):
            assert node.module.split(".")[0] in sys.stdlib_module_names
        elif isinstance(node, ast.Import):
            assert all(alias.name.split(".")[0] in sys.stdlib_module_names for alias in node.names)
