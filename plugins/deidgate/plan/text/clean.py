# SPDX-License-Identifier: Apache-2.0
"""Free text without what identifies (Clean Descriptors Option)."""

from __future__ import annotations

from enum import StrEnum

from deidgate.plan.text.revealed import Revealed


class Style(StrEnum):
    """How much of a text stays."""

    SENSIBLE = "sensible"  # all but what is revealed or looks like an identity
    STRICT = "strict"  # only words of the vocabulary, numbers and units


def clean_text(text: str, vr: str, revealed: Revealed, style: Style = Style.SENSIBLE) -> str:
    """`text` without identities; unchanged, character for character, when nothing had to go.

    Multi-valued text (LO, SH, UC with ``\\``) is cleaned value by value and keeps its number of values.
    The result fits the length and character rules of `vr`, and may be empty.
    """
    raise NotImplementedError
