# SPDX-License-Identifier: Apache-2.0
"""What libraries say of a file quotes its values: nobody hears it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.data.toolbox_series import ct, encoded

PLUGINS = Path(__file__).parents[3] / "plugins"
NEEDLE = "Quillfeather"


@pytest.fixture
def odd(tmp_path) -> Path:
    """A file in which a UID and dates make pydicom warn."""
    dataset = ct(rows=8)
    dataset.StudyDescription = NEEDLE
    dataset.PatientName = NEEDLE
    # pydicom would not write these.
    content = encoded(dataset).replace(b"1.2.826.0.1.3680043.10.99999.1.1.77", b"1.2.Quillfeather.3680043.10.1.1.77\0")
    content = content.replace(b"20210304", b"2Quill04")
    path = tmp_path / "incoming" / "IM1"
    path.parent.mkdir()
    path.write_bytes(content)
    return path


def said(tmp_path, *words: object) -> str:
    """What `deidgate` says on standard error."""
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", "from deidgate.cli import main; main()", *map(str, words)],
        env=os.environ | {"PYTHONPATH": str(PLUGINS), "XDG_DATA_HOME": str(tmp_path / "private")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Usage:" not in done.stderr
    return done.stderr


def test_the_file_makes_pydicom_quote_it(odd):
    code = f"import pydicom; d = pydicom.dcmread({str(odd)!r}); d.walk(lambda ds, e: e.value); str(d)"
    done = subprocess.run([sys.executable, "-W", "always", "-c", code], capture_output=True, text=True, check=True)
    assert "Quill" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("show", "incoming/IM1"),
        ("explain", "--policy", "basic", "incoming/IM1"),
        ("edit", "incoming/IM1", "edited", "--set", "PatientSex=F", "--new-uids"),
        ("blank", "incoming/IM1", "blank", "--box", 0, 0, 2, 2),
        ("overlay", "incoming/IM1", "overlay", "--remove", "all"),
        ("run", "--policy", "basic", "--jobs", 0, "incoming", "out"),
        ("run", "--policy", "basic", "--jobs", 2, "incoming", "out"),
    ],
    ids=lambda words: " ".join(map(str, words[:5])),
)
def test_no_command_repeats_a_value_on_the_terminal(tmp_path, odd, words):
    assert "Quill" not in said(tmp_path, *words)
