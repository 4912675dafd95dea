# SPDX-License-Identifier: Apache-2.0
"""How much an archive may unfold to. Bounds are generous for real studies and fatal for bombs."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1 << 20
GIB = 1 << 30


@dataclass(frozen=True)
class Limits:
    """Bounds on one archive; nested archives count towards the one that holds them."""

    members: int = 1_000_000
    """Entries of the archive, folders and nested entries included."""
    unfolded_bytes: int = 512 * GIB
    """Bytes of all members together, counted while they are read and not as declared."""
    member_bytes: int = 16 * GIB
    """Bytes of one member."""
    ratio: int = 120
    """Unfolded bytes for each byte of the archive, once more than `ratio_from_bytes` came out.

    Deflate reaches 1,032 on zeros; whole studies with black frames were seen below 40.
    """
    ratio_from_bytes: int = 256 * MIB
    """Below this a high ratio does no harm."""
    depth: int = 3
    """Archives inside archives: the outermost is at depth 1."""
