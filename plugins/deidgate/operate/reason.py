# SPDX-License-Identifier: Apache-2.0
"""The reason that is asked for wherever the audit trail gets a line."""

from __future__ import annotations

import argparse


def ask_why(command: argparse.ArgumentParser) -> None:
    """Add ``--why`` to `command`: it has to be given, and not be blank."""
    command.add_argument("--why", required=True, type=_stated, help="for the audit trail; name no patient here")


def _stated(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("it is blank")
    return text
