# SPDX-License-Identifier: Apache-2.0
"""The reason that is asked for wherever the audit trail gets a line."""

from __future__ import annotations

import argparse


def ask_why(command: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Add ``--why`` to `command`, which may not be blank."""
    why = "for the audit trail; name no patient here"
    command.add_argument("--why", required=required, type=_stated, help=why)


def _stated(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("it is blank")
    return text
