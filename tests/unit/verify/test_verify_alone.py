# SPDX-License-Identifier: Apache-2.0
"""The gate shares no code with what it judges."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import deidgate.verify

FACTS = {"deidgate.standard", "deidgate.standard.codes", "deidgate.standard.uids"}
VALUES = {"deidgate.plan.model", "deidgate.dicom.path", "deidgate.dicom.box", "deidgate.errors"}


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            found.add(node.module or "")
    return found


def test_it_imports_only_pydicom_numpy_the_standard_library_facts_and_the_plans_value_type():
    (folder,) = deidgate.verify.__path__
    modules = list(Path(folder).rglob("*.py"))
    assert len(modules) > 10
    for module in modules:
        for name in imports(module):
            top = name.partition(".")[0]
            allowed = (
                top in sys.stdlib_module_names
                or top in ("numpy", "pydicom")
                or name.startswith("deidgate.verify")
                or name in FACTS | VALUES
            )
            assert allowed, f"{module.name} imports {name}"
