# SPDX-License-Identifier: Apache-2.0
"""What holds for every file of the project."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TRACKED = [
    ROOT / name
    for name in subprocess.run(
        ["git", "-c", f"safe.directory={ROOT}", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    if (ROOT / name).is_file()
]
AGPL = {"plugins/ingest.py", "plugins/research.py"}


def texts():
    for path in TRACKED:
        try:
            yield path, path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


@pytest.mark.parametrize("path", [p for p in TRACKED if p.suffix == ".py"], ids=lambda p: str(p.relative_to(ROOT)))
def test_every_python_file_names_its_licence(path):
    expected = "AGPL-3.0-or-later" if str(path.relative_to(ROOT)) in AGPL else "Apache-2.0"
    assert f"SPDX-License-Identifier: {expected}" in path.read_text(encoding="utf-8")[:200]


def test_no_file_names_a_package_registry_or_a_machine():
    # Split, so that this file does not match itself.
    hosts = re.compile("|".join(["files.python" + "hosted", "pypi" + r"\.org", "registry" + r"\.npmjs"]))
    found = [str(p.relative_to(ROOT)) for p, text in texts() if hosts.search(text)]
    assert found == []


def test_no_file_names_a_folder_of_whoever_wrote_it():
    # Absolute, not the end of a longer path or address; of a user, or where checkouts are worked on.
    folders = re.compile(r"(?<![\w.:/}-])/(home|Users|root|work|workspace|builds)/[\w.-]")
    found = [str(p.relative_to(ROOT)) for p, text in texts() if folders.search(text)]
    assert found == []


def test_no_two_files_of_tests_have_one_name():
    # Their folders are no packages: pytest knows a file by its name alone, and stops at the second.
    names = [path.name for path in TRACKED if path.name.startswith("test_") and path.suffix == ".py"]
    assert sorted(names) == sorted(set(names))


def test_the_top_level_is_what_it_should_be():
    expected = {
        "docker-compose.yml", "gateway", "orthanc-ingest", "orthanc-research", "plugins",
        "ohif", "nginx", "tests", "docs", "pyproject.toml", "requirements.lock", "README.md", "CHANGELOG.md",
        "CONTRIBUTING.md", "LICENSE", "LICENSES", ".ci", ".gitignore", ".dockerignore",
    }  # fmt: skip
    assert {p.relative_to(ROOT).parts[0] for p in TRACKED} == expected


def test_no_image_of_a_patient_is_in_the_project():
    assert [p for p in TRACKED if p.suffix.lower() in {".dcm", ".dicom", ".ima"}] == []
