# SPDX-License-Identifier: Apache-2.0
"""The command line: ``deidgate COMMAND``.

A command's module is loaded when the command is called, so that one that needs little starts at once. The table below
is the whole list; a module has one click command or group for each name that the table gives it.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

import click

from deidgate import __version__
from deidgate.errors import DeidgateError

COMMANDS: Mapping[str, str] = {
    "demo-study": "deidgate.cli.demo_commands:demo_study",
    "gateway": "deidgate.cli.gateway_commands:gateway",
    "mapping": "deidgate.cli.mapping_commands:mapping",
    "send": "deidgate.cli.send_commands:send",
    "worker": "deidgate.cli.worker_commands:worker",
}
"""Command and where it is: ``module:name``."""

REFUSED = 1
"""Exit status when Deidgate itself says no; 2 is a wrong command line."""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all commands."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command = getattr(import_module(module), name)
        if not isinstance(command, click.Command):
            raise TypeError(f"{COMMANDS[cmd_name]} is no command")
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Run; an error of Deidgate's own is one line and an exit status, not a traceback."""
        try:
            return super().invoke(ctx)
        except DeidgateError as error:
            click.echo(f"deidgate: {error}", err=True)
            ctx.exit(REFUSED)


@click.group(cls=LazyGroup)
@click.version_option(__version__, prog_name="deidgate")
def main() -> None:
    """De-identify DICOM: between two Orthanc servers, or in folders."""
