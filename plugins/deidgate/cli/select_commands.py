# SPDX-License-Identifier: Apache-2.0
"""``deidgate select``."""

from __future__ import annotations

import re
from pathlib import Path

import click

from deidgate.cli.options import FILE, PATH, policy_option

_WORDS = {"k": "keep", "x": "remove", "z": "empty", "c": "clean", "p": ""}
_HELP = "numbers and ranges, then k keep, x remove, z empty, c clean, p as the policy says; l list, w write, q quit"


@click.command(
    epilog="""\b
Example:
  deidgate select IM0001.dcm mine.toml --policy basic
  > 12,15-18 x
  > w
  deidgate run --policy mine.toml incoming/ out/

\b
Exit codes: 0 written, 1 refused (unreadable, output exists, left without writing), 2 wrong command line."""
)
@click.argument("file", type=FILE)
@click.argument("target", type=PATH)
@policy_option
@click.option("--all", "all_", is_flag=True, help="List also what the policy keeps.")
def select(file: Path, target: Path, policy: str, all_: bool) -> None:
    """Choose in the terminal what happens with each element of FILE, and write that as the policy TARGET.

    It starts from a policy, shows what that does with the file, and takes your changes. The identity (Patient's Name
    and ID, UIDs) is replaced always.
    """
    from deidgate.batch import policies
    from deidgate.cli.numbers import numbers
    from deidgate.cli.writing import write_bytes
    from deidgate.convert.selection import choices, with_choices
    from deidgate.errors import ConfigurationError
    from deidgate.policy.load import load_policy, read_policy

    source = policies.find(policy)
    offered = choices(file.read_bytes(), load_policy(source), keep_kept=all_)
    chosen: dict[str, str] = {}

    def listed() -> None:
        for number, choice in enumerate(offered, 1):
            mark = f"→ {chosen[choice.name]}" if choice.name in chosen else ""
            click.echo(f"{number:4} {choice.action} {choice.name} = {choice.value} {mark}".rstrip())

    listed()
    click.echo(_HELP)
    while True:
        answer = click.prompt(">", prompt_suffix=" ", default="", show_default=False).strip()
        if answer == "q":
            raise ConfigurationError("left-without-writing", str(target))
        if answer == "w":
            break
        if answer in ("l", ""):
            listed()
            continue
        match = re.fullmatch(r"([\d,\s-]+)\s*([kxzcp])", answer)
        wanted = numbers(match[1], len(offered)) if match else []
        if match is None or not wanted:
            click.echo(_HELP)
            continue
        for number in wanted:
            name, word = offered[number - 1].name, _WORDS[match[2]]
            if word:
                chosen[name] = word
            else:
                chosen.pop(name, None)
    content = with_choices(source.read_bytes(), chosen, target.stem)
    # Where it will lie: a policy may name a certificate beside it.
    read_policy(content, target)
    write_bytes(content, target)
    click.echo(f"{len(chosen)} choices written to {target}")
