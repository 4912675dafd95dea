# SPDX-License-Identifier: Apache-2.0
"""What a function does for a user who may do little."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

NOBODY = 65534


def as_nobody(function: Callable[..., Any], *arguments: object) -> Any:
    """The result of `function`, called in a child process of the user nobody (the caller is root)."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    process = context.Process(target=_call, args=(theirs, function, arguments))
    process.start()
    # With our copy closed, a child that fails ends the wait.
    theirs.close()
    result = ours.recv()
    process.join()
    return result


def open_to_all(folder: Path) -> None:
    """Let nobody walk down to the temporary `folder` of a test."""
    for one in (folder, *folder.parents):
        if one.name.startswith(("pytest", "test")):
            one.chmod(0o755)


def _call(connection: Connection, function: Callable[..., Any], arguments: tuple[object, ...]) -> None:
    os.setgid(NOBODY)
    os.setuid(NOBODY)
    connection.send(function(*arguments))
