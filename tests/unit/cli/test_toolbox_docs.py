# SPDX-License-Identifier: Apache-2.0
"""What the documentation of the toolbox says is so."""

import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from tests.data.toolbox_series import ct, encoded

from deidgate import cli
from deidgate.cli import COMMANDS, main
from deidgate.cli.exits import Exit
from deidgate.cli.toolbox_table import TOOLBOX

DOCS = (Path(__file__).parents[3] / "docs" / "toolbox.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", DOCS, re.DOTALL)


def commands(name: str, command: click.Command) -> list[tuple[str, click.Command]]:
    if isinstance(command, click.Group) and name != "deidgate":
        return [(f"{name} {sub}", one) for sub, one in command.commands.items()]
    return [(name, command)]


EVERY = [
    (spelled, one)
    for name in sorted(TOOLBOX)
    for spelled, one in commands(name, main.get_command(click.Context(main), name))
]


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_python_examples_run(block, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "incoming").mkdir()
    for number in (1, 2):
        (tmp_path / "incoming" / f"IM000{number}.dcm").write_bytes(encoded(ct(1, 1, 1, number, rows=8)))
    exec(compile(block, "docs/toolbox.md", "exec"), {"__name__": "example"})  # noqa: S102 - it is our own text
    assert list(tmp_path.rglob("*.dcm"))[2:]


def test_no_command_has_an_exit_code_of_its_own():
    other = re.compile(r"\.exit\((?!Exit\.|_exit_of\()")
    folder = Path(cli.__file__).parent
    assert [path.name for path in folder.glob("*.py") if other.search(path.read_text(encoding="utf-8"))] == []


def test_the_exit_codes_are_those_of_the_table():
    rows = re.findall(r"^\| (\d+) \| (\w+) \|", DOCS, re.MULTILINE)
    assert {name: int(code) for code, name in rows} == {member.name: member.value for member in Exit}


@pytest.mark.parametrize("line", re.findall(r"^(deidgate [^\n]*)", DOCS, re.MULTILINE))
def test_every_command_line_of_the_text_is_one_that_is_understood(line):
    """Options and sub commands exist; files need not."""
    for part in line.partition("#")[0].split(";"):
        words = part.split()
        if not words or words[0] != "deidgate":
            continue
        command = main.get_command(click.Context(main), words[1])
        assert command is not None, words[1]
        rest = words[2:]
        if isinstance(command, click.Group):
            command = command.commands[rest[0]]
            rest = rest[1:]
        known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        assert {word for word in rest if word.startswith("--")} <= known, part


@pytest.mark.parametrize(("name", "command"), EVERY, ids=[name for name, _ in EVERY])
def test_every_command_has_help_with_an_example(name, command):
    done = CliRunner().invoke(main, [*name.split(), "--help"], terminal_width=200)
    assert done.exit_code == 0
    assert "Example" in done.output and f"deidgate {name.split()[0]}" in done.output
    assert len(done.output.splitlines()) > 5
    assert "\\b" not in done.output


def test_every_command_of_the_toolbox_is_documented():
    missing = [name for name in TOOLBOX if f"deidgate {name}" not in DOCS]
    assert missing == []
    assert set(TOOLBOX) <= set(COMMANDS)
