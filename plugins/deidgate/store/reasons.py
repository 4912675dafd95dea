# SPDX-License-Identifier: Apache-2.0
"""Who and why: asked of everybody who touches an identity or decides about an item."""

from __future__ import annotations


def stated(by: str, why: str) -> None:
    """Refuse an action without a name or a reason.

    Raises
    ------
    ValueError
        One of them is blank.
    """
    if not by.strip():
        raise ValueError("who does this must be stated")
    if not why.strip():
        raise ValueError("a reason must be stated")
