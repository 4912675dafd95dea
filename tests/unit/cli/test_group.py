# SPDX-License-Identifier: Apache-2.0
"""The command line lists what it has, and loads no more than it is asked for."""

import os
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner

from deidgate import __version__
from deidgate.cli import COMMANDS, IN_A_LINE, main

PLUGINS = Path(__file__).parents[3] / "plugins"


def python(*arguments: str) -> str:
    """What another Python prints that knows the package."""
    environment = os.environ | {"PYTHONPATH": str(PLUGINS)}
    done = subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_every_command_has_a_line_in_the_help_and_no_other_has():
    assert set(IN_A_LINE) == set(COMMANDS)


def test_help_lists_every_command():
    listed = CliRunner().invoke(main, ["--help"]).output
    assert all(name in listed for name in COMMANDS)


def test_help_loads_no_database_and_no_dicom():
    code = (
        "import sys\n"
        "from click.testing import CliRunner\n"
        "from deidgate.cli import main\n"
        "assert CliRunner().invoke(main, ['--help']).exit_code == 0\n"
        "print([name for name in ('pydicom', 'sqlalchemy', 'numpy') if name in sys.modules])\n"
    )
    assert python("-c", code) == "[]"


def test_python_runs_the_package_as_the_command():
    assert python("-m", "deidgate", "--version") == f"deidgate, version {__version__}"


def test_an_error_of_ours_is_told_in_words_and_not_as_a_traceback(monkeypatch):
    monkeypatch.setenv("DEIDGATE_TYPO", "1")
    told = CliRunner().invoke(main, ["gateway", "status"])
    assert told.exit_code == 1
    assert "unknown-setting at DEIDGATE_TYPO" in told.output
    assert "Traceback" not in told.output
