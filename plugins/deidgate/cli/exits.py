# SPDX-License-Identifier: Apache-2.0
"""Exit codes of ``deidgate``; docs/toolbox.md has the same table and a test compares them."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """How a command ended."""

    OK = 0
    """Everything that was asked for was done."""

    REFUSED = 1
    """Nothing was done: an input, a setting, a policy, the mapping table or a peer does not allow it.

    Of a question: the answer is no.
    """

    USAGE = 2
    """The command line is wrong."""

    INCOMPLETE = 3
    """It ran to its end, and something is held or failed: see the report; or not all of what was named."""

    STOPPED = 4
    """It stopped early (disk full, output not writable); run it again to go on."""

    INTERRUPTED = 130
    """By the keyboard; run it again to go on."""
