# SPDX-License-Identifier: Apache-2.0
"""What the process that others are forked from loads: it can be told no more than the name of a module."""

from __future__ import annotations

from deidgate.batch.start import loading

with loading():
    import deidgate.batch.worker  # noqa: F401
