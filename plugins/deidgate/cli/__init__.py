# SPDX-License-Identifier: Apache-2.0
"""The command line: ``deidgate COMMAND``.

A command's module is loaded when the command is called, so that one that needs little starts at once; ``--help`` loads
none. `COMMANDS` is the whole list.
"""

from __future__ import annotations

import gc
import warnings
from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType

import click

from deidgate import __version__
from deidgate.cli.exits import Exit
from deidgate.cli.toolbox_table import TOOLBOX
from deidgate.errors import DeidgateError
from deidgate.log import silence, where

_SERVER: Mapping[str, str] = MappingProxyType(
    {
        "approvals": "deidgate.cli.approval_commands:approvals",
        "demo-study": "deidgate.cli.demo_commands:demo_study",
        "gate": "deidgate.cli.gate_commands:gate",
        "gateway": "deidgate.cli.gateway_commands:gateway",
        "prove": "deidgate.cli.prove_commands:prove",
        "worker": "deidgate.cli.worker_commands:worker",
    }
)

COMMANDS: Mapping[str, str] = MappingProxyType({**_SERVER, **TOOLBOX})
"""Command and where it is: ``module:name``."""

IN_A_LINE: Mapping[str, str] = MappingProxyType(
    {
        "approvals": "two people for a bulk export of the mapping table",
        "audit": "read the audit trail and check that nobody changed it",
        "blank": "hide rectangles of a picture",
        "convert": "turn pictures, volumes and slides into DICOM",
        "crop": "cut a picture to a rectangle",
        "demo-study": "write a small made-up study",
        "dicomdir": "make a medium's directory anew, or overwrite it in its places",
        "echo": "ask a DICOM node whether it answers",
        "edit": "change elements of a file",
        "explain": "tell what a policy does to every element of a file, and why",
        "export": "frames as PNG or JPEG",
        "gate": "stand between the clinics and ingest: TLS, certificates, fair turns",
        "gateway": "the running gateway: status, wait, holds, download",
        "mapping": "who is who: look up, import, export, purge",
        "overlay": "take overlay planes away, or add one",
        "policy": "list, check, copy and compare policies",
        "prove": "plant identifiers in made-up instances and look for them afterwards",
        "pull": "fetch studies from a PACS",
        "query": "ask a PACS what it has",
        "receive": "take in what is sent by C-STORE",
        "recover": "read the originals that are encrypted in a result, with the key",
        "redact-pdf": "take identifying rows out of a PDF form",
        "run": "de-identify files, folders, zips and DICOMDIRs",
        "select": "choose element by element in the terminal, and write that as a policy",
        "send": "send files by C-STORE",
        "serve": "watch a folder and de-identify what appears in it",
        "show": "the elements of a file",
        "split": "sort files into folders by a part of their name",
        "standard": "what the standard's tables say of an attribute",
        "verify": "check results against their originals",
        "worker": "carry instances from ingest to research",
    }
)
"""What ``--help`` says of each command."""

# What else there is works on files, which are the user's own.
_AT_THE_GATEWAY = frozenset({"approvals", "gate", "gateway", "worker"})


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

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands; imports none of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, IN_A_LINE.get(name, "")) for name in self.list_commands(ctx)])

    def invoke(self, ctx: click.Context) -> object:
        """Run; what goes wrong is a line or two and an exit status, and no value of an element."""
        try:
            with warnings.catch_warnings():
                silence()
                return super().invoke(ctx)
        except DeidgateError as error:
            _refuse(ctx, error)
        except OSError as error:
            # A closed pipe is click's to end quietly; everything else says what it was and with which file.
            if isinstance(error, BrokenPipeError):
                raise
            click.echo(
                f"deidgate: {error.strerror or type(error).__name__}: {error.filename or ''}".rstrip(": "), err=True
            )
            ctx.exit(Exit.REFUSED)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            # The outermost: a library's message may quote an element.
            if ctx.params.get("debug"):
                raise
            click.echo(
                f"deidgate: internal-error {type(error).__name__} at {' '.join(where(error.__traceback__)[-3:])}",
                err=True,
            )
            click.echo(
                "deidgate: report this line; with `deidgate --debug ...` all is shown, values included", err=True
            )
            ctx.exit(Exit.REFUSED)
        finally:
            # What is left goes with the process: looking through all of it once more would take a fifth of a second.
            gc.freeze()
        return None


def _refuse(ctx: click.Context, error: DeidgateError) -> None:
    from deidgate.words.lookup import Reader, words

    click.echo(f"deidgate: {error}", err=True)
    about = words(error.code, Reader.GATEWAY if ctx.invoked_subcommand in _AT_THE_GATEWAY else Reader.TOOLBOX)
    if about is not None:
        click.echo(f"deidgate: {about.what}: {about.to_do}", err=True)
    ctx.exit(Exit.REFUSED)


@click.group(cls=LazyGroup)
@click.version_option(__version__, prog_name="deidgate")
@click.option("--debug", is_flag=True, help="Show what went wrong inside, with values of elements if they are in it.")
def main(debug: bool) -> None:
    """De-identify DICOM: between two Orthanc servers, or in folders."""
