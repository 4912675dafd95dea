# SPDX-License-Identifier: Apache-2.0
"""Options that several commands have, each said once."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import click

from deidgate.dicom.box import Box
from deidgate.dicom.lexical import is_ae_title
from deidgate.policy import DEFAULT

Command = TypeVar("Command", bound=Callable[..., Any])

PATH = click.Path(path_type=Path)
FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)
"""An existing one."""
RECTANGLE = "TOP LEFT BOTTOM RIGHT"
"""How a rectangle of pixels is given: from 0, half-open."""


class AeTitle(click.ParamType[str]):
    """An Application Entity Title."""

    name = "AE title"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The text, if it is one."""
        if not is_ae_title(value):
            self.fail("an AE title has 1 to 16 characters of ASCII, no backslash, and not only spaces", param, ctx)
        return value


AE_TITLE = AeTitle()


def mapping_options(command: Command) -> Command:
    """``--mapping`` and ``--keys``."""
    for option in (
        click.option("--keys", type=PATH, help="Folder of the keys.  [default: `keys` beside the mapping table]"),
        click.option(
            "--mapping",
            metavar="FILE",
            help="Mapping table: a file, or an address with ://.  [default: ~/.local/share/deidgate/mapping.db]",
        ),
    ):
        command = option(command)
    return command


def policy_option(command: Command) -> Command:
    """``--policy``."""
    return click.option(
        "--policy",
        default=DEFAULT,
        show_default=True,
        help="Name of a shipped policy (`deidgate policy list`) or a TOML file.",
    )(command)


def project_option(command: Command) -> Command:
    """``--project``."""
    return click.option(
        "--project", default="default", show_default=True, help="Projects share no pseudonym and no key."
    )(command)


def project_options(command: Command) -> Command:
    """``--project`` and ``--site``: the words of routes.toml."""
    return project_option(
        click.option("--site", default="", help="The clinic: equal Patient IDs of two sites are two patients.")(command)
    )


NOT_STATED = "not stated"
"""What the audit trail says where no reason has to be given and none was."""


def who_and_why(command: Command) -> Command:
    """``--by`` and ``--why``, for what is recorded in the audit trail."""
    return _who_and(click.option("--why", required=True, callback=_stated, help=_WHY), command)


def who_and_perhaps_why(command: Command) -> Command:
    """As `who_and_why`, for what programs do: they have no reason of their own."""
    return _who_and(click.option("--why", default=NOT_STATED, show_default=True, callback=_stated, help=_WHY), command)


_WHY = "For the audit trail; name no patient here."


def _who_and(why: Callable[[Command], Command], command: Command) -> Command:
    user = "the user of this machine"
    return click.option("--by", default=getpass.getuser, callback=_stated, show_default=user, help="Who.")(why(command))


def _stated(_context: click.Context, _option: click.Parameter, text: str) -> str:
    if not text.strip():
        raise click.BadParameter("it is blank")
    return text


def boxes_option(*, required: bool, help: str) -> Callable[[Command], Command]:
    """``--box`` and ``--frame``: `boxes`, a tuple of `Box`, and `frame`; see `on_frame`."""

    def rectangles(
        _context: click.Context, _option: click.Parameter, given: tuple[tuple[int, int, int, int], ...]
    ) -> tuple[Box, ...]:
        for top, left, bottom, right in given:
            if top >= bottom or left >= right:
                raise click.BadParameter(f"{top} {left} {bottom} {right} is empty; say {RECTANGLE}, half-open")
        return tuple(Box(top, bottom, left, right) for top, left, bottom, right in given)

    def with_boxes(command: Command) -> Command:
        for option in (
            click.option("--frame", type=click.IntRange(1), help="Only on this frame.  [default: on every frame]"),
            click.option(
                "--box",
                "boxes",
                nargs=4,
                type=click.IntRange(0),
                multiple=True,
                required=required,
                metavar=RECTANGLE,
                callback=rectangles,
                help=help,
            ),
        ):
            command = option(command)
        return command

    return with_boxes


def on_frame(boxes: tuple[Box, ...], frame: int | None) -> tuple[Box, ...]:
    """`boxes` on the frame that ``--frame`` counts from 1, or on every frame."""
    return boxes if frame is None else tuple(replace(box, frame=frame - 1) for box in boxes)


def json_option(command: Command) -> Command:
    """``--json``, as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")(command)


def size_of(text: str) -> int:
    """Bytes that ``500M``, ``2G`` or a plain number says.

    Raises
    ------
    click.BadParameter
        It says none.
    """
    units = {"K": 10, "M": 20, "G": 30, "T": 40}
    digits, unit = (text[:-1], text[-1].upper()) if text and text[-1].upper() in units else (text, "")
    if not digits.isdigit():
        raise click.BadParameter(f"{text} is no size; say 500M or 2G")
    return int(digits) << units.get(unit, 0)
