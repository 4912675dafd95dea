# SPDX-License-Identifier: Apache-2.0
"""The arrows of import point down, and the pure packages stay pure."""

import ast
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "plugins" / "deidgate"

# From the bottom up; a module may import its own layer and those below it.
LAYERS = [
    {"errors", "standard", "dicom"},
    {"policy", "pseudonym"},
    {"plan", "apply", "verify", "pixels", "convert", "marks"},
    {"gateway"},
    {"orthanc_io", "store", "dimse", "destinations", "files", "settings", "log", "words", "custody"},
    {"cli", "worker", "batch", "operate", "prove", "__main__"},
]
PURE = LAYERS[0] | LAYERS[1] | LAYERS[2]
# What a pure package may import beside the standard library and Deidgate itself.
PURE_MAY = {"pydicom", "numpy", "cryptography"}
# Decoders, detectors and format libraries: only where pictures are the subject.
PICTURES_MAY = PURE_MAY | {
    "PIL",
    "cv2",
    "gdcm",
    "highdicom",
    "jpeg_ls",
    "nibabel",
    "onnxruntime",
    "openjpeg",
    "pdfminer",
    "pikepdf",
    "rapidocr",
    "tifffile",
    "wsidicom",
    "wsidicomizer",
}
# The outside world: nothing that is pure reaches for it.
WORLD = {"socket", "subprocess", "requests", "sqlalchemy", "logging", "urllib", "http", "sqlite3"}


def imports(path: Path) -> set[str]:
    """Names of all modules that the file imports, at any depth of the code, but for type checking only."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def room(path: Path) -> str:
    """The package of `deidgate` that the file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def rank(name: str) -> int:
    return next(i for i, layer in enumerate(LAYERS) if name in layer)


FILES = [p for p in sorted(PACKAGE.rglob("*.py")) if p.parent != PACKAGE or p.stem != "__init__"]


def test_every_room_of_the_package_has_a_layer():
    known = set().union(*LAYERS)
    assert {room(p) for p in FILES} <= known


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_down(path):
    own = rank(room(path))
    for name in imports(path):
        parts = name.split(".")
        if parts[0] == "deidgate" and len(parts) > 1 and parts[1] in set().union(*LAYERS):
            assert rank(parts[1]) <= own, f"{path.name} imports {name} from a layer above"


@pytest.mark.parametrize("path", [p for p in FILES if room(p) in PURE], ids=lambda p: str(p.relative_to(PACKAGE)))
def test_pure_packages_import_no_outside_world(path):
    allowed = PICTURES_MAY if room(path) in {"pixels", "convert"} else PURE_MAY
    for name in imports(path):
        top = name.split(".")[0]
        if top == "deidgate":
            continue
        assert top in sys.stdlib_module_names | allowed, f"{path.name} imports {name}"
        assert top not in WORLD or (room(path) == "pixels" and top == "subprocess"), f"{path.name} imports {name}"


def test_verify_shares_no_code_with_plan_apply_and_pixels():
    for path in (PACKAGE / "verify").rglob("*.py"):
        for name in imports(path):
            if name.startswith(("deidgate.plan", "deidgate.apply", "deidgate.pixels", "deidgate.policy")):
                assert name.startswith("deidgate.plan.model"), f"{path.name} imports {name}"


def test_only_the_two_entry_files_import_orthanc():
    entry = {PACKAGE.parent / "ingest.py", PACKAGE.parent / "research.py"}
    for path in PACKAGE.parent.rglob("*.py"):
        if path not in entry:
            assert not any(n == "orthanc" or n.startswith("orthanc.") for n in imports(path)), path
