# SPDX-License-Identifier: Apache-2.0
"""Answers to a C-STORE. Source: PS3.4 B.2.3, Table B.2-1, and PS3.7 C.4.2."""

from __future__ import annotations

SUCCESS = 0x0000
PROCESSING_FAILURE = 0x0110
"""Source: PS3.7 C.5.14."""
NOT_AUTHORIZED = 0x0124
"""Refused: not authorized."""
OUT_OF_RESOURCES = 0xA700
"""Refused: out of resources; the sender is to try again."""
CANNOT_UNDERSTAND = 0xC000


def may_pass(status: int) -> bool:
    """Whether a refusal is one of those for want of resources (A7xx), which may pass."""
    return status >> 8 == OUT_OF_RESOURCES >> 8
