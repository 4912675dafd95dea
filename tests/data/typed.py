# SPDX-License-Identifier: Apache-2.0
"""The command line, as a user types it, inside the test's own process."""

from click.testing import CliRunner

from deidgate.cli import main


def deidgate(*arguments: object, code: int = 0, typed: str | None = None) -> str:
    """What the command prints; `code` is how it has to end, and `typed` what the user answers."""
    done = CliRunner().invoke(main, [str(argument) for argument in arguments], input=typed)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == code, done.output
    return done.output
