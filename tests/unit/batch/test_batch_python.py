# SPDX-License-Identifier: Apache-2.0
"""The Python API as somebody meets it who has read the documentation and no more."""

import os
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from tests.data.toolbox_series import ct, encoded

from deidgate import Deidentifier
from deidgate.errors import CannotDeidentify, ConfigurationError, Unavailable


@pytest.fixture
def deidentifier(tmp_path):
    with Deidentifier("basic", mapping=tmp_path / "private" / "mapping.db") as one:
        yield one


@pytest.fixture
def incoming(tmp_path):
    folder = tmp_path / "incoming"
    folder.mkdir()
    for number in (1, 2):
        (folder / f"IM{number}.dcm").write_bytes(encoded(ct(1, 1, 1, number, rows=8)))
    return folder


def script(tmp_path: Path, call: str) -> subprocess.CompletedProcess[str]:
    """A script that guards nothing, run in `tmp_path`; it leaves a line in `runs` each time that it is begun."""
    (tmp_path / "script.py").write_text(
        "from deidgate import Deidentifier\n"
        "with open('runs', 'a') as runs:\n"
        "    runs.write('begun\\n')\n"
        "with Deidentifier(policy='basic', mapping='private/mapping.db') as deidentifier:\n"
        f"    print(deidentifier.run({call}).counts)\n"
    )
    return subprocess.run(
        [sys.executable, "script.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(str(Path(p).resolve()) for p in sys.path if p)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_plain_script_works_and_is_not_run_again_by_its_own_processes(incoming, tmp_path):
    done = script(tmp_path, "['incoming'], 'out'")
    assert done.returncode == 0, done.stderr
    assert "{'done': 2}" in done.stdout
    assert (tmp_path / "runs").read_text() == "begun\n"


def test_a_plain_script_that_asks_for_processes_is_told_what_it_lacks(incoming, tmp_path):
    done = script(tmp_path, "['incoming'], 'out', jobs=2")
    assert done.returncode == 1
    assert "worker-cannot-start" in done.stderr and "freeze_support" not in done.stderr
    # Once in a line by itself, below the script's own traceback.
    assert 'if __name__ == "__main__":' in done.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize("of", [str, Path])
def test_one_input_need_not_be_in_a_list(deidentifier, incoming, tmp_path, of):
    assert deidentifier.run(of(incoming), tmp_path / "out").counts == {"done": 2}


def test_a_dataset_that_was_made_in_memory_is_taken_as_explicit_little_endian(deidentifier):
    made = pydicom.Dataset(ct(rows=8))
    result = deidentifier.dataset(made)
    assert result.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert result.PatientID.startswith("P-") and result.PixelData == made.PixelData
    assert not hasattr(made, "file_meta")


def test_a_dataset_without_file_meta_that_was_read_keeps_its_syntax(deidentifier):
    buffer = BytesIO()
    pydicom.dcmwrite(buffer, pydicom.Dataset(ct(rows=8)), implicit_vr=True, little_endian=True)
    result = deidentifier.dataset(pydicom.dcmread(BytesIO(buffer.getvalue()), force=True))
    assert result.file_meta.TransferSyntaxUID == ImplicitVRLittleEndian


@pytest.mark.parametrize("keyword", ["SOPClassUID", "SOPInstanceUID"])
def test_a_dataset_that_is_no_instance_is_held_and_not_an_error_of_a_library(deidentifier, keyword):
    made = pydicom.Dataset(ct(rows=8))
    delattr(made, keyword)
    with pytest.raises(CannotDeidentify):
        deidentifier.dataset(made)


def test_a_file_that_is_there_is_refused_with_an_error_of_the_documented_kind(deidentifier, incoming, tmp_path):
    (tmp_path / "there.dcm").write_text("mine")
    with pytest.raises(ConfigurationError, match="destination-exists"):
        deidentifier.file(incoming / "IM1.dcm", tmp_path / "there.dcm")
    assert (tmp_path / "there.dcm").read_text() == "mine"


# -- what is refused leaves nothing ---------------------------------------------------------


def left(tmp_path: Path) -> set[str]:
    return {path.name for path in tmp_path.iterdir()} - {"incoming"}


def test_where_no_input_exists_nothing_is_made(deidentifier, tmp_path):
    with pytest.raises(ConfigurationError, match="input-missing"):
        deidentifier.run([tmp_path / "nope", tmp_path / "neither"], tmp_path / "out")
    assert left(tmp_path) == set()


def test_one_missing_input_of_several_is_in_the_report(deidentifier, incoming, tmp_path):
    summary = deidentifier.run([tmp_path / "nope", incoming], tmp_path / "out")
    assert summary.counts == {"done": 2, "failed": 1} and summary.codes == {"input-missing": 1}


def test_without_dask_or_scheduler_nothing_is_made(deidentifier, incoming, tmp_path, monkeypatch):
    with pytest.raises(Unavailable, match="scheduler-unavailable"):
        deidentifier.run([incoming], tmp_path / "out", scheduler="tcp://127.0.0.1:1")
    assert left(tmp_path) == set()
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ConfigurationError, match="cluster"):
        deidentifier.run([incoming], tmp_path / "out", scheduler="tcp://127.0.0.1:1")
    assert left(tmp_path) == set()


def test_a_run_that_wrote_nothing_down_binds_no_later_one(deidentifier, incoming, tmp_path, monkeypatch):
    def refuse(*_: object) -> None:
        raise Unavailable("ledger-unavailable")

    with monkeypatch.context() as patched:
        patched.setattr("deidgate.batch.worker.Worker.__init__", refuse)
        with pytest.raises(Unavailable):
            deidentifier.run([incoming], tmp_path / "out", layout="mirror")
    assert (tmp_path / "out.deidgate" / "journal.sqlite").exists()
    assert deidentifier.run([incoming], tmp_path / "out", layout="uid").counts == {"done": 2}
