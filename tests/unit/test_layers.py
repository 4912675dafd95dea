# SPDX-License-Identifier: Apache-2.0
"""The arrows of import point down, and the core reaches for the outside world only where it is said and why."""

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
CORE = LAYERS[0] | LAYERS[1] | LAYERS[2] | LAYERS[3]
# What the core may import beside the standard library and Deidgate itself.
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
# The outside world: files, processes, the network, the clock and chance. Tables of the package are no part of it
# (`importlib.resources`), nor are bytes in memory (`io.BytesIO`).
WORLD = {
    *("fileinput", "glob", "mmap", "os", "pathlib", "shutil", "tempfile", "sqlite3", "sqlalchemy"),
    *("asyncio", "concurrent", "ctypes", "fcntl", "logging", "multiprocessing", "resource", "signal", "subprocess"),
    *("threading", "queue", "sched"),
    *("ftplib", "http", "requests", "select", "selectors", "smtplib", "socket", "socketserver", "ssl", "urllib"),
    *("locale", "platform", "time", "zoneinfo"),
    *("random", "secrets", "uuid", "pydicom.uid.generate_uid"),
}
CLOCK = {"now", "today", "utcnow"}
# Module of the core, what it reaches for, and why.
OUTSIDE = {
    # Policies, routes and the like are files, and here they are read.
    "policy/destinations.py": {"pathlib"},
    "policy/load.py": {"pathlib"},
    "policy/retention.py": {"pathlib"},
    "policy/routes.py": {"pathlib"},
    "policy/tomlfile.py": {"pathlib"},
    # A decoder works in a process of its own, with limits.
    "pixels/guard.py": {"os", "subprocess", "threading"},
    "pixels/guarded.py": {"resource"},
    # Threads of a process look at pictures one after the other.
    "pixels/lazy.py": {"threading"},
    # The model comes with a package, as a file.
    "pixels/model.py": {"pathlib"},
    # What a user of the toolbox gives by name, and instances that did not exist before.
    "convert/edit.py": {"pydicom.uid.generate_uid"},
    "convert/form_rules.py": {"pathlib"},
    "convert/slides.py": {"pathlib"},
    "convert/subject.py": {"pydicom.uid.generate_uid", "today"},
    "convert/subjects.py": {"pathlib", "pydicom.uid.generate_uid"},
    "convert/volume.py": {"pydicom.uid.generate_uid"},
    # Programs of the project itself: they write a document and a table.
    "plan/conformance.py": {"pathlib"},
    "standard/generate_types.py": {"pathlib"},
}


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


def outside(path: Path) -> set[str]:
    """What a module has of the outside world: what it imports, `open`, and the clock that it asks."""
    found = {name for name in imports(path) if name in WORLD}
    found |= {name.split(".")[0] for name in imports(path) if name.split(".")[0] in WORLD}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "open":
            found.add("open")
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CLOCK:
            found.add(node.func.attr)
    return found


OF_THE_CORE = [p for p in FILES if room(p) in CORE]


@pytest.mark.parametrize("path", OF_THE_CORE, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_the_core_imports_no_other_library_and_no_outside_world_but_where_it_is_said(path):
    allowed = PICTURES_MAY if room(path) in {"pixels", "convert"} else PURE_MAY
    for name in imports(path):
        top = name.split(".")[0]
        assert top == "deidgate" or top in sys.stdlib_module_names | allowed, f"{path.name} imports {name}"
    assert outside(path) == OUTSIDE.get(str(path.relative_to(PACKAGE)), set())


def test_each_module_that_may_reach_outside_is_there():
    assert {PACKAGE / one for one in OUTSIDE} <= set(OF_THE_CORE)


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


def test_the_entry_points_of_files_and_of_the_gateway_do_not_lean_on_each_other():
    for room_, others in (
        ("batch", ("cli", "worker", "operate")),
        ("worker", ("batch", "operate")),
        ("prove", ("cli",)),
    ):
        for path in (PACKAGE / room_).rglob("*.py"):
            for name in imports(path):
                assert not name.startswith(tuple(f"deidgate.{other}" for other in others)), f"{path} imports {name}"
