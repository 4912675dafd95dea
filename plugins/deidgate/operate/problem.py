# SPDX-License-Identifier: Apache-2.0
"""What can go wrong for an operator: one line what, one line what to do, one exit code."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """The exit codes of `gateway`; docs/operate.md has the same table and a test compares them."""

    OK = 0
    FAILED = 1
    """The command ran and its result is no: a test failed, a wait ran out of time, a file was refused."""
    USAGE = 2
    """The command line is wrong; `argparse` uses the same number."""
    ENVIRONMENT = 3
    """The machine lacks something: engine, port, disk, mirror."""
    UNHEALTHY = 4
    """The gateway was started and a part of it does not answer, or it is not running."""


class Problem(Exception):
    """Something that the operator can put right.

    Parameters
    ----------
    what : str
        What is wrong, in one line.
    remedy : str
        What to do about it, in one line.
    code : Exit
        The exit code.
    details : tuple of str
        Lines of a log that explain it, oldest first; may be empty.
    """

    def __init__(self, what: str, remedy: str, code: Exit = Exit.ENVIRONMENT, details: tuple[str, ...] = ()) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy
        self.code = code
        self.details = details

    def lines(self) -> list[str]:
        """The lines to print: the log first, so that what matters is what stays on the screen."""
        shown = [f"  | {line}" for line in self.details]
        return [*shown, f"gateway: {self.what}", f"gateway: {self.remedy}"]
